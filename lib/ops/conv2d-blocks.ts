// How the sum over output pixels of a convolution's weight gradient is cut into blocks: by the shape alone, so that any
// number of threads adds the same blocks in the same order.

const PIXELS_PER_BLOCK = 1024;

/**
 * The end of the block that begins at output pixel `start`, for `rows` rows of `ow` pixels. Rows are cut into segments
 * of at most 1024 pixels; a block is as many whole segments as fit in 1024 pixels, at least one, and may cross images.
 */
export function blockEnd(start: number, rows: number, ow: number): number {
  if (ow > PIXELS_PER_BLOCK) {
    const rowEnd = (Math.floor(start / ow) + 1) * ow;
    return Math.min(start + PIXELS_PER_BLOCK, rowEnd);
  }
  const rowsPerBlock = Math.floor(PIXELS_PER_BLOCK / ow);
  return Math.min(start + rowsPerBlock * ow, rows * ow);
}
