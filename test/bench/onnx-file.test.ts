// The ONNX files for onnxruntime, read back field by field. That onnxruntime computes with them what lanewise predicts is
// checked whenever the two are compared.

import { describe, expect, it } from 'vitest';
import { netModel } from '../../bench/net-run.ts';
import { netNames } from '../../bench/nets.ts';
import { onnxFile } from '../../bench/peers/onnx-file.ts';
import { Message } from '../../bench/peers/protobuf.ts';
import { batchNorm2d, conv2d, flatten, linear, relu, sequential, softmax } from '../../lib/index.ts';

type Field = readonly [number: number, value: number | Uint8Array];

/** The fields of a message, varints and bytes. */
function fields(bytes: Uint8Array): Field[] {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[position++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const result: Field[] = [];
  while (position < bytes.length) {
    const tag = varint();
    if (tag % 8 === 0) result.push([Math.floor(tag / 8), varint()]);
    else {
      const length = varint();
      result.push([Math.floor(tag / 8), bytes.subarray(position, position + length)]);
      position += length;
    }
  }
  return result;
}
const all = (message: Uint8Array, number: number) =>
  fields(message).flatMap(([field, value]) => (field === number ? [value as Uint8Array] : []));
const texts = (message: Uint8Array, number: number) =>
  all(message, number).map((bytes) => new TextDecoder().decode(bytes));
const graphOf = (file: Uint8Array) => all(file, 7)[0]!;

/** Initializers by name. */
function weights(graph: Uint8Array): Record<string, { shape: number[]; data: Float32Array }> {
  const entries = all(graph, 5).map((tensor) => {
    const shape = all(tensor, 1) as unknown as number[];
    const raw = new Uint8Array(all(tensor, 9)[0]!);
    return [texts(tensor, 8)[0]!, { shape, data: new Float32Array(raw.buffer) }] as const;
  });
  return Object.fromEntries(entries);
}

describe('a message', () => {
  it('has the bytes of the specification', () => {
    // The examples of the protocol buffers' documentation on encoding.
    const bytes = (message: Message) => Buffer.from(message.encoded()).toString('hex');
    expect(bytes(new Message().integer(1, 150))).toBe('089601');
    expect(bytes(new Message().text(2, 'testing'))).toBe('120774657374696e67');
    expect(bytes(new Message().message(3, new Message().integer(1, 150)))).toBe('1a03089601');
  });
});

describe('an ONNX file', () => {
  it('has batch normalisation folded and NCHW weights', () => {
    const model = sequential(
      [conv2d({ filters: 2, kernelSize: 1, bias: false }), batchNorm2d(), relu(), flatten(), linear({ units: 1 })],
      { inputShape: [1, 2, 2] },
    );
    model.tensor('conv2d_1.weight').set([1, 2, 3, 4]); // [c][o]
    model.tensor('batchNorm2d_1.gamma').set([2, 1]);
    model.tensor('batchNorm2d_1.beta').set([0.5, 0]);
    model.tensor('batchNorm2d_1.runningMean').set([1, 0]);
    model.tensor('batchNorm2d_1.runningVariance').set([4 - 1e-5, 1 - 1e-5]);
    model.tensor('linear_1.weight').set([1, 2, 3, 4]); // [pixel][c]
    const graph = graphOf(onnxFile(model, 3));
    const nodes = all(graph, 1).map((node) => texts(node, 4)[0]);
    expect(nodes).toEqual(['Conv', 'Relu', 'Flatten', 'Gemm']);
    const { 'conv2d_1.weight': w, 'conv2d_1.bias': b, 'linear_1.weight': fc } = weights(graph);
    expect(w).toEqual({ shape: [2, 2, 1, 1], data: Float32Array.of(1, 3, 2, 4) });
    expect(b).toEqual({ shape: [2], data: Float32Array.of(-0.5, 0) });
    expect(fc).toEqual({ shape: [4, 1], data: Float32Array.of(1, 3, 2, 4) });
  });

  it.each(netNames)('of %s holds every weight', (name) => {
    const model = netModel(name);
    const held = Object.values(weights(graphOf(onnxFile(model, 1)))).reduce((sum, { data }) => sum + data.length, 0);
    // Four numbers a channel of a batch normalisation became one: the bias of the convolution.
    const channels = [...model.tensors].filter(([tensor]) => tensor.endsWith('.gamma'));
    expect(held).toBe(model.parameterCount - channels.reduce((sum, [, { data }]) => sum + data.length, 0));
  });

  it.each([
    ['a layer softmax', [flatten(), linear({ units: 2 }), softmax()]],
    ['these options of conv2d_1', [conv2d({ filters: 1, kernelSize: [1, 2] })]],
    ['these options of conv2d_1', [conv2d({ filters: 1, kernelSize: 3, padding: 'same' })]],
    ['these options of conv2d_1', [conv2d({ filters: 2, kernelSize: 1, groups: 2 })]],
  ])('is refused for %s', (what, layers) => {
    const model = sequential(layers, { inputShape: [4, 4, 2] });
    expect(() => onnxFile(model, 1)).toThrow(`no way to write ${what}`);
  });
});
