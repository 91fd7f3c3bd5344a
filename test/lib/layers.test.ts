// Layers: output shapes, and what a wrong option or input says. Every message must name the layer and the fix.

import { describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';
import { layersFromConfig } from '../../lib/nn/registry.ts';

const conv1 = () => [nn.conv2d({ filters: 4, kernelSize: 1 })];
const shapeOf = (layers: nn.Layer[], inputShape: [number, number, number] = [28, 28, 3]) =>
  nn.sequential(layers, { inputShape }).summary().layers.at(-1)?.outputShape;

describe('layer shapes', () => {
  const conv = (options: Partial<nn.Conv2dOptions>) => [nn.conv2d({ filters: 4, kernelSize: 3, ...options })];
  it.each<[string, nn.Layer[], number[]]>([
    ['valid padding', conv({}), [26, 26, 4]],
    ['a number pads all sides', conv({ padding: 1 }), [28, 28, 4]],
    ['a pair pads height and width', conv({ padding: [2, 0] }), [30, 26, 4]],
    ['four sides', conv({ padding: { top: 1, bottom: 2, left: 0, right: 3 } }), [29, 29, 4]],
    ['same padding', conv({ padding: 'same', kernelSize: [4, 5] }), [28, 28, 4]],
    ['same padding with stride', conv({ padding: 'same', stride: 3 }), [10, 10, 4]],
    ['same padding with dilation', conv({ padding: 'same', dilation: 4 }), [28, 28, 4]],
    ['stride drops what does not fit', conv({ stride: [2, 5] }), [13, 6, 4]],
    ['depthwise with two filters a channel', conv({ filters: 6, groups: 3 }), [26, 26, 6]],
    ['max pooling', [nn.maxPool2d({ size: 3, stride: 2, padding: 1 })], [14, 14, 3]],
    ['average pooling', [nn.avgPool2d({ size: [2, 4] })], [14, 7, 3]],
    ['global pooling', [nn.globalAvgPool2d()], [3]],
    ['global max pooling', [nn.globalMaxPool2d()], [3]],
    ['flatten', [nn.flatten()], [2352]],
    ['reshape', [nn.reshape({ shape: [2, 14, 28, 3] })], [2, 14, 28, 3]],
    ['bias', [nn.bias(), nn.flatten(), nn.bias()], [2352]],
    ['permute', [nn.maxPool2d({ size: [2, 4] }), nn.permute({ axes: [2, 0, 1] })], [3, 14, 7]],
    [
      'branches, multiplied',
      [
        nn.branches([[], [nn.mean({ axes: [0, 1] }), nn.linear({ units: 3 }), nn.sigmoid()]], { join: 'multiply' }),
        nn.relu(),
      ],
      [28, 28, 3],
    ],
    ['mean of the pixels', [nn.mean({ axes: [0, 1] })], [3]],
    ['sum of the channels, kept', [nn.sum({ axes: -1, keepDims: true })], [28, 28, 1]],
    ['mean of everything', [nn.mean({ axes: [0, 1, 2] })], []],
    [
      'branches, side by side',
      [nn.branches([[], conv({ padding: 1 }), conv({ kernelSize: 1 })]), nn.relu()],
      [28, 28, 11],
    ],
    [
      'branches, added',
      [nn.branches([conv({ padding: 1 }), conv({ kernelSize: 1 })], { join: 'add' }), nn.relu()],
      [28, 28, 4],
    ],
    ['residual with shortcut', [nn.residual(conv({ padding: 1 }), conv({ kernelSize: 1 }))], [28, 28, 4]],
  ])('%s', (_, layers, expected) => {
    expect(shapeOf(layers)).toEqual(expected);
  });

  it('counts parameters and what a fully connected layer in their place would need', () => {
    const [conv5] = nn
      .sequential([nn.conv2d({ filters: 10, kernelSize: 5 })], { inputShape: [200, 200, 3] })
      .summary().layers;
    expect(conv5).toMatchObject({ parameters: 760, denseParameters: (200 * 200 * 3 + 1) * 196 * 196 * 10 });
    expect(conv5?.flops).toBeGreaterThanOrEqual(2 * 196 * 196 * 10 * 75);
  });
});

describe('wrong options', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  it.each<[string, () => unknown, RegExp]>([
    ['negative stride', () => nn.conv2d({ filters: 1, kernelSize: 3, stride: -1 }), /conv2d: stride must be .* not -1/],
    ['fractional filters', () => nn.conv2d({ filters: 1.5, kernelSize: 3 }), /filters must be a whole number/],
    ['NaN kernel', () => nn.conv2d({ filters: 1, kernelSize: Number.NaN }), /kernelSize .* not NaN/],
    ['huge dilation', () => nn.conv2d({ filters: 1, kernelSize: 3, dilation: 2 ** 40 }), /dilation must be/],
    ['three sizes', () => nn.conv2d({ filters: 1, kernelSize: wrong([1, 2, 3]) }), /kernelSize .*\[height, width\]/],
    [
      'a word for padding',
      () => shapeOf([nn.conv2d({ filters: 1, kernelSize: 3, padding: wrong('full') })]),
      /padding must be/,
    ],
    ['negative padding', () => shapeOf([nn.conv2d({ filters: 1, kernelSize: 3, padding: -1 })]), /padding must be/],
    [
      'groups that do not divide filters',
      () => nn.conv2d({ filters: 4, kernelSize: 3, groups: 3 }),
      /groups \(3\) must divide filters \(4\)/,
    ],
    [
      'groups that do not divide channels',
      () => shapeOf([nn.conv2d({ filters: 4, kernelSize: 3, groups: 2 })]),
      /conv2d_1: groups \(2\) must divide the input's 3 channels/,
    ],
    ['a misspelt option', () => nn.conv2d(wrong({ filters: 1, kernelSize: 3, strides: 2 })), /no option 'strides'/],
    ['a kernel larger than its input', () => shapeOf([nn.conv2d({ filters: 1, kernelSize: 29 })]), /conv2d_1: .*29/],
    ['a window larger than its input', () => shapeOf([nn.maxPool2d({ size: 40 })]), /maxPool2d_1: .*40/],
    ['dropout of everything', () => nn.dropout({ rate: 1 }), /rate must be a number from 0 to 0.999, not 1/],
    ['linear on images', () => shapeOf([nn.linear({ units: 3 })]), /linear_1: .*put flatten\(\)/],
    [
      'convolution on features',
      () => shapeOf([nn.flatten(), nn.conv2d({ filters: 1, kernelSize: 1 })]),
      /conv2d_1: needs images/,
    ],
    [
      'two layers of one name',
      () => shapeOf([nn.relu({ name: 'a' }), nn.relu({ name: 'a' })]),
      /two layers are named a/,
    ],
    ['a name that is none', () => nn.relu({ name: 'a.b' }), /name 'a.b' must be/],
    [
      'residual of different shapes',
      () => shapeOf([nn.residual([nn.conv2d({ filters: 3, kernelSize: 3 })])]),
      /residual_1: body gives .* shortcut .*1x1/,
    ],
    ['a shape of another size', () => shapeOf([nn.reshape({ shape: [28, 28] })]), /reshape_1: an example is .*28,28\]/],
    ['a shape that is none', () => nn.reshape({ shape: wrong(7) }), /reshape: shape must be a list/],
    ['an axis named twice', () => nn.permute({ axes: [0, 0, 1] }), /permute: axes must be .* not \[0, 0, 1\]/],
    ['too few axes', () => shapeOf([nn.permute({ axes: [1, 0] })]), /permute_1: an example has 3 axes, axes names 2/],
    ['no axes to sum', () => nn.sum({ axes: [] }), /sum: axes must be whole numbers from -5 to 4, not \[\]/],
    ['half an axis', () => nn.mean({ axes: 0.5 }), /mean: axes must be whole numbers from -5 to 4, not 0.5/],
    ['an axis beyond', () => shapeOf([nn.mean({ axes: [0, 3] })]), /mean_1: has axis 3, an example \[28,28,3\] has 3/],
    ['an axis given twice', () => shapeOf([nn.mean({ axes: [2, -1] })]), /mean_1: axes \[2, -1\] name one twice/],
    ['keepDims that is no boolean', () => nn.mean({ axes: 0, keepDims: wrong(1) }), /mean: keepDims must be true or/],
    ['one branch', () => nn.branches([[]]), /branches: bodies must be lists of layers, two or more/],
    [
      'another join',
      () => nn.branches([[], []], { join: wrong('toString') }),
      /join must be 'concat' or 'add' or 'multiply', not/,
    ],
    [
      'branches of different sizes',
      () => shapeOf([nn.branches([[], [nn.maxPool2d({ size: 2 })]])]),
      /branches_1: cannot join .*14,14,3\]: sizes may differ in axis 2 only/,
    ],
    [
      'branches of different channels, added',
      () => shapeOf([nn.branches([[], conv1()], { join: 'add' })]),
      /branches_1: cannot add \[1,28,28,3\], \[1,28,28,4\]: sizes must be equal, or 1/,
    ],
    ['no layers', () => nn.sequential([], { inputShape: [1, 1, 1] }), /needs a list of layers/],
    [
      'an input shape of five',
      () => nn.sequential([nn.flatten()], { inputShape: [1, 1, 1, 28, 28] }),
      /inputShape must be a list of 1 to 4 sizes, not \[1, 1, 1, 28, 28\]/,
    ],
    [
      'an unknown initializer',
      () => shapeOf([nn.conv2d({ filters: 1, kernelSize: 1, weightInit: wrong('xavier') })]),
      /conv2d_1.weight: unknown initializer "xavier"/,
    ],
    [
      'too few initial values',
      () => shapeOf([nn.flatten(), nn.linear({ units: 1, weightInit: { values: [1] } })]),
      /needs 2352 initial values .* got 1/,
    ],
    ['a negative learning rate', () => nn.sgd({ learningRate: -1 }), /sgd: learningRate must be .* not -1/],
    ['a momentum of 1', () => nn.sgd({ learningRate: 0.1, momentum: 1 }), /momentum must be/],
    ['a NaN beta', () => nn.adam({ beta1: Number.NaN }), /adam: beta1 must be .* not NaN/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});

describe('initial weights', () => {
  const weights = (options: Partial<nn.Conv2dOptions>, seed = 1) =>
    nn
      .sequential([nn.conv2d({ filters: 64, kernelSize: 3, ...options })], { inputShape: [8, 8, 32], seed })
      .tensor('conv2d_1.weight');
  // A sample deviation of N values is off by more than 3 % in no seed worth testing: 4 sigma are 4 / sqrt(2N) = 2.1 %.
  const within3Percent = (value: number, expected: number) => expect(Math.abs(value / expected - 1)).toBeLessThan(0.03);
  const deviation = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  it('He: deviation sqrt(2 / fanIn)', () => {
    within3Percent(deviation(weights({})), Math.sqrt(2 / 288));
    within3Percent(deviation(weights({ weightInit: 'heUniform' })), Math.sqrt(2 / 288));
  });

  it('Glorot: deviation sqrt(2 / (fanIn + fanOut))', () => {
    within3Percent(deviation(weights({ weightInit: 'glorot' })), Math.sqrt(2 / (288 + 576)));
    within3Percent(deviation(weights({ weightInit: 'glorotUniform' })), Math.sqrt(2 / (288 + 576)));
  });

  it('explicit values, and a seed that decides the rest', () => {
    expect([...weights({ weightInit: { constant: 0.5 } })].every((v) => v === 0.5)).toBe(true);
    expect(weights({}, 1)).toEqual(weights({}, 1));
    expect(weights({}, 1)).not.toEqual(weights({}, 2));
  });
});

it('branches, with what is inside them, are read back from a model file', () => {
  const layers = [nn.branches([[], [nn.relu(), nn.branches([[], []], { join: 'add' })]], { name: 'fork' }), nn.relu()];
  const configs = layers.map(({ config }) => config);
  expect(layersFromConfig(JSON.parse(JSON.stringify(configs))).map(({ config }) => config)).toEqual(configs);
  expect(() => layersFromConfig([{ type: 'branches' }])).toThrow('branches: bodies must be lists of layers');
});
