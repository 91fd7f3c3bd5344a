// The one inner loop of all matrix products (convolution in three passes, linear, gemm): a tile of 4 rows x 2 columns
// of results held in local variables over a batch-reduce sum, a sum over several runs of consecutive terms.
// Assumptions: operands are fp32 values held in Float64Arrays, which spares a conversion at each use; B is packed in
// panels of two columns (`packPanels`), the columns beyond the last being 0.

import { fma, mayBeTie } from './fma.ts';

const { fround } = Math;

const ROWS = 4;
const COLUMNS = 2;

/** The runs of a sum: run r multiplies `length` terms of A from `row + aOffsets[r]` with those of B from term
 * `bTerms[r]` of the panel, in order. */
export interface Runs {
  count: number;
  readonly length: number;
  readonly aOffsets: Int32Array;
  readonly bTerms: Int32Array;
}

/** A single run of `length` terms. */
export const singleRun = (length: number): Runs => ({
  count: 1,
  length,
  aOffsets: new Int32Array(1),
  bTerms: new Int32Array(1),
});

/** B in panels: element (term, column) at `(floor(column / 2) * terms + term) * 2 + column % 2`. */
export interface Panels {
  readonly data: Float64Array;
  readonly terms: number;
  readonly columns: number;
}

export function createPanels(terms: number, columns: number): Panels {
  return { data: new Float64Array(Math.ceil(columns / COLUMNS) * terms * COLUMNS), terms, columns };
}

/** Copies `terms` terms from `firstTerm` on: element (term, column) is source[start + term*termStride + column*columnStride]. */
export function packPanels(
  panels: Panels,
  firstTerm: number,
  terms: number,
  source: Float32Array,
  start: number,
  termStride: number,
  columnStride: number,
): void {
  const { data, columns } = panels;
  for (let column = 0; column < columns; column++) {
    let to = (Math.floor(column / COLUMNS) * panels.terms + firstTerm) * COLUMNS + (column % COLUMNS);
    let from = start + column * columnStride;
    for (let term = 0; term < terms; term++, to += COLUMNS, from += termStride) data[to] = source[from]!;
  }
}

/** Where the results go: element (row, column) at `start + row * rowStride + column`. */
export interface Target {
  readonly data: Float32Array;
  start: number;
  readonly rowStride: number;
  /** Whether the sums are added to what is there, instead of replacing it. */
  readonly accumulate: boolean;
}

const sums = new Float32Array(ROWS * COLUMNS);

/** All sums of `rows` rows of A, row i starting at `aStart + i * aStride`, with all columns of B. */
export function multiplyRows(
  a: Float64Array,
  aStart: number,
  aStride: number,
  rows: number,
  b: Panels,
  runs: Runs,
  target: Target,
): void {
  const { data, start, rowStride, accumulate } = target;
  for (let column = 0; column < b.columns; column += COLUMNS) {
    const panel = column * b.terms;
    const columns = Math.min(COLUMNS, b.columns - column);
    for (let row = 0; row < rows; row += ROWS) {
      // A tile beyond the last row computes that row again and drops the result.
      const last = rows - 1;
      const a0 = aStart + row * aStride;
      const a1 = aStart + Math.min(row + 1, last) * aStride;
      const a2 = aStart + Math.min(row + 2, last) * aStride;
      const a3 = aStart + Math.min(row + 3, last) * aStride;
      if (!tile(a, a0, a1, a2, a3, b.data, panel, runs)) {
        tileRow(0, a, a0, b.data, panel, runs);
        tileRow(1, a, a1, b.data, panel, runs);
        tileRow(2, a, a2, b.data, panel, runs);
        tileRow(3, a, a3, b.data, panel, runs);
      }
      const count = Math.min(ROWS, rows - row);
      for (let i = 0; i < count; i++) {
        const to = start + (row + i) * rowStride + column;
        for (let j = 0; j < columns; j++) {
          const sum = sums[i * COLUMNS + j]!;
          data[to + j] = accumulate ? data[to + j]! + sum : sum;
        }
      }
    }
  }
}

/**
 * sums[i][j] = chain over the runs of fma(a, b, sum), from 0. Returns false, with the sums unfinished, when a step
 * needs `roundTie`: a call within the loop, however rare, would slow it several times over.
 */
function tile(
  a: Float64Array,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b: Float64Array,
  panel: number,
  runs: Runs,
): boolean {
  const { count, length, aOffsets, bTerms } = runs;
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  for (let r = 0; r < count; r++) {
    const first = aOffsets[r]!;
    const end = first + length;
    let t = panel + bTerms[r]! * COLUMNS;
    for (let k = first; k < end; k++, t += COLUMNS) {
      const b0 = b[t]!;
      const b1 = b[t + 1]!;
      const x0 = a[a0 + k]!;
      const d00 = x0 * b0 + s00;
      s00 = fround(d00);
      if (mayBeTie(d00, s00)) return false;
      const d01 = x0 * b1 + s01;
      s01 = fround(d01);
      if (mayBeTie(d01, s01)) return false;
      const x1 = a[a1 + k]!;
      const d10 = x1 * b0 + s10;
      s10 = fround(d10);
      if (mayBeTie(d10, s10)) return false;
      const d11 = x1 * b1 + s11;
      s11 = fround(d11);
      if (mayBeTie(d11, s11)) return false;
      const x2 = a[a2 + k]!;
      const d20 = x2 * b0 + s20;
      s20 = fround(d20);
      if (mayBeTie(d20, s20)) return false;
      const d21 = x2 * b1 + s21;
      s21 = fround(d21);
      if (mayBeTie(d21, s21)) return false;
      const x3 = a[a3 + k]!;
      const d30 = x3 * b0 + s30;
      s30 = fround(d30);
      if (mayBeTie(d30, s30)) return false;
      const d31 = x3 * b1 + s31;
      s31 = fround(d31);
      if (mayBeTie(d31, s31)) return false;
    }
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s10;
  sums[3] = s11;
  sums[4] = s20;
  sums[5] = s21;
  sums[6] = s30;
  sums[7] = s31;
  return true;
}

/** Row `i` of the tile again, with every step exact. */
function tileRow(i: number, a: Float64Array, row: number, b: Float64Array, panel: number, runs: Runs): void {
  for (let j = 0; j < COLUMNS; j++) {
    let sum = 0;
    for (let r = 0; r < runs.count; r++) {
      const from = row + runs.aOffsets[r]!;
      const t = panel + runs.bTerms[r]! * COLUMNS + j;
      for (let k = 0; k < runs.length; k++) sum = fma(a[from + k]!, b[t + k * COLUMNS]!, sum);
    }
    sums[i * COLUMNS + j] = sum;
  }
}
