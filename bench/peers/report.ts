// The comparison as a Markdown page and as JSON.

import type { Result } from './compare-peers.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly system: string;
}

export interface Comparison {
  readonly date: string;
  readonly machine: Machine;
  readonly isa: string;
  readonly rounds: number;
  /** `PyTorch` -> `2.13.0`, ... */
  readonly versions: Readonly<Record<string, string>>;
  /** FMA peak of lanewise's instruction set in GFLOP/s, by number of threads. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly absent: readonly string[];
  readonly failed: readonly string[];
  readonly results: readonly Result[];
}

export interface Summary {
  readonly suite: string;
  readonly part: string;
  readonly threads: number;
  readonly peer: string;
  readonly cases: number;
  /** Cases among them that were never undisturbed for all rounds: not to be relied on. */
  readonly disturbed: number;
  readonly geometricMean: number;
  readonly worst: number;
  readonly worstCase: string;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** One summary for each suite, part, number of threads and peer, in the order of the results. */
export function summarize(results: readonly Result[]): Summary[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const key = JSON.stringify([result.suite, result.part, result.threads, result.peer]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const { suite, part, threads, peer } = group[0]!;
    const worst = group.reduce((least, result) => (result.ratio.median < least.ratio.median ? result : least));
    return {
      ...{ suite, part, threads, peer, cases: group.length },
      disturbed: group.filter(({ disturbedRounds }) => disturbedRounds > 0).length,
      geometricMean: geometricMean(group.map(({ ratio }) => ratio.median)),
      worst: worst.ratio.median,
      worstCase: worst.name,
    };
  });
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(titles), row(titles.map(() => '---')), ...rows.map(row)].join('\n');
}

/** Three digits are more than a shared machine repeats. */
const digits = (value: number): string => value.toPrecision(value >= 1000 ? 4 : 3);

export function markdown(comparison: Comparison): string {
  const { machine, versions, results, absent, failed, peaks, isa, rounds, date } = comparison;
  const peak = Object.entries(peaks).map(
    ([threads, gigaflops]) => `${digits(gigaflops)} GFLOP/s (threads: ${threads})`,
  );
  const head = [
    '# lanewise and its peers',
    '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory}, ${machine.system}; ${date}; instruction set: ${isa}; FMA peak ${peak.join(', ')}.`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    `Ratios are the peer's figure over lanewise's, in the mode in which the peer was fastest: the median of ${rounds} alternating rounds, and the range in which the true median lies. A round in which other processes took more than a tenth of a core was repeated; those that stayed disturbed are counted.`,
    ...[...absent.map((text) => `Absent: ${text}.`), ...failed.map((text) => `Failed: ${text}.`)].map(
      (text) => `\n${text}`,
    ),
  ];
  const summary = table(
    ['suite', 'threads', 'peer', 'cases', 'geometric mean', 'worst'],
    summarize(results).map(
      ({ suite, part, threads, peer, cases, disturbed, geometricMean: mean, worst, worstCase }) => [
        part === '' ? suite : `${suite}, ${part}`,
        String(threads),
        peer,
        disturbed > 0 ? `${cases} (${disturbed} disturbed)` : String(cases),
        digits(mean),
        `${digits(worst)} (${worstCase})`,
      ],
    ),
  );
  const suites = [...new Set(results.map(({ suite }) => suite))].map((suite) => {
    const unit = suite === 'memory' ? 'MiB' : 'ms';
    const scale = unit === 'MiB' ? 2 ** 20 : 1;
    const rows = results
      .filter((result) => result.suite === suite)
      .map(({ name, part, threads, peer, mode, lanewise, other, ratio, disturbedRounds }) => [
        part === '' ? name : `${name}, ${part}`,
        String(threads),
        digits(lanewise / scale),
        mode === '' ? peer : `${peer} (${mode})`,
        digits(other / scale),
        digits(ratio.median),
        `${digits(ratio.low)} .. ${digits(ratio.high)}${disturbedRounds > 0 ? ` (${disturbedRounds} disturbed)` : ''}`,
      ]);
    return `## ${suite}\n\n${table(['case', 'threads', `lanewise, ${unit}`, 'peer', unit, 'ratio', 'range'], rows)}`;
  });
  return `${[head.join('\n'), summary, ...suites].join('\n\n')}\n`;
}
