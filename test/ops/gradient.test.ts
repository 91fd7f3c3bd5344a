// Every gradient with every option against finite differences. The differences are taken of the independent formulas in
// doubles, so their own error is below 1e-8 and the tolerance measures the fp32 gradient alone.

import { describe, expect, it } from 'vitest';
import { opTable } from '../../lib/ops/index.ts';
import {
  type Attrs,
  type Emitter,
  elementCount,
  type OpDefinition,
  type TensorSpec,
  type TensorView,
} from '../../lib/ops/op.ts';
import { streamKey, uniform } from '../../lib/random.ts';
import { allCases } from './cases/index.ts';
import type { Numbers } from './formula.ts';
import { drawInputs, guardedTensor, type OpCase } from './op-case.ts';

/** Up to this much work (inputs times outputs) the whole Jacobian is compared, beyond it random projections of it. */
const LARGEST_JACOBIAN = 2_500;
const DIRECTIONS = 2;
const STEP = 1e-6;
/** Relative to the root of the sum of squares of what is summed: fp32 gradients of these sizes stay well below. */
const TOLERANCE = 2e-5;

/** Runs what a gradient emits at once. */
function execute(op: OpDefinition, inputs: readonly (TensorView | undefined)[], attrs: Attrs): TensorView[] {
  const outputs = op.infer(inputs, attrs).map(guardedTensor);
  op.run(inputs, outputs, attrs);
  return outputs;
}

/** Gradient by each input of sum(outputs[0] * direction), as the op defines it; also which of them it emitted. */
function emittedGradient(
  { op, attrs }: OpCase,
  inputs: readonly (TensorView | undefined)[],
  outputs: readonly TensorView[],
  direction: TensorView,
  needs: (index: number) => boolean,
): { gradients: (TensorView | undefined)[]; emitted: string[] } {
  const emitted: string[] = [];
  const emit: Emitter<TensorView>['emit'] = (emittedOp, emittedInputs, emittedAttrs) => {
    emitted.push(emittedOp.name);
    return execute(emittedOp as unknown as OpDefinition, emittedInputs, emittedAttrs as Attrs);
  };
  const outputGradients = outputs.map((_, index) => (index === 0 ? direction : undefined));
  const gradients = op.gradient?.<TensorView>({ emit, inputs, outputs, outputGradients, attrs, needs }) ?? [];
  return { gradients, emitted };
}

/** Slope of outputs[0] when `inputs[index]` moves along `direction`, by central differences of the formula. */
function slope(
  { formula, attrs }: OpCase,
  inputs: readonly (Numbers | undefined)[],
  specs: TensorSpec[],
  index: number,
  direction: ArrayLike<number>,
): Float64Array {
  const moved = (step: number) => {
    const doubles = inputs.map((tensor, i) => {
      const data =
        tensor &&
        Float64Array.from(tensor.data, (value, k) => value + (i === index ? step * (direction[k] as number) : 0));
      return tensor && data && { ...tensor, data };
    });
    return formula(doubles, specs, attrs)[0]?.value as Float64Array;
  };
  const below = moved(-STEP);
  return moved(STEP).map((above, k) => (above - (below[k] as number)) / (2 * STEP));
}

/** The unit directions of a tensor, or a few random ones. */
function directions(spec: TensorSpec, full: boolean, stream: number): TensorView[] {
  return Array.from({ length: full ? elementCount(spec.shape) : DIRECTIONS }, (_, d) => {
    const direction = guardedTensor(spec);
    const key = streamKey(99, stream, d);
    direction.data.forEach((_, i) => {
      direction.data[i] = full ? Number(i === d) : 2 * uniform(key, i) - 1;
    });
    return direction;
  });
}

const norm = (numbers: number[]): number => Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
const sum = (numbers: number[]): number => numbers.reduce((total, value) => total + value, 0);

