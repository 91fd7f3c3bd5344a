// Reading options: every value is checked once, and a wrong one gets a sentence naming its owner (a layer, an optimizer,
// a call) and the option.

import { LanewiseError } from './errors.ts';

const MAX_SIZE = 2 ** 20;

export function fail(layer: string, message: string): never {
  throw new LanewiseError('option', `${layer}: ${message}`);
}

export function integer(layer: string, option: string, value: unknown, min: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= MAX_SIZE) return value;
  return fail(layer, `${option} must be a whole number from ${min} to ${MAX_SIZE}, not ${show(value)}`);
}

/** A name of letters, digits, _ and -. */
export function identifier(owner: string, option: string, value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z_][\w-]*$/.test(value)) return value;
  return fail(owner, `${option} ${show(value)} must be letters, digits, _ or -, not starting with a digit`);
}

/** A list of 1 to `most` sizes. */
export function sizes(layer: string, option: string, value: unknown, most: number): number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > most)
    fail(layer, `${option} must be a list of 1 to ${most} sizes, not ${show(value)}`);
  return value.map((size, axis) => integer(layer, `${option}[${axis}]`, size, 1));
}

export function real(layer: string, option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  return fail(layer, `${option} must be a number from ${min} to ${max}, not ${show(value)}`);
}

/** Refuses options that no layer of this kind has: a misspelt one would otherwise be ignored. */
export function onlyKnown(layer: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) fail(layer, `options must be an object, not ${show(options)}`);
  const stray = Object.keys(options).find((key) => !known.includes(key));
  if (stray) fail(layer, `has no option '${stray}' (it has ${known.join(', ')})`);
}

export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return Array.isArray(value) ? `[${value.map(show).join(', ')}]` : String(value);
}
