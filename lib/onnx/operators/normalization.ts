// Batch normalisation and its relatives.

import type { OperatorTable } from './operator.ts';

export const normalizations: OperatorTable = {};
