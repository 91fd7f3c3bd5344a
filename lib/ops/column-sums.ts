// Sums over the rows of a matrix, for each column: bias gradients and batch normalisation. The rows are cut into blocks
// of 256 whatever the number of threads, and the blocks' sums are combined left to right, so the bits never vary.

import { fma } from './fma.ts';

const { fround } = Math;

const ROWS_PER_BLOCK = 256;

/** `out[c] = p0[c] + p1[c] + ...`, where `addRow(row, part)` adds one row to the block's sums. */
export function sumBlocks(rows: number, out: Float32Array, addRow: (row: number, part: Float32Array) => void): void {
  const part = new Float32Array(out.length);
  for (let start = 0; start < rows; start += ROWS_PER_BLOCK) {
    part.fill(0);
    const end = Math.min(rows, start + ROWS_PER_BLOCK);
    for (let row = start; row < end; row++) addRow(row, part);
    for (let c = 0; c < part.length; c++) out[c] = start === 0 ? part[c]! : out[c]! + part[c]!;
  }
}

/** out[c] = sum of x[row, c]. */
export function columnSums(x: Float32Array, out: Float32Array, rows: number, columns: number): void {
  sumBlocks(rows, out, (row, part) => {
    const start = row * columns;
    for (let c = 0; c < columns; c++) part[c] = part[c]! + x[start + c]!;
  });
}

/** out[c] = sum of dy[row, c] * (x[row, c] - mean[c]) * rstd[c]. */
export function columnProducts(
  dy: Float32Array,
  x: Float32Array,
  out: Float32Array,
  mean: Float32Array,
  rstd: Float32Array,
): void {
  const columns = out.length;
  sumBlocks(dy.length / columns, out, (row, part) => {
    const start = row * columns;
    for (let c = 0; c < columns; c++) {
      const xhat = fround(fround(x[start + c]! - mean[c]!) * rstd[c]!);
      part[c] = fma(dy[start + c]!, xhat, part[c]!);
    }
  });
}

/** Mean and biased variance of every column of x, combining the blocks' moments by Chan's formula. */
export function columnMoments(x: Float32Array, mean: Float32Array, variance: Float32Array): void {
  const columns = mean.length;
  const rows = x.length / columns;
  const blockMean = new Float32Array(columns);
  const blockSquares = new Float32Array(columns);
  // `variance` holds the sum of squared deviations until the end.
  let seen = 0;
  for (let start = 0; start < rows; start += ROWS_PER_BLOCK) {
    const count = Math.min(rows, start + ROWS_PER_BLOCK) - start;
    const block = x.subarray(start * columns, (start + count) * columns);
    blockMoments(block, blockMean, blockSquares);
    if (seen === 0) {
      mean.set(blockMean);
      variance.set(blockSquares);
      seen = count;
      continue;
    }
    const total = seen + count;
    const share = fround(count / total);
    const weight = fround((seen * count) / total);
    for (let c = 0; c < columns; c++) {
      const delta = fround(blockMean[c]! - mean[c]!);
      mean[c] = fma(delta, share, mean[c]!);
      variance[c] = fma(fround(delta * delta), weight, fround(variance[c]! + blockSquares[c]!));
    }
    seen = total;
  }
  for (let c = 0; c < columns; c++) variance[c] = variance[c]! / fround(rows);
}

function blockMoments(block: Float32Array, mean: Float32Array, squares: Float32Array): void {
  const columns = mean.length;
  mean.fill(0);
  squares.fill(0);
  for (let start = 0; start < block.length; start += columns) {
    for (let c = 0; c < columns; c++) mean[c] = mean[c]! + block[start + c]!;
  }
  const count = block.length / columns;
  for (let c = 0; c < columns; c++) mean[c] = mean[c]! / count;
  for (let start = 0; start < block.length; start += columns) {
    for (let c = 0; c < columns; c++) {
      const deviation = fround(block[start + c]! - mean[c]!);
      squares[c] = fma(deviation, deviation, squares[c]!);
    }
  }
}
