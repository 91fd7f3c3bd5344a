// The table behind `model.summary()`: what each layer puts out, owns and costs, for one image. The last column shows
// why convolutions exist: how many parameters a fully connected layer between the same two volumes would need.

import type { LayerSummary, ModelSummary } from '../train/summary.ts';
import { formatTable, type TableRow } from './table.ts';
import { formatBytes, formatCount, formatInteger } from './units.ts';

/** What `model.summary()` returns, as a table. Layers inside a residual are indented. */
export function formatSummary(summary: ModelSummary): string {
  const wired = isChain(summary) ? [] : [{ title: 'of' }];
  const row = (cells: string[], from: string): string[] => (wired.length === 0 ? cells : [...cells, from]);
  const rows: TableRow[] = [
    ...summary.inputs.map(({ name, shape }) => row([name, '', shape.join(' x '), '', '', '', ''], '')),
    ...summary.layers.map((layer) => row(layerRow(layer), layer.from?.join(', ') ?? '')),
    'rule',
    row(
      [
        'total',
        '',
        '',
        formatInteger(summary.parameters),
        formatCount(summary.flops),
        formatBytes(summary.activationBytes),
        '',
      ],
      Object.entries(summary.outputs)
        .map(([name, from]) => `${name}: ${from}`)
        .join(', '),
    ),
  ];
  return formatTable(
    [
      { title: 'layer' },
      { title: 'type' },
      { title: 'output' },
      { title: 'parameters', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'activation', align: 'right' },
      { title: 'if fully connected', align: 'right' },
      ...wired,
    ],
    rows,
  );
}

/** Whether each layer takes what the row before it gives, and the last one gives the only output. */
function isChain({ inputs, layers, outputs }: ModelSummary): boolean {
  let before = inputs[0]?.name;
  for (const { name, from } of layers) {
    if (from && from.join() !== before) return false;
    if (from) before = name;
  }
  return inputs.length === 1 && Object.values(outputs).join() === before;
}

function layerRow(layer: LayerSummary): string[] {
  return [
    '  '.repeat(layer.depth) + layer.name,
    layer.type,
    layer.outputShape.join(' x '),
    layer.parameters === 0 ? '-' : formatInteger(layer.parameters),
    layer.flops === 0 ? '-' : formatCount(layer.flops),
    formatBytes(layer.activationBytes),
    layer.denseParameters === undefined ? '-' : formatCount(layer.denseParameters),
  ];
}
