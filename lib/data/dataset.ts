// What every data set looks like once it is in memory. Pixels stay as they came (u8 as a rule); the network's plan
// normalises them with `mean` and `std`, so a data set costs one byte a pixel.

/** What is known of each example for one input of a network. */
export interface DatasetInput {
  /** Sizes of one example, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly shape: readonly number[];
  /** All examples, one after the other, each of `shape`. */
  readonly images: Uint8Array | Float32Array;
  /** Per channel, in the unit of `images` (0..255 for pixels); the plan computes `(x - mean) / std`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What outputs are compared with: class numbers, or numbers to be met. */
export type Labels = Int32Array | Float32Array;

/** What one output of a network should give for each example. */
export interface DatasetTarget {
  /** All examples' labels, one after the other. Class numbers from 0 to classes.length - 1 as an Int32Array, anything else
   * (regression, probabilities, soft masks) as a Float32Array. */
  readonly labels: Labels;
  /** Sizes of one example's labels: `[h, w]` for a class of each pixel, `[k]` for k numbers. Default `[]`: one label. */
  readonly labelShape?: readonly number[];
  /** Empty where labels are no classes. */
  readonly classes: readonly string[];
}

export interface Dataset extends DatasetInput, DatasetTarget {
  readonly name: string;
  /** Number of examples. */
  readonly count: number;
  /** For networks with several inputs: what those after the first take, by the inputs' names. */
  readonly inputs?: Readonly<Record<string, DatasetInput>>;
  /** For networks with several outputs that have a loss: what those after the first are to give, by the outputs' names. */
  readonly targets?: Readonly<Record<string, DatasetTarget>>;
}

/** What a data set opens as: images to learn from and images to be judged by, alike in shape, classes, mean and std. */
export interface DatasetSplits {
  readonly train: Dataset;
  readonly test: Dataset;
}
