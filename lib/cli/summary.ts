// `lanewise summary`: a network layer by layer, and on request where its training step keeps what.

import { readSafetensors } from '../io/safetensors.ts';
import { formatArena } from '../report/arena.ts';
import { formatSummary } from '../report/summary.ts';
import { type FileTensorRow, formatTensors } from '../report/tensors.ts';
import { describeArena } from '../train/inspect.ts';
import { defineCommand } from './command.ts';
import { backendOf, backendOptions, jsonOption } from './data-and-backend-options.ts';
import { findNetwork, networkArgument, networkOptions } from './network-options.ts';
import { toggle, wholeNumber } from './option.ts';
import { printLine } from './terminal.ts';

export const summary = defineCommand({
  name: 'summary',
  summary: 'shows the layers of a network, and where its memory goes',
  positional: networkArgument,
  options: {
    ...networkOptions,
    arena: toggle('draw the memory plan of a training step'),
    'batch-size': wholeNumber(1, 65_536, 'images per step for --arena (default: 64)'),
    ...backendOptions,
    json: jsonOption,
  },
  run: async (values, terminal, positional) => {
    const say = (line: string): void => printLine(terminal.out, line);
    const tensors = await foreignTensors(values.model ?? positional);
    if (tensors) {
      say(formatTensors(tensors));
      if (values.json) say(JSON.stringify({ tensors }));
      return 0;
    }
    const model = await findNetwork(values, positional);
    const layers = model.summary();
    say(formatSummary(layers));
    const batchSize = values['batch-size'];
    const arena = values.arena
      ? describeArena(model, { ...backendOf(values), ...(batchSize === undefined ? {} : { batchSize }) })
      : undefined;
    if (arena !== undefined)
      say(`\n${formatArena(arena, { width: Math.max(20, (terminal.out.columns ?? 112) - 16) })}`);
    if (values.json) say(JSON.stringify({ ...layers, arena }));
    return 0;
  },
});

/** What stands in a safetensors file that other software wrote; undefined for everything else. */
async function foreignTensors(path: string | undefined): Promise<readonly FileTensorRow[] | undefined> {
  if (!path?.endsWith('.safetensors')) return undefined;
  const { metadata, tensors } = await readSafetensors(path);
  if (metadata['format'] === 'lanewise') return undefined;
  return [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
}
