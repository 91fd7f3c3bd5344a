// What stands in exported files: names, open batches, how few nodes there are, folded batch norms; and what is refused.

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { exporters } from '../../../lib/onnx/export/table.ts';
import type { OnnxGraph } from '../../../lib/onnx/model.ts';
import { readOnnxBytes, readOnnxFile } from '../../../lib/onnx/onnx-file.ts';
import { opTable } from '../../../lib/ops/index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'lanewise-export-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const graphOf = (model: lw.Model, options?: lw.ExportOnnxOptions): OnnxGraph =>
  readOnnxBytes(lw.onnxBytes(model, options), 'exported').graph;
const operatorsOf = (model: lw.Model, options?: lw.ExportOnnxOptions): string[] =>
  graphOf(model, options)
    .nodes.map(({ opType }) => opType)
    .filter((type) => type !== 'Constant');

const conv = () => lw.conv2d({ filters: 4, kernelSize: 3, padding: 1 });
const classifier = () =>
  lw.sequential(
    [conv(), lw.batchNorm2d(), lw.relu(), lw.maxPool2d({ size: 2 }), lw.flatten(), lw.linear({ units: 3 })],
    {
      inputShape: [4, 6, 2],
    },
  );

describe('an exported file', () => {
  it('has the names of the model, channels behind an open batch, and no transposition', () => {
    const graph = graphOf(classifier());
    expect(graph.inputs).toEqual([{ name: 'input', type: { dtype: 'F32', shape: ['batch', 2, 4, 6] } }]);
    expect(graph.outputs).toEqual([{ name: 'output', type: { dtype: 'F32', shape: ['batch', 3] } }]);
    expect(operatorsOf(classifier())).toEqual(['Conv', 'BatchNormalization', 'Relu', 'MaxPool', 'Flatten', 'Gemm']);
    expect(graph.initializers.map(({ name, shape }) => [name, shape])).toEqual([
      ['conv2d_1.weight', [4, 2, 3, 3]],
      ['conv2d_1.bias', [4]],
      ['batchNorm2d_1.gamma', [4]],
      ['batchNorm2d_1.beta', [4]],
      ['batchNorm2d_1.runningMean', [4]],
      ['batchNorm2d_1.runningVariance', [4]],
      ['linear_1.weight', [24, 3]],
      ['linear_1.bias', [3]],
    ]);
  });

  it('has weights as ONNX has them', () => {
    const layers = [lw.conv2d({ filters: 2, kernelSize: 1, bias: false }), lw.flatten(), lw.linear({ units: 1 })];
    const model = lw.sequential(layers, { inputShape: [1, 2, 2] });
    model.tensor('conv2d_1.weight').set([1, 2, 3, 4]); // [c][o]
    model.tensor('linear_1.weight').set([1, 2, 3, 4]); // [pixel][c]
    const held = new Map(graphOf(model).initializers.map(({ name, data }) => [name, data]));
    expect(held.get('conv2d_1.weight')).toEqual(Float32Array.of(1, 3, 2, 4));
    expect(held.get('linear_1.weight')).toEqual(Float32Array.of(1, 3, 2, 4));
  });

  it('has batch norms in the convolutions before them on request', () => {
    const model = lw.sequential([lw.conv2d({ filters: 2, kernelSize: 1, bias: false }), lw.batchNorm2d(), lw.relu()], {
      inputShape: [1, 2, 2],
    });
    model.tensor('conv2d_1.weight').set([1, 2, 3, 4]);
    model.tensor('batchNorm2d_1.gamma').set([2, 1]);
    model.tensor('batchNorm2d_1.beta').set([0.5, 0]);
    model.tensor('batchNorm2d_1.runningMean').set([1, 0]);
    model.tensor('batchNorm2d_1.runningVariance').set([4 - 1e-5, 1 - 1e-5]);
    const { nodes, initializers } = graphOf(model, { foldBatchNorm: true });
    expect(nodes.map(({ opType }) => opType)).toEqual(['Conv', 'Relu']);
    expect(initializers.map(({ data }) => data)).toEqual([Float32Array.of(1, 3, 2, 4), Float32Array.of(-0.5, 0)]);
    expect(operatorsOf(classifier(), { foldBatchNorm: true })).toEqual(['Conv', 'Relu', 'MaxPool', 'Flatten', 'Gemm']);
  });

  it('normalises its input as the model does, and only then', () => {
    const model = classifier();
    model.setNormalization([1, 2], [2, 4]);
    expect(operatorsOf(model).slice(0, 3)).toEqual(['Mul', 'Add', 'Conv']);
  });

  it('has outputs of their own names, also where one is an input or another output', () => {
    const x = lw.input({ shape: [3] });
    const y = lw.relu()(x);
    const { outputs, nodes } = graphOf(
      lw.model({ inputs: x, outputs: { same: lw.dropout()(x), first: y, second: y } }),
    );
    expect(outputs.map(({ name }) => name)).toEqual(['same', 'first', 'second']);
    expect(nodes.map(({ opType }) => opType)).toEqual(['Relu', 'Identity', 'Identity', 'Identity']);
  });

  it('is written whole, and the same each time', async () => {
    const path = join(scratch, 'classifier.onnx');
    await lw.exportOnnx(classifier(), path);
    expect(Buffer.compare(await readFile(path), lw.onnxBytes(classifier()))).toBe(0);
    const { opsets, irVersion, producerName } = await readOnnxFile(path);
    expect({ opsets, irVersion, producerName }).toEqual({
      opsets: [{ domain: '', version: 17 }],
      irVersion: 8,
      producerName: 'lanewise',
    });
  });
});

