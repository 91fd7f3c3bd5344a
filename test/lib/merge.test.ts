// Layers that join values and take them apart, with NumPy's results, and constants among the values.

import { describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';

const x = () => nn.input({ shape: [2, 2, 6] });
const images = Float32Array.from({ length: 48 }, (_, i) => i);

/** What `build` makes of two examples [2, 2, 6] that count from 0. */
async function outputOf(build: (x: nn.Value) => nn.Value, given = images): Promise<number[]> {
  const inputs = x();
  return [...(await nn.model({ inputs, outputs: build(inputs) }).predict(given, { backend: 'typescript' }))];
}

describe('concat, split and slice', () => {
  it('join more values than one op takes, and take them apart again', async () => {
    const parts = (value: nn.Value) => nn.split(value, { parts: 6 });
    expect(await outputOf((value) => nn.concat()([...parts(value), ...parts(value)].slice(0, 9)))).toHaveLength(72);
    expect(await outputOf((value) => nn.concat()(parts(value)))).toEqual([...images]);
    expect(nn.split(x(), { sizes: [1, 3, 2] }).map(({ shape }) => shape)).toEqual([
      [2, 2, 1],
      [2, 2, 3],
      [2, 2, 2],
    ]);
    const rows = (value: nn.Value) => nn.split(value, { axis: 0, parts: 2 });
    expect(await outputOf((value) => nn.concat({ axis: -3 })(rows(value).toReversed()), images.slice(0, 24))).toEqual([
      ...images.slice(12, 24),
      ...images.slice(0, 12),
    ]);
  });

  it('read as NumPy does', async () => {
    const one = images.slice(0, 24);
    expect(await outputOf(nn.slice({ start: -2 }), one)).toEqual([4, 5, 10, 11, 16, 17, 22, 23]);
    const some = nn.slice({ axis: 2, start: 1, end: -1, step: 3 });
    expect(await outputOf(some, one)).toEqual([1, 4, 7, 10, 13, 16, 19, 22]);
    expect(await outputOf(nn.slice({ axis: 0, start: -9, end: 1 }), one)).toEqual([...images.slice(0, 12)]);
  });
});

describe('arithmetic', () => {
  it('broadcasts examples, whatever their number', async () => {
    const means = (value: nn.Value) => nn.globalAvgPool2d()(value);
    // The means of channel c are 9 + c and 33 + c.
    const centred = images.map((value, i) => value - (i < 24 ? 9 : 33) - (i % 6));
    expect(await outputOf((value) => nn.subtract()(value, means(value)))).toEqual([...centred]);
    const scaled = images.map((value, i) => value * ((i < 24 ? 9 : 33) + (i % 6)));
    expect(await outputOf((value) => nn.multiply()(means(value), value))).toEqual([...scaled]);
    const quotients = images.map((value, i) => value / ((i < 24 ? 9 : 33) + (i % 6)));
    expect(await outputOf((value) => nn.divide()(value, means(value)))).toEqual([...quotients]);
    expect(await outputOf((value) => nn.add()(value, means(value), value))).toHaveLength(48);
  });

  it('takes constants for the whole batch', async () => {
    const row = nn.constant({ shape: [6], values: [0, 10, 20, 30, 40, 50] });
    const plus = images.map((value, i) => value + 10 * (i % 6));
    expect(await outputOf((value) => nn.add()(value, row))).toEqual([...plus]);
    const limit = nn.constant({ shape: [1], values: 20 });
    expect(await outputOf((value) => nn.maximum()(value, limit))).toEqual([...images.map((v) => Math.max(v, 20))]);
    expect(await outputOf((value) => nn.minimum()(limit, value))).toEqual([...images.map((v) => Math.min(v, 20))]);
    const border = nn.constant({ shape: [1, 2, 6], values: 7 });
    const framed = await outputOf((value) => nn.concat({ axis: 0 })(border, value));
    expect(framed).toEqual([...Array(12).fill(7), ...images.slice(0, 24), ...Array(12).fill(7), ...images.slice(24)]);
  });

  it('trains a parameter as it would a bias', async () => {
    const inputs = nn.input({ shape: [3] });
    const shift = nn.parameter({ shape: [2], name: 'shift' });
    const weightInit = { values: [1, 0, 0, 1, 1, 1] } as const;
    const own = nn.model({
      inputs,
      outputs: nn.add()(nn.linear({ units: 2, bias: false, weightInit })(inputs), shift),
    });
    const usual = nn.sequential([nn.linear({ units: 2, weightInit })], { inputShape: [3] });
    const data = nn.datasetFrom({
      images: images.slice(0, 24),
      labels: [0, 1, 1, 0, 1, 1, 1, 0],
      shape: [3],
      classes: 2,
    });
    for (const model of [own, usual])
      await nn.fit(model, { data, epochs: 3, optimizer: nn.adam({ learningRate: 0.1 }) });
    expect(own.tensor('shift.value')).toEqual(usual.tensor('linear_1.bias'));
    expect(own.tensor('linear_1.weight')).toEqual(usual.tensor('linear_1.weight'));
    expect(own.parameterCount).toBe(8);
  });
});

it.each<[string, () => unknown, RegExp]>([
  [
    'an axis that is none',
    () => nn.concat({ axis: 3 })(x(), x()),
    /concat: axis is 3, an example has 3 axes, \[2,2,6\]/,
  ],
  ['a fractional axis', () => nn.concat({ axis: 0.5 }), /concat: axis must be a whole number from -5 to 4, not 0.5/],
  ['sizes that differ', () => nn.concat({ name: 'skip' })(x(), nn.maxPool2d({ size: 2 })(x())), /skip: cannot join/],
  [
    'sizes that do not broadcast',
    () => nn.multiply({ name: 'gate' })(x(), nn.constant({ shape: [5] })),
    /gate: cannot multiply \[1,2,2,6\], \[1,5\]: sizes must be equal, or 1/,
  ],
  ['three values', () => nn.divide()(x(), x(), x()), /divide: takes 2 inputs, got 3/],
  ['one value', () => nn.concat()(x()), /concat: takes at least 2 inputs, got 1/],
  ['two values', () => nn.relu()(x(), x()), /relu: takes 1 input, got 2/],
  ['no value', () => nn.relu()(), /relu: takes 1 input, got 0/],
  ['a layer', () => nn.relu()(nn.relu() as never), /relu: is applied to values, .* not to a layer/],
  ['nothing left', () => nn.slice({ start: 6 })(x()), /slice: nothing of \[1,2,2,6\] is from 6 to before 6 in axis 2/],
  ['a step of 0', () => nn.slice({ step: 0 }), /slice: step must be/],
  ['parts that do not divide', () => nn.split(x(), { parts: 4 }), /split: 4 parts do not divide 6; give sizes/],
  ['sizes that do not fill', () => nn.split(x(), { sizes: [1, 2] }), /split: sizes \[1, 2\] fill 3 of 6/],
  ['parts and sizes', () => nn.split(x(), { parts: 2, sizes: [3, 3] } as never), /split: needs either parts or sizes/],
  ['a wrong shape', () => nn.linear({ units: 1, name: 'head' })(x()), /head: needs \[n, features\], got \[1,2,2,6\]/],
  ['an input of rank 5', () => nn.input({ shape: [1, 1, 1, 1, 1] }), /input: shape must be a list of 1 to 4 sizes/],
  ['a name with a dot', () => nn.input({ shape: [1], name: 'a.b' }), /input: name 'a.b' must be letters/],
  ['a constant of no shape', () => nn.constant({} as never), /constant: shape must be a list of 1 to 5 sizes/],
])('refuses %s', (_, act, message) => {
  expect(act).toThrow(message);
  expect(act).toThrow(nn.LanewiseError);
});
