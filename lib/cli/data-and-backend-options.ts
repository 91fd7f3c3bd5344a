// Options that several commands share.

import type { BackendOptions } from '../backend/backend.ts';
import { DATASET_KINDS } from '../data/open-dataset.ts';
import { type Option, oneOf, toggle, wholeNumber } from './option.ts';
import { didYouMean, UsageError } from './usage-error.ts';

/** `digits`, `mnist:DIR` or `cifar10:DIR`; the kind is checked here, the folder when it is opened. */
export const dataOption: Option<string> = {
  placeholder: 'digits|mnist:DIR|cifar10:DIR',
  help: 'images: drawn digits, a folder of IDX files, or of CIFAR-10 batches (default: digits)',
  fallback: 'digits',
  read: (value, flag) => {
    const colon = value.indexOf(':');
    const kind = colon < 0 ? value : value.slice(0, colon);
    const folder = colon < 0 ? '' : value.slice(colon + 1);
    const forms = "'digits', 'mnist:DIR' or 'cifar10:DIR'";
    if (!DATASET_KINDS.some((known) => known === kind)) {
      throw new UsageError(`${flag} must be ${forms}, not '${value}'.${didYouMean(kind, DATASET_KINDS)}`);
    }
    if (kind === 'digits' && colon >= 0) throw new UsageError(`${flag} digits takes no folder, not '${value}'`);
    if (kind !== 'digits' && folder === '') throw new UsageError(`${flag} ${kind} needs a folder: ${kind}:DIR`);
    return value;
  },
};

export const backendOptions = {
  backend: oneOf(['auto', 'native', 'typescript'], 'what computes (default: auto, native where it loads)'),
  threads: wholeNumber(1, 1024, 'threads of the native backend (default: what the container may use)'),
  isa: oneOf(['portable', 'avx2', 'avx512', 'neon'], 'instruction set of the native backend (default: the best)'),
} as const;

export const jsonOption = toggle('print one JSON object on the last line');

export const countOptions = {
  'train-count': wholeNumber(1, 2_000_000, 'training images: how many digits to draw, or the first N of the files'),
  'test-count': wholeNumber(1, 2_000_000, 'test images, likewise'),
} as const;

/** The options of `backendOptions` as the library takes them, without those that were not given. */
export function backendOf(values: {
  readonly backend: BackendOptions['backend'];
  readonly threads: BackendOptions['threads'];
  readonly isa: BackendOptions['isa'];
}): BackendOptions {
  const { backend, threads, isa } = values;
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(threads === undefined ? {} : { threads }),
    ...(isa === undefined ? {} : { isa }),
  };
}
