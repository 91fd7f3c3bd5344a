// A model with one of everything survives writing and reading; equal models give equal bytes; the writer refuses what
// the format cannot say.

import { describe, expect, it } from 'vitest';
import type { OnnxModel, OnnxTensor } from '../../../lib/onnx/model.ts';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { validateOnnx } from '../../../lib/onnx/validate.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import {
  float,
  int,
  join,
  message,
  model,
  modelOf,
  node,
  OPSET_17,
  tag,
  tensor,
  text,
  value,
  varints,
} from './protobuf.ts';
import { SAMPLE } from './sample-model.ts';

const encode = (sample: OnnxModel): Uint8Array => new Uint8Array(Buffer.concat(encodeOnnx(sample)));

describe('encodeOnnx and decodeOnnx', () => {
  it('keep everything', () => {
    const bytes = encode(SAMPLE);
    const { model: read, external } = decodeOnnx(bytes, 'm.onnx');
    expect(read).toEqual(SAMPLE);
    expect(external).toEqual([]);
    expect(encode(read)).toEqual(bytes);
    validateOnnx(read, 'm.onnx');
  });

  it('give the bytes that the format demands', () => {
    const sample: OnnxModel = {
      ...SAMPLE,
      opsets: [{ domain: '', version: 17 }],
      producerName: '',
      producerVersion: '',
      domain: '',
      modelVersion: 0,
      docString: '',
      metadata: new Map(),
      graph: {
        name: '',
        docString: '',
        nodes: [
          {
            name: 'n',
            docString: '',
            opType: 'Elu',
            domain: '',
            inputs: ['x'],
            outputs: ['y'],
            attributes: new Map([['alpha', { type: 'float', value: 2 }]]),
          },
        ],
        initializers: [{ name: 'w', dtype: 'U8', shape: [2], data: Uint8Array.of(7, 8) }],
        inputs: [{ name: 'x', type: { dtype: 'F32', shape: ['n'] } }],
        outputs: [{ name: 'y', type: { dtype: 'F32', shape: ['n'] } }],
        values: [],
      },
    };
    const alpha = message(5, text(1, 'alpha'), float(2, 2), int(20, 1));
    expect(encode(sample)).toEqual(
      model(
        message(1, text(1, 'x'), text(2, 'y'), text(3, 'n'), text(4, 'Elu'), alpha),
        message(5, tensor([2], 2), text(8, 'w'), message(9, Uint8Array.of(7, 8))),
        message(11, value('x')),
        message(12, value('y')),
      ),
    );
  });

  it('share the memory of large tensors when writing and copy when reading', () => {
    const large = SAMPLE.graph.initializers.find(({ name }) => name === 'large')!;
    expect(encodeOnnx(SAMPLE).some((chunk) => chunk.buffer === large.data.buffer)).toBe(true);
    const bytes = encode(SAMPLE);
    const { graph } = decodeOnnx(bytes, 'x').model;
    bytes.fill(0);
    expect(graph).toEqual(SAMPLE.graph);
  });

  it('accept what other writers produce: any order, packed lists, missing defaults, unknown fields, ai.onnx', () => {
    const unknown = [
      int(900, 5),
      message(901, text(1, 'a')),
      join(tag(902, 5), new Uint8Array(4)),
      join(tag(903, 1), new Uint8Array(8)),
    ];
    const attributes = [
      message(5, int(20, 7), message(8, varints(1, -2)), int(8, 3), text(1, 'packed')),
      message(5, text(1, 'zero'), int(20, 2)),
      message(5, text(1, 'none'), int(20, 8)),
    ];
    const bytes = join(
      ...unknown,
      message(8, int(2, 17), text(1, 'ai.onnx')),
      message(
        7,
        message(12, value('y')),
        ...unknown,
        message(11, value('x')),
        message(1, node('Relu', ['x'], ['y'], text(7, 'ai.onnx'), ...attributes, ...unknown)),
      ),
      int(1, 8),
    );
    const { model: read } = decodeOnnx(bytes, 'x');
    validateOnnx(read, 'x');
    expect(read.opsets).toEqual([{ domain: '', version: 17 }]);
    expect(read.graph.nodes[0]?.domain).toBe('');
    expect([...(read.graph.nodes[0]?.attributes ?? [])]).toEqual([
      ['packed', { type: 'ints', value: [1, -2, 3] }],
      ['zero', { type: 'int', value: 0 }],
      ['none', { type: 'strings', value: [] }],
    ]);
    const plain = decodeOnnx(modelOf(node('Relu', ['x'], ['y'])), 'x').model;
    expect(decodeOnnx(encode(plain), 'x').model).toEqual(plain);
    expect(encode(plain).subarray(-OPSET_17.length)).toEqual(OPSET_17);
  });

  it('write no model that cannot be read', () => {
    const withTensor = (wrong: object): OnnxModel => {
      const initializers = [{ name: 'w', dtype: 'F32', shape: [2], data: new Float32Array(2), ...wrong } as OnnxTensor];
      return { ...SAMPLE, graph: { ...SAMPLE.graph, initializers } };
    };
    expect(() => encodeOnnx(withTensor({ shape: [3] }))).toThrow('tensor "w" of shape [3] needs 3 values and has 2');
    expect(() => encodeOnnx(withTensor({ shape: [-2, -1] }))).toThrow('tensor "w" has the shape [-2,-1]');
    expect(() => encodeOnnx(withTensor({ dtype: 'I8' }))).toThrow('tensor "w" of dtype I8 needs a Int8Array');
    expect(() => encodeOnnx(withTensor({ name: '\ud800' }))).toThrow('"\\ud800" has half a surrogate pair');
    expect(() => encodeOnnx({ ...SAMPLE, modelVersion: 0.5 })).toThrow('0.5 is not an exact integer');
    expect(() => encodeOnnx({ ...SAMPLE, modelVersion: 2 ** 53 })).toThrow('9007199254740992 is not an exact integer');
  });
});
