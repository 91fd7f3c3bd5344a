// A plan as packed integers: the one form in which it crosses to C++ (native/runtime/plan.h reads it). Layout:
//   header   magic, version, op table hash, arena bytes lo, hi, kept bytes lo, hi, tensor count, op count, constant ops,
//            numerics
//   tensors  dtype, region, offset lo, hi, rank, six dimensions
//   ops      opcode, inputs, outputs, attributes (counts), then the indices and attribute words themselves

import { LanewiseError } from '../errors.ts';
import { opTable } from '../ops/index.ts';
import type { DType } from '../ops/op.ts';
import { opTableHash } from './op-table-hash.ts';
import type { Plan, PlanTensor } from './plan.ts';

const MAGIC = 0x4c57504c;
const VERSION = 2;
const MAX_RANK = 6;
const REGION_CODE: Readonly<Record<PlanTensor['region'], number>> = { store: 0, arena: 1, kept: 2 };
const DTYPE_CODE: Readonly<Record<DType, number>> = { f32: 0, u8: 1, i32: 2 };

const opcodes = new Map(opTable.map((op, code) => [op, code]));
const low = (value: number) => (value % 2 ** 32) | 0;
const high = (value: number) => Math.floor(value / 2 ** 32);
const floatBits = (value: number) => new Int32Array(Float32Array.of(value).buffer)[0] as number;

export function encodePlan(plan: Plan): Int32Array {
  const { arenaBytes, keptBytes, tensors, ops } = plan;
  const words = [MAGIC, VERSION, opTableHash() | 0, low(arenaBytes), high(arenaBytes), low(keptBytes), high(keptBytes)];
  words.push(tensors.length, ops.length, plan.constantOps, plan.numerics === 'exact' ? 1 : 0);
  for (const { dtype, region, offset, shape } of tensors) {
    words.push(DTYPE_CODE[dtype], REGION_CODE[region], low(offset), high(offset), shape.length);
    for (let i = 0; i < MAX_RANK; i++) words.push(shape[i] ?? 1);
  }
  for (const { op, inputs, outputs, attrs } of ops) {
    const opcode = opcodes.get(op);
    if (opcode === undefined)
      throw new LanewiseError('native', `op ${op.name} has no native code: use backend: 'typescript'`);
    const schema = Object.entries(op.attrs);
    words.push(opcode, inputs.length, outputs.length, schema.length, ...inputs, ...outputs);
    for (const [name, kind] of schema)
      words.push(kind === 'f32' ? floatBits(attrs[name] as number) : (attrs[name] as number));
  }
  return Int32Array.from(words);
}
