// Broken and hostile files through the whole importer: cut at every byte, with bits and bytes wrong, and models that ask for
// too much. Each is refused with an error of lanewise or becomes a model; none hangs or takes memory out of proportion.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { importOnnx, LanewiseError } from '../../../lib/index.ts';
import type { OnnxAttribute, OnnxModel, OnnxTensor } from '../../../lib/onnx/model.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import { randomBits } from '../../../lib/random.ts';
import { int, join as joined, message, model as modelBytes, modelOf, node, text, value } from './protobuf.ts';
import { floats, int64, oneNode } from './run-graph.ts';

const read = (name: string) => new Uint8Array(readFileSync(join(import.meta.dirname, 'pytorch', name)));
const real = read('classifier.onnx');
const small = read('two-heads.onnx');

async function verdict(source: Uint8Array | string): Promise<string> {
  try {
    await importOnnx(source);
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error;
    expect(error.code).toBe('file');
    return error.message;
  }
  return 'no error';
}

/** How many are accepted, and the longest in milliseconds of the processor. */
async function tryAll(
  count: number,
  make: (index: number) => Uint8Array,
): Promise<[accepted: number, slowestMs: number]> {
  let accepted = 0;
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const bytes = make(i);
    const start = process.cpuUsage();
    const said = await verdict(bytes);
    slowestMs = Math.max(slowestMs, process.cpuUsage(start).user / 1000);
    if (said === 'no error') accepted++;
    // The byte, the node, or what of the graph is wrong.
    else expect(said).toMatch(/^the ONNX model: (byte \d+: |node \d+ |the |initializer |several |"|has )/);
  }
  return [accepted, slowestMs];
}

describe('a model of PyTorch', () => {
  it('is refused when it is cut at any byte before the last field', async () => {
    expect(await verdict(small)).toBe('no error');
    const [accepted, slowestMs] = await tryAll(small.length, (length) => small.subarray(0, length));
    expect(accepted).toBe(0);
    expect(slowestMs).toBeLessThan(2000);
  }, 30_000);

  it('is refused or becomes another one with bits and bytes wrong', async () => {
    const before = process.memoryUsage().rss;
    // What is not the data of tensors: where the first 1,000 faults would otherwise seldom hit.
    const structure = [...real.keys()].filter((at) => real[at]! >= 32 && real[at]! < 127);
    const [accepted, slowestMs] = await tryAll(300, (index) => {
      const bytes = real.slice();
      const random = (draw: number) => randomBits(index + 1, draw);
      for (let fault = 0; fault <= random(0) % 3; fault++) {
        const places = fault % 2 === 0 ? structure : [random(4 * fault + 1) % real.length];
        const at = places[random(4 * fault + 2) % places.length]!;
        if (random(4 * fault + 3) % 4 === 0) bytes[at] = random(4 * fault + 4) & 255;
        else bytes[at]! ^= 1 << (random(4 * fault + 4) & 7);
      }
      return bytes;
    });
    // Weights that differ, names of nodes, values of attributes.
    expect(accepted).toBeGreaterThan(5);
    expect(accepted).toBeLessThan(200);
    expect(slowestMs).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
  }, 30_000);
});

interface Step {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A file from x [n, 4, 4, 4] to y with constants. */
function fileOf(steps: readonly Step[], constants: Readonly<Record<string, OnnxTensor>>): Uint8Array {
  const { model } = oneNode('Relu', 17, []);
  const file: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      nodes: steps.map(({ op, inputs, output, attributes = {} }) => ({
        name: '',
        docString: '',
        opType: op,
        domain: '',
        inputs,
        outputs: [output],
        attributes: new Map(Object.entries(attributes)),
      })),
      initializers: Object.entries(constants).map(([name, tensor]) => ({ ...tensor, name })),
      inputs: [{ name: 'x', type: { dtype: 'F32', shape: ['n', 4, 4, 4] } }],
      outputs: [{ name: 'y', type: { dtype: 'F32', shape: undefined } }],
    },
  };
  return new Uint8Array(Buffer.concat(encodeOnnx(file)));
}

const ints = (...values: number[]): OnnxAttribute => ({ type: 'ints', value: values });

