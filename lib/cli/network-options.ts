// The network that a command looks at: one of the named ones, or a file.

import { recipeNames, recipes } from '../models/index.ts';
import type { Recipe } from '../models/recipe.ts';
import { loadModel, sequential } from '../train/build-model.ts';
import { importOnnx } from '../train/import-onnx.ts';
import type { Model } from '../train/model.ts';
import { type Option, text, type Values, wholeNumber } from './option.ts';
import { findModel, isFile } from './run-folder.ts';
import { didYouMean, UsageError } from './usage-error.ts';

/** One to four sizes, channels last. */
export const shapeOption = (help: string): Option<readonly number[] | undefined> => ({
  placeholder: 'HxWxC',
  help,
  fallback: undefined,
  read: (value, flag) => {
    const sizes = /^\d{1,5}(x\d{1,5}){0,3}$/.test(value) ? value.split('x').map(Number) : [];
    if (sizes.length > 0 && sizes.every((size) => size >= 1 && size <= 65_536)) return sizes;
    throw new UsageError(`${flag} must be height, width and channels such as 28x28x1, not '${value}'`);
  },
});

const names = recipeNames.join(', ');

export const networkArgument = {
  name: 'MODEL',
  help: `${names}, a model or ONNX file, or a run's folder (default: lenet5)`,
  required: false,
} as const;

export const networkOptions = {
  model: text('MODEL', 'the same as an option'),
  input: shapeOption('input of a named network (default: what it was made for) or an ONNX file'),
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
    if (input !== undefined && input.length !== recipe.inputShape.length) {
      const wanted =
        recipe.inputShape.length === 3 ? 'height, width and channels' : `${recipe.inputShape.length} sizes`;
      throw new UsageError(
        `--input must be ${wanted} such as ${recipe.inputShape.join('x')}, not '${input.join('x')}'`,
      );
    }
    return sequential(recipe.layers(classes ?? 10), { inputShape: input ?? recipe.inputShape });
  }
  const path = await findModel(word);
  if (!(await isFile(path)) && !word.includes('/') && !word.includes('.')) {
    throw new UsageError(`MODEL must be ${names} or a file, not '${word}'.${didYouMean(word, recipeNames)}`);
  }
  const isOnnx = path.toLowerCase().endsWith('.onnx');
  if (classes !== undefined || (input !== undefined && !isOnnx))
    throw new UsageError('--input and --classes are for named networks; a file has its own');
  if (isOnnx) return importOnnx(path, input === undefined ? {} : { inputShape: input });
  return loadModel(path);
}
