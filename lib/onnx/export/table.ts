// Every op that a network for inference can contain, by name. What is missing stands in training graphs alone, or is an op
// of the user's own.

import { elementwise } from './elementwise.ts';
import { normalization } from './normalization.ts';
import type { Exporter } from './op-call.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { reduction } from './reduction.ts';
import { resizing } from './resizing.ts';
import { structure } from './structure.ts';

export const exporters: ReadonlyMap<string, Exporter> = new Map(
  [elementwise, products, pooling, normalization, structure, reduction, resizing].flatMap((table) =>
    Object.entries(table),
  ),
);
