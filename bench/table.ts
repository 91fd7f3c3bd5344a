// The benchmark's results as a table: one row a case.
import { type Column, formatTable } from '../lib/report/table.ts';
import { formatDuration } from '../lib/report/units.ts';
import type { CaseResult } from './compare.ts';

const right = (title: string): Column => ({ title, align: 'right' });

export function formatResults(results: readonly CaseResult[]): string {
  const columns: Column[] = [
    { title: 'case' },
    right('threads'),
    right('native'),
    right('typescript'),
    right('speed-up'),
    right('interval'),
    right('GFLOP/s'),
    right('% of FMA peak'),
    right('GB/s'),
  ];
  const rows = results.map(({ name, threads, native, typescript, speedup }) => [
    name,
    String(threads),
    native ? formatDuration(native.seconds) : '-',
    typescript ? formatDuration(typescript.seconds) : '-',
    speedup ? `${speedup.median.toFixed(1)} x` : '-',
    speedup ? `${speedup.low.toFixed(1)} .. ${speedup.high.toFixed(1)}` : '-',
    native?.gigaflops === undefined ? '-' : native.gigaflops.toFixed(1),
    native?.peakShare === undefined ? '-' : (100 * native.peakShare).toFixed(0),
    native?.gigabytes === undefined ? '-' : native.gigabytes.toFixed(1),
  ]);
  return formatTable(columns, rows);
}
