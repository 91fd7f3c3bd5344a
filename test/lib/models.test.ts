// The networks known by name and the schedule they are trained with.
import { describe, expect, it } from 'vitest';
import { recipeNames, recipes } from '../../lib/models/index.ts';
import type { Recipe } from '../../lib/models/recipe.ts';
import { oneCycle } from '../../lib/optim/schedule.ts';
import { sequential } from '../../lib/train/build-model.ts';

describe('recipes', () => {
  it.each([
    ['lenet5', 61_706],
    ['cnn', 897_130],
    ['vgg', 2_197_706],
    ['airbench', 1_978_026],
  ] as const)('%s has %d parameters', (name, parameters) => {
    const recipe: Recipe = recipes[name];
    expect(sequential(recipe.layers(10), { inputShape: recipe.inputShape }).parameterCount).toBe(parameters);
  });

  it('fit the images of every data set that is read, and any number of classes', () => {
    for (const name of recipeNames) {
      for (const inputShape of [
        [28, 28, 1],
        [32, 32, 3],
      ] as const) {
        expect(sequential(recipes[name].layers(47), { inputShape }).outputShape).toEqual([47]);
      }
    }
  });
});

describe('oneCycle', () => {
  const totalSteps = 1000;
  const rest = { epochs: 10, epochLosses: [] };
  const rates = Array.from({ length: totalSteps }, (_, step) => {
    const rate = oneCycle(0.5);
    return typeof rate === 'function' ? rate({ step, epoch: 0, totalSteps, ...rest }) : Number.NaN;
  });

  it('rises to the peak and falls to nothing', () => {
    expect(rates[0]).toBeCloseTo(0.05, 2);
    expect(Math.max(...rates)).toBeCloseTo(0.5, 2);
    expect(rates.indexOf(Math.max(...rates))).toBeGreaterThan(140);
    expect(rates.indexOf(Math.max(...rates))).toBeLessThan(160);
    expect(rates.at(-1)).toBeLessThan(1e-4);
    for (const [step, rate] of rates.entries()) {
      expect(rate).toBeGreaterThan(0);
      if (step > 0) expect(rate > rates[step - 1]!).toBe(step <= 150);
    }
  });

  it('stays finite and not below zero beyond the last step', () => {
    const rate = oneCycle(0.5);
    expect(typeof rate === 'function' && rate({ step: 2000, epoch: 9, totalSteps, ...rest })).toBe(0);
    expect(typeof rate === 'function' && rate({ step: 0, epoch: 0, totalSteps: 1, ...rest })).toBeGreaterThan(0);
  });
});
