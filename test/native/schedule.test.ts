// How ops cut their work into items, for more threads than this machine has: enough items to go round, and the same bits
// however many threads the cutting is for. Times are no part of it (npm run bench:schedule measures them).

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { netNames } from '../../bench/nets.ts';
import {
  buildScheduleProgram,
  type CompiledPlan,
  convPlan,
  linearPlan,
  netPlan,
  schedule,
} from '../../bench/schedule-program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const missing = !existsSync(join(root, 'build/Release/obj.target/lanewise/native'))
  ? 'the native addon is not built (npm run build:native)'
  : spawnSync('g++', ['--version']).status !== 0
    ? 'g++ is not installed'
    : undefined;

describe.skipIf(missing)(`work items${missing ? ` (${missing})` : ''}`, () => {
  let program = '';
  beforeAll(() => {
    program = buildScheduleProgram(root);
  });

  /** Items of the widest region of each op, for 32 threads. */
  function widest(compiled: CompiledPlan): { op: string; items: number }[] {
    const { ops } = schedule(program, compiled, { threads: [32], repetitions: 1 });
    return ops.map(({ op, items }) => ({ op, items: Math.max(1, ...items) }));
  }

  it.each(netNames)('%s: the same bits however many threads its ops are cut for', (name) => {
    const { checksums } = schedule(program, netPlan(name), { threads: [1, 2, 7, 32, 128], repetitions: 1 });
    expect(checksums).toHaveLength(5);
    expect(new Set(checksums).size).toBe(1);
  });

  it.each(netNames)('%s: ops that move 8 MB and more are shared by 16 threads at least', (name) => {
    const compiled = netPlan(name);
    const items = widest(compiled);
    const heavy = compiled.plan.ops.flatMap(({ op, layer, cost }, i) =>
      cost.bytes >= 8e6 ? [{ op: `${name} ${layer} ${op.name}`, items: items[i]?.items ?? 0 }] : [],
    );
    expect(heavy.filter(({ items }) => items < 16)).toEqual([]);
  });

  const square = (n: number, size: number, c: number, o: number, kernel: number, stride = 1) =>
    convPlan({ n, h: size, w: size, c, o, kernel: [kernel, kernel], stride });

  it.each([
    ['3x3 64@56', square(8, 56, 64, 64, 3), 32],
    ['3x3 128@28', square(8, 28, 128, 128, 3), 32],
    ['3x3 256@14', square(8, 14, 256, 256, 3), 32],
    ['3x3 512@7', square(8, 7, 512, 512, 3), 16],
    ['1x1 64->256@56', square(8, 56, 64, 256, 1), 64],
    ['1x1 512->128@28', square(8, 28, 512, 128, 1), 64],
    ['1x1 2048->512@7', square(8, 7, 2048, 512, 1), 64],
    ['7x7/2 3->64@224', square(2, 224, 3, 64, 7, 2), 25],
    ['3x3/2 128@56', square(8, 56, 128, 128, 3, 2), 32],
    ['3x3 64@56 of a single image', square(1, 56, 64, 64, 3), 8],
    ['depthwise 32@112', convPlan({ n: 8, h: 112, w: 112, c: 32, o: 32, kernel: [3, 3], groups: 32 }), 32],
    ['linear 4096->4096', linearPlan(32, 4096, 4096), 64],
  ])('%s: each pass has items for many threads', (_, compiled, least) => {
    const passes = widest(compiled);
    expect(passes).toHaveLength(3);
    expect(passes.filter(({ items }) => items < least)).toEqual([]);
  });
});
