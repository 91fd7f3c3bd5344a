// `lanewise predict`: what a saved model takes images for: some of a data set, with their labels, or one in a file.

import type { Labels } from '../data/dataset.ts';
import { readNetpbm } from '../data/netpbm.ts';
import { openDataset } from '../data/open-dataset.ts';
import { LanewiseError } from '../errors.ts';
import { formatTable } from '../report/table.ts';
import { formatPercent } from '../report/units.ts';
import { loadModel } from '../train/build-model.ts';
import type { Model } from '../train/model.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, countOptions, dataOption, jsonOption } from './data-and-backend-options.ts';
import { oneOf, text, type Values, wholeNumber } from './option.ts';
import { findModel } from './run-folder.ts';
import { printLine, type Terminal } from './terminal.ts';

const options = {
  data: dataOption,
  split: oneOf(['test', 'train'], 'which images (default: test)'),
  first: wholeNumber(0, 1_000_000_000, 'index of the first image (default: 0)'),
  count: wholeNumber(1, 1_000_000, 'number of images (default: 10)'),
  image: text('FILE', 'an image of the size the model takes, as binary PGM or PPM, instead of a data set'),
  ...countOptions,
  ...backendOptions,
  json: jsonOption,
} as const;

type PredictValues = Values<typeof options>;

export const predict = defineCommand({
  name: 'predict',
  summary: 'shows what a saved model takes images for',
  positional: { name: 'MODEL', help: 'a model file, or the folder of a training run', required: true },
  options,
  run: runPrediction,
});

/** Images in the order they are shown. */
interface Selection {
  readonly source: string;
  readonly shape: readonly number[];
  readonly pixels: Uint8Array | Float32Array;
  readonly names: readonly string[];
  /** Class of each image, where it is known. */
  readonly labels?: Labels;
  /** Names of the classes; a model file has none. */
  readonly classes: readonly string[];
}

async function runPrediction(values: PredictValues, terminal: Terminal, positional?: string): Promise<number> {
  const model = await loadModel(await findModel(positional as string));
  const selection = values.image === undefined ? await fromDataset(values) : await fromFile(values.image);
  const { shape, source, names, labels, classes } = selection;
  const wanted = model.inputShape;
  if (shape.join() !== wanted.join()) {
    const shapes = `images of ${shape.join(' x ')}, the model takes ${wanted.join(' x ')}`;
    throw new LanewiseError('data', `${source} has ${shapes}`);
  }
  const output = await model.predict(selection.pixels, backendOf(values));
  const predictions = names.map((image, row) => {
    const label = labels?.[row];
    return { image, ...mostLikely(model, output, row), ...(label === undefined ? {} : { label }) };
  });
  const title = (index: number): string => classes[index] ?? String(index);
  const table = formatTable(
    [
      { title: 'image', align: 'right' },
      { title: 'prediction' },
      { title: 'probability', align: 'right' },
      ...(labels === undefined ? [] : [{ title: 'label' }, { title: '' }]),
    ],
    predictions.map(({ image, prediction, probability, label }) => [
      image,
      title(prediction),
      formatPercent(probability),
      ...(label === undefined ? [] : [title(label), prediction === label ? '' : 'wrong']),
    ]),
  );
  printLine(terminal.out, table);
  if (values.json) printLine(terminal.out, JSON.stringify({ source, classes, predictions }));
  return 0;
}

async function fromFile(path: string): Promise<Selection> {
  return { source: path, names: [path], classes: [], ...(await readNetpbm(path)) };
}

async function fromDataset(values: PredictValues): Promise<Selection> {
  const counts = { trainCount: values['train-count'], testCount: values['test-count'] };
  const data = (await openDataset(values.data, counts))[values.split ?? 'test'];
  const first = values.first ?? 0;
  if (first >= data.count) {
    throw new LanewiseError('option', `--first must be below ${data.count}, the number of images, not ${first}`);
  }
  const end = Math.min(data.count, first + (values.count ?? 10));
  const size = data.images.length / data.count;
  return {
    source: values.data,
    shape: data.shape,
    pixels: data.images.subarray(first * size, end * size),
    names: Array.from({ length: end - first }, (_, row) => String(first + row)),
    labels: data.labels.subarray(first, end),
    classes: data.classes,
  };
}

/** The largest output of an image, and its probability, whether or not the network ends with softmax. */
function mostLikely(model: Model, output: Float32Array, row: number): { prediction: number; probability: number } {
  const classes = model.outputShape[0] ?? 0;
  const scores = output.subarray(row * classes, (row + 1) * classes);
  const prediction = scores.indexOf(Math.max(...scores));
  const largest = scores[prediction] ?? Number.NaN;
  if (model.outputLayer()?.type === 'softmax') return { prediction, probability: largest };
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  return { prediction, probability: 1 / sum };
}
