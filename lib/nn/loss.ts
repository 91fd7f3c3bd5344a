// All losses.

export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type SoftmaxCrossEntropyOptions,
  softmaxCrossEntropy,
} from './loss/cross-entropy.ts';
export type { Loss } from './loss/definition.ts';
export { type DiceOptions, dice } from './loss/dice.ts';
export { type HingeOptions, hinge } from './loss/hinge.ts';
export { type PenaltyOptions, withPenalty } from './loss/penalty.ts';
export { huber, meanAbsoluteError, meanSquaredError, smoothL1 } from './loss/regression.ts';
