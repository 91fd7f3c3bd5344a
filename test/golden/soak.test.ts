// Hours of training must not grow: resident memory over 20,000 LeNet steps is flat after warm-up.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';

const program = fileURLToPath(new URL('../programs/train-for-long.mjs', import.meta.url));
const unavailable = loadNative().binding ? '' : ' (no native binary loads)';

it.skipIf(unavailable)(`20,000 steps leave resident memory flat${unavailable}`, () => {
  // The engine enlarges its young generation once, at a moment of its own choice; that is not growth of ours.
  const flags = ['--expose-gc', '--max-semi-space-size=1'];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, program, '20000', '4'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { done, resident } = JSON.parse(stdout) as { done: number; resident: number[] };
  expect(done).toBe(20_000);
  // A leak of 100 bytes a step would add 1.6 MB between these two; pages of the heap come and go by about as much.
  const growth = resident.at(-1)! - resident[1]!;
  expect(growth).toBeLessThan(4 * 2 ** 20);
});
