// The printed tables, compared as a reader sees them.
import { describe, expect, it } from 'vitest';
import { formatArena } from '../../../lib/report/arena.ts';
import { formatConfusion, formatPerClass } from '../../../lib/report/evaluation.ts';
import { formatProfile, groupByOp, type ProfileRow } from '../../../lib/report/profile.ts';
import { formatSummary } from '../../../lib/report/summary.ts';
import { formatTable } from '../../../lib/report/table.ts';

/** Text of a template literal without its first newline and its indentation. */
function text(strings: TemplateStringsArray): string {
  const lines = (strings[0] ?? '').split('\n').slice(1, -1);
  const indentation = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indentation)).join('\n');
}

describe('formatTable', () => {
  it('aligns columns by code points and leaves no trailing spaces', () => {
    const table = formatTable(
      [{ title: 'name' }, { title: 'n', align: 'right' }, { title: 'note' }],
      [['été', '7', ''], 'rule', ['longer name', '1,234', 'x']],
    );
    expect(table).toBe(text`
      name             n  note
      -----------  -----  ----
      été              7
      -----------  -----  ----
      longer name  1,234  x
    `);
  });

  it('prints a table without rows', () => {
    expect(formatTable([{ title: 'a' }], [])).toBe('a\n-');
  });
});

describe('formatSummary', () => {
  it('shows the volumes, the parameters and what a fully connected layer would need', () => {
    const summary = formatSummary({
      inputShape: [28, 28, 1],
      rows: [
        {
          layer: 'conv1',
          kind: 'conv2d 5x5, 6',
          output: [28, 28, 6],
          parameters: 156,
          flops: 235200,
          activationBytes: 18816,
          fullyConnectedParameters: 3692640,
        },
        { layer: 'relu1', kind: 'relu', output: [28, 28, 6], parameters: 0, flops: 0, activationBytes: 18816 },
      ],
    });
    expect(summary).toBe(text`
      layer  kind           output (h x w x d)  parameters  FLOPs  activation  if fully connected
      -----  -------------  ------------------  ----------  -----  ----------  ------------------
      input                 28 x 28 x 1
      conv1  conv2d 5x5, 6  28 x 28 x 6                156  235 k    18.4 KiB               3.7 M
      relu1  relu           28 x 28 x 6                  -      -    18.4 KiB                   -
      -----  -------------  ------------------  ----------  -----  ----------  ------------------
      total                                            156  235 k    36.8 KiB
    `);
  });
});

const profile: ProfileRow[] = [
  { op: 'conv2d', layer: 'conv1', seconds: 1e-3, flops: 1e8, bytes: 1e6 },
  { op: 'relu', layer: 'relu1', seconds: 1e-6, flops: 0, bytes: 2048 },
  { op: 'conv2d', layer: 'conv2', seconds: 3e-3, flops: 6e8, bytes: 2e6 },
];

describe('formatProfile', () => {
  it('shows time, speed and traffic, with the share of the peak when that is known', () => {
    const lines = formatProfile(profile, { peakFlops: 4e11 }).split('\n');
    expect(lines[0]).toMatch(/^op +layer +time +% of run +GFLOP\/s +% of peak +bytes +GB\/s$/);
    expect(lines[2]).toMatch(/^conv2d +conv1 +1\.0 ms +25\.0 +100\.0 +25\.0 +977 KiB +1\.0$/);
    expect(lines[3]).toMatch(/^relu +relu1 +1\.0 us +0\.0 +- +- +2\.0 KiB +2\.0$/);
    expect(lines.at(-1)).toMatch(/^total +4\.0 ms +100\.0 +175\.0 +43\.7 +2\.9 MiB +0\.8$/);
  });

  it('orders by time and sums up what the limit cuts off', () => {
    const lines = formatProfile(profile, { order: 'time', limit: 1 }).split('\n');
    expect(lines[2]).toMatch(/conv2/);
    expect(lines[3]).toMatch(/^2 more +1\.0 ms/);
    expect(lines).toHaveLength(6);
  });

  it('groups by op', () => {
    expect(groupByOp(profile)).toEqual([
      { op: 'conv2d', layer: '2 x', seconds: 4e-3, flops: 7e8, bytes: 3e6 },
      { op: 'relu', layer: '1 x', seconds: 1e-6, flops: 0, bytes: 2048 },
    ]);
  });

  it('survives an empty profile and zero times', () => {
    expect(formatProfile([])).toMatch(/total/);
    expect(formatProfile([{ op: 'x', seconds: 0, flops: 1, bytes: 1 }])).not.toMatch(/NaN|Infinity/);
  });
});

describe('formatArena', () => {
  it('draws who lies where and when', () => {
    const picture = formatArena(
      {
        arenaBytes: 4096,
        opCount: 6,
        tensors: [
          { name: 'conv1.y', offsetBytes: 0, bytes: 2048, firstOp: 0, lastOp: 2 },
          { name: 'pool1.y', offsetBytes: 2048, bytes: 1024, firstOp: 1, lastOp: 4 },
          { name: 'fc.y', offsetBytes: 0, bytes: 1024, firstOp: 3, lastOp: 5 },
        ],
      },
      { height: 4 },
    );
    expect(picture).toBe(text`
      arena: 4.0 KiB for 3 tensors of 4.0 KiB (1.0 times smaller than without reuse)

          0 B |AAABBB|
      1.0 KiB |AAA...|
      2.0 KiB |.CCCC.|
      3.0 KiB |......|
               op 0  op 5

         tensor      size   offset  ops
      -  -------  -------  -------  ---
      A  conv1.y  2.0 KiB      0 B  0-2
      B  fc.y     1.0 KiB      0 B  3-5
      C  pool1.y  1.0 KiB  2.0 KiB  1-4
    `);
  });

  it('scales down to the width and height asked for and survives an empty plan', () => {
    const tensors = Array.from({ length: 200 }, (_, i) => ({
      name: `t${i}`,
      offsetBytes: (i % 7) * 1e6,
      bytes: 1e6,
      firstOp: i * 3,
      lastOp: i * 3 + 12,
    }));
    const lines = formatArena({ arenaBytes: 7e6, opCount: 620, tensors }, { width: 50, height: 7, list: 3 }).split(
      '\n',
    );
    expect(lines.slice(2, 9).every((line) => /\|.{50}\|$/.test(line))).toBe(true);
    expect(lines.filter((line) => /t\d+ /.test(line))).toHaveLength(3);
    expect(formatArena({ arenaBytes: 0, opCount: 0, tensors: [] })).toMatch(/^arena: 0 B for 0 tensors/);
  });
});

describe('classifier tables', () => {
  const confusion = Int32Array.of(8, 2, 0, 1, 9, 0, 0, 0, 0);
  it('shows accuracy and precision per class and what it was taken for', () => {
    expect(formatPerClass(confusion, ['cat', 'dog', 'yak'])).toBe(text`
      class  images  accuracy  precision  most often taken for
      -----  ------  --------  ---------  --------------------
      cat        10   80.00 %    88.89 %  dog (2)
      dog        10   90.00 %    81.82 %  cat (1)
      yak         0         -          -
      -----  ------  --------  ---------  --------------------
      all        20   85.00 %
    `);
  });

  it('prints the confusion with dots for zeros', () => {
    expect(formatConfusion(confusion, ['cat', 'dog', 'yak'])).toBe(text`
      actual \\ predicted  cat  dog  yak
      ------------------  ---  ---  ---
      cat                   8    2    .
      dog                   1    9    .
      yak                   .    .    .
    `);
  });
});
