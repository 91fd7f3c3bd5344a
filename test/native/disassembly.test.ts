// What the compiler makes of the inner loops, for every instruction set, also those that this machine cannot run: the
// accumulators stay in registers, and a tile needs no more instructions per multiply-add than docs/performance.md says.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type HotCode, hotCode } from './inner-loops.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const tools = {
  x86: process.arch === 'x64' ? '' : 'x86_64-linux-gnu-',
  arm64: process.arch === 'arm64' ? '' : 'aarch64-linux-gnu-',
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

/** Where the code of a tile is, which may be inlined into its caller; otherwise in a function of the tile's name. */
const OWNERS: Readonly<Record<string, string>> = {
  rows_tile_dw: 'rows_tiles?_dw|rows_tile_dw_pairs|gemm_rows_dw',
  depthwise_tile: 'depthwise_pixels',
  depthwise_shared_dw: 'SharedDw',
  depthwise_any_dw: 'AnyDw',
};
const ownerOf = (kernel: string) => OWNERS[kernel] ?? kernel;

const KERNELS = new RegExp(`\\d(${[...documented.keys()].map(ownerOf).join('|')})[IE]|winograd_`);

/** Code for the channels after the last whole vector. */
const LAST_LANES = 'FirstLanes';

/** Stack accesses where GCC for arm64 loads inputs long before it uses them, and so runs out of registers. */
const LOADED_EARLY: Readonly<Record<string, number>> = { 'neon depthwise_any_dw': 4 };

/** Values that it stores a second time. */
const STORED_TWICE: Readonly<Record<string, number>> = { 'neon WinogradOutput 3': 1, 'neon WinogradOutput 2': 2 };

/** Values between the two halves of each two-dimensional transform. More than there are registers must go to the stack,
 * once each. The transform's code is in a function named after it, or in the kernel; `taps` are its template argument. */
const INTERMEDIATE: readonly { transform: string; taps?: number; kernel: string; values: number }[] = [
  { transform: 'WinogradInput', kernel: 'winograd_input', values: 36 },
  { transform: 'WinogradOutputGradient', taps: 3, kernel: 'winograd_output_gradient', values: 24 },
  { transform: 'WinogradOutputGradient', taps: 2, kernel: 'winograd_output_gradient', values: 30 },
  { transform: 'WinogradOutput', taps: 3, kernel: 'winograd_output', values: 24 },
  { transform: 'WinogradOutput', taps: 2, kernel: 'winograd_output', values: 30 },
  { transform: 'WinogradWeights', taps: 3, kernel: 'winograd_weights', values: 18 },
  { transform: 'WinogradWeightsGradient', taps: 3, kernel: 'winograd_weights_gradient', values: 18 },
  { transform: 'WinogradWeightsGradient', taps: 2, kernel: 'winograd_weights_gradient', values: 12 },
];

it('docs/performance.md states the instructions per multiply-add of the tiles', () => {
  const tiles = ['gemm_tile', 'gemm_tile_dw', 'group_dw_tile', 'group_tile', 'planar_tile', ...Object.keys(OWNERS)];
  expect([...documented.keys()].sort()).toEqual(tiles.sort());
});

describe.each([
  { isa: 'neon', machine: 'arm64' },
  { isa: 'avx2', machine: 'x86' },
  { isa: 'avx512', machine: 'x86' },
] as const)('$isa', ({ isa, machine }) => {
  const compiler = `${tools[machine]}g++`;
  const missing = spawnSync(compiler, ['--version']).status === 0 ? undefined : `${compiler} is not installed`;

  describe.skipIf(missing)(`inner loops${missing ? ` (${missing})` : ''}`, () => {
    let hot: HotCode[] = [];

    beforeAll(() => {
      const { standard, defines, flags } = JSON.parse(read('native/build.json'));
      const folder = join(root, 'out/disassembly');
      mkdirSync(folder, { recursive: true });
      const run = (command: string, args: string[]) => {
        const { status, stdout, stderr } = spawnSync(command, args, {
          cwd: folder,
          encoding: 'utf8',
          maxBuffer: 1 << 28,
        });
        expect(status, stderr).toBe(0);
        return stdout;
      };
      const macros = defines.map((macro: string) => `-D${macro}`);
      const source = `../../native/isa/${isa}.cpp`;
      run(compiler, [...macros, `-std=${standard}`, ...flags, '-o', `${isa}.o`, '-c', source]);
      const shown = run(`${tools[machine]}objdump`, ['--disassemble', '--no-show-raw-insn', `${isa}.o`]);
      hot = hotCode(shown, machine, KERNELS);
    });

    const perFma = ({ instructions, fmas }: HotCode) => instructions / fmas;

    /** The loops of a kernel's tiles, without those for the few pixels at the ends of a row, which ask before each
     * multiply-add. */
    function named(kernel: string): HotCode[] {
      const owner = new RegExp(`\\d(${ownerOf(kernel)})[IE]`);
      const loops = hot.filter(
        ({ symbol, kind }) => kind === 'loop' && owner.test(symbol) && !symbol.includes(LAST_LANES),
      );
      const best = new Map<string, number>();
      for (const loop of loops) best.set(loop.symbol, Math.min(perFma(loop), best.get(loop.symbol) ?? Infinity));
      return loops.filter((loop) => perFma(loop) <= 2 * (best.get(loop.symbol) ?? 0));
    }

    it.each([...documented.keys()])('%s keeps its accumulators in registers', (kernel) => {
      const tiles = named(kernel);
      expect(tiles.length).toBeGreaterThan(5);
      expect(tiles.filter(({ spills }) => spills > (LOADED_EARLY[`${isa} ${kernel}`] ?? 0))).toEqual([]);
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

    it.each(INTERMEDIATE)(
      '$transform $taps stores nothing on the stack twice',
      ({ transform, taps, kernel, values }) => {
        const argument = taps === undefined ? 'E' : `ILi${taps}EE`;
        const along = taps === undefined ? '' : `.*SixPointsILi${taps}EEES`;
        const owners = [`\\d${transform}${argument}E?S`, `\\d${kernel}E${along}`, `\\d${kernel}E`].map(
          (name) => new RegExp(name),
        );
        const codes = owners.map((owner) =>
          hot.filter(({ symbol }) => owner.test(symbol) && !symbol.includes(LAST_LANES)),
        );
        const code = codes.find(({ length }) => length > 0) ?? [];
        // One function may hold the code for whole vectors and, longer, for the lanes at the end.
        const most = Math.max(...code.map(({ fmas }) => fmas));
        const [whole] = code.filter(({ fmas }) => fmas === most).sort((a, b) => perFma(a) - perFma(b));
        expect(whole?.stores, whole?.symbol).toBeLessThanOrEqual(
          values + (STORED_TWICE[`${isa} ${transform} ${taps}`] ?? 0),
        );
      },
    );
  });
});
