// `lanewise profile`: where the time of a step goes, op by op, beside what this machine could do at best.

import { formatProfile } from '../report/profile.ts';
import { profileStep } from '../train/profile.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, jsonOption } from './data-and-backend-options.ts';
import { findNetwork, networkArgument, networkOptions } from './network-options.ts';
import { oneOf, toggle, wholeNumber } from './option.ts';
import { printLine } from './terminal.ts';

export const profile = defineCommand({
  name: 'profile',
  summary: 'shows where the time of a training step or a prediction goes, op by op',
  positional: networkArgument,
  options: {
    ...networkOptions,
    'batch-size': wholeNumber(1, 65_536, 'images per step (default: 64)'),
    predict: toggle('predictions instead of training steps'),
    steps: wholeNumber(1, 10_000, 'steps to take medians over (default: 5)'),
    by: oneOf(['op', 'layer', 'kind'], 'a row for each op, or their sums by layer or by kind of op (default: op)'),
    numerics: oneOf(['fast', 'exact'], 'exact: no algorithm but the direct one (default: fast)'),
    ...backendOptions,
    json: jsonOption,
  },
  notes: [
    'Peak and memory bandwidth are measured on the spot with the same threads. FLOPs are those of the direct algorithm, so',
    'Winograd can exceed the peak; bytes are what must be read and written, so data still in a cache can exceed the',
    'bandwidth. The bound is the limit that an op would meet first.',
  ].join('\n'),
  run: async (values, terminal, positional) => {
    const model = await findNetwork(values, positional);
    const { steps, numerics, predict } = values;
    const batchSize = values['batch-size'];
    const found = await profileStep(model, {
      ...backendOf(values),
      predict,
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(steps === undefined ? {} : { steps }),
      ...(numerics === undefined ? {} : { numerics }),
    });
    printLine(terminal.out, formatProfile(found, { by: values.by ?? 'op' }));
    if (values.json) printLine(terminal.out, JSON.stringify(found));
    return 0;
  },
});
