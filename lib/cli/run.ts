// From arguments to an exit code: 0 done, 1 the work failed, 2 the command line was wrong, 130 and 143 stopped by a
// signal. Never throws.

import { LanewiseError } from '../errors.ts';
import { build } from './build.ts';
import { type Command, helpText, readArguments } from './command.ts';
import { doctor } from './doctor.ts';
import { evaluate } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import type { OptionTable } from './option.ts';
import { predict } from './predict.ts';
import { profile } from './profile.ts';
import { summary } from './summary.ts';
import { printLine, type Terminal } from './terminal.ts';
import { train } from './train.ts';
import { didYouMean, UsageError } from './usage-error.ts';
import { packageVersion } from './version.ts';

// biome-ignore lint/suspicious/noExplicitAny: each command reads the values of its own table
type AnyCommand = Command<any>;

const COMMANDS: readonly AnyCommand[] = [
  train,
  evaluate,
  predict,
  summary,
  profile,
  importCommand,
  exportCommand,
  doctor,
  build,
];

export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    if (error instanceof UsageError || (error instanceof LanewiseError && error.code === 'option')) {
      const command = COMMANDS.find(({ name }) => name === args[0]);
      printLine(terminal.error, `lanewise: ${error.message}`);
      printLine(terminal.error, `See 'lanewise ${command === undefined ? '' : `${command.name} `}--help'.`);
      return 2;
    }
    const expected = error instanceof LanewiseError;
    printLine(terminal.error, `lanewise: ${expected ? error.message : ((error as Error)?.stack ?? String(error))}`);
    return 1;
  }
}

async function dispatch([word, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  if (word === undefined || ['help', '--help', '-h'].includes(word)) {
    const asked = COMMANDS.find(({ name }) => name === rest[0]);
    printLine(terminal.out, asked === undefined ? overview() : helpText(asked));
    return word === undefined ? 2 : 0;
  }
  if (word === 'version' || word === '--version' || word === '-v') {
    printLine(terminal.out, packageVersion());
    return 0;
  }
  const command = COMMANDS.find(({ name }) => name === word);
  if (command === undefined) {
    const names = COMMANDS.map(({ name }) => name);
    const kind = word.startsWith('-') ? 'option before the command' : 'command';
    throw new UsageError(`there is no ${kind} '${word}'; commands are ${names.join(', ')}.${didYouMean(word, names)}`);
  }
  const { values, positional, help } = readArguments<OptionTable>(command, rest);
  if (help) {
    printLine(terminal.out, helpText(command));
    return 0;
  }
  return command.run(values, terminal, positional);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'lanewise: train convolutional networks on the CPU',
    '',
    'Usage: lanewise COMMAND [options]',
    '',
    ...lines,
    '',
    "'lanewise COMMAND --help' explains a command; 'lanewise train' starts right away, on digits that it draws.",
  ].join('\n');
}
