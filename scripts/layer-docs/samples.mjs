// A small case of every layer type, from which docs/layers.md reads the ops and ONNX nodes that it becomes: the shapes of its
// inputs without a batch, and options. The first options are the usual ones; the others add what only they bring.

const image = [6, 5, 4];
const volume = [4, 3, 5, 4];
const signal = [9, 4];
const filters = { filters: 2, kernelSize: 3 };
const modes = ['reflect', 'replicate', 'circular'];

const alone = (shape, ...options) => options.map((given) => ({ shapes: [shape], options: given }));
const plain = (...types) => Object.fromEntries(types.map((type) => [type, alone(image, {})]));
/** Of two values of one shape, and of two that are broadcast. */
const two = (...types) =>
  Object.fromEntries(
    types.map((type) => [type, [image, [4]].map((other) => ({ shapes: [image, other], options: {} }))]),
  );
/** Layers that pass their input on, so that only what is around them shows. */
const nothing = (lw) => [lw.dropout({ rate: 0 })];
/** A type for one, two and three axes. */
const perAxes = (stem, ...options) =>
  Object.fromEntries([signal, image, volume].map((shape, axis) => [`${stem}${axis + 1}d`, alone(shape, ...options)]));

/** By type; `lw` is the library. A sentence stands for a layer whose ops are not its own. */
export const samplesOf = (lw) => ({
  ...perAxes('conv', filters, ...modes.map((paddingMode) => ({ ...filters, padding: 1, paddingMode }))),
  ...perAxes('convTranspose', filters),
  depthwiseConv2d: alone(image, { kernelSize: 3 }),
  separableConv2d: alone(image, filters),
  linear: alone([6], { units: 3 }),
  bias: alone(image, {}),
  flatten: alone(image, {}),
  ...plain('relu', 'relu6', 'sigmoid', 'tanh', 'leakyRelu', 'prelu', 'hardTanh', 'elu', 'celu'),
  ...plain('selu', 'silu', 'mish', 'hardSigmoid', 'hardSwish', 'softplus', 'softsign'),
  softmax: alone(image, {}, { axis: 0 }),
  logSoftmax: alone(image, {}, { axis: 0 }),
  gelu: alone(image, {}, { approximate: 'tanh' }),
  clip: alone(image, { min: -1, max: 1 }),
  batchNorm1d: alone([5], {}),
  batchNorm2d: alone(image, {}),
  batchNorm3d: alone(volume, {}),
  groupNorm: alone(image, { groups: 2 }),
  ...plain('instanceNorm', 'layerNorm'),
  localResponseNorm: alone(image, { size: 3 }),
  ...perAxes('maxPool', { size: 2 }),
  ...perAxes('avgPool', { size: 2 }),
  ...perAxes('lpPool', { size: 2 }),
  maxUnpool1d: [
    {
      shapes: [
        [3, 4],
        [6, 4],
      ],
      options: { size: 2 },
    },
  ],
  maxUnpool2d: [
    {
      shapes: [
        [2, 3, 4],
        [4, 6, 4],
      ],
      options: { size: 2 },
    },
  ],
  maxUnpool3d: [
    {
      shapes: [
        [2, 2, 1, 4],
        [4, 4, 2, 4],
      ],
      options: { size: 2 },
    },
  ],
  ...perAxes('globalAvgPool', {}),
  ...perAxes('globalMaxPool', {}),
  ...perAxes('adaptiveAvgPool', { outputSize: 2 }),
  ...perAxes('adaptiveMaxPool', { outputSize: 2 }),
  ...plain('dropout', 'stochasticDepth'),
  ...perAxes('spatialDropout', {}),
  reshape: alone(image, { shape: [10, 12] }),
  permute: alone(image, { axes: [1, 0, 2] }),
  pad: alone(image, { padding: 1 }, ...modes.map((mode) => ({ padding: 1, mode }))),
  crop: alone(image, { cropping: 1 }),
  upsample1d: alone(signal, { scale: 2 }, { scale: 2, mode: 'linear' }),
  upsample2d: alone(image, { scale: 2 }, { scale: 2, mode: 'bilinear' }),
  pixelShuffle: alone(image, { factor: 2 }),
  pixelUnshuffle: alone([4, 6, 2], { factor: 2 }),
  slice: alone(image, { start: 1 }),
  mean: alone(image, { axes: [0, 1] }),
  sum: alone(image, { axes: [0, 1] }),
  ...two('add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum'),
  concat: [{ shapes: [image, image], options: {} }],
  constant: [{ shapes: [], options: { shape: image, values: 1 } }],
  parameter: [{ shapes: [], options: { shape: image } }],
  residual: alone(image, { body: nothing(lw), shortcut: [] }),
  branches: alone(image, ...['concat', 'add', 'multiply'].map((join) => ({ bodies: [[], nothing(lw)], join }))),
  onnx: 'those of the nodes of the file',
  onnxOutput: alone([12], { start: 2, shape: [2, 3] }),
});
