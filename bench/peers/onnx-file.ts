// A model as an ONNX file for onnxruntime, the way an exporter for inference leaves it: NCHW, batch normalisation folded
// into the convolution before it. Knows the layers of bench/nets.ts and refuses others.

import type { LayerConfig } from '../../lib/nn/layer.ts';
import type { Model } from '../../lib/train/model.ts';
import { Message } from './protobuf.ts';

const FLOAT = 1;
const ATTRIBUTE = { integer: 2, integers: 7 } as const;
const OPSET = 13;
const IR_VERSION = 8;

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** A value of the graph: its name, and its size without the batch. */
interface Value {
  readonly name: string;
  readonly c: number;
  readonly h: number;
  readonly w: number;
}

export function onnxFile(model: Model, batch: number): Uint8Array {
  return new Writer(model).write(batch);
}

class Writer {
  readonly #model: Model;
  readonly #graph = new Message();
  readonly #counts = new Map<string, number>();
  #values = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  write(batch: number): Uint8Array {
    const [h = 1, w = 1, c = 1] = this.#model.inputShape;
    const output = this.#layers(
      this.#model.architecture.nodes.map(({ layer }) => layer.config),
      { name: 'images', c, h, w },
    );
    this.#graph.text(2, 'lanewise');
    this.#graph.message(11, valueInfo('images', [batch, c, h, w]));
    this.#graph.message(12, valueInfo(output.name, [batch, ...this.#model.outputShape]));
    const opset = new Message().text(1, '').integer(2, OPSET);
    return new Message().integer(1, IR_VERSION).text(2, 'lanewise').message(7, this.#graph).message(8, opset).encoded();
  }

  #layers(configs: readonly LayerConfig[], input: Value): Value {
    let value = input;
    for (let i = 0; i < configs.length; i++) {
      const config = configs[i]!;
      const folded = config.type === 'conv2d' && configs[i + 1]?.type === 'batchNorm2d';
      value = this.#layer(config, value, folded);
      if (folded) i++;
    }
    return value;
  }

  #layer(config: LayerConfig, x: Value, folded: boolean): Value {
    const name = this.#nameOf(config);
    switch (config.type) {
      case 'conv2d':
        return this.#conv(config, name, x, folded ? this.#nameOf({ type: 'batchNorm2d' }) : undefined);
      case 'relu':
        return this.#node('Relu', [x.name], {}, x);
      case 'maxPool2d': {
        const size = config['size'] as number;
        const attributes = { kernel_shape: [size, size], strides: [size, size] };
        return this.#node('MaxPool', [x.name], attributes, {
          ...x,
          h: Math.floor(x.h / size),
          w: Math.floor(x.w / size),
        });
      }
      case 'globalAvgPool2d': {
        const pooled = this.#node('GlobalAveragePool', [x.name], {}, { ...x, h: 1, w: 1 });
        return this.#node('Flatten', [pooled.name], { axis: 1 }, pooled);
      }
      case 'flatten':
        return this.#node('Flatten', [x.name], { axis: 1 }, x);
      case 'linear':
        return this.#linear(config, name, x);
      case 'residual': {
        const main = this.#layers(config['body'] as LayerConfig[], x);
        const side = this.#layers(config['shortcut'] as LayerConfig[], x);
        return this.#node('Add', [main.name, side.name], {}, main);
      }
      default:
        throw new Error(`onnx: no way to write a layer ${config.type}`);
    }
  }

  #conv(config: LayerConfig, name: string, x: Value, norm: string | undefined): Value {
    const { filters, kernelSize: size, stride = 1, padding = 'valid', dilation = 1, groups = 1 } = config;
    const pad = padding === 'valid' ? 0 : padding;
    if (!(isNumber(filters) && isNumber(size) && isNumber(stride) && isNumber(pad) && dilation === 1 && groups === 1))
      throw new Error(`onnx: no way to write these options of ${name}`);
    const weights = this.#model.tensor(`${name}.weight`);
    const scale = new Float32Array(filters).fill(1);
    const bias = new Float32Array(filters);
    if (config['bias'] !== false) bias.set(this.#model.tensor(`${name}.bias`));
    if (norm !== undefined) {
      const [gamma, beta, mean, variance] = ['gamma', 'beta', 'runningMean', 'runningVariance'].map((part) =>
        this.#model.tensor(`${norm}.${part}`),
      ) as [Float32Array, Float32Array, Float32Array, Float32Array];
      for (let o = 0; o < filters; o++) {
        scale[o] = gamma[o]! / Math.sqrt(variance[o]! + 1e-5);
        bias[o] = beta[o]! + (bias[o]! - mean[o]!) * scale[o]!;
      }
    }
    // [kh, kw, c, o] to [o, c, kh, kw]
    const transposed = new Float32Array(weights.length);
    const taps = size * size;
    for (let tap = 0; tap < taps; tap++) {
      for (let c = 0; c < x.c; c++) {
        for (let o = 0; o < filters; o++) {
          transposed[(o * x.c + c) * taps + tap] = weights[(tap * x.c + c) * filters + o]! * scale[o]!;
        }
      }
    }
    this.#initializer(`${name}.weight`, [filters, x.c, size, size], transposed);
    this.#initializer(`${name}.bias`, [filters], bias);
    const attributes = { kernel_shape: [size, size], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    const out = (input: number) => Math.floor((input + 2 * pad - size) / stride) + 1;
    const y = { ...x, c: filters, h: out(x.h), w: out(x.w) };
    return this.#node('Conv', [x.name, `${name}.weight`, `${name}.bias`], attributes, y);
  }

  #linear(config: LayerConfig, name: string, x: Value): Value {
    const units = config['units'] as number;
    const weights = this.#model.tensor(`${name}.weight`);
    // Rows in the order h, w, c here, c, h, w there.
    const permuted = new Float32Array(weights.length);
    const pixels = x.h * x.w;
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < x.c; c++) {
        const row = (pixel * x.c + c) * units;
        permuted.set(weights.subarray(row, row + units), (c * pixels + pixel) * units);
      }
    }
    this.#initializer(`${name}.weight`, [x.c * pixels, units], permuted);
    this.#initializer(`${name}.bias`, [units], this.#model.tensor(`${name}.bias`));
    return this.#node('Gemm', [x.name, `${name}.weight`, `${name}.bias`], {}, { ...x, c: units, h: 1, w: 1 });
  }

  #node(type: string, inputs: readonly string[], attributes: Attributes, like: Value): Value {
    const output = `value${this.#values++}`;
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(3, `${type}_${output}`).text(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#graph.message(1, node);
    return { ...like, name: output };
  }

  #initializer(name: string, shape: readonly number[], data: Float32Array): void {
    const tensor = new Message();
    for (const size of shape) tensor.integer(1, size);
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#graph.message(5, tensor.integer(2, FLOAT).text(8, name).bytes(9, raw));
  }

  /** As lib/nn/builder.ts names layers. */
  #nameOf({ type }: LayerConfig): string {
    const count = (this.#counts.get(type) ?? 0) + 1;
    this.#counts.set(type, count);
    return `${type}_${count}`;
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

function attribute(name: string, value: number | readonly number[]): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, ATTRIBUTE.integer);
  for (const number of value) message.integer(8, number);
  return message.integer(20, ATTRIBUTE.integers);
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const dimensions = new Message();
  for (const size of shape) dimensions.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, FLOAT).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
