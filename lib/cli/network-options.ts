// The network that a command looks at: one of the named ones, or a file.

import { recipeNames, recipes } from '../models/index.ts';
import type { Recipe } from '../models/recipe.ts';
import { loadModel, sequential } from '../train/build-model.ts';
import type { Model } from '../train/model.ts';
import { type Option, text, type Values, wholeNumber } from './option.ts';
import { findModel, isFile } from './run-folder.ts';
import { didYouMean, UsageError } from './usage-error.ts';

type Shape = readonly [height: number, width: number, channels: number];

const shapeOption: Option<Shape | undefined> = {
  placeholder: 'HxWxC',
  help: 'input of a named network (default: what it was made for)',
  fallback: undefined,
  read: (value, flag) => {
    const sizes = /^(\d{1,5})x(\d{1,5})x(\d{1,5})$/.exec(value)?.slice(1).map(Number) ?? [];
    if (sizes.length === 3 && sizes.every((size) => size >= 1 && size <= 65_536)) return sizes as unknown as Shape;
    throw new UsageError(`${flag} must be height, width and channels such as 28x28x1, not '${value}'`);
  },
};

const names = recipeNames.join(', ');

export const networkArgument = {
  name: 'MODEL',
  help: `${names}, a model file or the folder of a run (default: lenet5)`,
  required: false,
} as const;

export const networkOptions = {
  model: text('MODEL', 'the same as an option'),
  input: shapeOption,
  classes: wholeNumber(1, 1_000_000, 'classes of a named network (default: 10)'),
} as const;

export async function findNetwork(
  values: Values<typeof networkOptions>,
  positional: string | undefined,
): Promise<Model> {
  const { model: option, input, classes } = values;
  const word = option ?? positional ?? 'lenet5';
  const name = recipeNames.find((known) => known === word);
  if (name !== undefined) {
    const recipe: Recipe = recipes[name];
    return sequential(recipe.layers(classes ?? 10), { inputShape: input ?? recipe.inputShape });
  }
  const path = await findModel(word);
  if (!(await isFile(path)) && !word.includes('/') && !word.includes('.')) {
    throw new UsageError(`MODEL must be ${names} or a file, not '${word}'.${didYouMean(word, recipeNames)}`);
  }
  if (input !== undefined || classes !== undefined)
    throw new UsageError('--input and --classes are for named networks; a file has its own');
  return loadModel(path);
}
