// `lanewise summary`: a network layer by layer, and on request where its training step spends memory and time.

import { recipeNames, recipes } from '../models/index.ts';
import type { Recipe } from '../models/recipe.ts';
import { formatArena } from '../report/arena.ts';
import { formatProfile, formatProfileByOp } from '../report/profile.ts';
import { formatSummary } from '../report/summary.ts';
import { describeArena, profileStep } from '../train/inspect.ts';
import { loadModel, type Model, sequential } from '../train/model.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, jsonOption } from './data-and-backend-options.ts';
import { type Option, text, toggle, wholeNumber } from './option.ts';
import { findModel, isFile } from './run-folder.ts';
import { printLine } from './terminal.ts';
import { didYouMean, UsageError } from './usage-error.ts';

type Shape = readonly [height: number, width: number, channels: number];

const shapeOption: Option<Shape | undefined> = {
  placeholder: 'HxWxC',
  help: 'input of a named network (default: 28x28x1, vgg 32x32x3)',
  fallback: undefined,
  read: (value, flag) => {
    const sizes = /^(\d{1,5})x(\d{1,5})x(\d{1,5})$/.exec(value)?.slice(1).map(Number) ?? [];
    if (sizes.length === 3 && sizes.every((size) => size >= 1 && size <= 65_536)) return sizes as unknown as Shape;
    throw new UsageError(`${flag} must be height, width and channels such as 28x28x1, not '${value}'`);
  },
};

const names = recipeNames.join(', ');

export const summary = defineCommand({
  name: 'summary',
  summary: 'shows the layers of a network, and where its time and memory go',
  positional: {
    name: 'MODEL',
    help: `${names}, a model file or the folder of a run (default: lenet5)`,
    required: false,
  },
  options: {
    model: text('MODEL', 'the same as an option'),
    input: shapeOption,
    classes: wholeNumber(1, 1_000_000, 'classes of a named network (default: 10)'),
    arena: toggle('draw the memory plan of a training step'),
    profile: toggle('run training steps and show the time of each op'),
    'batch-size': wholeNumber(1, 65_536, 'images per step for --arena and --profile (default: 64)'),
    ...backendOptions,
    json: jsonOption,
  },
  run: async (values, terminal, positional) => {
    const model = await findNetwork(values.model ?? positional ?? 'lenet5', values.input, values.classes);
    const say = (line: string): void => printLine(terminal.out, line);
    const layers = model.summary();
    say(formatSummary(layers));
    const step = {
      ...backendOf(values),
      ...(values['batch-size'] === undefined ? {} : { batchSize: values['batch-size'] }),
    };
    const arena = values.arena ? describeArena(model, step) : undefined;
    const profile = values.profile ? await profileStep(model, step) : undefined;
    if (arena !== undefined)
      say(`\n${formatArena(arena, { width: Math.max(20, (terminal.out.columns ?? 112) - 16) })}`);
    if (profile !== undefined) say(`\n${formatProfile(profile)}\n\n${formatProfileByOp(profile)}`);
    if (values.json) say(JSON.stringify({ ...layers, arena, profile }));
    return 0;
  },
});

async function findNetwork(word: string, input: Shape | undefined, classes: number | undefined): Promise<Model> {
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
