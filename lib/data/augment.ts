// Augmentation: ways to show a training image a little differently each time (Shorten & Khoshgoftaar 2019). Each one changes
// a view of the image, which says where the pixels come from; augmenter.ts then writes them once, however many there are.

import { fail, integer, onlyKnown, real, show } from '../options.ts';

/** What of an image is shown. Pixel (y, x) of the result is pixel (rows[y], columns[x]) of the image, or one of the two fillings. */
export interface ImageView {
  /** For each row of the result the row of the image, or `BLACK` or `MEAN`. */
  rows: Int32Array;
  columns: Int32Array;
  /** Parts of the result, first and past the last row and column, that show the mean colour; they may reach beyond it. */
  readonly holes: (readonly [top: number, bottom: number, left: number, right: number])[];
}

/** In the place of a row or column: pixels of value 0, or of the training set's mean colour. */
export const BLACK = -1;
export const MEAN = -2;

/** One entry of `augment` in `fit`. */
export interface Augmentation {
  readonly type: string;
  /** All options, for checkpoints. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Refuses images of this size when the change does not fit them. */
  check(height: number, width: number): void;
  /** Changes `view`; `random` gives numbers in [0, 1), the same ones whenever this image is shown in this epoch. */
  apply(view: ImageView, random: () => number): void;
}

export interface RandomFlipOptions {
  /** Share of the images that are flipped. Default 0.5. */
  readonly probability?: number;
  /** `'horizontal'` swaps left and right, `'vertical'` top and bottom. Default `'horizontal'`. */
  readonly direction?: 'horizontal' | 'vertical';
}

/** Mirrors an image with the given probability (torchvision's `RandomHorizontalFlip`, `RandomVerticalFlip`). */
export function randomFlip(options: RandomFlipOptions = {}): Augmentation {
  onlyKnown('randomFlip', options, ['probability', 'direction']);
  const probability = real('randomFlip', 'probability', options.probability ?? 0.5, 0, 1);
  const { direction = 'horizontal' } = options;
  if (direction !== 'horizontal' && direction !== 'vertical')
    fail('randomFlip', `direction must be 'horizontal' or 'vertical', not ${show(direction)}`);
  const axis = direction === 'horizontal' ? 'columns' : 'rows';
  return {
    type: 'randomFlip',
    config: { probability, direction },
    check: () => {},
    apply(view, random) {
      if (random() < probability) view[axis].reverse();
    },
  };
}

export interface RandomCropOptions {
  /** Pixels that are added on every side, or `[above and below, left and right]`. */
  readonly padding: number | readonly [vertical: number, horizontal: number];
  /** What is added: `'zero'` (black), `'mean'` (the training set's mean colour), the image mirrored about its outermost
   * pixels, or its outermost pixels repeated. Default `'zero'`. */
  readonly border?: Border;
}

const borders = {
  zero: () => BLACK,
  mean: () => MEAN,
  reflect: (at: number, size: number) => (at < 0 ? -at : 2 * size - 2 - at),
  replicate: (at: number, size: number) => (at < 0 ? 0 : size - 1),
} as const;
type Border = keyof typeof borders;

/**
 * Pads an image and cuts it out again at its old size, all positions being equally likely: a shift by up to `padding` pixels
 * each way. torchvision's `RandomCrop(size, padding)`; its `padding_mode` constant and edge are `'zero'` and `'replicate'` here.
 */
export function randomCrop(options: RandomCropOptions): Augmentation {
  onlyKnown('randomCrop', options, ['padding', 'border']);
  const { border = 'zero' } = options;
  const sides = typeof options.padding === 'number' ? [options.padding, options.padding] : options.padding;
  if (!Array.isArray(sides) || sides.length !== 2)
    fail('randomCrop', `padding must be a number of pixels or [vertical, horizontal], not ${show(options.padding)}`);
  const [vertical, horizontal] = sides.map((side) => integer('randomCrop', 'padding', side, 0)) as [number, number];
  if (!Object.hasOwn(borders, border))
    fail('randomCrop', `border must be 'zero', 'mean', 'reflect' or 'replicate', not ${show(border)}`);
  const outside = borders[border];
  const shifted = (source: Int32Array, padding: number, random: () => number) => {
    const first = Math.floor(random() * (2 * padding + 1)) - padding;
    return source.map((_, i) => {
      const at = first + i;
      if (at >= 0 && at < source.length) return source[at] as number;
      const instead = outside(at, source.length);
      return instead < 0 ? instead : (source[instead] as number);
    });
  };
  return {
    type: 'randomCrop',
    config: { padding: [vertical, horizontal], border },
    check(height, width) {
      if (border === 'reflect' ? vertical < height && horizontal < width : vertical <= height && horizontal <= width)
        return;
      const most = border === 'reflect' ? 'smaller than' : 'at most';
      fail('randomCrop', `padding ${show([vertical, horizontal])} must be ${most} the image, [${height}, ${width}]`);
    },
    apply(view, random) {
      view.rows = shifted(view.rows, vertical, random);
      view.columns = shifted(view.columns, horizontal, random);
    },
  };
}

export interface CutoutOptions {
  /** Side of the square, in pixels. */
  readonly size: number;
}

/**
 * Hides a square behind the training set's mean colour. Its centre is any pixel, so parts of it may lie outside (DeVries &
 * Taylor 2017). It is cut from the finished view: flips and crops, wherever they stand, come first.
 */
export function cutout(options: CutoutOptions): Augmentation {
  onlyKnown('cutout', options, ['size']);
  const size = integer('cutout', 'size', options.size, 1);
  return {
    type: 'cutout',
    config: { size },
    check(height, width) {
      if (size > 2 * Math.max(height, width))
        fail('cutout', `size ${size} is too large for images [${height}, ${width}]`);
    },
    apply({ rows, columns, holes }, random) {
      const top = Math.floor(random() * rows.length) - (size >> 1);
      const left = Math.floor(random() * columns.length) - (size >> 1);
      holes.push([top, top + size, left, left + size]);
    },
  };
}
