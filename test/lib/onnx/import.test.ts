// Models that PyTorch exported (pytorch/export_models.py), imported: what they predict, how they train, that they are saved,
// cut and refused like other models. Beside them graphs written here for what PyTorch does not write.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../../lib/onnx/model.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import { floats, int64, oneNode } from './run-graph.ts';

const folder = join(import.meta.dirname, 'pytorch');
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, number[][]>;
const scratch = mkdtempSync(join(tmpdir(), 'lanewise-onnx-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const path = (name: string) => join(folder, name);
const waves = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));

/** PyTorch and lanewise add in different orders: a few hundred terms, values of about 1. */
function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, allowed = 2e-5): void {
  expect(found.length).toBe(wanted.length);
  const gaps = Array.from(wanted, (value, i) => Math.abs(found[i]! - value));
  expect(Math.max(...gaps)).toBeLessThan(allowed);
}

describe('models of PyTorch', () => {
  it.each([
    ['classifier.onnx', {}, 4 * 16 * 16 * 3],
    ['classifier-folded.onnx', {}, 4 * 16 * 16 * 3],
    ['segmenter.onnx', { inputShape: [8, 12, 1] }, 3 * 8 * 12],
  ])('%s predicts the same on both backends, saved or not', async (name, options, count) => {
    const model = await lw.importOnnx(path(name), options);
    for (const backend of ['native', 'typescript'] as const) {
      expectClose(await model.predict(waves(count), { backend }), expected[name]![0]!);
    }
    const file = join(scratch, `${name}.safetensors`);
    await model.save(file);
    const again = await lw.loadModel(file);
    expect(again.architectureJson()).toBe(model.architectureJson());
    const [before, after] = [await model.predict(waves(count)), await again.predict(waves(count))];
    expect(after).toEqual(before);
  });

  it('keep the names of weights and of nodes, and take no transpositions but before a flatten', async () => {
    const model = await lw.importOnnx(path('classifier.onnx'));
    const tensors = [...model.tensors].filter(([name]) => name.startsWith('onnx.'));
    const named = (role: string) => tensors.filter(([, tensor]) => tensor.role === role).map(([name]) => name);
    expect(named('parameter')).toContain('onnx.bn2.weight');
    expect(named('state').sort()).toEqual([
      'onnx.bn.running_mean',
      'onnx.bn.running_var',
      'onnx.bn2.running_mean',
      'onnx.bn2.running_var',
    ]);
    expect(model.tensors.get('onnx.depthwise.weight')?.shape).toEqual([3, 3, 1, 8]);
    // As PyTorch counts them.
    expect(model.parameterCount).toBe(777);
    const summary = model.summary();
    expect(summary.parameters).toBe(777);
    expect(summary.layers.find(({ name }) => name === '/conv/Conv')).toMatchObject({
      type: 'Conv',
      depth: 1,
      outputShape: [8, 8, 8],
      parameters: 216,
    });
  });

  it('train as in PyTorch, batch norms included', async () => {
    for (const backend of ['native', 'typescript'] as const) {
      const model = await lw.importOnnx(path('classifier.onnx'));
      const data = lw.datasetFrom({
        images: waves(4 * 16 * 16 * 3),
        labels: [0, 1, 2, 3],
        shape: [16, 16, 3],
        classes: 5,
        mean: [0, 0, 0],
        std: [1, 1, 1],
      });
      const losses: number[] = [];
      await lw.fit(model, {
        data,
        epochs: 3,
        batchSize: 4,
        optimizer: lw.sgd({ learningRate: 0.1 }),
        backend,
        onStep: ({ loss }) => losses.push(loss),
      });
      expectClose(losses, expected['classifier losses'] as unknown as number[], 1e-4);
    }
  });

  it('have several inputs and outputs by their names', async () => {
    const model = await lw.importOnnx(path('two-heads.onnx'), { name: 'net' });
    expect(model.architecture.inputs).toEqual([
      { name: 'x1', shape: [4, 4, 2] },
      { name: 'x2', shape: [5] },
    ]);
    expect([...model.outputShapes]).toEqual([
      ['joint', [3]],
      ['share', [3]],
    ]);
    const file = join(scratch, 'two-heads.safetensors');
    await model.save(file);
    for (const some of [model, await lw.loadModel(file)]) {
      const { joint, share } = await some.predictAll({ x1: waves(3 * 4 * 4 * 2), x2: waves(3 * 5) });
      expectClose(joint!, expected['two-heads.onnx']![0]!);
      expectClose(share!, expected['two-heads.onnx']![1]!);
    }
    const one = await lw.importOnnx(path('two-heads.onnx'), { outputs: ['share'] });
    expectClose(await one.predict({ x1: waves(96), x2: waves(15) }), expected['two-heads.onnx']![1]!);
  });

  it('give features to another head, whose backbone is frozen', async () => {
    const backbone = await lw.importOnnx(path('classifier.onnx'), {
      outputs: ['/AveragePool_output_0'],
      name: 'backbone',
    });
    expect(backbone.outputShape).toEqual([2, 2, 14]);
    const head = lw.linear({ units: 2, name: 'head' })(lw.flatten()(backbone.value('backbone')));
    const model = lw.model({ inputs: backbone.inputs, outputs: head });
    model.copyWeights(backbone);
    model.freeze('backbone');
    const before = model.tensor('backbone.conv.weight').slice();
    const statistics = model.tensor('backbone.bn.running_mean').slice();
    const headBefore = model.tensor('head.weight').slice();
    const data = lw.datasetFrom({ images: waves(4 * 768), labels: [0, 1, 0, 1], shape: [16, 16, 3], classes: 2 });
    await lw.fit(model, { data, epochs: 1, batchSize: 4, optimizer: lw.sgd({ learningRate: 0.1 }) });
    expect(model.tensor('backbone.conv.weight')).toEqual(before);
    expect(model.tensor('backbone.bn.running_mean')).toEqual(statistics);
    expect(model.tensor('head.weight')).not.toEqual(headBefore);
  });
});

