// Single images in Netpbm files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNetpbm } from '../../../lib/data/netpbm.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netpbm-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(...parts: readonly (string | readonly number[])[]) {
  const path = join(folder, 'image');
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  return readNetpbm(path);
}

describe('readNetpbm', () => {
  it('reads grey and colour, and comments', async () => {
    expect(await read('P5 3 2 255\n', [0, 1, 2, 3, 4, 255])).toEqual({
      shape: [2, 3, 1],
      pixels: Uint8Array.of(0, 1, 2, 3, 4, 255),
    });
    const colour = await read('P6\n# by hand\n1\t2\r\n# more\n255 ', [10, 13, 32, 4, 5, 6]);
    expect(colour).toEqual({ shape: [2, 1, 3], pixels: Uint8Array.of(10, 13, 32, 4, 5, 6) });
  });

  it.each<[string, (string | readonly number[])[], RegExp]>([
    ['nothing', [''], /at byte 0: the file begins with neither P5/],
    ['a PNG', [[0x89, 0x50, 0x4e, 0x47]], /at byte 0: the file begins with neither P5/],
    ['text samples', ['P2 1 1 255\n7\n'], /at byte 0/],
    ['no width', ['P5'], /at byte 2: here should be the width/],
    ['a width of 0', ['P5 0 2 255\n'], /at byte 2: here should be the width, a number from 1 to 65536/],
    ['a negative height', ['P5 2 -2 255\n'], /at byte 4: here should be the height/],
    ['a huge height', ['P5 2 99999999999 255\n'], /at byte 4: here should be the height/],
    ['16 bits', ['P5 1 1 65535\n', [0, 0]], /samples go to 65535; only 8-bit files/],
    [
      'too few pixels',
      ['P5 2 2 255\n', [0, 0, 0]],
      /at byte 14: the file has 3 bytes of pixels instead of 2 x 2 x 1 = 4/,
    ],
    ['too many pixels', ['P5 1 1 255\n', [0, 0]], /at byte 12: the file has 2 bytes of pixels/],
    ['an endless comment', [`P5 #${'x'.repeat(5000)}\n1 1 255\n`, [0]], /at byte 2: here should be the width/],
  ])('refuses %s', async (_, parts, expected) => {
    await expect(read(...parts)).rejects.toThrow(expected);
  });
});