it('every op is exported or stands in training graphs alone', () => {
  const missing = opTable.map(({ name }) => name).filter((name) => !exporters.has(name));
  const training = /_d[xwb]$|_step$|^softmax_cross_entropy$|^batch_norm2d(_running|_fold)?$/;
  const others = ['dropout', 'guard_finite', 'count_correct', 'blend', 'one_hot'];
  expect(missing.filter((name) => !training.test(name) && !others.includes(name))).toEqual([]);
});

describe('what cannot be exported', () => {
  const double = lw.defineOp({
    name: 'double_for_export',
    inputs: ['x'],
    outputs: ['y'],
    attrs: {},
    infer: ([x]) => [x!],
    run: ([x], [y]) => y!.data.set(x!.data.map((value) => 2 * value)),
  });
  const doubled = lw.defineLayer({
    type: 'doubledForExport',
    emit: (builder, _, x) => builder.graph.emit(double, [x], {})[0]!,
  });

  it('is named by layer and op', async () => {
    const model = lw.sequential([lw.relu(), doubled()], { inputShape: [3] });
    expect(() => lw.onnxBytes(model)).toThrow(
      'exportOnnx: doubledForExport_1: op double_for_export has no counterpart in ONNX and cannot be exported',
    );
    await expect(lw.exportOnnx(model, join(scratch, 'none.onnx'))).rejects.toThrow('double_for_export');
  });

  it('but an op of one’s own on constants is computed', () => {
    const x = lw.input({ shape: [2] });
    const y = lw.add()(x, doubled()(lw.constant({ shape: [2], values: [1, 2] })));
    expect(operatorsOf(lw.model({ inputs: x, outputs: y }))).toEqual(['Add']);
  });

  it.each<[string, unknown, string]>([
    ['opset', 13, 'exportOnnx: opset must be 17, not 13'],
    ['foldBatchNorm', 1, 'exportOnnx: foldBatchNorm must be true or false'],
    ['batch', 1, "exportOnnx: has no option 'batch'"],
  ])('option %s', (name, value, message) => {
    expect(() => lw.onnxBytes(classifier(), { [name]: value })).toThrow(message);
  });
});
