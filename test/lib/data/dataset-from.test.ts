// The checks on users' own arrays, and batches gathered from them.
import { describe, expect, it } from 'vitest';
import { type DatasetSource, datasetFrom } from '../../../lib/data/dataset-from.ts';
import { gatherBatch } from '../../../lib/data/gather-batch.ts';

const right = (): DatasetSource => ({
  images: Uint8Array.from({ length: 4 * 6 }, (_, i) => i),
  labels: [0, 1, 1, 0],
  shape: [3, 1, 2],
  classes: ['no', 'yes'],
});

function detached(): Uint8Array {
  const array = new Uint8Array(24);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

function resizable(): Uint8Array {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Uint8Array(new Resizable(24, { maxByteLength: 48 }));
}

describe('datasetFrom', () => {
  it('keeps the arrays and computes mean and standard deviation per channel', () => {
    const source = right();
    const dataset = datasetFrom(source);
    expect(dataset).toMatchObject({ name: 'images', shape: [3, 1, 2], count: 4, classes: ['no', 'yes'] });
    expect(dataset.images).toBe(source.images);
    expect(dataset.labels).toEqual(Int32Array.of(0, 1, 1, 0));
    expect(dataset.mean).toEqual([11, 12]);
    expect(dataset.std[0]).toBeCloseTo(Math.sqrt((4 * (12 * 12 - 1)) / 12), 12);
  });

  it('gives bytes and floats of the same values the same statistics', () => {
    const bytes = datasetFrom(right());
    const floats = datasetFrom({ ...right(), images: Float32Array.from(right().images) });
    expect(floats.mean).toEqual(bytes.mean);
    expect(floats.std[0]).toBeCloseTo(bytes.std[0]!, 12);
  });

  it('takes statistics that are given, a number of classes, and 1 for a channel that never changes', () => {
    const images = new Uint8Array(24).fill(7);
    const dataset = datasetFrom({ ...right(), images, classes: 3, name: 'mine' });
    expect(dataset).toMatchObject({ name: 'mine', classes: ['0', '1', '2'], mean: [7, 7], std: [1, 1] });
    expect(datasetFrom({ ...right(), mean: [1, 2], std: [3, 4] })).toMatchObject({ mean: [1, 2], std: [3, 4] });
  });

  it.each<[string, Partial<Record<keyof DatasetSource, unknown>>, RegExp]>([
    [
      'a plain array of pixels',
      { images: [1, 2, 3] },
      /images must be a Uint8Array or a Float32Array, not \[1, 2, 3\]/,
    ],
    ['doubles', { images: new Float64Array(24) }, /not a Float64Array/],
    ['clamped pixels', { images: new Uint8ClampedArray(24) }, /not a Uint8ClampedArray/],
    ['no pixels', { images: new Uint8Array(0) }, /images is empty; at least one image is needed/],
    ['a detached buffer', { images: detached() }, /detached ArrayBuffer: it was transferred/],
    ['a resizable buffer', { images: resizable() }, /resizable ArrayBuffer, which can shrink/],
    [
      'a shared buffer',
      { images: new Uint8Array(new SharedArrayBuffer(24)) },
      /SharedArrayBuffer, which other threads can change/,
    ],
    ['shared labels', { labels: new Int32Array(new SharedArrayBuffer(16)) }, /labels lies in a SharedArrayBuffer/],
    [
      'half an image',
      { images: new Uint8Array(23) },
      /images holds 23 values, which is not a positive multiple of 3 x 1 x 2 = 6/,
    ],
    ['no shape', { shape: [] }, /shape must be 1 to 4 whole numbers from 1 to 1048576, channels last/],
    ['a shape of five', { shape: [1, 1, 1, 3, 2] }, /shape must be 1 to 4 whole numbers/],
    ['a fractional shape', { shape: [1.5, 2, 2] }, /not \[1.5, 2, 2\]/],
    ['a NaN shape', { shape: [Number.NaN, 2, 2] }, /not \[NaN, 2, 2\]/],
    ['a huge shape', { shape: [1e9, 1, 1] }, /shape must be/],
    ['too few labels', { labels: [0, 1] }, /there are 4 images but 2 labels/],
    [
      'a label too high',
      { labels: [0, 1, 2, 0] },
      /labels\[2\] is 2; with 2 classes a label is a whole number from 0 to 1/,
    ],
    ['a negative label', { labels: Int32Array.of(0, -1, 0, 0) }, /labels\[1\] is -1/],
    ['a fractional label', { labels: [0, 0.5, 0, 0] }, /labels\[1\] is 0.5/],
    ['a NaN label', { labels: [Number.NaN, 0, 0, 0] }, /labels\[0\] is NaN/],
    [
      'float labels',
      { labels: new Float32Array(4) },
      /labels must be an Int32Array, a Uint8Array or an array where there are classes; leave classes out for numbers/,
    ],
    ['no classes', { classes: [] }, /classes must be a list of names or a number/],
    ['0 classes', { classes: 0 }, /classes must be from 1/],
    ['classes that are no names', { classes: [1, 2] }, /classes must be a list of names/],
    ['a mean too few', { mean: [1] }, /mean must have one number for each of the 2 channels, not \[1\]/],
    ['a standard deviation of 0', { std: [1, 0] }, /std\[1\] must be a finite number above 0, not 0/],
    ['a NaN mean', { mean: [Number.NaN, 0] }, /mean\[0\] must be a finite number, not NaN/],
    [
      'NaN pixels',
      { images: new Float32Array(24).fill(Number.NaN, 5, 6) },
      /images: images\[5\] is NaN; every value must be finite/,
    ],
  ])('refuses %s', (_, change, expected) => {
    expect(() => datasetFrom({ ...right(), ...change } as DatasetSource)).toThrow(expected);
  });

  it('takes further inputs and targets', () => {
    const data = datasetFrom({
      ...right(),
      inputs: { facts: { images: Float32Array.of(1, 2, 3, 6), shape: [1] } },
      targets: { parity: { labels: [0, 1, 1, 0], classes: ['even', 'odd'] } },
    });
    expect(data.inputs).toEqual({
      facts: { images: Float32Array.of(1, 2, 3, 6), shape: [1], mean: [3], std: [Math.sqrt(3.5)] },
    });
    expect(data.targets).toEqual({ parity: { labels: Int32Array.of(0, 1, 1, 0), classes: ['even', 'odd'] } });
  });

  it.each<[string, object, RegExp]>([
    ['too few', { inputs: { facts: { images: new Float32Array(3), shape: [1] } } }, /images: input facts: there are 3/],
    ['no shape', { inputs: { facts: { images: new Float32Array(4) } } }, /images: input facts: shape must be/],
    ['no object', { inputs: { facts: 3 } }, /images: inputs.facts must be an object, not 3/],
    ['no names', { targets: 3 }, /images: targets must be an object, by name/],
    ['a wrong label', { targets: { parity: { labels: [0, 2, 0, 0], classes: 2 } } }, /target parity: labels\[1\] is 2/],
  ])('refuses further ones with %s', (_, change, expected) => {
    expect(() => datasetFrom({ ...right(), ...change } as DatasetSource)).toThrow(expected);
  });

  it('refuses no object at all', () => {
    expect(() => datasetFrom(undefined as unknown as DatasetSource)).toThrow(/datasetFrom needs an object/);
  });
});

describe('gatherBatch', () => {
  const dataset = datasetFrom(right());
  const images = new Uint8Array(3 * 6);
  const labels = new Int32Array(3);

  it('gathers images and labels in order', () => {
    gatherBatch(dataset, Uint32Array.of(3, 0, 2, 1), 1, 2, images, labels);
    expect([...images.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]);
    expect([...labels.subarray(0, 2)]).toEqual([0, 1]);
  });

  it('takes a stretch of the data set without an order', () => {
    gatherBatch(dataset, undefined, 1, 3, images, labels);
    expect([...images]).toEqual(Array.from({ length: 18 }, (_, i) => i + 6));
    expect([...labels]).toEqual([1, 1, 0]);
  });

  it('refuses what does not fit', () => {
    const order = Uint32Array.of(0, 9, 1, 2);
    expect(() => gatherBatch(dataset, undefined, 2, 3, images, labels)).toThrow(/batch 2\.\.5 is outside its 4 images/);
    expect(() => gatherBatch(dataset, order, 0, 2, images, labels)).toThrow(/order\[1\] is 9, there are 4 images/);
    expect(() => gatherBatch(dataset, undefined, 0, 4, images, labels)).toThrow(/too small for 4 images of 6 values/);
    expect(() => gatherBatch(dataset, undefined, 0, 1, new Float32Array(6), labels)).toThrow(/differ in element type/);
  });

  it('notices that the data set was transferred away meanwhile', () => {
    const source = right();
    const moved = datasetFrom(source);
    structuredClone(source.images.buffer, { transfer: [source.images.buffer as ArrayBuffer] });
    expect(() => gatherBatch(moved, undefined, 0, 1, images, labels)).toThrow(
      /transferred away or resized while in use/,
    );
  });
});
