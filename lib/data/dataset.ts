// What every data set looks like once it is in memory. Pixels stay as they came (u8 as a rule); the network's plan
// normalises them with `mean` and `std`, so a data set costs one byte a pixel.

export interface Dataset {
  readonly name: string;
  /** Sizes of one example, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly shape: readonly number[];
  /** Number of images. */
  readonly count: number;
  /** All examples, one after the other, each of `shape`. */
  readonly images: Uint8Array | Float32Array;
  /** Class of each image, 0 .. classes.length - 1. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** Per channel, in the unit of `images` (0..255 for pixels); the plan computes `(x - mean) / std`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What a data set opens as: images to learn from and images to be judged by, alike in shape, classes, mean and std. */
export interface DatasetSplits {
  readonly train: Dataset;
  readonly test: Dataset;
}
