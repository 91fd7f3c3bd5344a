// pad and pad_dx.

import { axisValues } from '../../../lib/ops/axes.ts';
import { pad, padDx } from '../../../lib/ops/index.ts';
import { type PadMode, padBy } from '../../../lib/ops/pad.ts';
import { attr, countOf, exactly, type Formula, input, Sums } from '../formula.ts';
import { CaseList } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

/** A row with what is added to it, put together from pieces of the row. */
const PADDED: Readonly<Record<PadMode, (row: readonly number[], before: number, after: number) => number[]>> = {
  constant: (row, before, after) => [...Array(before).fill(-1), ...row, ...Array(after).fill(-1)],
  reflect: (row, before, after) => [
    ...row.slice(1, before + 1).reverse(),
    ...row,
    ...row.slice(row.length - 1 - after, -1).reverse(),
  ],
  replicate: (row, before, after) => [...Array(before).fill(row[0]), ...row, ...Array(after).fill(row.at(-1))],
  circular: (row, before, after) => [...row.slice(row.length - before), ...row, ...row.slice(0, after)],
};

/** For each element of the padded tensor the element of the inner one that it shows, -1 for none: one axis after the other. */
function shown(inner: readonly number[], mode: PadMode, before: readonly number[], after: readonly number[]): number[] {
  let elements = Array.from({ length: inner.reduce((a, b) => a * b, 1) }, (_, i) => i);
  const shape = [...inner];
  shape.forEach((size, axis) => {
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const padded = (before[axis] as number) + size + (after[axis] as number);
    const next: number[] = [];
    for (let outer = 0; outer < elements.length / (size * stride); outer++) {
      for (let i = 0; i < stride; i++) {
        const row = Array.from({ length: size }, (_, p) => elements[(outer * size + p) * stride + i] as number);
        PADDED[mode](row, before[axis] as number, after[axis] as number).forEach((element, p) => {
          next[(outer * padded + p) * stride + i] = element;
        });
      }
    }
    elements = next;
    shape[axis] = padded;
  });
  return elements;
}

const MODES: readonly PadMode[] = ['constant', 'reflect', 'replicate', 'circular'];
const elementsOf = (inner: readonly number[], attrs: Parameters<Formula>[2]) =>
  shown(
    inner,
    MODES[attr(attrs, 'mode')] as PadMode,
    axisValues('before', attrs, inner.length),
    axisValues('after', attrs, inner.length),
  );

const padded: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  const elements = elementsOf(shape, attrs);
  const value = attr(attrs, 'value');
  return [exactly(countOf(y!), (i) => (elements[i] === -1 ? value : (data[elements[i] as number] as number)))];
};
const gathered: Formula = (inputs, [dx], attrs) => {
  const { data } = input(inputs, 0);
  const sums = new Sums(countOf(dx!));
  for (const [i, element] of elementsOf(dx!.shape, attrs).entries()) sums.add(element, data[i] as number);
  return [sums.expected()];
};

const exact = { exact: true };
const shapes: readonly (readonly [string, number[], number[], number[]])[] = [
  ['a vector', [7], [3], [2]],
  ['an image on one side', [2, 5, 4, 3], [0, 2, 0, 0], [0, 0, 0, 0]],
  ['an image on four sides', [2, 4, 5, 19], [0, 1, 3, 0], [0, 2, 1, 0]],
  ['channels and images', [3, 2, 3, 6], [2, 0, 0, 5], [1, 0, 1, 3]],
  ['a volume', [1, 3, 4, 3, 2], [0, 2, 1, 1, 0], [0, 1, 2, 2, 0]],
  ['six axes', [2, 2, 2, 2, 2, 2], [1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 0, 1]],
  ['nothing', [3, 4], [0, 0], [0, 0]],
];
for (const mode of MODES) {
  for (const [title, shape, before, after] of shapes) {
    const attrs = padBy(before, after, mode, 0.3);
    list.add(pad, padded, `${mode}, ${title}`, [shape], attrs, exact);
    if (mode === 'constant') continue;
    const dy = shape.map((size, axis) => (before[axis] as number) + size + (after[axis] as number));
    const { value: _, ...sides } = attrs;
    list.add(padDx, gathered, `${mode}, ${title}`, [dy], sides, exact);
  }
}
for (const [mode, size, added] of [
  ['constant', 2, 9],
  ['reflect', 5, 4],
  ['replicate', 1, 6],
  ['circular', 5, 5],
] as const) {
  const { value: _, ...sides } = padBy([added, 0, added], [added, 0, 1], mode);
  list.add(
    pad,
    padded,
    `${mode}, as far as it goes`,
    [[size, 3, size]],
    { ...sides, value: 0 },
    { ...exact, sparse: true },
  );
  if (mode === 'constant') continue;
  list.add(padDx, gathered, `${mode}, as far as it goes`, [[size + 2 * added, 3, size + added + 1]], sides, exact);
}
const { value: _, ...manySides } = padBy([0, 3, 2, 0], [0, 1, 2, 0], 'reflect');
const work = 'reflect, work for many threads';
list.add(pad, padded, work, [[3, 50, 55, 9]], { ...manySides, value: -1 }, exact);
list.add(padDx, gathered, work, [[3, 54, 59, 9]], manySides, exact);
