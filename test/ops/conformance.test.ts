// Every op x case x implementation. The reference is held against an independent formula in doubles, within a derived
// tolerance and exactly on integer-valued data; the native kernels against the reference, bit for bit, at every
// instruction set and number of threads.

import { describe, expect, it } from 'vitest';
import { opTable } from '../../lib/ops/index.ts';
import type { TensorView } from '../../lib/ops/op.ts';
import { allCases } from './cases/index.ts';
import type { Expected } from './formula.ts';
import { binding, isaLevels, nativeMissing, type Outcome, prepareNative, runReference } from './implementations.ts';
import { type DataMode, drawInputs, type OpCase, resultSpecs } from './op-case.ts';

const THREADS = [1, 2, 3, 7];
/** Ops that pack an input in advance where it is constant. */
const PREPARED = new Set(['conv2d', 'conv2d_dx', 'linear']);

const formulaOf = (opCase: OpCase, mode: DataMode): Expected[] =>
  opCase.formula(drawInputs(opCase, mode), opCase.op.infer(opCase.inputs, opCase.attrs), opCase.attrs);

const isZero = (value: number): boolean => value === 0;
const countZeros = (numbers: ArrayLike<number>): number => Array.from(numbers).filter(isZero).length;

/** Throws at the first element that is farther from the formula than allowed. */
function expectWithin({ data }: TensorView, { value, tolerance }: Expected, exact: boolean): void {
  expect(data.length).toBe(value.length);
  for (let i = 0; i < data.length; i++) {
    const [got, wanted] = [data[i] as number, value[i] as number];
    // Half a step of the denormal range is an fp32 rounding too.
    const allowed = exact ? 0 : (tolerance[i] as number) + 2 ** -150;
    const fits = got === wanted || Math.fround(wanted) === got || Math.abs(got - wanted) <= allowed;
    if (!fits) throw new Error(`element ${i} is ${got}, the formula gives ${wanted} +- ${allowed}`);
  }
}

/** Bit for bit, except for the sign of zero and the payload of NaN. */
function expectSameBits(got: Outcome, wanted: Outcome, where: string): void {
  expect(got.finished, where).toBe(wanted.finished);
  got.results.forEach(({ data }, index) => {
    const reference = wanted.results[index]?.data;
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [data[i] as number, reference?.[i] as number];
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) {
        throw new Error(`${where}: result ${index}, element ${i} is ${a}, the reference gives ${b}`);
      }
    }
  });
  expect(got.guardsIntact, `${where}: guard bytes`).toBe(true);
}

const modesOf = ({ exactOnIntegers }: OpCase): DataMode[] => (exactOnIntegers ? ['random', 'integers'] : ['random']);
const titleOf = (opCase: OpCase): string =>
  `${opCase.title} (${opCase.inputs.map((input) => (input ? `[${input.shape.join(',')}]` : '-')).join(' ')})`;

describe.each(opTable.map((op) => op.name))('%s', (name) => {
  const cases = allCases.filter(({ op }) => op.name === name);

  it.each(cases.map((opCase) => [titleOf(opCase), opCase] as const))('reference: %s', (_, opCase) => {
    for (const mode of modesOf(opCase)) {
      const outcome = runReference(opCase, mode);
      const expected = formulaOf(opCase, mode);
      expect(outcome.guardsIntact, 'guard elements and inputs are untouched').toBe(true);
      expect(outcome.finished).toBe(true);
      expect(outcome.results.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
        resultSpecs(opCase).map(({ shape, dtype }) => ({ shape, dtype })),
      );
      expect(expected.length).toBe(outcome.results.length);
      outcome.results.forEach((result, index) => {
        const formula = expected[index] as Expected;
        expectWithin(result, formula, mode === 'integers');
        if (mode !== 'random' || opCase.sparse || result.dtype !== 'f32') return;
        const zeros = countZeros(result.data);
        // A case that gives mostly zeros proves little, and zeros where the formula has none prove a fault.
        expect(zeros, 'zeros').toBeLessThanOrEqual(countZeros(formula.value) + result.data.length / 100);
        expect(zeros, 'zeros').toBeLessThanOrEqual(result.data.length / 4);
      });
      if (opCase.op.inPlace) expectSameBits(runReference(opCase, mode, true), outcome, 'in place');
    }
  });

  const runsNatively = !opTable.find((op) => op.name === name)?.view;
  const title = nativeMissing ? `native (${nativeMissing})` : 'native';
  it.skipIf(!binding || !runsNatively).each(cases.map((opCase) => [titleOf(opCase), opCase] as const))(
    `${runsNatively ? title : 'native (a view: no code runs)'}: %s`,
    async (_, opCase) => {
      const references = modesOf(opCase).map((mode) => [mode, runReference(opCase, mode)] as const);
      for (const isa of isaLevels) {
        for (const threads of THREADS) {
          for (const inPlace of opCase.op.inPlace ? [false, true] : [false]) {
            const run = prepareNative(opCase, isa, threads, inPlace);
            for (const [mode, reference] of references) {
              const where = `${isa}, ${threads} threads, ${mode}${inPlace ? ', in place' : ''}`;
              expectSameBits(await run(mode), reference, where);
            }
          }
          // The same with outputs that do not lie in the store: the weights are constant then, and packed in advance.
          if (!PREPARED.has(name)) continue;
          const run = prepareNative(opCase, isa, threads, false, true);
          for (const [mode, reference] of references) {
            for (const time of ['first', 'second']) {
              expectSameBits(await run(mode), reference, `${isa}, ${threads} threads, ${mode}, prepared, ${time} run`);
            }
          }
        }
      }
    },
  );
});

it('covers every op, and no case has vanished', () => {
  const covered = new Set(allCases.map(({ op }) => op.name));
  expect(opTable.filter((op) => !covered.has(op.name)).map((op) => op.name)).toEqual([]);
  expect(allCases.length).toBe(1504);
});
