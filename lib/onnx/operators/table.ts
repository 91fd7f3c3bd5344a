// Every operator that tensors can go through, by name.

import { convolutions } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { products } from './matrix.ts';
import { normalizations } from './normalization.ts';
import type { Operator } from './operator.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reduction.ts';
import { resizing } from './resizing.ts';
import { slices } from './slices.ts';
import { structure } from './structure.ts';

export const operators: ReadonlyMap<string, Operator> = new Map(
  [elementwise, convolutions, pooling, normalizations, products, reductions, structure, slices, resizing].flatMap(
    (table) => Object.entries(table),
  ),
);
