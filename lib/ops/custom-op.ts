// Ops of the user's own: defined by their reference, which the TypeScript backend runs. No native backend has them.

import { fail, identifier } from '../options.ts';
import { opTable } from './index.ts';
import type { AttrSchema, OpDefinition } from './op.ts';

const builtIn = new Set<unknown>(opTable);
const names = new Set(opTable.map(({ name }) => name));
let defined = false;

/** An op for layers and losses of one's own; only the TypeScript backend runs it. Errors: a name that exists. */
export function defineOp<const S extends AttrSchema>(definition: OpDefinition<S>): OpDefinition<S> {
  const name = identifier('defineOp', 'name', definition?.name);
  if (names.has(name)) fail('defineOp', `there is an op ${name} already`);
  for (const key of ['infer', 'run'] as const)
    if (typeof definition[key] !== 'function') fail('defineOp', `${name} needs the function ${key}`);
  names.add(name);
  defined = true;
  return definition;
}

/** Whether the native backend has `op`. */
export const isBuiltIn = (op: unknown): boolean => builtIn.has(op);

/** Whether there may be others. */
export const anyDefined = (): boolean => defined;
