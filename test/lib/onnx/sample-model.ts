// A model that has one of everything an ONNX file can have and lanewise reads; not one that computes anything.

import type { OnnxAttribute, OnnxModel, OnnxTensor } from '../../../lib/onnx/model.ts';

/** One tensor of each element type. */
const TENSORS: readonly OnnxTensor[] = [
  { name: 'f32', dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -0, Infinity, NaN) },
  { name: 'f64', dtype: 'F64', shape: [1], data: Float64Array.of(Math.PI) },
  { name: 'f16', dtype: 'F16', shape: [3], data: Float32Array.of(0.5, -65504, 2 ** -24) },
  { name: 'bf16', dtype: 'BF16', shape: [2], data: Float32Array.of(1.5, -(2 ** 100)) },
  { name: 'i64', dtype: 'I64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
  { name: 'u64', dtype: 'U64', shape: [], data: BigUint64Array.of(2n ** 64n - 1n) },
  { name: 'i32', dtype: 'I32', shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  { name: 'u32', dtype: 'U32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
  { name: 'i16', dtype: 'I16', shape: [1, 1], data: Int16Array.of(-32768) },
  { name: 'u16', dtype: 'U16', shape: [1], data: Uint16Array.of(65535) },
  { name: 'i8', dtype: 'I8', shape: [2], data: Int8Array.of(-128, 127) },
  { name: 'u8', dtype: 'U8', shape: [1], data: Uint8Array.of(255) },
  { name: 'bool', dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: 'nothing', dtype: 'F32', shape: [...Array(25).fill(2 ** 50), 0], data: new Float32Array(0) },
  { name: 'large', dtype: 'F32', shape: [10, 30], data: Float32Array.from({ length: 300 }, (_, i) => i / 7) },
];

const constant: OnnxTensor = { name: '', dtype: 'I64', shape: [2], data: BigInt64Array.of(1n, -1n) };
const inner = {
  name: 'branch',
  docString: '',
  nodes: [
    { name: '', docString: '', opType: 'Neg', domain: '', inputs: ['f32'], outputs: ['z'], attributes: new Map() },
  ],
  initializers: [],
  inputs: [],
  outputs: [{ name: 'z', type: undefined }],
  values: [],
};

const attributes: Record<string, OnnxAttribute> = {
  alpha: { type: 'float', value: Math.fround(0.1) },
  axis: { type: 'int', value: -1 },
  group: { type: 'int', value: 0 },
  end: { type: 'int', value: Infinity },
  auto_pad: { type: 'string', value: 'SAME_\u00dcPPER' },
  empty: { type: 'string', value: '' },
  value: { type: 'tensor', value: constant },
  body: { type: 'graph', value: inner },
  scales: { type: 'floats', value: [1, -2.5] },
  pads: { type: 'ints', value: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, Infinity, -Infinity] },
  none: { type: 'ints', value: [] },
  names: { type: 'strings', value: ['', '\ufeffa'] },
  constants: { type: 'tensors', value: [constant, constant] },
  bodies: { type: 'graphs', value: [inner, inner] },
};

export const SAMPLE: OnnxModel = {
  irVersion: 8,
  opsets: [
    { domain: '', version: 17 },
    { domain: 'org.example', version: 1 },
  ],
  producerName: 'lanewise',
  producerVersion: '0.1',
  domain: 'org.example',
  modelVersion: -3,
  docString: 'A sample.',
  graph: {
    name: 'main',
    docString: 'Its graph.',
    nodes: [
      {
        name: 'first',
        docString: 'A note.',
        opType: 'Thing',
        domain: 'org.example',
        inputs: ['x', '', 'f32'],
        outputs: ['', 'h'],
        attributes: new Map(Object.entries(attributes)),
      },
      { name: '', docString: '', opType: 'Relu', domain: '', inputs: ['h'], outputs: ['y'], attributes: new Map() },
    ],
    initializers: TENSORS,
    inputs: [
      { name: 'x', type: { dtype: 'F32', shape: ['batch', 3, undefined, 0] } },
      { name: 'f32', type: { dtype: 'F32', shape: [2, 2] } },
    ],
    outputs: [{ name: 'y', type: { dtype: 'F16', shape: undefined } }],
    values: [
      { name: 'h', type: { dtype: 'BOOL', shape: [] } },
      { name: 'f64', type: undefined },
    ],
  },
  metadata: new Map([
    ['license', 'MIT'],
    ['', ''],
  ]),
};
