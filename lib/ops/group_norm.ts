// group_norm: normalisation over groups of channels of each example, and its two gradients. One group is layer norm, as many
// groups as channels are instance norm. Statistics of each channel come first, in blocks of 256 pixels as in batch_norm2d;
// those of a group's channels are then combined in doubles, 16 partial sums taking turns.

import { activationAttrs, activationGradient, applyActivation, checkActivation } from './activation.ts';
import { columnMoments, columnProducts, columnSums } from './column-sums.ts';
import { costPerElement } from './elementwise.ts';
import { fma } from './fma.ts';
import { type AttrSchema, defineOp, elementCount, type TensorSpec, type TensorView } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { sumInTurns } from './softmax.ts';
import { f32, tensor } from './tensor-data.ts';

const { fround } = Math;

const normAttrs = { groups: 'i32', epsilon: 'f32', ...activationAttrs } as const satisfies AttrSchema;

/** n examples of p pixels with c channels, in groups of `size` channels. */
interface Geometry {
  readonly n: number;
  readonly p: number;
  readonly c: number;
  readonly groups: number;
  readonly size: number;
}

function geometryOf(x: TensorSpec | undefined, groups: number): Geometry {
  const shape = x?.shape ?? [];
  const n = shape[0] ?? 1;
  const c = shape.at(-1) ?? 1;
  return { n, p: elementCount(shape) / (n * c), c, groups, size: c / groups };
}

/** Input `index` is [n, ..., c], its channels a whole number of `groups`. */
function checkGroups(check: ShapeCheck, index: number, name: string, groups: number): Geometry {
  const spec = check.spec(index);
  if (spec.shape.length < 2) check.fail(`${name} must have at least 2 dimensions, it has ${spec.shape.length}`);
  check.integers({ groups }, 1);
  const geometry = geometryOf(spec, groups);
  if (geometry.c % groups !== 0) check.fail(`groups (${groups}) must divide the ${geometry.c} channels of ${name}`);
  return geometry;
}

/** values[group] for every channel of the group. */
const spread = (values: Float32Array, size: number): Float32Array =>
  Float32Array.from({ length: values.length * size }, (_, k) => values[Math.floor(k / size)]!);

/** `visit` with each example's range of elements and its mean and reciprocal deviation, for every channel. */
function forExamples(
  { n, p, c, groups, size }: Geometry,
  mean: Float32Array,
  rstd: Float32Array,
  visit: (start: number, end: number, mean: Float32Array, rstd: Float32Array) => void,
): void {
  const own = (values: Float32Array, i: number) => spread(values.subarray(i * groups, (i + 1) * groups), size);
  for (let i = 0; i < n; i++) visit(i * p * c, (i + 1) * p * c, own(mean, i), own(rstd, i));
}

/** Mean and reciprocal deviation of the groups of one example. */
function groupStatistics(
  example: Float32Array,
  { c, groups, size }: Geometry,
  epsilon: number,
  mean: Float32Array,
  rstd: Float32Array,
): void {
  const means = new Float32Array(c);
  const variances = new Float32Array(c);
  columnMoments(example, means, variances);
  for (let group = 0; group < groups; group++) {
    const start = group * size;
    const end = start + size;
    const centre = fround(sumInTurns(start, end, (k) => means[k]!) / size);
    const squares = sumInTurns(start, end, (k) => {
      const deviation = fround(means[k]! - centre);
      return variances[k]! + deviation * deviation;
    });
    mean[group] = centre;
    rstd[group] = 1 / fround(Math.sqrt(fround(fround(squares / size) + fround(epsilon))));
  }
}

/** dgamma and dbeta of one example: for each channel the sums of dy * xhat and of dy over its pixels. */
function exampleSums(
  dy: Float32Array,
  x: Float32Array,
  mean: Float32Array,
  rstd: Float32Array,
): { products: Float32Array; sums: Float32Array } {
  const products = new Float32Array(mean.length);
  const sums = new Float32Array(mean.length);
  columnProducts(dy, x, products, mean, rstd);
  columnSums(dy, sums, dy.length / sums.length, sums.length);
  return { products, sums };
}

