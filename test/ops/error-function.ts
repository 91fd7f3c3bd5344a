// erf and the normal distribution in doubles, which JavaScript does not have: within 1e-13 relative.

/** The error function, by a series of positive terms. */
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; k < 120; k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** 1 - erf(x), by a continued fraction where the difference would cancel. */
function erfc(x: number): number {
  if (x < 2) return 1 - erf(x);
  let tail = 0;
  for (let k = 200; k > 0; k--) tail = k / 2 / (x + tail);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail);
}

export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  return x < 2 ? series(x) : 1 - erfc(x);
}

/** The share of a standard normal distribution below x. */
export const normalCdf = (x: number): number => erfc(-x / Math.SQRT2) / 2;
