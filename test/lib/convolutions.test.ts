// Convolution, padding and resizing layers: wrong options, sizes, and a training through all of them with equal bits on both
// backends.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { digits } from '../../lib/data/digits.ts';
import * as nn from '../../lib/index.ts';

const native = loadNative().binding;

describe('wrong options', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  const on = (inputShape: number[], layer: nn.Layer) => nn.sequential([layer], { inputShape }).summary();
  it.each<[string, () => unknown, RegExp]>([
    [
      'images for a signal',
      () => on([4, 4, 1], nn.conv1d({ filters: 1, kernelSize: 1 })),
      /conv1d_1: needs signals \[n, w, c\], got/,
    ],
    ['images for a volume', () => on([4, 4, 1], nn.conv3d({ filters: 1, kernelSize: 1 })), /conv3d_1: needs volumes/],
    [
      'two of three sizes',
      () => nn.conv3d({ filters: 1, kernelSize: wrong([1, 2]) }),
      /kernelSize must be a number or \[depth, height, width\]/,
    ],
    [
      'a side that an axis has not',
      () => on([4, 1], nn.conv1d({ filters: 1, kernelSize: 1, padding: wrong({ left: 1, right: 1, top: 1 }) })),
      /conv1d_1: padding has no side 'top' \(it has left, right\)/,
    ],
    [
      'a side left out',
      () => on([4, 1], nn.conv1d({ filters: 1, kernelSize: 1, padding: wrong({ left: 1 }) })),
      /padding.right must be a whole number/,
    ],
    [
      'another padding mode',
      () => nn.conv2d({ filters: 1, kernelSize: 3, paddingMode: wrong('constant') }),
      /paddingMode must be 'zeros', 'reflect', 'replicate', 'circular', not 'constant'/,
    ],
    [
      'a mirror that is too short',
      () => on([2, 9, 1], nn.conv2d({ filters: 1, kernelSize: 5, padding: 2, paddingMode: 'reflect' })),
      /conv2d_1: .*reflect padding can add at most 1, not 2/,
    ],
    [
      'a volume shorter than its kernel',
      () => on([2, 4, 4, 1], nn.conv3d({ filters: 1, kernelSize: 3 })),
      /conv3d_1: .*the kernel covers 3 .* 2/,
    ],
    [
      'an output padding of a stride',
      () => nn.convTranspose2d({ filters: 1, kernelSize: 3, stride: 2, outputPadding: 2 }),
      /outputPadding \(2\) must be below stride or dilation \(2\)/,
    ],
    [
      'an output padding that same decides',
      () => nn.convTranspose2d({ filters: 1, kernelSize: 3, stride: 2, padding: 'same', outputPadding: 1 }),
      /no outputPadding/,
    ],
    [
      'a padding that leaves nothing',
      () => on([1, 1, 1], nn.convTranspose2d({ filters: 1, kernelSize: 3, padding: 2 })),
      /convTranspose2d_1: the padding leaves an output of \[-1,-1\]/,
    ],
    [
      'groups that do not divide filters',
      () => nn.convTranspose1d({ filters: 3, kernelSize: 3, groups: 2 }),
      /groups \(2\) must divide filters \(3\)/,
    ],
    [
      'groups that do not divide channels',
      () => on([5, 3], nn.convTranspose1d({ filters: 2, kernelSize: 3, groups: 2 })),
      /convTranspose1d_1: groups \(2\) must divide the input's 3 channels/,
    ],
    [
      'a padding mode that has no meaning',
      () => nn.convTranspose2d(wrong({ filters: 1, kernelSize: 1, paddingMode: 'zeros' })),
      /no option 'paddingMode'/,
    ],
    [
      'a multiplier of 0',
      () => nn.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 0 }),
      /depthMultiplier must be .* not 0/,
    ],
    [
      'weights of two kinds under one name',
      () => nn.separableConv2d(wrong({ filters: 1, kernelSize: 3, weightInit: 'he' })),
      /no option 'weightInit'/,
    ],
    [
      'ends of too many axes',
      () => on([4, 4, 1], nn.pad({ padding: [1, 1, 1] })),
      /pad_1: padding names 3 axes, the input has 2/,
    ],
    [
      'three ends of an axis',
      () => nn.pad({ padding: wrong([[1, 2, 3]]) }),
      /padding\[0\] must be a number or \[before, after\]/,
    ],
    [
      'a value that is not shown',
      () => nn.pad({ padding: 1, mode: 'reflect', value: 1 }),
      /value has no meaning with mode 'reflect'/,
    ],
    [
      'padding of features',
      () => on([4], nn.pad({ padding: 1 })),
      /pad_1: needs at least one axis between batch and channels/,
    ],
    [
      'cropping of everything',
      () => on([4, 4, 1], nn.crop({ cropping: 2 })),
      /crop_1: the cropping leaves \[0,0\] of \[4,4\]/,
    ],
    ['neither size nor scale', () => nn.upsample2d({}), /upsample2d: needs either size or scale/],
    ['size and scale', () => nn.upsample2d({ size: 2, scale: 2 }), /needs either size or scale/],
    [
      'linear in two directions',
      () => nn.upsample2d({ scale: 2, mode: wrong('linear') }),
      /mode must be 'nearest' or 'bilinear', not 'linear'/,
    ],
    ['corners of the nearest', () => nn.upsample2d({ scale: 2, alignCorners: true }), /alignCorners has no meaning/],
    [
      'a scale that leaves nothing',
      () => on([3, 3, 1], nn.upsample2d({ scale: 0.25 })),
      /upsample2d_1: scale 0.25 leaves nothing of \[3,3\]/,
    ],
    ['a negative scale', () => nn.upsample1d({ scale: -2 }), /scale must be a number from .* not -2/],
    [
      'channels that do not shuffle',
      () => on([2, 2, 6], nn.pixelShuffle({ factor: 2 })),
      /pixelShuffle_1: 4 .* must divide the input's 6 channels/,
    ],
    [
      'pixels that do not unshuffle',
      () => on([2, 3, 1], nn.pixelUnshuffle({ factor: 2 })),
      /pixelUnshuffle_1: factor \(2\) must divide the input's 2x3 pixels/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});

it("padding 'same' makes a transposed convolution undo the sizes of a convolution", () => {
  const sizes = nn
    .sequential(
      [
        nn.conv2d({ filters: 2, kernelSize: [3, 2], stride: [3, 1], padding: 'same' }),
        nn.convTranspose2d({ filters: 1, kernelSize: [2, 4], stride: [3, 1], padding: 'same' }),
      ],
      { inputShape: [9, 5, 1] },
    )
    .summary()
    .layers.map(({ outputShape }) => outputShape);
  expect(sizes).toEqual([
    [3, 5, 2],
    [9, 5, 1],
  ]);
});

it.skipIf(!native)('a training through all of them has the same bits on both backends', async () => {
  const { train } = digits({ trainCount: 24, testCount: 1, seed: 4 });
  const layers = () => [
    nn.avgPool2d({ size: 4 }),
    nn.conv2d({ filters: 6, kernelSize: 3, padding: 1, paddingMode: 'reflect' }),
    nn.relu(),
    nn.pad({
      padding: [
        [0, 1],
        [1, 0],
      ],
      mode: 'replicate',
    }),
    nn.pixelUnshuffle({ factor: 2 }),
    nn.separableConv2d({ filters: 8, kernelSize: 3, padding: 'same' }),
    nn.leakyRelu(),
    nn.pixelShuffle({ factor: 2 }),
    nn.convTranspose2d({ filters: 5, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, bias: true }),
    nn.relu(),
    nn.crop({ cropping: [[1, 2], 3] }),
    nn.upsample2d({ size: [6, 8], mode: 'bilinear' }),
    nn.reshape({ shape: [24, 10] }),
    nn.upsample1d({ scale: 2 }),
    nn.reshape({ shape: [4, 4, 3, 10] }),
    nn.conv3d({ filters: 4, kernelSize: [3, 2, 3], padding: 1, groups: 2 }),
    nn.tanh(),
    nn.convTranspose3d({ filters: 3, kernelSize: 2, stride: [2, 1, 1] }),
    nn.reshape({ shape: [8, 72] }),
    nn.conv1d({ filters: 4, kernelSize: 3, stride: 2 }),
    nn.convTranspose1d({ filters: 4, kernelSize: 3, dilation: 2 }),
    nn.flatten(),
    nn.linear({ units: 10 }),
  ];
  const trained = async (backend: 'native' | 'typescript', threads: number) => {
    const model = nn.sequential(layers(), { inputShape: [28, 28, 1], seed: 2 });
    const losses: number[] = [];
    await nn.fit(model, {
      data: train,
      optimizer: nn.sgd({ learningRate: 1e-2, momentum: 0.9 }),
      seed: 11,
      epochs: 1,
      batchSize: 8,
      numerics: 'exact',
      backend,
      onStep: ({ loss }: nn.StepEvent) => losses.push(loss),
      ...(backend === 'native' && { threads }),
    });
    const hash = createHash('sha256');
    for (const { data } of model.tensors.values()) hash.update(new Uint8Array(data.buffer));
    expect(losses.every(Number.isFinite)).toBe(true);
    return { losses, weights: hash.digest('hex') };
  };
  const reference = await trained('typescript', 1);
  expect(reference.losses).toHaveLength(3);
  expect(await trained('native', 1)).toEqual(reference);
  expect(await trained('native', 2)).toEqual(reference);
});

it.skipIf(!native)(
  'a kernel of twice its stride, which may run as Winograd, adds the bias to every pixel',
  async () => {
    const bias = Array.from({ length: 20 }, (_, c) => c - 10);
    const model = nn.sequential(
      [
        nn.convTranspose2d({
          filters: 20,
          kernelSize: 4,
          stride: 2,
          weightInit: { values: Array.from({ length: 4 * 4 * 20 * 32 }, (_, i) => ((i * 37) % 101) / 50 - 1) },
          biasInit: { values: bias },
        }),
        nn.leakyRelu(),
      ],
      { inputShape: [16, 16, 32] },
    );
    const images = Float32Array.from({ length: 2 * 16 * 16 * 32 }, (_, i) => ((i * 53) % 97) / 48 - 1);
    const fast = await model.predict(images, { backend: 'native' });
    const exact = await model.predict(images, { backend: 'typescript' });
    // The bound of docs/numerics.md, of F(3x3, 2x2) with 32 channels and of the direct chains.
    const allowed = (32 + 10) * 2 ** -24 * 36 * 32 * 2;
    const worst = fast.reduce((most, value, i) => Math.max(most, Math.abs(value - (exact[i] as number))), 0);
    expect(worst).toBeLessThan(allowed);
  },
);
