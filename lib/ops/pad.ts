// pad and its gradient: positions added before and after each axis, filled with a constant or with what lies in x.

import { axisAttrs, axisSchema, axisValues, stridesOf } from './axes.ts';
import { type Attrs, defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { slice, sliceOf } from './slice.ts';
import { f32, tensor } from './tensor-data.ts';

/** What the new positions show; the place in the list is the attribute `mode`. */
export const PAD_MODES = ['constant', 'reflect', 'replicate', 'circular'] as const;
export type PadMode = (typeof PAD_MODES)[number];

const sides = { ...axisSchema('before'), ...axisSchema('after') } as const;
const padSchema = { mode: 'i32', value: 'f32', ...sides } as const;
const gradientSchema = { mode: 'i32', ...sides } as const;

/** The attributes that add `before[axis]` and `after[axis]` positions. */
export const padBy = (
  before: readonly number[],
  after: readonly number[],
  mode: PadMode = 'constant',
  value = 0,
): Attrs<typeof padSchema> => ({
  mode: PAD_MODES.indexOf(mode),
  value,
  ...axisAttrs('before', before, 0),
  ...axisAttrs('after', after, 0),
});

/** Checks the sides of `axis`, which has `size` positions without them. */
function checkSides(check: ShapeCheck, attrs: Attrs, axis: number, size: number): void {
  const mode = PAD_MODES[attrs['mode'] as number];
  const most = {
    constant: Number.POSITIVE_INFINITY,
    reflect: size - 1,
    replicate: Number.POSITIVE_INFINITY,
    circular: size,
  };
  for (const side of [`before${axis}`, `after${axis}`]) {
    const added = attrs[side] as number;
    check.integers({ [side]: added }, 0);
    if (added > most[mode as PadMode]) {
      check.fail(
        `axis ${axis} has ${size} positions, ${mode} padding can add at most ${most[mode as PadMode]}, not ${added}`,
      );
    }
  }
}

/** The position of x (of `size`) that a padded one shows, counted from the first of x; -1 for none. */
function shown(mode: PadMode | undefined, at: number, size: number): number {
  if (at >= 0 && at < size) return at;
  if (mode === 'reflect') return at < 0 ? -at : 2 * (size - 1) - at;
  if (mode === 'replicate') return at < 0 ? 0 : size - 1;
  if (mode === 'circular') return at < 0 ? at + size : at - size;
  return -1;
}

/** Calls f(i, at) for the positions of `padded` in row-major order: i counts them, at is the element of `inner` that each
 * shows, or -1. */
function forShown(
  attrs: Attrs,
  inner: readonly number[],
  padded: readonly number[],
  f: (i: number, at: number) => void,
): void {
  const mode = PAD_MODES[attrs['mode'] as number];
  const strides = stridesOf(inner);
  const offsets = padded.map((size, axis) =>
    Array.from({ length: size }, (_, p) => {
      const at = shown(mode, p - (attrs[`before${axis}`] as number), inner[axis]!);
      return at < 0 ? -1 : at * strides[axis]!;
    }),
  );
  let i = 0;
  const walk = (axis: number, at: number): void => {
    if (axis === padded.length) f(i++, at);
    else for (const offset of offsets[axis]!) walk(axis + 1, at < 0 || offset < 0 ? -1 : at + offset);
  };
  walk(0, 0);
}

/**
 * y = x with before_a + after_a more positions along each axis a. What a new position shows depends on `mode`: 0 constant,
 * `value`; 1 reflect, x mirrored at its first or last position (`c b | a b c | b a`); 2 replicate, the nearest position
 * (`a a | a b c | c c`); 3 circular, x from its other end (`b c | a b c | a b`). Along several axes: one after the other.
 *
 * x of any shape -> y. Semantics: torch.nn.functional.pad, numpy.pad, ONNX Pad (constant, reflect, edge, wrap). The gradient
 * of constant padding is a slice. Errors: negative sides (a slice crops); sides beyond size - 1 (reflect) or size
 * (circular).
 */
export const pad = defineOp({
  name: 'pad',
  inputs: ['x'],
  outputs: ['y'],
  attrs: padSchema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('pad', ['x'], inputs);
    const { shape } = check.spec(0);
    check.integers({ mode: attrs.mode }, 0, PAD_MODES.length - 1);
    check.number('value', attrs.value, 'finite', () => true);
    for (const [axis, size] of shape.entries()) checkSides(check, attrs, axis, size);
    const [before, after] = [axisValues('before', attrs, shape.length), axisValues('after', attrs, shape.length)];
    const padded = shape.map((size, axis) => before[axis]! + size + after[axis]!);
    check.integers(Object.fromEntries(padded.map((size, axis) => [`size${axis}`, size])), 1);
    return [tensor(padded)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const [x] = context.inputs;
    if (!x || !dy || !context.needs(0)) return [];
    const { mode, value: _, ...added } = context.attrs;
    if (mode !== 0) return [context.emit(padDx, [dy], { mode, ...added })[0]];
    return [context.emit(slice, [dy], sliceOf(axisValues('before', added, x.shape.length), x.shape))[0]];
  },
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    forShown(attrs, inputs[0]!.shape, outputs[0]!.shape, (i, at) => {
      y[i] = at < 0 ? attrs.value : x[at]!;
    });
  },
});

/**
 * dx[i] = sum of dy over the positions of the padded tensor that show x[i], in row-major order.
 *
 * dy -> dx, smaller by before_a + after_a along each axis a; the attributes are those of pad, the mode not constant.
 * Errors: those of pad on a tensor of dx's shape.
 */
export const padDx = defineOp({
  name: 'pad_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: gradientSchema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('pad_dx', ['dy'], inputs);
    const { shape } = check.spec(0);
    check.integers({ mode: attrs.mode }, 1, PAD_MODES.length - 1);
    const [before, after] = [axisValues('before', attrs, shape.length), axisValues('after', attrs, shape.length)];
    const inner = shape.map((size, axis) => size - before[axis]! - after[axis]!);
    check.integers(Object.fromEntries(inner.map((size, axis) => [`size${axis}`, size])), 1);
    for (const [axis, size] of inner.entries()) checkSides(check, attrs, axis, size);
    return [tensor(inner)];
  },
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]).fill(0);
    forShown(attrs, outputs[0]!.shape, inputs[0]!.shape, (i, at) => {
      dx[at] = dx[at]! + dy[i]!;
    });
  },
});
