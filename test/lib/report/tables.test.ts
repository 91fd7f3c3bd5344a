// The printed tables, compared as a reader sees them.
import { describe, expect, it } from 'vitest';
import { formatArena } from '../../../lib/report/arena.ts';
import { formatConfusion, formatPerClass } from '../../../lib/report/evaluation.ts';
import { formatProfile } from '../../../lib/report/profile.ts';
import { formatSummary } from '../../../lib/report/summary.ts';
import { formatTable } from '../../../lib/report/table.ts';
import type { StepProfile } from '../../../lib/train/profile.ts';

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
    const volume = { outputShape: [28, 28, 6], activationBytes: 18816 };
    const relu = { type: 'relu', parameters: 0, flops: 0, denseParameters: undefined, ...volume };
    const summary = formatSummary({
      inputs: [{ name: 'input', shape: [28, 28, 1] }],
      outputs: { output: 'conv1' },
      layers: [
        {
          name: 'conv1',
          type: 'conv2d',
          depth: 0,
          parameters: 156,
          flops: 235200,
          denseParameters: 3692640,
          from: ['input'],
          ...volume,
        },
        { name: 'relu1', depth: 1, from: undefined, ...relu },
      ],
      parameters: 156,
      flops: 235200,
      activationBytes: 37632,
    });
    expect(summary).toBe(text`
      layer    type    output       parameters  FLOPs  activation  if fully connected
      -------  ------  -----------  ----------  -----  ----------  ------------------
      input            28 x 28 x 1
      conv1    conv2d  28 x 28 x 6         156  235 k    18.4 KiB               3.7 M
        relu1  relu    28 x 28 x 6           -      -    18.4 KiB                   -
      -------  ------  -----------  ----------  -----  ----------  ------------------
      total                                156  235 k    36.8 KiB
    `);
  });
});

const profile: StepProfile = {
  ...{ backend: 'native', isa: 'avx2', threads: 2, batchSize: 64, milliseconds: 5, outsideMilliseconds: 0.5 },
  limits: { flopsPerSecond: 4e11, bytesPerSecond: 2e10 },
  ops: [
    { op: 'conv2d', layer: 'conv1', outputShape: [64, 8], milliseconds: 1, flops: 1e8, bytes: 1e6 },
    { op: 'relu', layer: 'relu1', outputShape: [64, 8], milliseconds: 1e-3, flops: 0, bytes: 2048 },
    { op: 'conv2d', layer: 'conv2', outputShape: [64, 4], milliseconds: 3, flops: 6e8, bytes: 2e6 },
  ],
};

describe('profiles', () => {
  it('show time, speed and traffic beside the limits of the machine', () => {
    const [head, , titles, , ...lines] = formatProfile(profile).split('\n');
    expect(head).toBe('batch 64, native (avx2), threads 2: peak 400 GFLOP/s, memory 20.0 GB/s');
    expect(titles).toMatch(/^op +layer and output +time +% of step +GFLOP\/s +% of peak +GB\/s +% of memory +bound$/);
    expect(lines[0]).toMatch(/^conv2d +conv1 \[64,8\] +1\.0 ms +20\.0 +100\.0 +25\.0 +1\.0 +5\.0 +compute$/);
    expect(lines[1]).toMatch(/^relu +relu1 \[64,8\] +1\.0 us +0\.0 +- +- +2\.0 +10\.2 +memory$/);
    expect(lines[4]).toMatch(/^all ops +4\.0 ms +80\.0 +175\.0 +43\.7 +0\.8 +3\.8 +compute$/);
    expect(lines[5]).toMatch(/^outside ops +500\.0 us +10\.0$/);
    expect(lines[6]).toMatch(/^step +5\.0 ms +100\.0$/);
  });

  it('sum up kinds of ops or layers, slowest first', () => {
    const lines = formatProfile(profile, { by: 'kind' }).split('\n').slice(4);
    expect(lines[0]).toMatch(/^conv2d +2 x +4\.0 ms +80\.0 +175\.0 /);
    expect(lines[1]).toMatch(/^relu +1 x +1\.0 us/);
    expect(lines).toHaveLength(6);
    const layers = formatProfile(profile, { by: 'layer' }).split('\n');
    expect(layers[2]).toMatch(/^layer +executed /);
    expect(layers[4]).toMatch(/^conv2 +1 x +3\.0 ms/);
  });

  it('do without limits that are not known', () => {
    const text = formatProfile({ ...profile, limits: undefined });
    expect(text).toMatch(/^batch 64, native \(avx2\), threads 2\n/);
    expect(text).not.toMatch(/peak|memory|bound/);
  });

  it('survive an empty profile and zero times', () => {
    expect(formatProfile({ ...profile, ops: [] })).toMatch(/all ops/);
    const ops = profile.ops.map((row) => ({ ...row, milliseconds: 0 }));
    expect(formatProfile({ ...profile, ops, milliseconds: 0 })).not.toMatch(/NaN|Infinity/);
  });
});

describe('formatArena', () => {
  const memory = { storeBytes: 1024, workspaceBytes: 0 };

  it('draws who lies where and when', () => {
    const picture = formatArena(
      {
        arenaBytes: 4096,
        withoutReuseBytes: 6144,
        ...memory,
        ops: ['a', 'b', 'c', 'd', 'e', 'f'],
        tensors: [
          { name: 'conv1.y', offset: 0, bytes: 2048, firstOp: 0, lastOp: 2 },
          { name: 'pool1.y', offset: 2048, bytes: 1024, firstOp: 1, lastOp: 4 },
          { name: 'fc.y', offset: 0, bytes: 1024, firstOp: 3, lastOp: 5 },
        ],
      },
      { height: 4 },
    );
    expect(picture).toBe(text`
      arena: 4.0 KiB for 3 tensors of 6.0 KiB (1.5 times as much)
      kept: 1.0 KiB of parameters and optimizer slots; scratch: 0 B

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
      offset: (i % 7) * 1e6,
      bytes: 1e6,
      firstOp: i * 3,
      lastOp: i * 3 + 12,
    }));
    const ops = new Array<string>(620).fill('');
    const arena = { arenaBytes: 7e6, withoutReuseBytes: 2e8, ...memory, ops, tensors };
    const lines = formatArena(arena, { width: 50, height: 7, list: 3 }).split('\n');
    expect(lines.slice(3, 10).every((line) => /\|.{50}\|$/.test(line))).toBe(true);
    expect(lines.filter((line) => /t\d+ /.test(line))).toHaveLength(3);
    const empty = { arenaBytes: 0, withoutReuseBytes: 0, ...memory, ops: [], tensors: [] };
    expect(formatArena(empty)).toMatch(/^arena: 0 B for 0 tensors/);
  });
});

describe('classifier tables', () => {
  const confusion = [Uint32Array.of(8, 2, 0), Uint32Array.of(1, 9, 0), Uint32Array.of(0, 0, 0)];
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
