// Checks on what users hand in as inputs and labels, before anything is copied.

import type { DatasetTarget } from '../data/dataset.ts';
import { LanewiseError } from '../errors.ts';
import type { Architecture } from '../nn/architecture.ts';
import type { Loss } from '../nn/loss.ts';
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

/** Checks that labels are what a loss compares `output` of one example with: whole numbers below the number of classes, or
 * finite numbers, `labelShape` of them an example. */
export function checkLabels(
  caller: string,
  { labels, labelShape = [] }: DatasetTarget,
  output: readonly number[],
  loss: Loss,
  name = 'labels',
): void {
  const wanted = loss.targets({ shape: [1, ...output], dtype: 'f32' });
  const shape = wanted.shape.slice(1);
  const type = wanted.dtype === 'i32' ? 'an Int32Array' : 'a Float32Array';
  if (!(wanted.dtype === 'i32' ? labels instanceof Int32Array : labels instanceof Float32Array)) {
    throw new LanewiseError('data', `${caller}: ${name} must be ${type}, which ${loss.type} compares [${output}] with`);
  }
  checkBuffer(caller, name, labels);
  if (labelShape.join() !== shape.join()) {
    const given = `${name} of an example are [${labelShape}]`;
    throw new LanewiseError(
      'data',
      `${caller}: ${given}, ${loss.type} compares the output [${output}] with [${shape}]`,
    );
  }
  const { ignoreIndex } = loss;
  const classes = output.at(-1) ?? 1;
  const fits = wanted.dtype === 'i32' ? (x: number) => (x >= 0 && x < classes) || x === ignoreIndex : Number.isFinite;
  const wrong = labels.findIndex((label) => !fits(label));
  if (wrong < 0) return;
  const image = Math.floor(wrong / elementCount(shape));
  const range = wanted.dtype === 'i32' ? `outside 0 to ${classes - 1}, the network's classes` : 'no finite number';
  throw new LanewiseError('data', `${caller}: label ${labels[wrong]} of image ${image} is ${range}`);
}
