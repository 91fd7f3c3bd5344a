// From the words of a command line or a call (`digits`, `mnist:DIR`, `cifar10:DIR`) to a training and a test set.

import { LanewiseError } from '../errors.ts';
import { cifar10Folder } from './cifar10.ts';
import type { Dataset, DatasetSplits } from './dataset.ts';
import { type DigitsOptions, digits } from './digits.ts';
import { idxFolder } from './idx.ts';

/** `digits`, or the kind of files and the folder they are in. */
export type DatasetName = 'digits' | `mnist:${string}` | `cifar10:${string}`;

/** Kinds of data sets by name; all but `digits` need a folder. */
export const DATASET_KINDS = ['digits', 'mnist', 'cifar10'] as const;

/**
 * Opens a data set. `mnist:` reads any folder of IDX files (MNIST, Fashion-MNIST, ...). `trainCount` and `testCount` say how
 * many digits are drawn; of files, they keep only the first so many images. `seed` is of use for `digits` alone.
 */
export async function openDataset(
  source: DatasetName | (string & {}),
  options: DigitsOptions = {},
): Promise<DatasetSplits> {
  if (source === 'digits') return digits(options);
  const [kind, folder] = splitAtColon(source);
  if (folder !== '') {
    if (kind === 'mnist') return limited(await idxFolder(folder, source), options);
    if (kind === 'cifar10') return limited(await cifar10Folder(folder, source), options);
  }
  throw new LanewiseError('option', `data must be 'digits', 'mnist:FOLDER' or 'cifar10:FOLDER', not '${source}'`);
}

function splitAtColon(source: string): [kind: string, folder: string] {
  const colon = source.indexOf(':');
  return colon < 0 ? [source, ''] : [source.slice(0, colon), source.slice(colon + 1)];
}

function limited({ train, test }: DatasetSplits, { trainCount, testCount }: DigitsOptions): DatasetSplits {
  return { train: firstImages(train, 'trainCount', trainCount), test: firstImages(test, 'testCount', testCount) };
}

/** Mean and standard deviation stay those of the whole set. */
function firstImages(dataset: Dataset, option: string, count: number | undefined): Dataset {
  if (count === undefined) return dataset;
  if (!Number.isInteger(count) || count < 1 || count > dataset.count) {
    const range = `from 1 to ${dataset.count}, the number of images`;
    throw new LanewiseError('option', `${dataset.name}: ${option} must be a whole number ${range}, not ${count}`);
  }
  const size = dataset.images.length / dataset.count;
  return {
    ...dataset,
    count,
    images: dataset.images.subarray(0, count * size),
    labels: dataset.labels.subarray(0, count),
  };
}
