// `lanewise export`: a saved model as a file for other software.

import { stat } from 'node:fs/promises';
import { formatBytes } from '../report/units.ts';
import { loadModel } from '../train/build-model.ts';
import { exportOnnx } from '../train/export-onnx.ts';
import { defineCommand } from './command.ts';
import { jsonOption } from './data-and-backend-options.ts';
import { text, toggle } from './option.ts';
import { findModel } from './run-folder.ts';
import { printLine } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export const exportCommand = defineCommand({
  name: 'export',
  summary: 'makes an ONNX file of a saved model',
  positional: { name: 'MODEL', help: 'a model file, or the folder of a training run', required: true },
  options: {
    onnx: text('FILE', 'the file to write, such as model.onnx'),
    fold: toggle('put batch norms into the convolutions before them'),
    json: jsonOption,
  },
  notes: 'Inputs are raw values with their channels behind the batch, as ONNX has them; the batch has any size.',
  run: async (values, terminal, positional) => {
    const { onnx: file } = values;
    if (file === undefined) throw new UsageError("'export' needs --onnx FILE: the file to write");
    const path = await findModel(positional as string);
    await exportOnnx(await loadModel(path), file, { foldBatchNorm: values.fold });
    const bytes = (await stat(file)).size;
    printLine(terminal.out, `wrote ${file} (${formatBytes(bytes)})`);
    if (values.json) printLine(terminal.out, JSON.stringify({ model: path, file, bytes }));
    return 0;
  },
});
