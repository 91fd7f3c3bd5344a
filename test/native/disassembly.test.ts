// What the compiler makes of the inner loops, for every instruction set, also those that this machine cannot run: the
// accumulators stay in registers, and a tile needs no more instructions per multiply-add than docs/performance.md says.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type HotCode, hotCode } from './inner-loops.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const compilers = {
  x86: process.arch === 'x64' ? 'g++' : 'x86_64-linux-gnu-g++',
  arm64: process.arch === 'arm64' ? 'g++' : 'aarch64-linux-gnu-g++',
};

/** The table of docs/performance.md: kernel -> instruction set -> instructions per multiply-add of its widest tile. */
const documented = new Map(
  [...read('docs/performance.md').matchAll(/^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)].map(
    ([, kernel, neon, avx2, avx512]) => [
      kernel as string,
      { neon: Number(neon), avx2: Number(avx2), avx512: Number(avx512) },
    ],
  ),
);

/** Functions named like a kernel, or lambdas inside of one: what follows is a template argument or a parameter. */
const KERNELS = new RegExp(`\\d(${[...documented.keys(), 'winograd_\\w+?'].join('|')})[IE]`);

/** Values between the two halves of each two-dimensional transform. More than there are registers must go to the stack
 * and come back, once each. */
const INTERMEDIATE: Readonly<Record<string, number>> = {
  WinogradInput: 36,
  WinogradOutputGradient: 24,
  winograd_outputE: 24,
  winograd_weightsE: 18,
  winograd_weights_gradientE: 18,
};

it('docs/performance.md states the instructions per multiply-add of the tiles', () => {
  const tiles = ['gemm_tile', 'gemm_tile_dw', 'depthwise_panel', 'depthwise_tile_dw'];
  expect([...documented.keys()]).toEqual(expect.arrayContaining(tiles));
});

describe.each([
  { isa: 'neon', machine: 'arm64' },
  { isa: 'avx2', machine: 'x86' },
  { isa: 'avx512', machine: 'x86' },
] as const)('$isa', ({ isa, machine }) => {
  const compiler = compilers[machine];
  const missing = spawnSync(compiler, ['--version']).status === 0 ? undefined : `${compiler} is not installed`;

  describe.skipIf(missing)(`inner loops${missing ? ` (${missing})` : ''}`, () => {
    let hot: HotCode[] = [];

    beforeAll(() => {
      const { standard, flags } = JSON.parse(read('native/build.json'));
      const { status, stdout, stderr } = spawnSync(
        compiler,
        [`-std=${standard}`, ...flags, '-S', '-o', '-', `native/isa/${isa}.cpp`],
        { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
      );
      expect(status, stderr).toBe(0);
      hot = hotCode(stdout, machine, KERNELS);
    });

    const named = (kernel: string) => hot.filter(({ symbol }) => new RegExp(`\\d${kernel}(I|E)`).test(symbol));
    const perFma = ({ instructions, fmas }: HotCode) => instructions / fmas;

    it.each([...documented.keys()])('%s keeps its accumulators in registers', (kernel) => {
      const tiles = named(kernel);
      expect(tiles.length).toBeGreaterThan(8);
      expect(tiles.filter(({ spills }) => spills > 0)).toEqual([]);
    });

    it.each([...documented])('%s: instructions per multiply-add', (kernel, stated) => {
      const widest = Math.max(...named(kernel).map(({ fmas }) => fmas));
      const best = Math.min(
        ...named(kernel)
          .filter(({ fmas }) => fmas === widest)
          .map(perFma),
      );
      // Another compiler may choose a little differently.
      expect(best).toBeLessThanOrEqual(stated[isa] * 1.1);
      expect(best, 'better than docs/performance.md says: correct the table').toBeGreaterThan(stated[isa] * 0.85);
    });

    it.each(Object.entries(INTERMEDIATE))('%s stores nothing on the stack twice', (transform, values) => {
      const whole = hot.filter(({ symbol }) => symbol.includes(transform) && !symbol.includes('FirstLanes'));
      expect(whole.length).toBeGreaterThan(0);
      for (const { symbol, spills } of whole) expect(spills, symbol).toBeLessThanOrEqual(2 * values);
    });
  });
});
