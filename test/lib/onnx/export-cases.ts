// Small networks for the tests of the export, by the layer types that are in them: every type that can be registered has some.

import type { Layer } from '../../../lib/index.ts';
import * as lw from '../../../lib/index.ts';
import { layersFromConfig } from '../../../lib/nn/registry.ts';

export interface ExportCase {
  readonly title: string;
  readonly model: () => lw.Model | Promise<lw.Model>;
  /** What the import does not take, so that onnxruntime alone can check the file. */
  readonly notImported?: string;
}

type Options = Readonly<Record<string, unknown>>;

const titleOf = (options: Options): string =>
  JSON.stringify(options, (_, value) => (value instanceof Float32Array ? [...value] : value)).slice(0, 120);

/** A layer alone on an input. */
function alone(type: string, inputShape: readonly number[], ...options: readonly Options[]): ExportCase[] {
  return options.map((given) => ({
    title: `${type} ${titleOf(given)} on [${inputShape}]`,
    model: () => lw.sequential(layersFromConfig([{ type, ...given }]), { inputShape }),
  }));
}

function graph(title: string, make: () => lw.Model | Promise<lw.Model>): ExportCase[] {
  return [{ title, model: make }];
}

const notImported = (operator: string, cases: readonly ExportCase[]): ExportCase[] =>
  cases.map((one) => ({ ...one, notImported: operator }));

/** Of two inputs. */
function joining(type: string, layer: (options?: lw.LayerOptions) => Layer): ExportCase[] {
  return [
    ...graph(`${type} of images`, () => {
      const [a, b] = [lw.input({ shape: [3, 4, 2], name: 'a' }), lw.input({ shape: [3, 4, 2], name: 'b' })];
      // Above 0, to be divided by.
      return lw.model({ inputs: [a, b], outputs: layer()(a, lw.softplus()(b)) });
    }),
    ...graph(`${type} of an image with a value for each channel, and with a constant`, () => {
      const a = lw.input({ shape: [3, 4, 2] });
      const b = lw.softplus()(lw.globalAvgPool2d()(a));
      const c = lw.constant({ shape: [4, 2], values: [1, 2, 3, 4, 5, 6, 7, 8] });
      return lw.model({ inputs: a, outputs: layer()(layer()(a, b), c) });
    }),
  ];
}

const image = [6, 5, 4];
const windows: Options[] = [
  { size: 2 },
  { size: 3, stride: 2, padding: 1, ceilMode: true },
  { size: [2, 3], stride: [1, 2], padding: { top: 1, bottom: 0, left: 2, right: 1 } },
];
const lines: Options[] = [{ size: 2 }, { size: 3, stride: 2, padding: 1, ceilMode: true }, { size: 2, dilation: 2 }];
const volumes: Options[] = [{ size: 2 }, { size: [2, 3, 2], stride: [2, 1, 2], padding: 1, ceilMode: true }];
const counting: Options[] = [
  { size: 3, padding: 1, countPadding: true },
  { size: 3, stride: 2, padding: 1, countPadding: true, ceilMode: true },
  { size: 2, divisor: 3 },
  { size: 2, dilation: 2, padding: 1 },
];

type PoolLayer = (options: { readonly size: number }) => Layer;

function unpooling(type: string, pool: PoolLayer, unpool: PoolLayer, shape: readonly number[]): ExportCase[] {
  return notImported(
    'Mod',
    graph(`${type} of what was pooled`, () => {
      const x = lw.input({ shape });
      const pooled = lw.relu()(pool({ size: 2 })(x));
      return lw.model({ inputs: x, outputs: unpool({ size: 2 })(pooled, x) });
    }),
  );
}

/** What a file that was imported becomes. */
function imported(outputs: 1 | 2): Promise<lw.Model> {
  const x = lw.input({ shape: [5, 4, 2] });
  const features = lw.batchNorm2d()(lw.conv2d({ filters: 3, kernelSize: 2 })(x));
  const pooled = lw.linear({ units: 2 })(lw.flatten()(lw.maxPool2d({ size: 2 })(features)));
  const made = outputs === 1 ? pooled : { features, pooled };
  return lw.importOnnx(lw.onnxBytes(lw.model({ inputs: x, outputs: made })));
}

