// The table behind `model.summary()`: what each layer puts out, owns and costs, for one image. The last column shows
// why convolutions exist: how many parameters a fully connected layer between the same two volumes would need.

import type { LayerSummary, ModelSummary } from '../train/summary.ts';
import { formatTable, type TableRow } from './table.ts';
import { formatBytes, formatCount, formatInteger } from './units.ts';

/** What `model.summary()` returns, as a table. Layers inside a residual are indented. */
export function formatSummary(summary: ModelSummary): string {
  const rows: TableRow[] = [
    ['input', '', summary.inputShape.join(' x '), '', '', '', ''],
    ...summary.layers.map(layerRow),
    'rule',
    [
      'total',
      '',
      '',
      formatInteger(summary.parameters),
      formatCount(summary.flops),
      formatBytes(summary.activationBytes),
      '',
    ],
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
    ],
    rows,
  );
}

function layerRow(layer: LayerSummary): TableRow {
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
