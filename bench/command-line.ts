// What the benchmark programs share: flags with checked values, and errors as one sentence with exit code 2.

import { parseArgs } from 'node:util';
import { selectBackend } from '../lib/backend/select.ts';
import { type Option, type OptionTable, oneOf, toggle, type Values, wholeNumber } from '../lib/cli/option.ts';
import { didYouMean, UsageError } from '../lib/cli/usage-error.ts';
import { LanewiseError } from '../lib/errors.ts';

export const measuringOptions = {
  threads: wholeNumber(1, 1024, 'worker threads (default 1)'),
  isa: oneOf(['portable', 'avx2', 'avx512', 'neon'], 'instruction set (default: the best)'),
  rounds: wholeNumber(1, 1000, 'samples of at least 0.1 s'),
  json: toggle('one JSON object on the last line'),
};

/** `2` for both directions, or `0,4` for height and width. */
export function pair(least: number, help: string): Option<readonly [number, number] | undefined> {
  return {
    placeholder: 'N|H,W',
    help,
    fallback: undefined,
    read(value, flag) {
      const numbers = value.split(',').map(Number);
      const right = /^\d+(,\d+)?$/.test(value) && numbers.every((number) => number >= least && number <= 65536);
      if (!right) throw new UsageError(`${flag} must be a whole number from ${least}, or two as H,W, not '${value}'`);
      return [numbers[0]!, numbers[1] ?? numbers[0]!];
    },
  };
}

/** Several values with commas between them; `read` gives undefined for a word that is none. */
export function list<Item>(
  placeholder: string,
  help: string,
  read: (word: string) => Item | undefined,
): Option<Item[] | undefined> {
  return {
    placeholder,
    help,
    fallback: undefined,
    read: (value, flag) =>
      value.split(',').map((word) => {
        const item = read(word);
        if (item === undefined) throw new UsageError(`${flag} takes ${placeholder}, not '${word}'`);
        return item;
      }),
  };
}

/** Flags as values; `--help` prints the options and ends the program. A flag given twice takes its last value. The
 * command line's own reader is not used since `--h` is a size here. */
export function readFlags<Table extends OptionTable>(name: string, options: Table, args: readonly string[]) {
  const entries = Object.entries(options);
  const known = entries.map(([flag, { placeholder }]) => [flag, { type: placeholder ? 'string' : 'boolean' }] as const);
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = Object.fromEntries(entries.map(([flag, { fallback }]) => [flag, fallback]));
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional')
      throw new UsageError(`there is no argument '${token.value}'; --help lists the flags`);
    if (token.name === 'help') {
      console.log(usage(name, options));
      process.exit(0);
    }
    const option = options[token.name];
    if (option === undefined) {
      const hint = didYouMean(token.name, Object.keys(options)).replace("'", "'--");
      throw new UsageError(`there is no ${token.rawName}; --help lists the flags.${hint}`);
    }
    if (option.placeholder !== undefined && (token.value === undefined || token.value.startsWith('--')))
      throw new UsageError(`${token.rawName} needs a value: ${option.placeholder}`);
    if (option.placeholder === undefined && token.value !== undefined)
      throw new UsageError(`${token.rawName} takes no value, not '${token.value}'`);
    values[token.name] = option.read(token.value ?? '', token.rawName);
  }
  return values as Values<Table>;
}

function usage(name: string, options: OptionTable): string {
  const rows = Object.entries(options).map(([option, { placeholder = '', help }]) => {
    return `  ${`--${option} ${placeholder}`.padEnd(40)} ${help}`;
  });
  return `Usage: npm run -s ${name} -- [options]\n\n${rows.join('\n')}`;
}

/** The native backend; a benchmark never falls back to another one in silence. */
export const nativeBackend = (options: { threads?: number | undefined; isa?: string | undefined }) =>
  selectBackend({ backend: 'native', threads: options.threads ?? 1, isa: options.isa as 'avx2' | undefined });

/** Runs `main` and turns what the user can mend into a sentence. */
export async function runProgram(name: string, main: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof LanewiseError)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 2;
  }
}
