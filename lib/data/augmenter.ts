// Writes augmented images. What an image looks like depends on a key and the image's number alone, so it does not matter
// which batch it is in or where a run was resumed.

import { LanewiseError } from '../errors.ts';
import { streamKey, uniform } from '../random.ts';
import { type Augmentation, BLACK, type ImageView, MEAN } from './augment.ts';
import type { Dataset } from './dataset.ts';

export class Augmenter {
  readonly #dataset: Dataset;
  readonly #augmentations: readonly Augmentation[];
  /** The colour of `MEAN`, in the element type of the images. */
  readonly #mean: Uint8Array | Float32Array;
  readonly #width: number;
  readonly #channels: number;
  readonly #rows: Int32Array;
  readonly #columns: Int32Array;

  constructor(caller: string, dataset: Dataset, augmentations: readonly Augmentation[]) {
    if (
      !Array.isArray(augmentations) ||
      augmentations.some((augmentation) => typeof augmentation?.apply !== 'function')
    )
      throw new LanewiseError(
        'option',
        `${caller}: augment must be a list such as [randomFlip(), cutout({ size: 8 })]`,
      );
    const { shape } = dataset;
    const [height, width, channels] = shape.length === 2 ? [1, ...shape] : shape;
    if (height === undefined || width === undefined || channels === undefined || shape.length > 3) {
      const refusal = `augments images [h, w, c] and sequences [w, c], ${dataset.name} has examples [${shape}]`;
      throw new LanewiseError('option', `${caller}: ${refusal}`);
    }
    for (const augmentation of augmentations) augmentation.check(height, width);
    this.#width = width;
    this.#channels = channels;
    this.#dataset = dataset;
    this.#augmentations = augmentations;
    this.#mean =
      dataset.images instanceof Uint8Array
        ? Uint8Array.from(dataset.mean, (mean) => Math.min(Math.max(Math.round(mean), 0), 255))
        : Float32Array.from(dataset.mean);
    this.#rows = Int32Array.from({ length: height }, (_, y) => y);
    this.#columns = Int32Array.from({ length: width }, (_, x) => x);
  }

  /** Writes image `image`, augmented as `key` says, to `target` from element `offset` on. */
  write(image: number, key: number, target: Uint8Array | Float32Array, offset: number): void {
    const view: ImageView = { rows: this.#rows.slice(), columns: this.#columns.slice(), holes: [] };
    const stream = streamKey(key, image);
    let drawn = 0;
    const random = () => uniform(stream, drawn++);
    for (const augmentation of this.#augmentations) augmentation.apply(view, random);
    const height = this.#rows.length;
    const width = this.#width;
    const channels = this.#channels;
    this.#copy(view, image * height * width * channels, target, offset);
    for (const [top, bottom, left, right] of view.holes) {
      const end = Math.min(right, width);
      for (let y = Math.max(top, 0); y < Math.min(bottom, height); y++)
        for (let x = Math.max(left, 0); x < end; x++) target.set(this.#mean, offset + (y * width + x) * channels);
    }
  }

  #copy({ rows, columns }: ImageView, start: number, target: Uint8Array | Float32Array, offset: number): void {
    const { images } = this.#dataset;
    const width = this.#width;
    const channels = this.#channels;
    let to = offset;
    for (const row of rows) {
      const rowStart = start + row * width * channels;
      for (let x = 0; x < width; x++, to += channels) {
        const column = row < 0 ? row : (columns[x] as number);
        if (column === BLACK) target.fill(0, to, to + channels);
        else if (column === MEAN) target.set(this.#mean, to);
        else {
          const from = rowStart + column * channels;
          for (let c = 0; c < channels; c++) target[to + c] = images[from + c] as number;
        }
      }
    }
  }
}
