// A data set from the user's own arrays, after every check that training relies on. The arrays are kept, not copied;
// only labels that are no Int32Array yet are converted.

import { LanewiseError } from '../errors.ts';
import { channelStatistics } from './channel-statistics.ts';
import type { Dataset, DatasetInput, DatasetTarget, Labels } from './dataset.ts';

/** Values for one input of a network. */
export interface ExamplesSource {
  /** All values, example after example, each of `shape`. Bytes stay bytes in memory. */
  readonly images: Uint8Array | Float32Array;
  /** Sizes of one example, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly shape: readonly number[];
  /** Per channel, in the unit of `images`. Default: taken from the images. Give the training set's to a test set. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** What one output of a network is to give. */
export interface LabelsSource {
  /** Class of each example, from 0, or of each of its pixels; a Float32Array for numbers that are no classes. */
  readonly labels: Int32Array | Uint8Array | Float32Array | readonly number[];
  /** Sizes of one example's labels: `[h, w]` for a class of each pixel, `[k]` for k numbers. Default `[]`: one label. */
  readonly labelShape?: readonly number[] | undefined;
  /** Names of the classes, or how many there are. Not needed where labels are a Float32Array. */
  readonly classes?: readonly string[] | number | undefined;
  /** Label of what does not count, in addition to the classes: the loss's `ignoreIndex`. */
  readonly ignoreIndex?: number | undefined;
}

export interface DatasetSource extends ExamplesSource, LabelsSource {
  /** For messages. Default `'images'`. */
  readonly name?: string | undefined;
  /** What a network's inputs after the first take, by their names. */
  readonly inputs?: Readonly<Record<string, ExamplesSource>> | undefined;
  /** What a network's outputs after the first are to give, by their names. */
  readonly targets?: Readonly<Record<string, LabelsSource>> | undefined;
}

const MAX_RANK = 4;
const MAX_SIDE = 2 ** 20;
const MAX_CLASSES = 1_000_000;

/** Checks the arrays and makes a data set of them. */
export function datasetFrom(source: DatasetSource): Dataset {
  if (typeof source !== 'object' || source === null) {
    throw new LanewiseError('data', 'datasetFrom needs an object { images, labels, shape, classes }');
  }
  const name = source.name ?? 'images';
  const failAs =
    (what: string): Fail =>
    (message) => {
      throw new LanewiseError('data', `${what}: ${message}`);
    };
  const fail = failAs(name);
  const { count, ...examples } = examplesFrom(name, source, fail);
  const inputs = mapNamed('inputs', source.inputs, fail, (input, given) => {
    const what = `${name}: input ${input}`;
    const { count: others, ...further } = examplesFrom(what, given, failAs(what));
    return others === count ? further : failAs(what)(`there are ${others} examples of it, ${count} of the first input`);
  });
  const targets = mapNamed('targets', source.targets, fail, (output, given) =>
    labelsFrom(given, count, failAs(`${name}: target ${output}`)),
  );
  return { name, count, ...examples, ...labelsFrom(source, count, fail), ...inputs, ...targets };
}

type Fail = (message: string) => never;

function mapNamed<K extends string, S, T>(
  key: K,
  sources: Readonly<Record<string, S>> | undefined,
  fail: Fail,
  convert: (name: string, source: S) => T,
): { readonly [P in K]?: Readonly<Record<string, T>> } {
  if (sources === undefined) return {};
  if (typeof sources !== 'object' || sources === null) fail(`${key} must be an object, by name`);
  for (const [name, source] of Object.entries(sources))
    if (typeof source !== 'object' || source === null)
      fail(`${key}.${name} must be an object, not ${describe(source)}`);
  const converted = Object.entries(sources).map(([name, source]) => [name, convert(name, source)] as const);
  return { [key]: Object.fromEntries(converted) } as { readonly [P in K]: Readonly<Record<string, T>> };
}

function examplesFrom(name: string, source: ExamplesSource, fail: Fail): DatasetInput & { readonly count: number } {
  const { images, shape } = source;
  // A Uint8ClampedArray (canvas pixels) is told apart because it would be refused much later, by the backend.
  if (!(images instanceof Uint8Array || images instanceof Float32Array)) {
    fail(`images must be a Uint8Array or a Float32Array, not ${describe(images)}`);
  }
  checkMemory(images, 'images', fail);
  if (!isShape(shape)) {
    const sizes = `1 to ${MAX_RANK} whole numbers from 1 to ${MAX_SIDE}, channels last`;
    fail(`shape must be ${sizes}, such as [height, width, channels], not ${describe(shape)}`);
  }
  const size = elements(shape);
  const channels = shape.at(-1) ?? 1;
  const count = images.length / size;
  if (!isInteger(count, 1, Number.MAX_SAFE_INTEGER)) {
    const wanted = `a positive multiple of ${shape.join(' x ')} = ${size}`;
    fail(`images holds ${images.length} values, which is not ${wanted}`);
  }
  const statistics = withContext(name, () =>
    source.mean === undefined || source.std === undefined ? channelStatistics(images, channels) : undefined,
  );
  return {
    count,
    shape: [...shape],
    images,
    mean: perChannel('mean', source.mean ?? statistics?.mean, channels, Number.NEGATIVE_INFINITY, fail),
    std: perChannel('std', source.std ?? statistics?.std, channels, 0, fail),
  };
}

function labelsFrom(source: LabelsSource, count: number, fail: Fail): DatasetTarget {
  const { labels, labelShape = [], classes } = source;
  if (labelShape.length > 0 && !isShape(labelShape)) {
    fail(`labelShape must be 1 to ${MAX_RANK} whole numbers from 1 to ${MAX_SIDE}, not ${describe(labelShape)}`);
  }
  const numbers = labels instanceof Float32Array;
  if (numbers && classes !== undefined && labelShape.length === 0) {
    const types = 'an Int32Array, a Uint8Array or an array';
    fail(`labels must be ${types} where there are classes; leave classes out for numbers`);
  }
  const names = numbers && classes === undefined ? [] : classNames(classes, fail);
  return {
    labels: checkedLabels(source, count, elements(labelShape), names.length, fail),
    ...(labelShape.length > 0 && { labelShape: [...labelShape] }),
    classes: names,
  };
}

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** Memory that another thread can change, or that can shrink or vanish, cannot be trained on. */
function checkMemory(array: Uint8Array | Labels, what: string, fail: Fail): void {
  const buffer = array.buffer;
  if (typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer) {
    fail(
      `${what} lies in a SharedArrayBuffer, which other threads can change during training; pass a copy (${what}.slice())`,
    );
  }
  if ((buffer as ArrayBuffer & { resizable?: boolean }).resizable === true) {
    fail(`${what} lies in a resizable ArrayBuffer, which can shrink during training; pass a copy (${what}.slice())`);
  }
  if (array.length === 0) {
    fail(
      isDetached(buffer as ArrayBuffer)
        ? `${what} lies in a detached ArrayBuffer: it was transferred to another thread; pass a copy before transferring it`
        : `${what} is empty; at least one image is needed`,
    );
  }
}

function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function classNames(classes: LabelsSource['classes'], fail: Fail): readonly string[] {
  if (typeof classes === 'number') {
    if (!isInteger(classes, 1, MAX_CLASSES)) fail(`classes must be from 1 to ${MAX_CLASSES}, not ${classes}`);
    return Array.from({ length: classes }, (_, index) => String(index));
  }
  if (!Array.isArray(classes) || classes.length === 0 || !classes.every((title) => typeof title === 'string')) {
    fail(`classes must be a list of names or a number, not ${describe(classes)}`);
  }
  return [...classes];
}

function checkedLabels(source: LabelsSource, count: number, each: number, classes: number, fail: Fail): Labels {
  const { labels, ignoreIndex } = source;
  const isTyped = labels instanceof Int32Array || labels instanceof Uint8Array || labels instanceof Float32Array;
  if (isTyped) checkMemory(labels, 'labels', fail);
  else if (!Array.isArray(labels))
    fail(`labels must be an Int32Array, a Uint8Array, a Float32Array or an array, not ${describe(labels)}`);
  if (labels.length !== count * each) {
    fail(`there are ${count} images${each === 1 ? '' : `, ${each} labels each,`} but ${labels.length} labels`);
  }
  if (labels instanceof Float32Array) {
    const wrong = labels.findIndex((label) => !Number.isFinite(label));
    if (wrong >= 0) fail(`labels[${wrong}] is ${labels[wrong]}, which is no finite number`);
    return labels;
  }
  for (let i = 0; i < labels.length; i++) {
    if (!isInteger(labels[i], 0, classes - 1) && (labels[i] !== ignoreIndex || ignoreIndex === undefined)) {
      fail(
        `labels[${i}] is ${describe(labels[i])}; with ${classes} classes a label is a whole number from 0 to ${classes - 1}`,
      );
    }
  }
  return labels instanceof Int32Array ? labels : Int32Array.from(labels);
}

function perChannel(
  what: string,
  values: readonly number[] | undefined,
  channels: number,
  above: number,
  fail: Fail,
): readonly number[] {
  if (!Array.isArray(values) || values.length !== channels) {
    return fail(`${what} must have one number for each of the ${channels} channels, not ${describe(values)}`);
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value) || value <= above);
  if (wrong >= 0) {
    fail(`${what}[${wrong}] must be a finite number${above === 0 ? ' above 0' : ''}, not ${describe(values[wrong])}`);
  }
  return [...values];
}

function withContext<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof LanewiseError) throw new LanewiseError(error.code, `${name}: ${error.message}`);
    throw error;
  }
}

function isInteger(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function isShape(shape: unknown): shape is readonly number[] {
  const fits = Array.isArray(shape) && shape.length >= 1 && shape.length <= MAX_RANK;
  return fits && shape.every((side) => isInteger(side, 1, MAX_SIDE));
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(String).join(', ')}${value.length > 8 ? ', ...' : ''}]`;
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}
