// The flags of the benchmark programs: a wrong one is a sentence and exit code 2.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { list, measuringOptions, pair, readFlags, runProgram } from '../../bench/command-line.ts';
import { wholeNumber } from '../../lib/cli/option.ts';

const options = {
  h: wholeNumber(1, 100, 'rows'),
  pad: pair(0, 'zeros'),
  suite: list('nets,layers', 'suites', (word) => ['nets', 'layers'].find((name) => name === word)),
  ...measuringOptions,
};
const read = (...args: string[]) => readFlags('bench:test', options, args);

describe('flags', () => {
  it('have values', () => {
    const flags = read('--h', '4', '--pad', '0,4', '--suite=nets', '--isa', 'avx2', '--json', '--threads=2');
    expect(flags).toMatchObject({ h: 4, pad: [0, 4], suite: ['nets'], isa: 'avx2', json: true, threads: 2 });
    expect(read('--pad', '2').pad).toEqual([2, 2]);
    expect(read()).toMatchObject({ h: undefined, json: false });
  });

  it.each([
    [['--height', '4'], 'there is no --height'],
    [['--thread', '2'], "Did you mean '--threads'?"],
    [['4'], "there is no argument '4'"],
    [['--h'], '--h needs a value: N'],
    [['--h', '--json'], '--h needs a value: N'],
    [['--h', '0'], "--h must be a whole number from 1 to 100, not '0'"],
    [['--json=yes'], "--json takes no value, not 'yes'"],
    [['--pad', '1,2,3'], "--pad must be a whole number from 0, or two as H,W, not '1,2,3'"],
    [['--suite', 'nets,gem'], "--suite takes nets,layers, not 'gem'"],
    [['--isa', 'avx3'], "--isa must be 'portable', 'avx2', 'avx512' or 'neon', not 'avx3'"],
  ])('%j are refused', (args, sentence) => {
    expect(() => read(...args)).toThrow(sentence);
  });
});

describe('a program', () => {
  afterEach(() => {
    process.exitCode = undefined;
    vi.restoreAllMocks();
  });

  it('says what was wrong with its flags and sets the exit code 2', async () => {
    const complain = vi.spyOn(console, 'error').mockImplementation(() => {});
    await runProgram('bench:test', async () => {
      read('--rounds', 'many');
    });
    expect(complain).toHaveBeenCalledWith(expect.stringMatching(/^bench:test: --rounds must be a whole number/));
    expect(process.exitCode).toBe(2);
  });

  it('does not hide a defect', async () => {
    const broken = runProgram('bench:test', async () => {
      throw new TypeError('defect');
    });
    await expect(broken).rejects.toThrow('defect');
  });
});
