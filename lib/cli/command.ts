// What a command is, how its arguments become values, and its help text.

import { parseArgs } from 'node:util';
import type { Option, OptionTable, Values } from './option.ts';
import type { Terminal } from './terminal.ts';
import { didYouMean, UsageError } from './usage-error.ts';

/** An argument without a flag. */
export interface Positional {
  readonly name: string;
  readonly help: string;
  readonly required: boolean;
}

export interface Command<Table extends OptionTable = OptionTable> {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs below the table of options. */
  readonly notes?: string;
  readonly positional?: Positional;
  readonly options: Table;
  /** Returns the exit code. */
  run(values: Values<Table>, terminal: Terminal, positional: string | undefined): Promise<number>;
}

export function defineCommand<Table extends OptionTable>(command: Command<Table>): Command<Table> {
  return command;
}

export interface Arguments<Table extends OptionTable> {
  readonly values: Values<Table>;
  readonly positional: string | undefined;
  readonly help: boolean;
}

/** Reads the arguments after the command's name. An option given twice takes its last value. */
export function readArguments<Table extends OptionTable>(
  { name, options, positional }: Command<Table>,
  args: readonly string[],
): Arguments<Table> {
  const known: Record<string, { type: 'boolean' | 'string'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const [option, { placeholder }] of Object.entries(options)) {
    known[option] = { type: placeholder === undefined ? 'boolean' : 'string' };
  }
  const { tokens } = parseArgs({
    args: [...args],
    options: known,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const [option, { fallback }] of Object.entries(options)) values[option] = fallback;
  let given: string | undefined;
  let help = false;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (positional === undefined)
        throw new UsageError(`'${name}' takes no argument '${token.value}'.${asFlag(token.value, known)}`);
      if (given !== undefined)
        throw new UsageError(`'${name}' takes one ${positional.name}, not '${given}' and '${token.value}'`);
      given = token.value;
    } else if (token.kind === 'option') {
      if (token.name === 'help' || token.name === 'h') help = true;
      else values[token.name] = readOption(name, options, token.name, token.rawName, token.value);
    }
  }
  if (!help && positional?.required && given === undefined) {
    throw new UsageError(`'${name}' needs a ${positional.name}: ${positional.help}`);
  }
  return { values: values as Values<Table>, positional: given, help };
}

function readOption(
  command: string,
  options: OptionTable,
  name: string,
  flag: string,
  value: string | undefined,
): unknown {
  const option: Option<unknown> | undefined = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) {
    const hint = didYouMean(name, Object.keys(options)).replace("'", "'--");
    throw new UsageError(`'${command}' has no option ${flag}.${hint}`);
  }
  if (option.placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`${flag} takes no value, not '${value}'`);
    return option.read('', flag);
  }
  // Without strict parsing a forgotten value would swallow the next option.
  if (value === undefined || /^--?[a-z]/i.test(value))
    throw new UsageError(`${flag} needs a value: ${option.placeholder}`);
  return option.read(value, flag);
}

/** `epochs` for `--epochs`, as it is written by those who forget the dashes. */
function asFlag(word: string, known: object): string {
  return Object.hasOwn(known, word) ? ` Did you mean '--${word}'?` : '';
}

export function helpText(command: Command): string {
  const { name, summary, positional, options, notes } = command;
  const argument =
    positional === undefined ? '' : positional.required ? ` ${positional.name}` : ` [${positional.name}]`;
  const rows = Object.entries(options).map(([option, { placeholder, help }]): [string, string] => [
    `--${option}${placeholder === undefined ? '' : ` ${placeholder}`}`,
    help,
  ]);
  if (positional !== undefined) rows.unshift([positional.name, positional.help]);
  rows.push(['--help', 'this text']);
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, right]) =>
    left.length > width ? `  ${left}\n  ${' '.repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
  );
  const head = `lanewise ${name}: ${summary}\n\nUsage: lanewise ${name}${argument} [options]\n\n${lines.join('\n')}\n`;
  return notes === undefined ? head : `${head}\n${notes}\n`;
}
