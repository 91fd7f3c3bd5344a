// Everything that can run a case: the TypeScript reference, and the native kernels at every instruction set.

import type { IsaLevel, NativeBinding } from '../../lib/backend/native-binding.ts';
import { loadNative } from '../../lib/backend/native-loader.ts';
import {
  BYTES_PER_ELEMENT,
  elementCount,
  type TensorSpec,
  type TensorView,
  type TypedArray,
} from '../../lib/ops/op.ts';
import { encodePlan } from '../../lib/plan/encode.ts';
import type { Plan, PlanTensor } from '../../lib/plan/plan.ts';
import { type DataMode, drawInputs, guardedTensor, guardsIntact, type OpCase } from './op-case.ts';

/** Results of a run (outputs, then mutated inputs), and whether nothing but them was written. */
export interface Outcome {
  readonly results: readonly TensorView[];
  readonly guardsIntact: boolean;
  /** What `run` answered: false when a guard stopped the plan. */
  readonly finished: boolean;
}

/** Runs the reference. `inPlace` gives the op's in-place output the memory of its input. */
export function runReference(opCase: OpCase, mode: DataMode, inPlace = false): Outcome {
  const { op, attrs } = opCase;
  const inputs = drawInputs(opCase, mode);
  const pair = inPlace ? op.inPlace : undefined;
  const outputs = op.infer(opCase.inputs, attrs).map((spec, index) => {
    const shared = pair?.[1] === index ? inputs[pair[0]] : undefined;
    return shared && bytesOf(shared) === bytesOf(spec) ? shared : guardedTensor(spec);
  });
  const before = inputs.map((tensor) => tensor?.data.slice());
  const finished = op.run(inputs, outputs, attrs) !== false;
  const mutated = op.mutates ?? [];
  const untouched = inputs.every((tensor, index) => {
    if (!tensor || mutated.includes(index) || pair?.[0] === index) return true;
    return tensor.data.every((value, i) => value === before[index]?.[i] || Number.isNaN(value));
  });
  const everything = [...outputs, ...inputs.flatMap((tensor) => tensor ?? [])];
  return {
    results: [...outputs, ...mutated.flatMap((index) => inputs[index] ?? [])],
    guardsIntact: untouched && everything.every(guardsIntact),
    finished,
  };
}

const native = loadNative();
export const binding: NativeBinding | undefined = native.binding;
/** Why the native side cannot be tested here; undefined when it can. */
export const nativeMissing: string | undefined = binding
  ? undefined
  : `no native addon: ${native.attempts.map(({ path, error }) => `${path}: ${error}`).join('; ')}`;
export const isaLevels: readonly IsaLevel[] = binding?.info().isaLevels ?? [];

const GUARD_BYTES = 64;
const GUARD_BYTE = 0xc5;
const align = (offset: number): number => Math.ceil(offset / 64) * 64;
const bytesOf = ({ shape, dtype }: TensorSpec): number => elementCount(shape) * BYTES_PER_ELEMENT[dtype];

/** A plan of the one op, its tensors in a store of `bytes`, each between guard bytes; the outputs in memory of the plan's own
 * when `kept`. */
function planOf({ op, attrs, inputs }: OpCase, inPlace: boolean, kept: boolean): { plan: Plan; bytes: number } {
  const tensors: PlanTensor[] = [];
  let offset = GUARD_BYTES;
  const place = ({ shape, dtype }: TensorSpec, at = offset, region: PlanTensor['region'] = 'store'): number => {
    tensors.push({ name: '', layer: '', shape, dtype, region, offset: at, firstOp: 0, lastOp: 0 });
    if (at === offset) offset = align(offset + bytesOf({ shape, dtype })) + GUARD_BYTES;
    return tensors.length - 1;
  };
  const inputIndices = inputs.map((input) => (input ? place(input) : -1));
  const outputIndices = op.infer(inputs, attrs).map((spec, index) => {
    const shared = inPlace && op.inPlace?.[1] === index ? tensors[inputIndices[op.inPlace[0]] as number] : undefined;
    // As in a plan: only memory of the result's size is taken over.
    const at = shared && bytesOf(shared) === bytesOf(spec) ? shared.offset : undefined;
    return place(spec, at, kept ? 'kept' : 'store');
  });
  const ops = [{ op, inputs: inputIndices, outputs: outputIndices, attrs, layer: '', cost: { flops: 0, bytes: 0 } }];
  const plan = {
    numerics: 'exact',
    tensors,
    ops,
    constantOps: 0,
    arenaBytes: 64,
    keptBytes: kept ? offset : 0,
    storeBytes: offset,
    inputs: {},
    outputs: {},
  } as const;
  return { plan, bytes: offset };
}

/** A case ready to run natively at one instruction set and number of threads. */
export function prepareNative(opCase: OpCase, isa: IsaLevel, threads: number, inPlace = false, kept = false) {
  if (!binding) throw new Error(nativeMissing);
  const addon = binding;
  const { plan, bytes } = planOf(opCase, inPlace, kept);
  const store = addon.createStore(bytes);
  const executable = addon.compile(store, encodePlan(plan), { isa, threads });
  const [call] = plan.ops;
  const used = new Uint8Array(bytes);
  for (const tensor of plan.tensors)
    if (tensor.region === 'store') used.fill(1, tensor.offset, tensor.offset + bytesOf(tensor));

  return async function run(mode: DataMode): Promise<Outcome> {
    addon.writeStore(store, 0, new Uint8Array(bytes).fill(GUARD_BYTE));
    drawInputs(opCase, mode).forEach((tensor, index) => {
      if (tensor)
        addon.writeStore(store, plan.tensors[call?.inputs[index] as number]?.offset as number, copyOf(tensor.data));
    });
    const finished = await addon.run(executable);
    const image = new Uint8Array(bytes);
    addon.readStore(store, 0, image);
    const read = (index: number): TensorView => {
      const { shape, dtype, offset, region } = plan.tensors[index] as PlanTensor;
      if (region === 'kept') {
        const data = new Float32Array(elementCount(shape));
        addon.read(executable, index, data);
        return { shape, dtype, data };
      }
      const raw = image.slice(offset, offset + bytesOf({ shape, dtype })).buffer;
      const data = dtype === 'f32' ? new Float32Array(raw) : dtype === 'u8' ? new Uint8Array(raw) : new Int32Array(raw);
      return { shape, dtype, data };
    };
    const mutated = (opCase.op.mutates ?? []).map((index) => call?.inputs[index] as number);
    return {
      results: [...(call?.outputs ?? []), ...mutated.filter((index) => index >= 0)].map(read),
      guardsIntact: image.every((byte, i) => used[i] === 1 || byte === GUARD_BYTE),
      finished,
    };
  };
}

/** The elements alone: the addon takes arrays that are part of a larger buffer too, but a plain one tests the op. */
const copyOf = (data: TypedArray): TypedArray => data.slice();
