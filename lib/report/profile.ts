// The table of a profiled step: where its time went, against what the machine could do.

import type { OpProfile, StepProfile } from '../train/profile.ts';
import { formatTable, type TableRow } from './table.ts';
import { formatDuration } from './units.ts';

export interface FormatProfileOptions {
  /** What makes up a row: one execution of an op (default), all ops of a layer, or all executions of a kind of op. The
   * last two stand in the order of their times. */
  readonly by?: 'op' | 'layer' | 'kind';
}

/** Some ops together. `bound` is what limits most of them on an ideal machine. */
interface Cost {
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
  readonly bound: 'compute' | 'memory' | '-';
}

interface Row extends Cost {
  readonly name: string;
  readonly note: string;
}

/** What `profileStep` returns as a table. Each op is compared with the limit that its arithmetic and traffic would meet
 * first: the peak of multiply-adds, or the bandwidth of memory. */
export function formatProfile(profile: StepProfile, { by = 'op' }: FormatProfileOptions = {}): string {
  const { limits, milliseconds, outsideMilliseconds } = profile;
  const total = costOf(profile.ops, limits);
  const share = (part: number) => (milliseconds > 0 ? percent(part / milliseconds) : '-');
  const cells = ({ name, note, ...cost }: Row): TableRow => {
    const per = (work: number, limit: number) => (cost.milliseconds > 0 ? (1e3 * work) / cost.milliseconds / limit : 0);
    const rate = (work: number) => (per(work, 1e9) > 0 ? per(work, 1e9).toFixed(1) : '-');
    const limited = (work: number, limit: number) => (per(work, limit) > 0 ? percent(per(work, limit)) : '-');
    return [
      ...[name, note, formatDuration(cost.milliseconds / 1e3), share(cost.milliseconds)],
      rate(cost.flops),
      ...(limits === undefined ? [] : [limited(cost.flops, limits.flopsPerSecond)]),
      rate(cost.bytes),
      ...(limits === undefined ? [] : [limited(cost.bytes, limits.bytesPerSecond), cost.bound]),
    ];
  };
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const table = formatTable(
    [
      ...[{ title: by === 'layer' ? 'layer' : 'op' }, { title: by === 'op' ? 'layer and output' : 'executed' }],
      ...[right('time'), right('% of step'), right('GFLOP/s')],
      ...(limits === undefined ? [] : [right('% of peak')]),
      right('GB/s'),
      ...(limits === undefined ? [] : [right('% of memory'), { title: 'bound' }]),
    ],
    [
      ...rowsOf(profile, by).map(cells),
      'rule',
      cells({ ...total, name: 'all ops', note: '' }),
      ['outside ops', '', formatDuration(outsideMilliseconds / 1e3), share(outsideMilliseconds)],
      ['step', '', formatDuration(milliseconds / 1e3), share(milliseconds)],
    ],
  );
  const head = `batch ${profile.batchSize}, ${profile.backend} (${profile.isa}), threads ${profile.threads}`;
  if (limits === undefined) return `${head}\n\n${table}`;
  const peak = (limits.flopsPerSecond / 1e9).toFixed(0);
  return `${head}: peak ${peak} GFLOP/s, memory ${(limits.bytesPerSecond / 1e9).toFixed(1)} GB/s\n\n${table}`;
}

function rowsOf({ ops, limits }: StepProfile, by: 'op' | 'layer' | 'kind'): Row[] {
  if (by === 'op') {
    return ops.map((op) => ({ ...costOf([op], limits), name: op.op, note: `${op.layer} [${op.outputShape}]` }));
  }
  const groups = new Map<string, OpProfile[]>();
  for (const op of ops) {
    const key = by === 'kind' ? op.op : op.layer;
    groups.set(key, [...(groups.get(key) ?? []), op]);
  }
  return [...groups]
    .map(([name, group]) => ({ ...costOf(group, limits), name, note: `${group.length} x` }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

function costOf(ops: readonly OpProfile[], limits: StepProfile['limits']): Cost {
  let [milliseconds, flops, bytes, computing, moving] = [0, 0, 0, 0, 0];
  for (const op of ops) {
    milliseconds += op.milliseconds;
    flops += op.flops;
    bytes += op.bytes;
    if (limits === undefined) continue;
    const compute = (1e3 * op.flops) / limits.flopsPerSecond;
    const memory = (1e3 * op.bytes) / limits.bytesPerSecond;
    if (compute > memory) computing += compute;
    else moving += memory;
  }
  const bound = computing + moving === 0 ? '-' : computing > moving ? 'compute' : 'memory';
  return { milliseconds, flops, bytes, bound };
}

const percent = (part: number): string => (100 * part).toFixed(1);
