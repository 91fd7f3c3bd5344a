// `lanewise predict`: what a saved model takes some images of a data set for.

import { openDataset } from '../data/open-dataset.ts';
import { LanewiseError } from '../errors.ts';
import { formatTable } from '../report/table.ts';
import { formatPercent } from '../report/units.ts';
import { loadModel } from '../train/model.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, countOptions, dataOption, jsonOption } from './data-and-backend-options.ts';
import { oneOf, wholeNumber } from './option.ts';
import { findModel } from './run-folder.ts';
import { printLine } from './terminal.ts';

export const predict = defineCommand({
  name: 'predict',
  summary: 'shows what a saved model takes images for',
  positional: { name: 'MODEL', help: 'a model file, or the folder of a training run', required: true },
  options: {
    data: dataOption,
    split: oneOf(['test', 'train'], 'which images (default: test)'),
    first: wholeNumber(0, 1_000_000_000, 'index of the first image (default: 0)'),
    count: wholeNumber(1, 1_000_000, 'number of images (default: 10)'),
    ...countOptions,
    ...backendOptions,
    json: jsonOption,
  },
  run: async (values, terminal, positional) => {
    const model = await loadModel(await findModel(positional as string));
    const splits = await openDataset(values.data, {
      trainCount: values['train-count'],
      testCount: values['test-count'],
    });
    const data = splits[values.split ?? 'test'];
    const first = values.first ?? 0;
    if (first >= data.count) {
      throw new LanewiseError('option', `--first must be below ${data.count}, the number of images, not ${first}`);
    }
    const end = Math.min(data.count, first + (values.count ?? 10));
    const classes = model.outputShape[0] ?? 0;
    if (data.shape.join() !== model.architecture.inputShape.join()) {
      const shapes = `${data.shape.join(' x ')}, the model takes ${model.architecture.inputShape.join(' x ')}`;
      throw new LanewiseError('data', `${values.data} has images of ${shapes}`);
    }
    const size = data.images.length / data.count;
    const output = await model.predict(data.images.subarray(first * size, end * size), backendOf(values));
    const isProbability = model.architecture.layers.at(-1)?.type === 'softmax';
    const predictions = Array.from({ length: end - first }, (_, row) => {
      const scores = output.subarray(row * classes, (row + 1) * classes);
      const best = scores.indexOf(Math.max(...scores));
      const share = isProbability
        ? scores[best]!
        : 1 / scores.reduce((sum, score) => sum + Math.exp(score - scores[best]!), 0);
      return { index: first + row, prediction: best, probability: share, label: data.labels[first + row]! };
    });
    const title = (index: number): string => data.classes[index] ?? String(index);
    const table = formatTable(
      [
        { title: 'image', align: 'right' },
        { title: 'prediction' },
        { title: 'probability', align: 'right' },
        { title: 'label' },
        { title: '' },
      ],
      predictions.map(({ index, prediction, probability, label }) => [
        String(index),
        title(prediction),
        formatPercent(probability),
        title(label),
        prediction === label ? '' : 'wrong',
      ]),
    );
    printLine(terminal.out, table);
    if (values.json) printLine(terminal.out, JSON.stringify({ data: values.data, classes: data.classes, predictions }));
    return 0;
  },
});
