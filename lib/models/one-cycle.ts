// The learning-rate schedule of the recipes: up in a straight line, then down to zero in a smooth curve (Smith & Topin
// 2018). Only + - * / are used, so that a resumed run on another machine gets the same rates.

import type { LearningRate } from '../optim/optimizer.ts';

const WARMUP = 0.15;
const START = 0.1;

/** From a tenth of `peak` at the first step to `peak` after 15 % of the steps, to zero after the last. */
export function oneCycle(peak: number): LearningRate {
  return ({ step, totalSteps }) => {
    const progress = (step + 0.5) / totalSteps;
    if (progress < WARMUP) return peak * (START + ((1 - START) * progress) / WARMUP);
    const rest = Math.max(0, 1 - progress) / (1 - WARMUP);
    return peak * rest * rest * (3 - 2 * rest);
  };
}
