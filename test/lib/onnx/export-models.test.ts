// The networks of `models`, small enough for a test, exported with and without folded batch norms: the same outputs and classes
// for 256 inputs in onnxruntime, where that is installed; the same outputs after the way back.

import { describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { bothResults, expectSame, filled, inputsOf, predicted } from './export-run.ts';
import { withoutOnnxRuntime } from './onnxruntime.ts';

const { models } = lw;

const networks: readonly (readonly [string, () => lw.Layer[], readonly number[]])[] = [
  ['lenet5', () => models.lenet5({ width: 0.5 }), [12, 12, 1]],
  ['alexnet', () => models.alexnet({ width: 1 / 32, classes: 10 }), [63, 63, 1]],
  ['vgg', () => models.vgg({ depth: 11, width: 1 / 16, classes: 10 }), [32, 32, 1]],
  ['vgg for CIFAR', () => models.vgg({ depth: 16, form: 'cifar', width: 1 / 16 }), [32, 32, 1]],
  ['smallVgg', () => models.smallVgg({ width: 1 / 16 }), [8, 8, 3]],
  ['airbench', () => models.airbench({ width: 1 / 16 }), [8, 8, 3]],
  ['resnet 18', () => models.resnet({ width: 1 / 16, classes: 10 }), [32, 32, 3]],
  ['resnet 50 for CIFAR', () => models.resnet({ depth: 50, form: 'cifar', width: 1 / 16 }), [8, 8, 3]],
  ['preActivationResnet', () => models.preActivationResnet({ width: 1 / 16, blocks: [1, 2] }), [8, 8, 3]],
  ['mobilenetV2', () => models.mobilenetV2({ width: 1 / 8, classes: 10 }), [32, 32, 1]],
  ['efficientnetB0', () => models.efficientnetB0({ width: 1 / 8, classes: 10 }), [32, 32, 1]],
  ['dense blocks', () => [...models.denseBlock({ layers: 3, growth: 4 })], [6, 6, 10]],
  ['tinyYolo', () => models.tinyYolo({ width: 1 / 64, anchors: 1 }), [32, 32, 1]],
  ['unet', () => models.unet({ width: 1 / 32, depth: 2 }), [12, 8, 1]],
  ['audioCnn', () => models.audioCnn({ width: 1 / 8 }), [1100, 1]],
  ['atariDqn', () => models.atariDqn({ width: 1 / 16 }), [36, 36, 2]],
  ['alphagoPolicy', () => models.alphagoPolicy({ width: 1 / 32, depth: 2 }), [5, 5, 4]],
];

/** Some ten layers of fp32 sums in other orders. */
const ALLOWED = 1e-4;
const INPUTS = 256;

const largest = (values: Float32Array): number =>
  values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);

/** For each example, how its class scores are highest at the same place; ties within rounding are none. */
function expectSameClasses(found: Float32Array, wanted: Float32Array): void {
  const classes = wanted.length / INPUTS;
  const scale = Math.max(...wanted.map(Math.abs));
  for (let at = 0; at < wanted.length; at += classes) {
    const [here, there] = [wanted, found].map((values) => values.subarray(at, at + classes)) as [
      Float32Array,
      Float32Array,
    ];
    const [own, other] = [largest(here), largest(there)];
    if (own !== other) expect(here[own]! - here[other]!).toBeLessThan(1e-6 * scale);
  }
}

describe.skipIf(withoutOnnxRuntime)(withoutOnnxRuntime ?? 'in onnxruntime', () => {
  it.each(networks)('%s', async (_, layers, inputShape) => {
    const model = filled(lw.sequential(layers(), { inputShape }));
    for (const foldBatchNorm of [false, true]) {
      for (const { wanted, found } of await bothResults(model, INPUTS, { foldBatchNorm })) {
        expectSame(found.data, wanted.data, ALLOWED);
        if (wanted.shape.length === 2) expectSameClasses(found.data, wanted.data);
      }
    }
  });
});

describe('after the way back', () => {
  it.each(networks)('%s', async (_, layers, inputShape) => {
    const model = filled(lw.sequential(layers(), { inputShape }));
    const inputs = inputsOf(model, 3);
    const again = await lw.importOnnx(lw.onnxBytes(model));
    const { output: wanted } = await predicted(model, inputs);
    const { output: found } = await predicted(again, inputs);
    expectSame(found as Float32Array, wanted as Float32Array, ALLOWED);
  });
});
