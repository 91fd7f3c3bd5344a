// Collects the examples of one batch, in shuffled order, into the memory a backend is fed from.

import { LanewiseError } from '../errors.ts';
import type { Augmenter } from './augmenter.ts';
import type { Dataset, Labels } from './dataset.ts';

/**
 * Copies images `order[start] .. order[start + count - 1]` of `dataset` (the images themselves in sequence when `order`
 * is undefined) to the beginning of `images`, and their labels to the beginning of `labels`, both of which must have the
 * element types of the data set. `augmentation` changes the images on the way, as its key says.
 */
export function gatherBatch(
  dataset: Dataset,
  order: Uint32Array | undefined,
  start: number,
  count: number,
  images: Uint8Array | Float32Array,
  labels: Labels,
  augmentation?: { readonly augmenter: Augmenter; readonly key: number },
): void {
  const elements = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);
  const size = elements(dataset.shape);
  const labelSize = elements(dataset.labelShape ?? []);
  // A buffer that was transferred to another thread since the data set was made has length 0 now.
  if (dataset.images.length !== dataset.count * size || dataset.labels.length !== dataset.count * labelSize) {
    throw new LanewiseError(
      'data',
      `${dataset.name}: its images or labels were transferred away or resized while in use`,
    );
  }
  const end = start + count;
  if (!(start >= 0 && count >= 0 && end <= (order?.length ?? dataset.count))) {
    throw new LanewiseError('data', `${dataset.name}: batch ${start}..${end} is outside its ${dataset.count} images`);
  }
  if (images.length < count * size || labels.length < count * labelSize) {
    throw new LanewiseError(
      'data',
      `${dataset.name}: the batch memory is too small for ${count} images of ${size} values`,
    );
  }
  const differ = (a: Labels | Uint8Array, b: Labels | Uint8Array) => a.constructor !== b.constructor;
  if (differ(images, dataset.images) || differ(labels, dataset.labels)) {
    throw new LanewiseError('data', `${dataset.name}: the batch memory and the images differ in element type`);
  }
  if (order === undefined) {
    images.set(dataset.images.subarray(start * size, end * size));
    labels.set(dataset.labels.subarray(start * labelSize, end * labelSize));
    return;
  }
  for (let i = 0; i < count; i++) {
    const image = order[start + i]!;
    if (image >= dataset.count) {
      throw new LanewiseError(
        'data',
        `${dataset.name}: order[${start + i}] is ${image}, there are ${dataset.count} images`,
      );
    }
    if (augmentation) augmentation.augmenter.write(image, augmentation.key, images, i * size);
    else images.set(dataset.images.subarray(image * size, (image + 1) * size), i * size);
    labels.set(dataset.labels.subarray(image * labelSize, (image + 1) * labelSize), i * labelSize);
  }
}

/** Copies values `order[start] .. order[start + count - 1]` of `values`, each of `size` elements, to the beginning of `target`,
 * which has their element type. */
export function gatherExamples<T extends Uint8Array | Float32Array | Int32Array>(
  values: T,
  size: number,
  order: Uint32Array,
  start: number,
  count: number,
  target: T,
): void {
  for (let i = 0; i < count; i++) {
    const example = order[start + i]!;
    target.set(values.subarray(example * size, (example + 1) * size), i * size);
  }
}
