// What the programs that train on a data set of their own share: their flags and what they report.

import { text, wholeNumber } from '../../lib/cli/option.ts';
import { UsageError } from '../../lib/cli/usage-error.ts';
import type { Model, TrainingResult } from '../../lib/index.ts';

const folder = text('DIR', 'folder with the archive');

export const sourceOptions = {
  data: {
    ...folder,
    fallback: '',
    read: (value: string, flag: string) => {
      const path = folder.read(value, flag);
      if (path === undefined) throw new UsageError(`${flag} needs a folder`);
      return path;
    },
  },
  seed: wholeNumber(0, 2 ** 31 - 1, 'of weights, crops and shuffling (default: 1)'),
  threads: wholeNumber(1, 1024, 'worker threads (default: what the container may use)'),
};

export const trainingResult = (data: string, model: Model, result: TrainingResult, seed: number) => ({
  data,
  parameters: model.parameterCount,
  seed,
  steps: result.steps,
  trainLoss: result.trainLoss,
  seconds: Math.round(result.seconds * 10) / 10,
  backend: result.backend,
  isa: result.isa,
  threads: result.threads,
});
