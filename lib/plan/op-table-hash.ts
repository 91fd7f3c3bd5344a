// The fingerprint of the op table that TypeScript and C++ must share: FNV-1a over a text of everything a plan relies on.
// The generated header native/generated/op_table.h holds the same number; it is compared when a binary is loaded and
// again with every plan.

import { opTable } from '../ops/index.ts';
import type { OpDefinition } from '../ops/op.ts';

/** One line per op, in opcode order. */
export function opTableText(table: readonly OpDefinition[] = opTable): string {
  const line = (op: OpDefinition) => {
    const attrs = Object.entries(op.attrs).map(([name, kind]) => `${name}:${kind}`);
    const flags = [op.view && 'view', op.guard && 'guard', op.mutates && `mutates ${op.mutates}`];
    const inPlace = op.inPlace && `in place ${op.inPlace}`;
    const marks = [...flags, inPlace].filter(Boolean);
    return `${op.name}(${op.inputs})->(${op.outputs}){${attrs}}[${marks.join(';')}]\n`;
  };
  return table.map(line).join('');
}

/** FNV-1a, 32 bits, unsigned. */
export function opTableHash(table: readonly OpDefinition[] = opTable): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(opTableText(table))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
