// The table of a profiled plan: where one run spent its time, against what the machine could do.

import { formatTable, type TableRow } from './table.ts';
import { formatBytes, formatDuration } from './units.ts';

export interface ProfileRow {
  /** Name of the op, such as `conv2d_dw`. */
  readonly op: string;
  /** The layer that emitted it and, when known, its output shape. */
  readonly layer?: string | undefined;
  readonly seconds: number;
  readonly flops: number;
  /** Unavoidable traffic: every input read once, every output written once. */
  readonly bytes: number;
}

export interface ProfileOptions {
  /** `'time'`: slowest first; `'plan'`, the default: in the order of execution. */
  readonly order?: 'time' | 'plan';
  /** Peak of the threads used, in FLOP/s; adds a column with each op's share of it. */
  readonly peakFlops?: number | undefined;
  /** Show only this many rows; the rest is summed up in one. */
  readonly limit?: number;
}

export function formatProfile(profile: readonly ProfileRow[], options: ProfileOptions = {}): string {
  const total = sumRows('total', profile);
  const ordered = options.order === 'time' ? [...profile].sort((a, b) => b.seconds - a.seconds) : profile;
  const shown = ordered.slice(0, options.limit ?? ordered.length);
  const rest = ordered.slice(shown.length);
  const cells = (row: ProfileRow): TableRow => {
    const rate = row.seconds > 0 ? row.flops / row.seconds : 0;
    return [
      row.op,
      row.layer ?? '',
      formatDuration(row.seconds),
      total.seconds > 0 ? ((100 * row.seconds) / total.seconds).toFixed(1) : '-',
      rate > 0 ? (rate / 1e9).toFixed(1) : '-',
      ...(options.peakFlops === undefined ? [] : [rate > 0 ? ((100 * rate) / options.peakFlops).toFixed(1) : '-']),
      formatBytes(row.bytes),
      row.seconds > 0 ? (row.bytes / row.seconds / 1e9).toFixed(1) : '-',
    ];
  };
  return formatTable(
    [
      { title: 'op' },
      { title: 'layer' },
      { title: 'time', align: 'right' },
      { title: '% of run', align: 'right' },
      { title: 'GFLOP/s', align: 'right' },
      ...(options.peakFlops === undefined ? [] : [{ title: '% of peak', align: 'right' } as const]),
      { title: 'bytes', align: 'right' },
      { title: 'GB/s', align: 'right' },
    ],
    [
      ...shown.map(cells),
      ...(rest.length > 0 ? [cells(sumRows(`${rest.length} more`, rest))] : []),
      'rule',
      cells(total),
    ],
  );
}

/** One row per op name, summed over its executions, slowest first. */
export function groupByOp(profile: readonly ProfileRow[]): ProfileRow[] {
  const groups = new Map<string, ProfileRow[]>();
  for (const row of profile) {
    const group = groups.get(row.op);
    if (group === undefined) groups.set(row.op, [row]);
    else group.push(row);
  }
  return [...groups]
    .map(([op, rows]) => ({ ...sumRows(op, rows), layer: `${rows.length} x` }))
    .sort((a, b) => b.seconds - a.seconds);
}

function sumRows(op: string, rows: readonly ProfileRow[]): ProfileRow {
  return rows.reduce(
    (sum, row) => ({
      op,
      seconds: sum.seconds + row.seconds,
      flops: sum.flops + row.flops,
      bytes: sum.bytes + row.bytes,
    }),
    { op, seconds: 0, flops: 0, bytes: 0 },
  );
}
