// `lanewise train`: one of the known networks on one of the known data sets, with a checkpoint after every epoch and the
// trained model at the end.

import { performance } from 'node:perf_hooks';
import { selectBackend } from '../backend/select.ts';
import { openDataset } from '../data/open-dataset.ts';
import { LanewiseError } from '../errors.ts';
import { recipeNames, recipes } from '../models/index.ts';
import type { Recipe } from '../models/recipe.ts';
import { softmaxCrossEntropy } from '../nn/loss.ts';
import { adam, adamw } from '../optim/adam.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { oneCycle } from '../optim/schedule.ts';
import { sgd } from '../optim/sgd.ts';
import { formatPerClass } from '../report/evaluation.ts';
import { formatDuration, formatInteger, formatLoss, formatPercent } from '../report/units.ts';
import { sequential } from '../train/build-model.ts';
import { fit, type TrainingResult } from '../train/fit.ts';
import { augmentationNames, augmentOption } from './augment-option.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, countOptions, dataOption, jsonOption } from './data-and-backend-options.ts';
import { oneOf, positiveNumber, text, toggle, type Values, wholeNumber } from './option.ts';
import { ProgressDisplay } from './progress-display.ts';
import { isFile, prepareRunFolder } from './run-folder.ts';
import { exitCodeOf, StopRequest } from './signals.ts';
import { printLine, type Terminal } from './terminal.ts';

const options = {
  data: dataOption,
  model: oneOf(recipeNames, 'network (default: lenet5)'),
  epochs: wholeNumber(1, 1_000_000, "passes over the training images (default: the model's)"),
  'batch-size': wholeNumber(1, 65_536, "images per step (default: the model's)"),
  optimizer: oneOf(['sgd', 'adam', 'adamw'], "default: the model's; sgd has Nesterov momentum 0.9"),
  lr: positiveNumber(1000, "learning rate, at its peak (default: the model's for the optimizer)"),
  schedule: oneOf(['one-cycle', 'constant'], 'how the learning rate changes (default: one-cycle)'),
  'weight-decay': positiveNumber(1000, "default: the model's for the optimizer", true),
  augment: augmentOption,
  seed: wholeNumber(0, 2 ** 31 - 1, 'of weights, shuffling, augmentation and dropout (default: 1)'),
  ...countOptions,
  ...backendOptions,
  numerics: oneOf(['fast', 'exact'], 'exact: the bits of the TypeScript backend (default: fast)'),
  out: text('DIR', 'folder for checkpoint and model (default: runs/MODEL-DATA)'),
  resume: toggle('continue from the checkpoint in the folder, if there is one'),
  'checkpoint-every': wholeNumber(
    1,
    1_000_000,
    'steps between checkpoints, beside those after each epoch (default: 1000)',
  ),
  json: jsonOption,
} as const;

type TrainValues = Values<typeof options>;

export const train = defineCommand({
  name: 'train',
  summary: 'trains a network and saves it',
  options,
  notes: [
    'SIGINT (Ctrl-C) and SIGTERM let the step in progress finish, write a checkpoint and exit with 130 or 143; a second',
    "one exits at once. 'lanewise train --resume' with the same options goes on from there, bit for bit.",
  ].join('\n'),
  run: runTraining,
});