/**
 * y = act((x - mean) / sqrt(variance + epsilon) * gamma + beta), with mean and biased variance over the pixels and the
 * channels of one group of one example.
 *
 * x [n,...,c], gamma [c], beta [c] -> y [n,...,c], mean [n,groups], rstd = 1 / sqrt(variance + epsilon) [n,groups]. Semantics:
 * torch.nn.GroupNorm; InstanceNorm with groups = c; LayerNorm with groups = 1 and its axes as the channels of [n,c]. The
 * gradient is that of y; mean and rstd are for the gradient ops.
 *
 * Errors: groups does not divide c; gamma or beta not [c]; epsilon not above 0.
 */
export const groupNorm = defineOp({
  name: 'group_norm',
  inputs: ['x', 'gamma', 'beta'],
  outputs: ['y', 'mean', 'rstd'],
  attrs: normAttrs,
  inPlace: [0, 0],
  epilogue: {},
  infer(inputs, attrs) {
    const check = new ShapeCheck('group_norm', ['x', 'gamma', 'beta'], inputs);
    const { n, c, groups } = checkGroups(check, 0, 'x', attrs.groups);
    for (const index of [1, 2]) check.shape(index, [c], 'one value for each channel');
    check.number('epsilon', attrs.epsilon, 'a finite number above 0', (value) => value > 0);
    checkActivation(check, attrs);
    return [tensor(check.spec(0).shape), tensor([n, groups]), tensor([n, groups])];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients, outputs } = context;
    if (outputGradients[1] || outputGradients[2]) throw new Error('group_norm: only y has a gradient');
    const weights = context.needs(1) || context.needs(2);
    if (!outputGradients[0] || !(weights || context.needs(0))) return [];
    const [x, gamma] = inputs;
    const [y, mean, rstd] = outputs;
    const dy = activationGradient(context, outputGradients[0], y, attrs);
    const [dgamma, dbeta] = weights ? context.emit(groupNormDw, [dy, x, mean, rstd], {}) : [];
    const dx = context.needs(0) ? context.emit(groupNormDx, [dy, x, gamma, mean, rstd], {})[0] : undefined;
    return [dx, dgamma, dbeta];
  },
  cost: (_, outputs) => costPerElement(outputs, 8),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const gamma = f32(inputs[1]);
    const beta = f32(inputs[2]);
    const [y, mean, rstd] = [f32(outputs[0]), f32(outputs[1]), f32(outputs[2])];
    const geometry = geometryOf(inputs[0], attrs.groups);
    const { n, p, c, groups } = geometry;
    for (let i = 0; i < n; i++) {
      const own = (values: Float32Array) => values.subarray(i * groups, (i + 1) * groups);
      groupStatistics(x.subarray(i * p * c, (i + 1) * p * c), geometry, attrs.epsilon, own(mean), own(rstd));
    }
    forExamples(geometry, mean, rstd, (start, end, means, rstds) => {
      for (let at = start; at < end; at += c) {
        for (let k = 0; k < c; k++) {
          const xhat = fround(fround(x[at + k]! - means[k]!) * rstds[k]!);
          y[at + k] = fma(xhat, gamma[k]!, beta[k]!);
        }
      }
    });
    applyActivation(y, attrs);
  },
});

/** dy and x of one shape, and the statistics [n, groups] at `mean` and the next input. */
function checkGradient(name: string, inputs: readonly (TensorSpec | undefined)[], names: string[], mean: number) {
  const check = new ShapeCheck(name, names, inputs);
  const [n, groups] = check.dims(mean, 2);
  const geometry = checkGroups(check, 0, 'dy', groups);
  const { shape } = check.spec(0);
  check.shape(1, shape, 'the shape of dy');
  if (geometry.n !== n) check.fail(`mean has ${n} rows, dy has ${geometry.n} examples`);
  check.shape(mean + 1, [n, groups], 'the shape of mean');
  return { check, shape, c: geometry.c };
}

