// Counter-based randomness: a value depends on a key and an index alone, never on what was drawn before, so that both
// backends, any number of threads and a resumed run draw the same. native/kernels/random.h holds the same functions.

/** 32-bit finalizer with full avalanche (lowbias32, Chris Wellons' hash prospector). */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97 | 0);
  return (x ^ (x >>> 15)) >>> 0;
}

/** Key of an independent stream, from a seed and the parts that name it (purpose, layer, step ...). */
export function streamKey(seed: number, ...parts: readonly number[]): number {
  let key = mix(seed + 0x9e3779b9);
  for (const part of parts) key = mix((key ^ part) + 0x9e3779b9);
  return key;
}

/** Uniform 32-bit integer at `index` of the stream `key`. */
export function randomBits(key: number, index: number): number {
  return mix(mix(index + key) ^ Math.imul(key, 0x9e3779b1 | 0));
}

/** Uniform in [0, 1) with 24 bits, exact in fp32. */
export function uniform(key: number, index: number): number {
  return (randomBits(key, index) >>> 8) * 2 ** -24;
}

/** Standard normal by Box-Muller; uses indices 2i and 2i + 1 of the stream. */
export function normal(key: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(key, 2 * index + 1));
}

/** Permutation of 0..count-1 (Fisher-Yates). */
export function permutation(key: number, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((randomBits(key, i) / 2 ** 32) * (i + 1));
    const swapped = order[i] as number;
    order[i] = order[j] as number;
    order[j] = swapped;
  }
  return order;
}
