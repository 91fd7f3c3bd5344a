// `--augment flip,crop:4,cutout:8`: augmentations by name, with their size in pixels where they have one.

import { type Augmentation, cutout, randomCrop, randomFlip } from '../data/augment.ts';
import type { Option } from './option.ts';
import { didYouMean, UsageError } from './usage-error.ts';

const known: Readonly<Record<string, { readonly pixels?: number; make(pixels: number): Augmentation }>> = {
  flip: { make: () => randomFlip() },
  crop: { pixels: 4, make: (padding) => randomCrop({ padding, border: 'reflect' }) },
  cutout: { pixels: 8, make: (size) => cutout({ size }) },
};
const names = Object.keys(known);

export const augmentOption: Option<readonly Augmentation[] | undefined> = {
  placeholder: 'LIST',
  help: "flip, crop[:PIXELS], cutout[:PIXELS] by commas, or none (default: the model's)",
  fallback: undefined,
  read: (value, flag) => (value === 'none' ? [] : value.split(',').map((word) => augmentation(word, flag))),
};

function augmentation(word: string, flag: string): Augmentation {
  const [, name = '', pixels] = /^(\w+)(?::(\d{1,4}))?$/.exec(word) ?? [];
  const found = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!found || (pixels !== undefined && found.pixels === undefined)) {
    const suggestion = found ? '' : didYouMean(name, [...names, 'none']);
    throw new UsageError(
      `${flag} takes flip, crop, crop:PIXELS, cutout, cutout:PIXELS or none, not '${word}'.${suggestion}`,
    );
  }
  const size = pixels === undefined ? (found.pixels ?? 0) : Number(pixels);
  if (found.pixels !== undefined && size < 1)
    throw new UsageError(`${flag} ${name} needs at least 1 pixel, not '${word}'`);
  return found.make(size);
}

/** For the report. */
export const augmentationNames = (augmentations: readonly Augmentation[]): string =>
  augmentations.map(({ type }) => type).join(', ');
