// What an option of the command line is: how its value is written, checked and explained. The tables of options are
// data; parsing, help texts and types all come from them.

import { didYouMean, UsageError } from './usage-error.ts';

export interface Option<T> {
  /** Shown for the value in help texts; absent for a switch that takes none. */
  readonly placeholder?: string;
  readonly help: string;
  /** The value when the option is not given. */
  readonly fallback: T;
  /** Throws a UsageError that begins with `flag`. */
  read(value: string, flag: string): T;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
export type Values<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

/** Takes no value; true when given. */
export function toggle(help: string): Option<boolean> {
  return { help, fallback: false, read: () => true };
}

export function text(placeholder: string, help: string): Option<string | undefined> {
  return {
    placeholder,
    help,
    fallback: undefined,
    read: (value, flag) => {
      if (value !== '' && !value.includes('\0')) return value;
      throw new UsageError(`${flag} needs a value that is not empty`);
    },
  };
}

export function oneOf<const Word extends string>(words: readonly Word[], help: string): Option<Word | undefined> {
  return {
    placeholder: words.join('|'),
    help,
    fallback: undefined,
    read: (value, flag) => {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      throw new UsageError(`${flag} must be ${listed(words)}, not '${value}'.${didYouMean(value, words)}`);
    },
  };
}

export function wholeNumber(least: number, most: number, help: string): Option<number | undefined> {
  return {
    placeholder: 'N',
    help,
    fallback: undefined,
    read: (value, flag) => {
      const number = Number(value);
      if (/^[+-]?\d+$/.test(value) && number >= least && number <= most) return number;
      throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, not '${value}'`);
    },
  };
}

/** A number above 0, or from 0 on where `zero` allows it. */
export function positiveNumber(most: number, help: string, zero = false): Option<number | undefined> {
  return {
    placeholder: 'X',
    help,
    fallback: undefined,
    read: (value, flag) => {
      const number = Number(value);
      const written = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value);
      if (written && (number > 0 || (zero && number === 0)) && number <= most) return number;
      throw new UsageError(
        `${flag} must be a number ${zero ? 'from 0' : 'above 0, at most'} ${zero ? `to ` : ''}${most}, not '${value}'`,
      );
    },
  };
}

function listed(words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