/** A file of several nodes: `[op, inputs, outputs, ...]`, one float input x of `shape`. */
function fileOf(
  shape: readonly (number | string)[],
  nodes: readonly (Pick<OnnxNode, 'opType' | 'inputs' | 'outputs'> & { readonly node?: OnnxNode })[],
  initializers: Readonly<Record<string, OnnxTensor>> = {},
  outputs: readonly string[] = ['y'],
): Uint8Array {
  const { model } = oneNode('Relu', 17, []);
  const file: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      nodes: nodes.map(({ opType, inputs, outputs, node }) => ({
        ...(node ?? model.graph.nodes[0]!),
        opType,
        inputs,
        outputs,
      })),
      initializers: Object.entries(initializers).map(([name, tensor]) => ({ ...tensor, name })),
      inputs: [{ name: 'x', type: { dtype: 'F32', shape } }],
      outputs: outputs.map((name) => ({ name, type: { dtype: 'F32', shape: undefined } })),
    },
  };
  return new Uint8Array(Buffer.concat(encodeOnnx(file)));
}

describe('importing', () => {
  const relu = { opType: 'Relu', inputs: ['x'], outputs: ['y'] };

  it('takes bytes, and the order of the file where it is told to', async () => {
    const model = await lw.importOnnx(fileOf(['n', 2, 1, 3], [relu]), { channelsLast: false });
    expect(model.inputShape).toEqual([2, 1, 3]);
    expect(model.outputShape).toEqual([2, 1, 3]);
    const last = await lw.importOnnx(fileOf(['n', 2, 1, 3], [relu]));
    expect(last.inputShape).toEqual([1, 3, 2]);
  });

  it('opens the batch of a file that was made for one size', async () => {
    const reshape = { opType: 'Reshape', inputs: ['x', 'shape'], outputs: ['flat'] };
    const resize = { opType: 'Resize', inputs: ['x', '', '', 'sizes'], outputs: ['large'] };
    const file = fileOf([2, 1, 2, 2], [reshape, resize], { shape: int64(2, -1), sizes: int64(2, 1, 4, 4) }, [
      'flat',
      'large',
    ]);
    const model = await lw.importOnnx(file);
    const { flat, large } = await model.predictAll(waves(12));
    expect(flat).toEqual(waves(12));
    expect(large?.length).toBe(48);
  });

  it('keeps a tensor that is both an operand and a setting', async () => {
    const file = fileOf(
      ['n', 2],
      [
        { opType: 'Add', inputs: ['x', 'two'], outputs: ['sum'] },
        { opType: 'Clip', inputs: ['sum', '', 'two'], outputs: ['y'] },
      ],
      { two: floats([], [2]) },
    );
    const model = await lw.importOnnx(file);
    const saved = join(scratch, 'both.safetensors');
    await model.save(saved);
    const again = await lw.loadModel(saved);
    expect(await again.predict(Float32Array.of(-3, 1))).toEqual(Float32Array.of(-1, 2));
  });

  it.each<[string, Uint8Array | string, lw.ImportOnnxOptions, RegExp]>([
    ['a missing file', '/nowhere.onnx', {}, /^cannot read \/nowhere.onnx: it does not exist/],
    ['an unknown option', fileOf(['n', 2], [relu]), { output: 'y' } as never, /importOnnx: has no option 'output'/],
    [
      'a value that is none',
      fileOf(['n', 2], [relu]),
      { outputs: ['z'] },
      /importOnnx: outputs must be values of the graph; "z"/,
    ],
    [
      'open sizes',
      fileOf(['n', 'rows'], [relu]),
      {},
      /^the ONNX model: the input "x" is \[n,rows\], which leaves sizes open/,
    ],
    [
      'another shape',
      fileOf(['n', 2], [relu]),
      { inputShape: [3] },
      /importOnnx: inputShape is \[3\], the file has \[2\]/,
    ],
    ['no batch', fileOf([2], [relu]), {}, /the input "x" has 1 axes; 2 to 5 are supported/],
    [
      'an operator that is not supported',
      fileOf(['n', 2], [{ ...relu, opType: 'LSTM' }]),
      {},
      /^the ONNX model: node 0 \(LSTM\): the operator "LSTM" is not supported \(opset 17\)$/,
    ],
    [
      'a batch of one',
      fileOf(['n', 4], [{ opType: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }], { shape: int64(1, 4) }),
      {},
      /made for a batch of one size; export it with a batch axis that is open \(with two examples, node 0 \(Reshape\)/,
    ],
    [
      'a batch that becomes something else',
      fileOf(['n', 4], [{ opType: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }], { shape: int64(1, -1) }),
      {},
      /an output is \[1,4\] for one example and \[1,8\] for two/,
    ],
    [
      'an output without input',
      fileOf(['n', 2], [{ opType: 'Relu', inputs: ['w'], outputs: ['y'] }], { w: floats([2], [1, 2]) }),
      {},
      /the outputs depend on no input/,
    ],
  ])('refuses %s', async (_, source, options, message) => {
    await expect(lw.importOnnx(source, options)).rejects.toThrow(message);
    await expect(lw.importOnnx(source, options)).rejects.toBeInstanceOf(lw.LanewiseError);
  });
});
