// Medians and their distribution-free confidence intervals. Times on a shared machine are skewed and jump, so nothing
// here assumes a normal distribution.

export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Probability that the true median lies in [low, high], were the samples independent. */
  readonly coverage: number;
}

/** The middle value, or the mean of the two middle ones. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median with the narrowest pair of order statistics that covers it with probability `wanted`: each sample lies
 * below the true median with probability 1/2, so the number that do is binomial. With fewer than six samples even the
 * extremes cover less than 95 %, and `coverage` says how much.
 */
export function estimateMedian(samples: readonly number[], wanted = 0.95): Estimate {
  const sorted = [...samples].sort((a, b) => a - b);
  const n = sorted.length;
  let coverage = 1 - 2 * 0.5 ** n;
  let trim = 0;
  // Leaving out the k-th smallest and largest loses the probability that exactly k samples lie on one side.
  for (let k = 1, term = n * 0.5 ** n; k < n / 2 && coverage - 2 * term >= wanted; k++) {
    coverage -= 2 * term;
    trim = k;
    term *= (n - k) / (k + 1);
  }
  return {
    median: median(sorted),
    low: sorted[trim] ?? Number.NaN,
    high: sorted[n - 1 - trim] ?? Number.NaN,
    coverage,
  };
}
