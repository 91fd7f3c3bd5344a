// The matrix product behind gemm and linear, on the tile of tile.ts.

import { createPanels, multiplyRows, type Panels, packPanels, singleRun } from './tile.ts';

/** Rows of A converted at a time. */
const ROWS_AT_ONCE = 32;
/** Terms of one block when the sum runs over the rows of A, as a weight gradient's does. */
const TERMS_PER_BLOCK = 1024;

export interface ProductSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** a is stored [k,m]. */
  readonly transA?: boolean;
  /** b is stored [n,k]. */
  readonly transB?: boolean;
}

/** c[m,n] = sum over k of A[m,k] * B[k,n]; with transA in blocks of 1024 terms, added left to right. */
export function multiply(a: Float32Array, b: Float32Array, c: Float32Array, sizes: ProductSizes): void {
  const { m, n, k, transA = false, transB = false } = sizes;
  const blockTerms = transA ? Math.min(k, TERMS_PER_BLOCK) : k;
  const rowsAtOnce = Math.min(m, ROWS_AT_ONCE);
  const rows = new Float64Array(rowsAtOnce * blockTerms);
  for (let firstTerm = 0; firstTerm < k; firstTerm += blockTerms) {
    const terms = Math.min(blockTerms, k - firstTerm);
    const panels = packB(b, n, k, transB, firstTerm, terms);
    const runs = singleRun(terms);
    for (let row = 0; row < m; row += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, m - row);
      for (let i = 0; i < count; i++) {
        const [start, stride] = transA ? [firstTerm * m + row + i, m] : [(row + i) * k, 1];
        for (let t = 0; t < terms; t++) rows[i * terms + t] = a[start + t * stride]!;
      }
      const target = { data: c, start: row * n, rowStride: n, accumulate: firstTerm > 0 };
      multiplyRows(rows, 0, terms, count, panels, runs, target);
    }
  }
}

function packB(b: Float32Array, n: number, k: number, transB: boolean, firstTerm: number, terms: number): Panels {
  const panels = createPanels(terms, n);
  if (transB) packPanels(panels, 0, terms, b, firstTerm, 1, k);
  else packPanels(panels, 0, terms, b, firstTerm * n, n, 1);
  return panels;
}
