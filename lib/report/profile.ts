// The table of a profiled plan: where one run spent its time, against what the machine could do.

import type { OpProfile } from '../train/inspect.ts';
import { formatTable, type TableRow } from './table.ts';
import { formatBytes, formatDuration } from './units.ts';

export interface ProfileOptions {
  /** Peak of the threads used, in FLOP/s; adds a column with each op's share of it. */
  readonly peakFlops?: number | undefined;
}

/** What `profileStep` returns, op by op in the order of execution. */
export function formatProfile(profile: readonly OpProfile[], options: ProfileOptions = {}): string {
  const rows = profile.map(({ op, layer, outputShape, ...cost }) => ({
    ...cost,
    op,
    note: `${layer} [${outputShape}]`,
  }));
  return costTable(rows, 'layer and output', options);
}

/** The same, one line for all executions of an op, slowest first. */
export function formatProfileByOp(profile: readonly OpProfile[], options: ProfileOptions = {}): string {
  const groups = new Map<string, OpProfile[]>();
  for (const row of profile) groups.set(row.op, [...(groups.get(row.op) ?? []), row]);
  const rows = [...groups]
    .map(([op, group]) => ({ ...sum(op, group), note: `${group.length} x` }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  return costTable(rows, 'executed', options);
}

type Cost = Pick<OpProfile, 'op' | 'milliseconds' | 'flops' | 'bytes'>;

function costTable(
  rows: readonly (Cost & { note: string })[],
  noteTitle: string,
  { peakFlops }: ProfileOptions,
): string {
  const total = { ...sum('total', rows), note: '' };
  const cells = ({ op, note, milliseconds, flops, bytes }: Cost & { note: string }): TableRow => {
    const rate = milliseconds > 0 ? flops / milliseconds / 1e6 : 0;
    return [
      op,
      note,
      formatDuration(milliseconds / 1e3),
      total.milliseconds > 0 ? ((100 * milliseconds) / total.milliseconds).toFixed(1) : '-',
      rate > 0 ? rate.toFixed(1) : '-',
      ...(peakFlops === undefined ? [] : [rate > 0 ? ((1e11 * rate) / peakFlops).toFixed(1) : '-']),
      formatBytes(bytes),
      milliseconds > 0 ? (bytes / milliseconds / 1e6).toFixed(1) : '-',
    ];
  };
  return formatTable(
    [
      { title: 'op' },
      { title: noteTitle },
      { title: 'time', align: 'right' },
      { title: '% of step', align: 'right' },
      { title: 'GFLOP/s', align: 'right' },
      ...(peakFlops === undefined ? [] : [{ title: '% of peak', align: 'right' } as const]),
      { title: 'bytes', align: 'right' },
      { title: 'GB/s', align: 'right' },
    ],
    [...rows.map(cells), 'rule', cells(total)],
  );
}

function sum(op: string, rows: readonly Cost[]): Cost {
  const add = (key: 'milliseconds' | 'flops' | 'bytes') => rows.reduce((total, row) => total + row[key], 0);
  return { op, milliseconds: add('milliseconds'), flops: add('flops'), bytes: add('bytes') };
}
