// A plan is only numbers, and C++ trusts none of them: broken plans are refused with a sentence or, where the numbers
// happen to be consistent, run within their memory. The reasons that the broken ones got are checked one by one, too.

import { describe, expect, it } from 'vitest';
import type { NativeBinding } from '../../lib/backend/native-binding.ts';
import { encodePlan } from '../../lib/plan/encode.ts';
import { loaded, longPlan, planFile, runProgram, smallPlan, trainingPlan, unavailable } from './fixtures.ts';

const HEADER = 11;
const TENSOR = 11;
const OPS = HEADER + 3 * TENSOR;

describe.skipIf(unavailable)(`hostile plans${unavailable ? ` (${unavailable})` : ''}`, () => {
  const binding = loaded.binding as NativeBinding;
  const words = encodePlan(smallPlan);
  const compile = (plan: Int32Array) => () =>
    binding.compile(binding.createStore(64), plan, { isa: 'portable', threads: 1 });
  const changed = (at: number, value: number) => words.with(at, value);

  it('a valid one is taken', () => {
    expect(compile(words)).not.toThrow();
  });

  it.each<[string, Int32Array, string]>([
    ['no words', new Int32Array(0), 'this is not a plan'],
    ['other magic', changed(0, 1), 'this is not a plan'],
    ['another version', changed(1, 1), 'the plan has version 1, this binary reads 2'],
    ['another op table', changed(2, words[2]! ^ 1), 'the plan was made with another op table'],
    ['a negative arena', changed(4, -1), "the plan's arena has an impossible size"],
    ['an arena beyond all memory', changed(4, 2 ** 12), 'not enough memory'],
    ['negative kept memory', changed(6, -1), "the plan's kept memory has an impossible size"],
    ['kept memory beyond all memory', changed(6, 2 ** 12), 'not enough memory'],
    ['negative tensor count', changed(7, -1), "the plan's tensors are cut short"],
    ['huge tensor count', changed(7, 2 ** 31 - 1), "the plan's tensors are cut short"],
    ['negative op count', changed(8, -1), "the plan's ops are cut short"],
    ['huge op count', changed(8, 2 ** 31 - 1), "the plan's ops are cut short"],
    ['fewer than no constant ops', changed(9, -1), "-1 of the plan's 3 ops are constant"],
    ['more constant ops than ops', changed(9, 4), "4 of the plan's 3 ops are constant"],
    ['unknown numerics', changed(10, 2), 'the plan has the unknown numerics 2'],
    ['unknown dtype', changed(HEADER, 3), 'tensor 0 has the unknown dtype 3'],
    ['unknown region', changed(HEADER + 1, 3), 'tensor 0 has no region'],
    ['a region of no size', changed(HEADER + 1, 1), 'tensor 0 does not lie inside its memory (64 bytes at 0 of 0)'],
    ['unaligned offset', changed(HEADER + 2, 4), 'tensor 0 does not lie inside its memory (64 bytes at 4 of 192)'],
    ['negative offset', changed(HEADER + 3, -1), 'tensor 0 does not lie inside its memory'],
    [
      'offset past the end',
      changed(HEADER + 2, 192),
      'tensor 0 does not lie inside its memory (64 bytes at 192 of 192)',
    ],
    ['offset that wraps', changed(HEADER + 3, 2 ** 31 - 1), 'tensor 0 does not lie inside its memory'],
    ['rank 0', changed(HEADER + 4, 0), 'tensor 0 has rank 0, allowed are 1 to 6'],
    ['rank 7', changed(HEADER + 4, 7), 'tensor 0 has rank 7, allowed are 1 to 6'],
    ['empty dimension', changed(HEADER + 5, 0), 'tensor 0 has the size 0 at axis 0'],
    ['negative dimension', changed(HEADER + 5, -16), 'tensor 0 has the size -16 at axis 0'],
    [
      'larger than its memory',
      changed(HEADER + 5, 49),
      'tensor 0 does not lie inside its memory (196 bytes at 0 of 192)',
    ],
    ['unknown opcode', changed(OPS, 999), 'op 0 has the unknown opcode 999'],
    ['negative opcode', changed(OPS, -1), 'op 0 has the unknown opcode -1'],
    ['too many inputs', changed(OPS + 1, 2), 'op 0 (relu) has 2 inputs, 1 outputs and 0 attributes'],
    ['an absent input', changed(OPS + 4, -1), 'op 0 (relu): input 0 is tensor -1 of 3'],
    ['an input that is not there', changed(OPS + 4, 3), 'op 0 (relu): input 0 is tensor 3 of 3'],
    ['an output that is not there', changed(OPS + 5, 3), 'op 0 (relu): output 0 is tensor 3 of 3'],
    ['one word more', Int32Array.of(...words, 0), 'the plan has words after its end'],
    ['one word less', words.slice(0, -1), 'op 2 is cut short'],
  ])('%s', (_, plan, sentence) => {
    expect(compile(plan)).toThrow(`compile: ${sentence}`);
  });

  it('dimensions whose product overflows', () => {
    const plan = words.slice();
    plan[HEADER + 4] = 6;
    plan.fill(2 ** 31 - 1, HEADER + 5, HEADER + TENSOR);
    expect(compile(plan)).toThrow('compile: tensor 0 is too large');
  });

  it('an op that writes over what it reads', () => {
    const product = encodePlan(longPlan(16, 1));
    expect(compile(product)).not.toThrow();
    expect(compile(product.with(OPS + 6, 1))).toThrow('op 0 (gemm): output 0 overlaps input 1');
  });

  it('constant ops that read or write the arena, or whose plan changes the store', () => {
    const constant = changed(9, 1);
    expect(compile(constant)).not.toThrow();
    const arena = constant.with(3, 192);
    expect(compile(arena.with(HEADER + 1, 1))).toThrow('compile: op 0 (relu) is constant and reads the arena');
    expect(compile(arena.with(HEADER + TENSOR + 1, 1))).toThrow(
      'compile: op 0 (relu) is constant and writes to the arena',
    );
    const last = HEADER + 2 * TENSOR;
    expect(compile(constant.with(last + 1, 0).with(last + 2, 0))).toThrow(
      'compile: the plan changes the store and has constant ops',
    );
  });

  it('any prefix of a valid plan is refused', () => {
    for (let length = 0; length < words.length; length++) expect(compile(words.slice(0, length))).toThrow(/^compile: /);
  });

  it('random damage never crashes the process', () => {
    const plan = planFile('training', trainingPlan());
    const { status, signal, stdout, stderr } = runProgram('mutate-plans', [plan, '4000', '1']);
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    const { accepted, finished, reasons } = JSON.parse(stdout);
    expect(accepted).toBeGreaterThan(50);
    expect(finished).toBeGreaterThan(50);
    expect(reasons.length).toBeGreaterThan(30);
  });
});
