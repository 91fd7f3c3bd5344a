// The public API of lanewise. Everything a user can import is listed here.

export type { Backend, BackendOptions } from './backend/backend.ts';
export { type ErrorCode, LanewiseError } from './errors.ts';
export type { Dataset } from './data/dataset.ts';
export { datasetFrom } from './data/dataset-from.ts';
export { digits } from './data/digits.ts';
export { openDataset } from './data/open-dataset.ts';
export { leakyRelu, type LeakyReluOptions, relu, sigmoid, softmax, tanh } from './nn/activation.ts';
export { conv2d, type Conv2dOptions } from './nn/conv2d.ts';
export type { Initializer } from './nn/initializer.ts';
export type { Layer, LayerOptions } from './nn/layer.ts';
export { flatten, linear, type LinearOptions } from './nn/linear.ts';
export { type Loss, softmaxCrossEntropy, type SoftmaxCrossEntropyOptions } from './nn/loss.ts';
export {
  avgPool2d,
  type AvgPool2dOptions,
  globalAvgPool2d,
  globalMaxPool2d,
  maxPool2d,
  type Pool2dOptions,
} from './nn/pooling.ts';
export { batchNorm2d, type BatchNorm2dOptions, dropout, type DropoutOptions } from './nn/regularization.ts';
export { residual } from './nn/residual.ts';
export type { Padding2d, Size2d } from './nn/window.ts';
export { adam, type AdamOptions, adamw } from './optim/adam.ts';
export type { LearningRate, Optimizer, Progress } from './optim/optimizer.ts';
export { sgd, type SgdOptions } from './optim/sgd.ts';
export type { Numerics } from './plan/plan.ts';
export { type Evaluation, evaluate, type EvaluateOptions } from './train/evaluate.ts';
export {
  type EpochEvent,
  fit,
  type FitOptions,
  type StepEvent,
  type TrainingEvent,
  type TrainingResult,
  type TrainingRun,
} from './train/fit.ts';
export {
  type ArenaReport,
  type ArenaTensor,
  describeArena,
  type InspectOptions,
  type OpProfile,
  profileStep,
} from './train/inspect.ts';
export {
  type Images,
  loadModel,
  type Model,
  type ModelOptions,
  type ModelTensor,
  type PredictOptions,
  sequential,
} from './train/model.ts';
export type { LayerSummary, ModelSummary } from './train/summary.ts';