async function runTraining(values: TrainValues, terminal: Terminal): Promise<number> {
  const started = performance.now();
  const display = new ProgressDisplay(terminal.out);
  let training = false;
  using stop = new StopRequest((signal) => {
    display.clear();
    const next = training ? 'finishing the step and writing a checkpoint; once more exits at once' : 'stopping';
    printLine(terminal.error, `lanewise: ${signal}: ${next}`);
  });
  const modelName = values.model ?? 'lenet5';
  const recipe: Recipe = recipes[modelName];
  const backend = selectBackend(backendOf(values));
  const folder = values.out ?? `runs/${modelName}-${values.data.split(':')[0]}`;
  const files = await prepareRunFolder(folder);
  const found = await isFile(files.checkpoint);
  const resume = values.resume && found;
  const { train: data, test } = await openDataset(values.data, {
    trainCount: values['train-count'],
    testCount: values['test-count'],
  });
  const seed = values.seed ?? 1;
  const model = sequential(recipe.layers(data.classes.length), { inputShape: data.shape, seed });
  const { optimizer, description } = chooseOptimizer(values, recipe);
  const epochs = values.epochs ?? recipe.epochs;
  const batchSize = values['batch-size'] ?? recipe.batchSize;
  const augment = values.augment ?? recipe.augment ?? [];

  const say = (line: string): void => printLine(terminal.out, line);
  const images = `${formatInteger(data.count)} training and ${formatInteger(test.count)} test images`;
  say(`data       ${values.data}: ${images}, ${data.shape.join(' x ')}, ${data.classes.length} classes`);
  say(`model      ${modelName}: ${formatInteger(model.parameterCount)} parameters`);
  say(`training   ${epochs} epoch${plural(epochs)}, batches of ${batchSize}, ${description}, seed ${seed}`);
  if (augment.length > 0) say(`augmented  ${augmentationNames(augment)}`);
  say(`backend    ${backend.name}: ${backend.isa}, ${backend.threads} thread${plural(backend.threads)}`);
  say(`folder     ${folder}${folderNote(values.resume, found)}`);
  if (stop.received !== undefined) return exitCodeOf(stop.received);

  training = true;
  const result = await fit(model, {
    data,
    validation: test,
    augment,
    loss: softmaxCrossEntropy({ labelSmoothing: recipe.labelSmoothing }),
    optimizer,
    epochs,
    batchSize,
    seed,
    ...backendOf(values),
    numerics: values.numerics ?? 'fast',
    signal: stop.signal,
    onStep: (event) => display.step(event),
    onEpoch: (event) => display.epoch(event),
    checkpoint: { path: files.checkpoint, everySteps: values['checkpoint-every'] ?? 1000 },
    ...(resume ? { resume: files.checkpoint } : {}),
  }).result.catch(async (error: unknown) => {
    display.clear();
    throw await withCheckpointNote(error, files.checkpoint);
  });
  training = false;
  display.clear();
  if (result.stopped === 'completed') await model.save(files.model);

  say('');
  report(result, files, data.classes, say);
  if (values.json) {
    const seconds = { seconds: rounded(result.seconds), totalSeconds: rounded((performance.now() - started) / 1000) };
    const identity = { data: values.data, model: modelName, seed, batchSize, optimizer: optimizer.type };
    say(
      JSON.stringify({ ...identity, ...outcome(result), ...seconds, modelFile: completedModel(result, files.model) }),
    );
  }
  return stop.received === undefined ? 0 : exitCodeOf(stop.received);
}

function chooseOptimizer(values: TrainValues, recipe: Recipe): { optimizer: Optimizer; description: string } {
  const name = values.optimizer ?? recipe.optimizer;
  const defaults = recipe.optimizers[name];
  const peak = values.lr ?? defaults.learningRate;
  const weightDecay = values['weight-decay'] ?? defaults.weightDecay;
  const schedule = values.schedule ?? 'one-cycle';
  const learningRate = schedule === 'constant' ? peak : oneCycle(peak);
  const optimizer = {
    sgd: () => sgd({ learningRate, momentum: 0.9, nesterov: true, weightDecay }),
    adam: () => adam({ learningRate, weightDecay }),
    adamw: () => adamw({ learningRate, weightDecay }),
  }[name]();
  return { optimizer, description: `${name} with learning rate ${peak} (${schedule})` };
}

function folderNote(resume: boolean, found: boolean): string {
  if (resume)
    return found ? ' (resuming from its checkpoint)' : ' (no checkpoint there yet: starting from the beginning)';
  return found ? ' (its checkpoint will be replaced; --resume would continue it)' : '';
}

/** A failure in the middle of a run says what is left. */
async function withCheckpointNote(error: unknown, checkpoint: string): Promise<unknown> {
  if (!(error instanceof LanewiseError) || error.code !== 'diverged' || !(await isFile(checkpoint))) return error;
  return new LanewiseError(error.code, `${error.message} (the last good checkpoint is ${checkpoint})`, {
    cause: error,
  });
}

function report(
  result: TrainingResult,
  files: { readonly checkpoint: string; readonly model: string },
  classes: readonly string[],
  say: (line: string) => void,
): void {
  const { validation } = result;
  if (validation !== undefined && result.stopped === 'completed') {
    const { confusion, accuracy, loss } = validation;
    if (confusion) say(`${formatPerClass(confusion, classes)}\n`);
    say(`test accuracy  ${accuracy === undefined ? '-' : formatPercent(accuracy)}, loss ${formatLoss(loss)}`);
  }
  const speed = `${formatInteger(result.imagesPerSecond)} images/s`;
  say(
    `training       ${formatInteger(result.steps)} step${plural(result.steps)}, ${formatDuration(result.seconds)} in this run, ${speed}`,
  );
  if (result.stopped === 'completed') say(`model          ${files.model}`);
  else say(`stopped        continue from ${files.checkpoint} with the same options and --resume`);
}

function outcome(result: TrainingResult): object {
  const { validation, stopped } = result;
  return {
    backend: result.backend,
    isa: result.isa,
    threads: result.threads,
    epochs: result.epochs,
    steps: result.steps,
    trainLoss: result.trainLoss,
    trainAccuracy: result.trainAccuracy ?? null,
    testLoss: validation?.loss ?? null,
    testAccuracy: validation?.accuracy ?? null,
    imagesPerSecond: rounded(result.imagesPerSecond),
    checkpoint: result.checkpoint ?? null,
    stopped,
  };
}

const completedModel = (result: TrainingResult, path: string): string | null =>
  result.stopped === 'completed' ? path : null;

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

const plural = (count: number): string => (count === 1 ? '' : 's');
