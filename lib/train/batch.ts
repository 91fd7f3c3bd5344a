// Checks on what users hand in as inputs and labels, before anything is copied.

import { LanewiseError } from '../errors.ts';
import type { Architecture } from '../nn/architecture.ts';
import { elementCount } from '../ops/op.ts';

/** Raw values of an input, channels last: pixels as bytes, or floats in the same unit. */
export type Images = Uint8Array | Float32Array;

/** The values of the only input, or of each by name. */
export type Inputs = Images | Readonly<Record<string, Images>>;

const isImages = (values: unknown): values is Images => values instanceof Uint8Array || values instanceof Float32Array;

/** What is given for each input of `architecture`, in its order, and how many examples that is. */
export function checkedInputs(
  caller: string,
  given: Inputs,
  { inputs: specs }: Architecture,
): { inputs: Images[]; count: number } {
  const names = specs.map(({ name }) => name);
  if (specs.length > 1 && (isImages(given) || typeof given !== 'object' || given === null)) {
    throw new LanewiseError('data', `${caller}: the model has the inputs ${names.join(', ')}; give arrays by name`);
  }
  const byName = specs.length === 1 && !isPlain(given) ? { [names[0] as string]: given as Images } : given;
  const stray = Object.keys(byName).find((name) => !names.includes(name));
  if (stray !== undefined)
    throw new LanewiseError('data', `${caller}: there is no input ${stray} (there is ${names.join(', ')})`);
  const inputs = specs.map(({ name }) => (byName as Readonly<Record<string, Images>>)[name] as Images);
  const counts = specs.map(({ name, shape }, i) =>
    checkedImages(caller, inputs[i], shape, specs.length === 1 ? 'images' : name),
  );
  if (new Set(counts).size > 1) {
    const found = counts.map((count, i) => `${count} of ${names[i]}`).join(', ');
    throw new LanewiseError('data', `${caller}: every input needs as many examples, got ${found}`);
  }
  return { inputs, count: counts[0] as number };
}

const isPlain = (given: unknown): boolean =>
  typeof given === 'object' && given !== null && !ArrayBuffer.isView(given) && !Array.isArray(given);

/** The number of examples in `images`, after checking that it is one; `name` is for errors. */
export function checkedImages(caller: string, images: unknown, inputShape: readonly number[], name = 'images'): number {
  if (!isImages(images)) {
    throw new LanewiseError(
      'data',
      `${caller}: ${name} must be a Uint8Array or Float32Array of values [n, ${inputShape}]`,
    );
  }
  checkBuffer(caller, name, images);
  const size = elementCount(inputShape);
  const count = images.length / size;
  if (count >= 1 && Number.isInteger(count)) return count;
  const got = `${images.length} values`;
  throw new LanewiseError(
    'data',
    `${caller}: ${name} must hold whole images of ${size} values [${inputShape}], got ${got}`,
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

/** Checks that labels are whole numbers below `classes`. */
export function checkLabels(
  caller: string,
  labels: unknown,
  classes: number,
  name = 'labels',
): asserts labels is Int32Array {
  if (!(labels instanceof Int32Array)) throw new LanewiseError('data', `${caller}: ${name} must be an Int32Array`);
  checkBuffer(caller, name, labels);
  const wrong = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (wrong < 0) return;
  const range = `0 to ${classes - 1}`;
  throw new LanewiseError(
    'data',
    `${caller}: label ${labels[wrong]} of image ${wrong} is outside ${range}, the network's classes`,
  );
}