const plain = (...types: readonly string[]): Record<string, ExportCase[]> =>
  Object.fromEntries(types.map((type) => [type, [...alone(type, image, {}), ...alone(type, [7], {})]]));

export const exportCases: Readonly<Record<string, readonly ExportCase[]>> = {
  conv1d: alone(
    'conv1d',
    [9, 4],
    { filters: 3, kernelSize: 3, stride: 2, padding: 1 },
    { filters: 2, kernelSize: 2, groups: 2, dilation: 2 },
  ),
  conv2d: alone(
    'conv2d',
    image,
    { filters: 3, kernelSize: [3, 2], stride: [2, 1], padding: { top: 1, bottom: 0, left: 0, right: 2 } },
    { filters: 6, kernelSize: 3, padding: 'same', dilation: 2, groups: 2, bias: false },
    { filters: 2, kernelSize: 3, padding: 2, paddingMode: 'reflect' },
    { filters: 2, kernelSize: 3, padding: 2, paddingMode: 'replicate' },
    { filters: 2, kernelSize: 3, padding: 1, paddingMode: 'circular' },
  ),
  conv3d: alone(
    'conv3d',
    [4, 3, 5, 2],
    { filters: 3, kernelSize: 2 },
    { filters: 4, kernelSize: [3, 1, 2], stride: [2, 1, 1], padding: [1, 0, 1], groups: 2 },
  ),
  convTranspose1d: alone('convTranspose1d', [5, 4], {
    filters: 3,
    kernelSize: 3,
    stride: 2,
    padding: 1,
    outputPadding: 1,
  }),
  convTranspose2d: alone(
    'convTranspose2d',
    [3, 4, 4],
    { filters: 3, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 },
    { filters: 6, kernelSize: [2, 3], stride: [2, 1], dilation: [1, 2], groups: 2 },
  ),
  convTranspose3d: alone(
    'convTranspose3d',
    [2, 3, 2, 4],
    { filters: 2, kernelSize: 2, stride: 2 },
    { filters: 4, kernelSize: 3, stride: [2, 1, 1], padding: 1, groups: 2 },
  ),
  depthwiseConv2d: alone('depthwiseConv2d', image, { kernelSize: 3, padding: 1 }),
  separableConv2d: alone('separableConv2d', image, { filters: 5, kernelSize: 3, padding: 'same' }),
  linear: [
    ...alone('linear', [6], { units: 3 }, { units: 2, bias: false }),
    ...graph('linear after a convolution that is flattened', () =>
      lw.sequential([lw.conv2d({ filters: 3, kernelSize: 2 }), lw.flatten(), lw.relu(), lw.linear({ units: 4 })], {
        inputShape: image,
      }),
    ),
    ...graph('linear twice on features that are flattened and activated', () =>
      lw.sequential(
        [lw.maxPool1d({ size: 2 }), lw.flatten(), lw.silu(), lw.linear({ units: 4 }), lw.linear({ units: 2 })],
        { inputShape: [6, 2] },
      ),
    ),
  ],
  flatten: [...alone('flatten', image, {}), ...alone('flatten', [2, 3, 4, 2], {})],
  ...plain('relu', 'sigmoid', 'tanh', 'relu6', 'selu', 'mish', 'hardSwish', 'softsign'),
  softmax: alone('softmax', image, {}, { axis: 0 }),
  logSoftmax: alone('logSoftmax', image, {}, { axis: -2 }),
  leakyRelu: alone('leakyRelu', image, {}, { slope: 0.2 }),
  prelu: alone('prelu', image, {}, { perChannel: true }),
  hardTanh: alone('hardTanh', image, {}, { min: -0.5, max: 0.25 }),
  clip: alone('clip', image, { min: -0.5 }, { max: 0.25 }, { min: -0.5, max: 0.75 }),
  elu: alone('elu', image, {}, { alpha: 0.5 }),
  celu: alone('celu', image, {}, { alpha: 0.5 }),
  gelu: alone('gelu', image, {}, { approximate: 'tanh' }),
  silu: alone('silu', image, {}, { beta: 1.5 }),
  hardSigmoid: alone('hardSigmoid', image, {}, { alpha: 0.3, beta: 0.4 }),
  softplus: [
    ...alone('softplus', image, {}, { beta: 2 }),
    ...notImported('Greater', alone('softplus', image, { beta: 2, threshold: 0.5 })),
  ],
  batchNorm1d: [...alone('batchNorm1d', [5], {}), ...alone('batchNorm1d', [4, 5], { epsilon: 0.01 })],
  batchNorm2d: alone('batchNorm2d', image, {}, { affine: false }),
  batchNorm3d: alone('batchNorm3d', [2, 3, 2, 4], {}),
  groupNorm: [
    ...alone('groupNorm', image, { groups: 2 }, { groups: 1, affine: false }),
    ...alone('groupNorm', [6], { groups: 3 }),
  ],
  instanceNorm: [...alone('instanceNorm', image, {}, { affine: true }), ...alone('instanceNorm', [4, 3], {})],
  layerNorm: [
    ...alone('layerNorm', image, {}, { axes: 3 }, { axes: 2, affine: false }),
    ...alone('layerNorm', [6], {}),
  ],
  localResponseNorm: [
    ...alone('localResponseNorm', image, { size: 3, alpha: 0.5 }, { size: 4, alpha: 0.5, beta: 0.5, k: 2 }),
    ...alone('localResponseNorm', [3, 4], { size: 3, alpha: 0.5 }),
  ],
  maxPool1d: alone('maxPool1d', [9, 3], ...lines),
  maxPool2d: alone('maxPool2d', image, ...windows, { size: 2, dilation: 2 }, { size: 2, dilation: 4, padding: 2 }),
  maxPool3d: alone('maxPool3d', [4, 5, 4, 2], ...volumes),
  avgPool1d: alone('avgPool1d', [9, 3], ...lines),
  avgPool2d: alone('avgPool2d', image, ...windows, ...counting),
  avgPool3d: alone('avgPool3d', [4, 5, 4, 2], ...volumes),
  lpPool1d: alone('lpPool1d', [9, 3], ...lines),
  lpPool2d: alone('lpPool2d', image, ...windows, { size: 2, p: 1 }, { size: 2, p: 3 }),
  lpPool3d: alone('lpPool3d', [4, 5, 4, 2], ...volumes),
  maxUnpool1d: unpooling('maxUnpool1d', lw.maxPool1d, lw.maxUnpool1d, [6, 3]),
  maxUnpool2d: unpooling('maxUnpool2d', lw.maxPool2d, lw.maxUnpool2d, [4, 6, 3]),
  maxUnpool3d: unpooling('maxUnpool3d', lw.maxPool3d, lw.maxUnpool3d, [4, 4, 2, 3]),
  globalAvgPool1d: alone('globalAvgPool1d', [5, 3], {}),
  globalAvgPool2d: alone('globalAvgPool2d', image, {}),
  globalAvgPool3d: alone('globalAvgPool3d', [2, 3, 4, 3], {}),
  globalMaxPool1d: alone('globalMaxPool1d', [5, 3], {}),
  globalMaxPool2d: alone('globalMaxPool2d', image, {}),
  globalMaxPool3d: alone('globalMaxPool3d', [2, 3, 4, 3], {}),
  adaptiveAvgPool1d: alone('adaptiveAvgPool1d', [7, 3], { outputSize: 3 }),
  adaptiveAvgPool2d: alone(
    'adaptiveAvgPool2d',
    image,
    { outputSize: [3, 5] },
    { outputSize: [4, 3] },
    { outputSize: 1 },
  ),
  adaptiveAvgPool3d: alone('adaptiveAvgPool3d', [3, 4, 5, 2], { outputSize: 2 }),
  adaptiveMaxPool1d: alone('adaptiveMaxPool1d', [7, 3], { outputSize: 3 }),
  adaptiveMaxPool2d: alone(
    'adaptiveMaxPool2d',
    image,
    { outputSize: [3, 5] },
    { outputSize: [4, 3] },
    { outputSize: 1 },
  ),
  adaptiveMaxPool3d: alone('adaptiveMaxPool3d', [3, 4, 5, 2], { outputSize: 2 }),
  dropout: alone('dropout', image, {}),
  spatialDropout1d: alone('spatialDropout1d', [5, 3], {}),
  spatialDropout2d: alone('spatialDropout2d', image, {}),
  spatialDropout3d: alone('spatialDropout3d', [2, 3, 4, 2], {}),
  stochasticDepth: alone('stochasticDepth', image, {}),
  reshape: [
    ...alone('reshape', image, { shape: [10, 12] }, { shape: [2, 3, 5, 2, 2] }),
    ...alone('reshape', [24], { shape: [2, 3, 4] }),
  ],
  permute: [
    ...alone('permute', image, { axes: [2, 0, 1] }, { axes: [1, 0, 2] }),
    ...alone('permute', [2, 3, 2, 3], { axes: [3, 1, 0, 2] }),
  ],
  concat: [
    ...[-1, 0, 1].flatMap((axis) =>
      graph(`concat along ${axis}`, () => {
        const x = lw.input({ shape: [4, 4, 2] });
        return lw.model({
          inputs: x,
          outputs: lw.concat({ axis })(x, lw.relu()(x), lw.permute({ axes: [1, 0, 2] })(x)),
        });
      }),
    ),
    ...notImported(
      'made for a batch of one size',
      graph('concat with a constant', () => {
        const x = lw.input({ shape: [3, 2] });
        return lw.model({ inputs: x, outputs: lw.concat()(x, lw.constant({ shape: [3, 1], values: [1, 2, 3] })) });
      }),
    ),
  ],
  slice: alone('slice', image, { start: 1 }, { axis: 0, start: -4, end: -1, step: 2 }),
  pad: [
    ...alone('pad', image, { padding: 1, value: 2 }, { padding: [[0, 1], 2] }),
    ...['reflect', 'replicate', 'circular'].flatMap((mode) =>
      alone('pad', image, {
        padding: [
          [2, 1],
          [0, 3],
        ],
        mode,
      }),
    ),
  ],
  crop: alone('crop', image, { cropping: [[0, 1], 2] }),
  upsample1d: alone('upsample1d', [5, 3], { scale: 2 }, { size: 8, mode: 'linear' }),
  upsample2d: [
    ...alone(
      'upsample2d',
      [3, 5, 2],
      { scale: 2 },
      { scale: [2, 3], mode: 'bilinear' },
      { size: [7, 4], mode: 'bilinear' },
      { size: [7, 9], mode: 'bilinear', alignCorners: true },
      { scale: 1.7, mode: 'bilinear' },
    ),
    ...notImported('Gather', alone('upsample2d', [6, 6, 2], { size: [4, 10] }, { scale: 1.6 })),
  ],
  pixelShuffle: alone('pixelShuffle', [2, 3, 8], { factor: 2 }),
  pixelUnshuffle: alone('pixelUnshuffle', [4, 6, 2], { factor: 2 }),
  bias: alone('bias', image, {}),
  mean: alone('mean', image, { axes: [0, 1] }, { axes: [2], keepDims: true }),
  sum: alone('sum', image, { axes: [1, 2] }, { axes: [0], keepDims: true }),
  add: joining('add', lw.add),
  subtract: joining('subtract', lw.subtract),
  multiply: joining('multiply', lw.multiply),
  divide: joining('divide', lw.divide),
  maximum: joining('maximum', lw.maximum),
  minimum: joining('minimum', lw.minimum),
  constant: graph('constant beside an input', () => {
    const x = lw.input({ shape: [2, 3] });
    return lw.model({ inputs: x, outputs: lw.add()(x, lw.constant({ shape: [2, 3], values: [1, 2, 3, 4, 5, 6] })) });
  }),
  parameter: graph('parameter that is learned for each pixel', () => {
    const x = lw.input({ shape: [2, 3, 2] });
    return lw.model({ inputs: x, outputs: lw.multiply()(x, lw.parameter({ shape: [2, 3, 1], init: 'ones' })) });
  }),
  residual: graph('residual with batch norms', () => {
    const conv = () => lw.conv2d({ filters: 4, kernelSize: 3, padding: 1, bias: false });
    const body = [conv(), lw.batchNorm2d(), lw.relu(), conv(), lw.batchNorm2d()];
    return lw.sequential([lw.residual(body), lw.relu(), lw.globalAvgPool2d(), lw.linear({ units: 3 })], {
      inputShape: image,
    });
  }),
  onnx: graph('a file that was imported', () => imported(1)),
  onnxOutput: graph('a file with two outputs that was imported', () => imported(2)),
  branches: graph('branches side by side', () =>
    lw.sequential([lw.branches([[], [lw.conv2d({ filters: 2, kernelSize: 1 })]]), lw.maxPool2d({ size: 2 })], {
      inputShape: image,
    }),
  ),
};
