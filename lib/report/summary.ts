// The table behind `model.summary()`: what each layer puts out, owns and costs, for one image. The last column shows
// why convolutions exist: how many parameters a fully connected layer between the same two volumes would need.

import { formatTable, type TableRow } from './table.ts';
import { formatBytes, formatCount, formatInteger } from './units.ts';

export interface SummaryRow {
  /** Name of the layer, unique in its model. */
  readonly layer: string;
  /** What was asked for, such as `conv2d 5x5, 6` or `max_pool2d 2x2/2`. */
  readonly kind: string;
  /** Output of one image: `[height, width, depth]`, or `[features]`. */
  readonly output: readonly number[];
  readonly parameters: number;
  /** Forward pass of one image; a multiply-add counts as 2. */
  readonly flops: number;
  /** Memory of the output of one image. */
  readonly activationBytes: number;
  /** Parameters of a fully connected layer with the same input and output; absent where the layer has no weights. */
  readonly fullyConnectedParameters?: number | undefined;
}

export interface Summary {
  readonly inputShape: readonly number[];
  readonly rows: readonly SummaryRow[];
}

export function formatSummary(summary: Summary): string {
  const total = (select: (row: SummaryRow) => number): number =>
    summary.rows.reduce((sum, row) => sum + select(row), 0);
  const rows: TableRow[] = [
    ['input', '', summary.inputShape.join(' x '), '', '', '', ''],
    ...summary.rows.map(
      (row): TableRow => [
        row.layer,
        row.kind,
        row.output.join(' x '),
        row.parameters === 0 ? '-' : formatInteger(row.parameters),
        row.flops === 0 ? '-' : formatCount(row.flops),
        formatBytes(row.activationBytes),
        row.fullyConnectedParameters === undefined ? '-' : formatCount(row.fullyConnectedParameters),
      ],
    ),
    'rule',
    [
      'total',
      '',
      '',
      formatInteger(total((row) => row.parameters)),
      formatCount(total((row) => row.flops)),
      formatBytes(total((row) => row.activationBytes)),
      '',
    ],
  ];
  return formatTable(
    [
      { title: 'layer' },
      { title: 'kind' },
      { title: 'output (h x w x d)' },
      { title: 'parameters', align: 'right' },
      { title: 'FLOPs', align: 'right' },
      { title: 'activation', align: 'right' },
      { title: 'if fully connected', align: 'right' },
    ],
    rows,
  );
}
