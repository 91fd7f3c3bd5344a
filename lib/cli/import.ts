// `lanewise import`: an ONNX file as a model file, which the other commands and `loadModel` take.

import { formatSummary } from '../report/summary.ts';
import { importOnnx } from '../train/import-onnx.ts';
import { defineCommand } from './command.ts';
import { jsonOption } from './data-and-backend-options.ts';
import { shapeOption } from './network-options.ts';
import { text, toggle } from './option.ts';
import { printLine } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export const importCommand = defineCommand({
  name: 'import',
  summary: 'makes a model file of an ONNX file',
  positional: { name: 'FILE', help: 'the ONNX file', required: true },
  options: {
    out: text('MODEL', 'the file to write, such as model.safetensors'),
    input: shapeOption('sizes of one input, channels last, where the file leaves them open'),
    output: text('NAME', "a value of the graph to end at (default: the graph's own outputs)"),
    'file-order': toggle('keep the order of axes of inputs and outputs (default: channels last)'),
    json: jsonOption,
  },
  notes: 'What is not supported, an operator or a fixed batch, is named with its node. Weights keep their names.',
  run: async (values, terminal, positional) => {
    const { out, input, output } = values;
    if (out === undefined) throw new UsageError("'import' needs --out MODEL: the file to write");
    const model = await importOnnx(positional as string, {
      channelsLast: !values['file-order'],
      ...(input === undefined ? {} : { inputShape: input }),
      ...(output === undefined ? {} : { outputs: [output] }),
    });
    await model.save(out);
    const summary = model.summary();
    printLine(terminal.out, formatSummary(summary));
    printLine(terminal.out, `\nwrote ${out}`);
    if (values.json) printLine(terminal.out, JSON.stringify({ ...summary, file: out }));
    return 0;
  },
});