describe('a model that asks for too much', () => {
  const reshape: Step = { op: 'Reshape', inputs: ['x', 'shape'], output: 'y' };
  const doublings = (count: number): Step[] =>
    Array.from({ length: count }, (_, i) => ({
      op: 'Concat',
      inputs: [`s${i}`, `s${i}`],
      output: `s${i + 1}`,
      attributes: { axis: { type: 'int', value: 0 } },
    }));
  const chain = (op: string, count: number, ...more: string[]): Step[] =>
    Array.from({ length: count }, (_, i) => ({
      op,
      inputs: [i === 0 ? 'x' : `v${i}`, ...more],
      output: i === count - 1 ? 'y' : `v${i + 1}`,
    }));

  it.each<[string, readonly Step[], Readonly<Record<string, OnnxTensor>>, RegExp]>([
    ['a huge shape', [reshape], { shape: int64(2 ** 40, -1) }, /node 0 \(Reshape\): \[1,4,4,4\] cannot be reshaped to/],
    ['negative sizes', [reshape], { shape: int64(-4, -16) }, /cannot be reshaped to \[-4,-16\]/],
    [
      'huge padding',
      [{ op: 'Pad', inputs: ['x', 'pads'], output: 'y' }],
      { pads: int64(0, 0, 2 ** 30, 2 ** 30, 0, 0, 0, 0) },
      /node 0 \(Pad\): gives \[1,4,1073741828,1073741828\]|node 0 \(Pad\): gives \[1,1073741828,1073741828,4\], more than/,
    ],
    [
      'huge images',
      [{ op: 'Resize', inputs: ['x', '', 'scales'], output: 'y' }],
      { scales: floats([4], [1, 1, 1e6, 1e6]) },
      /node 0 \(Resize\): /,
    ],
    [
      'a huge window',
      [{ op: 'MaxPool', inputs: ['x'], output: 'y', attributes: { kernel_shape: ints(2 ** 40, 1) } }],
      {},
      /node 0 \(MaxPool\): .*too large/,
    ],
    [
      'a window of nothing',
      [{ op: 'AveragePool', inputs: ['x'], output: 'y', attributes: { kernel_shape: ints(0, -1) } }],
      {},
      /the kernel \[0,-1\] does not fit/,
    ],
    [
      'numbers that double without end',
      [...doublings(40), { ...reshape, inputs: ['x', 's40'] }],
      { s0: int64(1, 1) },
      /node 15 \(Concat\): computes 131072 known numbers, more than 65536/,
    ],
    [
      'long work on numbers',
      [
        { op: 'Range', inputs: ['zero', 'many', 'one'], output: 'v0' },
        ...Array.from({ length: 1000 }, (_, i) => ({ op: 'Add', inputs: [`v${i}`, `v${i}`], output: `v${i + 1}` })),
        { ...reshape, inputs: ['x', 'v1000'] },
      ],
      { zero: { ...int64(0), shape: [] }, many: { ...int64(65536), shape: [] }, one: { ...int64(1), shape: [] } },
      /the graph computes too many known numbers/,
    ],
    ['more ops than a network has', chain('Neg', 17_000), {}, /node 16384 \(Neg\): the graph takes too many ops/],
    [
      'many products',
      [
        { op: 'Expand', inputs: ['x', 'shape'], output: 'big' },
        { op: 'MatMul', inputs: ['big', 'big'], output: 'y' },
      ],
      { shape: int64(5000, 1, 4, 4, 4) },
      /node 1 \(MatMul\): 20000 products in one node are more than 4096/,
    ],
  ])('is refused: %s', async (_, steps, constants, message_) => {
    const start = process.cpuUsage();
    expect(await verdict(fileOf(steps, constants))).toMatch(message_);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(5000);
  });
});

describe('a file that is no tree', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-hostile-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is refused: a cycle, graphs within graphs, data outside of its folder', async () => {
    const cycle = modelOf(node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['b'], ['y']));
    expect(await verdict(cycle)).toMatch(/node 0 \(Add\): input "b" is not produced before it, but by node 1 \(Relu\)/);

    let inner = message(1, node('Relu', ['x'], ['z']));
    for (let depth = 0; depth < 40; depth++) {
      const attribute = joined(text(1, 'then_branch'), message(6, inner), int(20, 5));
      inner = message(1, joined(node('If', ['x'], [`z${depth}`]), message(5, attribute)));
    }
    expect(await verdict(modelBytes(inner, message(11, value('x')), message(12, value('y'))))).toMatch(
      /nested more than 64/,
    );
    const attribute = joined(
      text(1, 'then_branch'),
      message(6, message(1, node('Relu', ['x'], ['z'])), message(12, value('z'))),
      int(20, 5),
    );
    const branch = joined(node('If', ['x'], ['y']), message(5, attribute));
    expect(await verdict(modelOf(branch))).toMatch(/node 0 \(If\): the attribute "then_branch" is a graph/);

    mkdirSync(join(folder, 'inside'));
    writeFileSync(join(folder, 'secret.bin'), new Uint8Array(8));
    const outside = joined(text(1, 'location'), text(2, '../secret.bin'));
    const tensor = joined(int(1, 2), int(2, 1), text(8, 'w'), message(13, outside), int(14, 1));
    const add = message(1, node('Add', ['x', 'w'], ['y']));
    const path = join(folder, 'inside', 'm.onnx');
    writeFileSync(path, modelBytes(add, message(5, tensor), message(11, value('x')), message(12, value('y'))));
    expect(await verdict(path)).toMatch(/m\.onnx: .*secret\.bin/);
    expect(await verdict(new Uint8Array(readFileSync(path)))).toMatch(/the data stand in another file/);
  });
});
