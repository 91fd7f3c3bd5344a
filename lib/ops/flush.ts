// flush: the rule for the optimizers' momenta.

const SMALLEST_NORMAL = 2 ** -126;

/**
 * 0 for denormals. The momenta of dead units decay into denormals, where many processors take a hundred times as long;
 * they would slow training for ever.
 */
export const flush = (value: number): number => (Math.abs(value) < SMALLEST_NORMAL ? 0 : value);
