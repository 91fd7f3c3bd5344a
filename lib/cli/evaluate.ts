// `lanewise evaluate`: how good a saved model is on a data set.

import { performance } from 'node:perf_hooks';
import { selectBackend } from '../backend/select.ts';
import { openDataset } from '../data/open-dataset.ts';
import { formatConfusion, formatPerClass } from '../report/evaluation.ts';
import { formatInteger, formatLoss, formatPercent } from '../report/units.ts';
import { loadModel } from '../train/build-model.ts';
import { evaluate as evaluateModel } from '../train/evaluate.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, countOptions, dataOption, jsonOption } from './data-and-backend-options.ts';
import { oneOf, toggle, wholeNumber } from './option.ts';
import { findModel } from './run-folder.ts';
import { printLine } from './terminal.ts';

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'measures a saved model on a data set',
  positional: { name: 'MODEL', help: 'a model file, or the folder of a training run', required: true },
  options: {
    data: dataOption,
    split: oneOf(['test', 'train'], 'which images (default: test)'),
    'batch-size': wholeNumber(1, 65_536, 'images per run (default: 64)'),
    confusion: toggle('print the confusion matrix as well'),
    ...countOptions,
    ...backendOptions,
    json: jsonOption,
  },
  run: async (values, terminal, positional) => {
    const path = await findModel(positional as string);
    const model = await loadModel(path);
    const backend = selectBackend(backendOf(values));
    const splits = await openDataset(values.data, {
      trainCount: values['train-count'],
      testCount: values['test-count'],
    });
    const split = values.split ?? 'test';
    const data = splits[split];
    const start = performance.now();
    const { loss, accuracy, confusion } = await evaluateModel(model, data, {
      ...backendOf(values),
      ...(values['batch-size'] === undefined ? {} : { batchSize: values['batch-size'] }),
    });
    const seconds = (performance.now() - start) / 1000;
    const say = (line: string): void => printLine(terminal.out, line);
    if (confusion) {
      say(formatPerClass(confusion, data.classes));
      if (values.confusion) say(`\n${formatConfusion(confusion, data.classes)}`);
      say('');
    }
    say(`accuracy  ${accuracy === undefined ? '-' : formatPercent(accuracy)}, loss ${formatLoss(loss)}`);
    say(`speed     ${formatInteger(data.count / seconds)} images/s on ${backend.name} (${backend.isa})`);
    if (values.json) {
      const figures =
        split === 'test' ? { testLoss: loss, testAccuracy: accuracy } : { trainLoss: loss, trainAccuracy: accuracy };
      const { name, isa, threads } = backend;
      const speed = { images: data.count, imagesPerSecond: Math.round(data.count / seconds), seconds };
      say(JSON.stringify({ data: values.data, split, model: path, backend: name, isa, threads, ...figures, ...speed }));
    }
    return 0;
  },
});