const geometryOfGradient = (dy: TensorView | undefined, mean: TensorView | undefined): Geometry =>
  geometryOf(dy, mean?.shape[1] ?? 1);

/**
 * dgamma[c] = sum of dy * xhat, dbeta[c] = sum of dy over examples and pixels, with xhat = (x - mean) * rstd.
 *
 * dy, x [n,...,c], mean, rstd [n,groups] -> dgamma [c], dbeta [c]. Errors: shapes that do not fit.
 */
export const groupNormDw = defineOp({
  name: 'group_norm_dw',
  inputs: ['dy', 'x', 'mean', 'rstd'],
  outputs: ['dgamma', 'dbeta'],
  attrs: {},
  infer(inputs) {
    const { c } = checkGradient('group_norm_dw', inputs, ['dy', 'x', 'mean', 'rstd'], 2);
    return [tensor([c]), tensor([c])];
  },
  cost: ([dy]) => ({ flops: 5 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs) {
    const [dy, x, mean, rstd] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2]), f32(inputs[3])];
    const geometry = geometryOfGradient(inputs[0], inputs[2]);
    const { n, c } = geometry;
    const all = { products: new Float32Array(n * c), sums: new Float32Array(n * c) };
    let at = 0;
    forExamples(geometry, mean, rstd, (start, end, means, rstds) => {
      const { products, sums } = exampleSums(dy.subarray(start, end), x.subarray(start, end), means, rstds);
      all.products.set(products, at);
      all.sums.set(sums, at);
      at += c;
    });
    columnSums(all.products, f32(outputs[0]), n, c);
    columnSums(all.sums, f32(outputs[1]), n, c);
  },
});

/**
 * dx = rstd * (dy * gamma - a - xhat * b), with xhat = (x - mean) * rstd and, over the M elements of a group of one example,
 * a = sum of dy * gamma / M and b = sum of dy * gamma * xhat / M.
 *
 * dy, x [n,...,c], gamma [c], mean, rstd [n,groups] -> dx [n,...,c]. Errors: shapes that do not fit.
 */
export const groupNormDx = defineOp({
  name: 'group_norm_dx',
  inputs: ['dy', 'x', 'gamma', 'mean', 'rstd'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  infer(inputs) {
    const { check, shape, c } = checkGradient('group_norm_dx', inputs, ['dy', 'x', 'gamma', 'mean', 'rstd'], 3);
    check.shape(2, [c], 'one value for each channel');
    return [tensor(shape)];
  },
  cost: (_, outputs) => costPerElement(outputs, 12),
  run(inputs, outputs) {
    const [dy, x, gamma] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2])];
    const dx = f32(outputs[0]);
    const geometry = geometryOfGradient(inputs[0], inputs[3]);
    const { p, c, groups, size } = geometry;
    forExamples(geometry, f32(inputs[3]), f32(inputs[4]), (start, end, mean, rstd) => {
      const { products, sums } = exampleSums(dy.subarray(start, end), x.subarray(start, end), mean, rstd);
      const share = (values: Float32Array) =>
        Float32Array.from({ length: groups }, (_, group) => {
          const from = group * size;
          return sumInTurns(from, from + size, (k) => gamma[k]! * values[k]!) / (p * size);
        });
      const a = spread(share(sums), size);
      const b = spread(share(products), size);
      for (let at = start; at < end; at += c) {
        for (let k = 0; k < c; k++) {
          const xhat = fround(fround(x[at + k]! - mean[k]!) * rstd[k]!);
          dx[at + k] = rstd[k]! * fma(-xhat, b[k]!, fma(dy[at + k]!, gamma[k]!, -a[k]!));
        }
      }
    });
  },
});
