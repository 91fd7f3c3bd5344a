// Where the addon is looked for, and what is said when it is not found or does not fit.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseIsa, chooseThreads } from '../../lib/backend/native.ts';
import type { MachineInfo } from '../../lib/backend/native-binding.ts';
import { platformName, searchNative } from '../../lib/backend/native-loader.ts';
import { opTable } from '../../lib/ops/index.ts';
import { opTableHash, opTableText } from '../../lib/plan/op-table-hash.ts';
import { generateHeader } from '../../scripts/generate-op-table.mjs';
import { loaded, unavailable } from './fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-loader-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('the search for the addon', () => {
  it('keeps what went wrong with a file that is named', () => {
    const missing = join(folder, 'missing.node');
    expect(searchNative({ LANEWISE_BINARY: missing })).toEqual({
      attempts: [{ path: missing, error: 'no such file' }],
    });
    const garbage = file('garbage.node', 'not a binary');
    const { binding, attempts } = searchNative({ LANEWISE_BINARY: garbage });
    expect(binding).toBeUndefined();
    expect(attempts).toEqual([{ path: garbage, error: expect.stringMatching(/too short|invalid ELF|slice|Win32/) }]);
  });

  it('refuses a binary with another op table', () => {
    const other = file('other.cjs', `exports.opTableHash = ${(opTableHash() ^ 1) >>> 0}; exports.stop = () => {};`);
    expect(searchNative({ LANEWISE_BINARY: other })).toEqual({
      attempts: [{ path: other, error: expect.stringContaining('another version of lanewise; rebuild it') }],
    });
  });

  it('takes the named file alone, and an empty name for none', () => {
    const same = file('same.cjs', `exports.opTableHash = ${opTableHash()}; exports.stop = () => {};`);
    expect(searchNative({ LANEWISE_BINARY: same })).toMatchObject({ path: same, attempts: [] });
    const relativePath = relative(process.cwd(), same);
    expect(searchNative({ LANEWISE_BINARY: relativePath })).toMatchObject({ path: same, attempts: [] });
    expect(searchNative({ LANEWISE_BINARY: '', LANEWISE_NATIVE: '' }).path).toBe(searchNative({}).path);
  });

  it('looks at the local build first, then at the prebuilt binary of this platform', () => {
    const { path, attempts } = searchNative({});
    const tried = [...attempts.map((attempt) => attempt.path), ...(path ? [path] : [])];
    expect(tried[0]).toMatch(/build\/Release\/lanewise\.node$/);
    if (tried[1]) expect(tried[1]).toMatch(new RegExp(`prebuilds/${platformName()}/lanewise\\.node$`));
    expect(platformName()).toMatch(new RegExp(`^${process.platform}-${process.arch}(-musl)?$`));
  });

  it('obeys LANEWISE_NATIVE', () => {
    expect(searchNative({ LANEWISE_NATIVE: 'off' })).toEqual({
      attempts: [{ path: 'LANEWISE_NATIVE', error: "is set to 'off'" }],
    });
    expect(() => searchNative({ LANEWISE_NATIVE: 'maybe' })).toThrow(
      "LANEWISE_NATIVE must be 'required' or 'off', not 'maybe'",
    );
  });
});

describe('what the machine grants', () => {
  const info: MachineInfo = { isaLevels: ['portable', 'avx2'], threads: 3, affinity: 4, quota: 2.5 };

  it('instruction set: option, then variable, then the best', () => {
    expect(chooseIsa(info, 'portable', { LANEWISE_ISA: 'avx2' })).toBe('portable');
    expect(chooseIsa(info, undefined, { LANEWISE_ISA: 'portable' })).toBe('portable');
    expect(chooseIsa(info, undefined, { LANEWISE_ISA: '' })).toBe('avx2');
    expect(chooseIsa(info, undefined, {})).toBe('avx2');
    expect(() => chooseIsa(info, 'avx512', {})).toThrow("isa 'avx512' is not usable here; there is portable, avx2");
    expect(() => chooseIsa(info, undefined, { LANEWISE_ISA: 'AVX2' })).toThrow(
      "LANEWISE_ISA 'AVX2' is not usable here",
    );
  });

  it('threads: option, then variable, then affinity and quota', () => {
    expect(chooseThreads(info, 7, { LANEWISE_THREADS: '2' })).toBe(7);
    expect(chooseThreads(info, undefined, { LANEWISE_THREADS: '2' })).toBe(2);
    expect(chooseThreads(info, undefined, { LANEWISE_THREADS: '' })).toBe(3);
    expect(chooseThreads(info, undefined, {})).toBe(3);
    for (const wrong of [0, -1, 1.5, Number.NaN, 1025]) {
      expect(() => chooseThreads(info, wrong, {})).toThrow(
        `threads must be a whole number from 1 to 1024, not ${wrong}`,
      );
    }
    for (const wrong of ['0', '-1', '1.5', 'two', '1025', '0x10', ' 2', '1e2']) {
      expect(() => chooseThreads(info, undefined, { LANEWISE_THREADS: wrong })).toThrow(
        `LANEWISE_THREADS must be a whole number from 1 to 1024, not '${wrong}'`,
      );
    }
  });
});

describe('the op table in C++', () => {
  it('is the one in TypeScript', () => {
    const header = readFileSync(new URL('../../native/generated/op_table.h', import.meta.url), 'utf8');
    expect(header, 'run node scripts/generate-op-table.mjs').toBe(generateHeader(opTable, opTableHash()));
  });

  it('has a fingerprint that sees names, inputs, outputs, attributes and their kinds', () => {
    const [first, ...rest] = opTable;
    if (!first) throw new Error('the op table is empty');
    const variants = [
      [...rest, first],
      [{ ...first, name: 'other' }, ...rest],
      [{ ...first, inputs: [...first.inputs, 'more?'] }, ...rest],
      [{ ...first, outputs: ['z'] }, ...rest],
      [{ ...first, attrs: { ...first.attrs, strideH: 'f32' as const } }, ...rest],
      [{ ...first, mutates: [0] }, ...rest],
    ];
    expect(new Set([opTable, ...variants].map((table) => opTableHash(table))).size).toBe(variants.length + 1);
    expect(opTableText().trimEnd().split('\n').length).toBe(opTable.length);
  });

  it.skipIf(unavailable)('is the one in the binary', () => {
    expect(loaded.binding?.opTableHash).toBe(opTableHash());
  });
});
