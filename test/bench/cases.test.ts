// Every benchmark case must describe an op or a network that exists: it is compiled here, and small ones run once.

import { describe, expect, it } from 'vitest';
import { opCases } from '../../bench/op-cases.ts';
import { stepCases } from '../../bench/step-cases.ts';
import { typescriptBackend } from '../../lib/backend/typescript.ts';

const SMALL_FLOPS = 2e7;

describe('benchmark cases', () => {
  it.each([...stepCases, ...opCases])('$name, $threads threads', async (benchCase) => {
    const { work, run } = await benchCase.prepare(typescriptBackend);
    if (work.flops < SMALL_FLOPS) expect(await run()).not.toBe(false);
  });

  it('have names of their own', () => {
    const names = [...stepCases, ...opCases].map(({ name, threads }) => `${name}, ${threads}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