/** Inputs the op has a gradient for in this case: present, f32 and not constant by definition. */
const CONSTANT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  add: [2],
  normalize: [1, 2],
  batch_norm2d_inference: [3, 4],
  softmax_cross_entropy: [2],
};
const differentiable = ({ op, inputs }: OpCase): number[] =>
  inputs.flatMap((input, index) =>
    input?.dtype === 'f32' && !(CONSTANT_INPUTS[op.name] ?? []).includes(index) ? [index] : [],
  );

// No derivative exists at ties, nor of comparisons; saturated and huge values have none that differences could see; what
// tiny groups leave of their terms is as small as the roundings of these.
const special = /ties|extreme|outside|large logits|large values|smallest|tiny groups|^equal|^maximum_share/;
const gradientCases = allCases.filter(
  (opCase) => opCase.op.gradient && !special.test(opCase.title) && differentiable(opCase).length > 0,
);

describe.each(opTable.filter((op) => op.gradient).map((op) => op.name))('%s', (name) => {
  const cases = gradientCases.filter(({ op }) => op.name === name);
  it.each(cases.map((opCase) => [opCase.title, opCase] as const))('%s', (_, opCase) => {
    const inputs = drawInputs(opCase, 'random');
    const outputs = execute(opCase.op, inputs, opCase.attrs);
    const [y] = outputs as [TensorView];
    const wanted = differentiable(opCase);
    const work = sum(inputs.map((tensor) => tensor?.data.length ?? 0)) * y.data.length;
    const full = work <= LARGEST_JACOBIAN;
    const all = directions(y, full, 0).map((dy) => ({
      dy,
      ...emittedGradient(opCase, inputs, outputs, dy, (index) => wanted.includes(index)),
    }));
    for (const index of wanted) {
      const x = inputs[index] as TensorView;
      for (const dx of directions(x, full, 1 + index)) {
        const slopes = slope(opCase, inputs, outputs, index, dx.data);
        for (const { dy, gradients } of all) {
          const gradient = gradients[index];
          expect(gradient?.shape, `gradient by input ${index}`).toEqual(x.shape);
          const terms = Array.from(gradient?.data ?? [], (value, i) => value * (dx.data[i] as number));
          const numeric = Array.from(slopes, (value, k) => value * (dy.data[k] as number));
          const allowed = TOLERANCE * (norm(terms) + norm(numeric)) + 1e-7;
          if (!(Math.abs(sum(terms) - sum(numeric)) <= allowed)) {
            throw new Error(`input ${index}: ${sum(terms)}, by differences ${sum(numeric)} +- ${allowed}`);
          }
        }
      }
    }
  });

  it('emits nothing that is not needed', () => {
    for (const opCase of cases.slice(0, 3)) {
      const inputs = drawInputs(opCase, 'random');
      const outputs = execute(opCase.op, inputs, opCase.attrs);
      const [direction] = directions(outputs[0] as TensorView, false, 0) as [TensorView];
      const nothing = emittedGradient(opCase, inputs, outputs, direction, () => false);
      const wasteful = nothing.emitted.filter((op) => !/relu_dx$/.test(op));
      expect(wasteful, opCase.title).toEqual([]);
      for (const index of differentiable(opCase)) {
        const { gradients } = emittedGradient(opCase, inputs, outputs, direction, (i) => i === index);
        expect(gradients[index], `${opCase.title}, input ${index}`).toBeDefined();
      }
    }
  });
});

it('covers every op that has a gradient; the others are gradients, optimizer steps and checks', () => {
  const covered = new Set(gradientCases.map(({ op }) => op.name));
  const differentiated = opTable.filter((op) => op.gradient).map((op) => op.name);
  expect(differentiated.filter((name) => !covered.has(name))).toEqual(['fill']);
  expect(opTable.filter((op) => !op.gradient && !/_d[xwb]$/.test(op.name)).map((op) => op.name)).toEqual([
    'batch_norm2d_running',
    'guard_finite',
    'count_correct',
    'sgd_step',
    'adam_step',
    'batch_norm2d_fold',
    'rmsprop_step',
    'blend',
    'one_hot',
    'max_pool2d_position',
  ]);
  expect(gradientCases.length).toBe(794);
});
