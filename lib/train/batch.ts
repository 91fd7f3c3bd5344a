// Checks on what users hand in: images, labels and whole data sets, before anything is copied.

import type { Dataset } from '../data/dataset.ts';
import { LanewiseError } from '../errors.ts';
import { elementCount } from '../ops/op.ts';

/** The number of images in `images`, after checking that it is one. */
export function checkedImages(caller: string, images: unknown, inputShape: readonly number[]): number {
  if (!(images instanceof Uint8Array || images instanceof Float32Array)) {
    throw new LanewiseError(
      'data',
      `${caller}: images must be a Uint8Array or Float32Array of values [n, ${inputShape}]`,
    );
  }
  checkBuffer(caller, 'images', images);
  const size = elementCount(inputShape);
  const count = images.length / size;
  if (count >= 1 && Number.isInteger(count)) return count;
  const got = `${images.length} values`;
  throw new LanewiseError(
    'data',
    `${caller}: images must hold whole images of ${size} values [${inputShape}], got ${got}`,
  );
}

/** Memory that can shrink, move to another thread or be written by one cannot be read safely. */
function checkBuffer(caller: string, name: string, array: ArrayBufferView): void {
  const { buffer } = array;
  const problem =
    typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer
      ? 'is shared with other threads'
      : (buffer as ArrayBuffer & { detached?: boolean }).detached || (array.byteLength === 0 && buffer.byteLength === 0)
        ? 'is empty or was transferred away'
        : (buffer as ArrayBuffer & { resizable?: boolean }).resizable
          ? 'can be resized'
          : undefined;
  if (problem)
    throw new LanewiseError('data', `${caller}: the memory of ${name} ${problem}; pass a copy (${name}.slice())`);
}

/** Checks that `data` fits a network with this input and number of classes. */
export function checkDataset(caller: string, data: Dataset, inputShape: readonly number[], classes: number): void {
  if (typeof data !== 'object' || data === null) throw new LanewiseError('data', `${caller}: needs a data set`);
  if (data.shape?.join() !== inputShape.join()) {
    throw new LanewiseError(
      'data',
      `${caller}: ${data.name} has images [${data.shape}], the model takes [${inputShape}]`,
    );
  }
  const count = checkedImages(`${caller}: ${data.name}`, data.images, inputShape);
  if (count !== data.count || data.labels?.length !== count) {
    const counts = `${count} images and ${data.labels?.length} labels, count says ${data.count}`;
    throw new LanewiseError('data', `${caller}: ${data.name} has ${counts}; they must be equal`);
  }
  checkLabels(`${caller}: ${data.name}`, data.labels, classes);
}

function checkLabels(caller: string, labels: unknown, classes: number): void {
  if (!(labels instanceof Int32Array)) throw new LanewiseError('data', `${caller}: labels must be an Int32Array`);
  checkBuffer(caller, 'labels', labels);
  const wrong = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (wrong < 0) return;
  const range = `0 to ${classes - 1}`;
  throw new LanewiseError(
    'data',
    `${caller}: label ${labels[wrong]} of image ${wrong} is outside ${range}, the network's classes`,
  );
}
