// The public API of lanewise. Everything a user can import is listed here.

export type { Backend, BackendOptions } from './backend/backend.ts';
export type { MachineLimits } from './backend/limits.ts';
export {
  type Augmentation,
  type CutoutOptions,
  cutout,
  type ImageView,
  type RandomCropOptions,
  type RandomFlipOptions,
  randomCrop,
  randomFlip,
} from './data/augment.ts';
export type { Dataset, DatasetInput, DatasetSplits, DatasetTarget, Labels } from './data/dataset.ts';
export { datasetFrom } from './data/dataset-from.ts';
export { digits } from './data/digits.ts';
export { openDataset } from './data/open-dataset.ts';
export { type ErrorCode, LanewiseError } from './errors.ts';
export type { GraphTensor } from './graph/graph.ts';
export * as models from './models/networks.ts';
export {
  type ClipOptions,
  celu,
  clip,
  type EluOptions,
  elu,
  type GeluOptions,
  gelu,
  type HardSigmoidOptions,
  type HardTanhOptions,
  hardSigmoid,
  hardSwish,
  hardTanh,
  type LeakyReluOptions,
  leakyRelu,
  logSoftmax,
  mish,
  type PreluOptions,
  prelu,
  relu,
  relu6,
  type SiluOptions,
  type SoftmaxOptions,
  type SoftplusOptions,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
} from './nn/activation.ts';
export { type BiasOptions, bias } from './nn/bias.ts';
export { type BranchesOptions, branches } from './nn/branches.ts';
export type { Builder, Mode } from './nn/builder.ts';
export { type ConstantOptions, constant, type ParameterOptions, parameter } from './nn/constant.ts';
export {
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  type ConvTranspose3dOptions,
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './nn/conv-transpose.ts';
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type Conv3dOptions,
  type ConvOptions,
  conv1d,
  conv2d,
  conv3d,
  type PaddingMode,
} from './nn/conv2d.ts';
export { defineLayer, type LayerDefinition } from './nn/custom-layer.ts';
export {
  type AdaptivePoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  globalAvgPool1d,
  globalAvgPool2d,
  globalAvgPool3d,
  globalMaxPool1d,
  globalMaxPool2d,
  globalMaxPool3d,
} from './nn/global-pooling.ts';
export type { Initializer } from './nn/initializer.ts';
export type { Layer, LayerConfig, LayerOptions } from './nn/layer.ts';
export { flatten, type LinearOptions, linear } from './nn/linear.ts';
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type DiceOptions,
  dice,
  type HingeOptions,
  hinge,
  huber,
  type Loss,
  meanAbsoluteError,
  meanSquaredError,
  type PenaltyOptions,
  type SoftmaxCrossEntropyOptions,
  smoothL1,
  softmaxCrossEntropy,
  withPenalty,
} from './nn/loss.ts';
export {
  add,
  type ConcatOptions,
  concat,
  divide,
  maximum,
  minimum,
  multiply,
  type SliceOptions,
  type SplitOptions,
  slice,
  split,
  subtract,
} from './nn/merge.ts';
export {
  type AffineOptions,
  type BatchNorm2dOptions,
  type BatchNormOptions,
  batchNorm1d,
  batchNorm2d,
  batchNorm3d,
  type GroupNormOptions,
  groupNorm,
  instanceNorm,
  type LayerNormOptions,
  type LocalResponseNormOptions,
  layerNorm,
  localResponseNorm,
} from './nn/normalization.ts';
export { type CropOptions, crop, type Ends, type PadOptions, pad } from './nn/padding.ts';
export {
  type AvgPool1dOptions,
  type AvgPool2dOptions,
  type AvgPool3dOptions,
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LpPool1dOptions,
  type LpPool2dOptions,
  type LpPool3dOptions,
  type LpPoolOptions,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  type Pool1dOptions,
  type Pool2dOptions,
  type Pool3dOptions,
  type PoolOptions,
} from './nn/pooling.ts';
export { mean, type ReductionOptions, sum } from './nn/reduction.ts';
export {
  type DropoutOptions,
  dropout,
  spatialDropout1d,
  spatialDropout2d,
  spatialDropout3d,
  stochasticDepth,
} from './nn/regularization.ts';
export { residual } from './nn/residual.ts';
export {
  type PixelShuffleOptions,
  type PixelUnshuffleOptions,
  pixelShuffle,
  pixelUnshuffle,
  type Upsample1dOptions,
  type Upsample2dOptions,
  upsample1d,
  upsample2d,
} from './nn/resizing.ts';
export {
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
  type SeparableConv2dOptions,
  separableConv2d,
} from './nn/separable-conv.ts';
export { type PermuteOptions, permute, type ReshapeOptions, reshape } from './nn/structure.ts';
export { type InputOptions, input, type Value } from './nn/value.ts';
export type { Padding1d, Padding2d, Padding3d, Size1d, Size2d, Size3d } from './nn/window.ts';
export { defineOp } from './ops/custom-op.ts';
export type {
  AttrSchema,
  Attrs,
  Cost,
  DType,
  GradientContext,
  OpDefinition,
  TensorSpec,
  TensorView,
} from './ops/op.ts';
export * as ops from './ops/public.ts';
export { type AdamOptions, adam, adamw } from './optim/adam.ts';
export { noDecayOfVectors, type ParameterGroup } from './optim/groups.ts';
export { type LarsOptions, lars } from './optim/lars.ts';
export type { LearningRate, Optimizer, Progress } from './optim/optimizer.ts';
export { type AdagradOptions, adagrad, type RmspropOptions, rmsprop } from './optim/rmsprop.ts';
export {
  type CosineOptions,
  cosine,
  type ExponentialDecayOptions,
  exponentialDecay,
  linearWarmup,
  type OneCycleOptions,
  oneCycle,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
  type StepDecayOptions,
  stepDecay,
} from './optim/schedule.ts';
export { type SgdOptions, sgd } from './optim/sgd.ts';
export type { ClipOptions as GradientClipOptions } from './optim/update.ts';
export type { Numerics } from './plan/plan.ts';
export { formatArena } from './report/arena.ts';
export { formatConfusion, formatPerClass } from './report/evaluation.ts';
export { type FormatProfileOptions, formatProfile } from './report/profile.ts';
export { formatSummary } from './report/summary.ts';
export type { ModuleNames } from './torch/match.ts';
export {
  loadStateDict,
  type StateDictOptions,
  type StateTensor,
  saveStateDict,
  stateDict,
} from './torch/state-dict.ts';
export type { Images, Inputs } from './train/batch.ts';
export { loadModel, type ModelOptions, model, type SequentialOptions, sequential } from './train/build-model.ts';
export { type EvaluateOptions, type Evaluation, evaluate, type OutputEvaluation } from './train/evaluate.ts';
export { type ExportOnnxOptions, exportOnnx, onnxBytes } from './train/export-onnx.ts';
export {
  type EpochEvent,
  type FitOptions,
  fit,
  type StepEvent,
  type TrainingEvent,
  type TrainingResult,
  type TrainingRun,
} from './train/fit.ts';
export type { FrozenChoice } from './train/freeze.ts';
export { type Gradients, type GradientsOptions, gradients } from './train/gradients.ts';
export { type ImportOnnxOptions, importOnnx } from './train/import-onnx.ts';
export { type ArenaReport, type ArenaTensor, describeArena, type InspectOptions } from './train/inspect.ts';
export type { Model, ModelTensor } from './train/model.ts';
export type { Objective, WeightedLoss } from './train/objective.ts';
export type { PredictOptions } from './train/predict.ts';
export { type OpProfile, type ProfileOptions, profileStep, type StepProfile } from './train/profile.ts';
export type { LayerSummary, ModelSummary } from './train/summary.ts';
