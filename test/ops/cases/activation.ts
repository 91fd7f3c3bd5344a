// unary and prelu with their gradients: every function on ordinary numbers, and on all magnitudes there are.

import { prelu, preluDw, preluDx, unary, unaryDx } from '../../../lib/ops/index.ts';
import { type UnaryName, unaryAttrs } from '../../../lib/ops/unary-functions.ts';
import { erf, normalCdf } from '../error-function.ts';
import { attr, elementwise, type Formula, input, Sums } from '../formula.ts';
import { CaseList, given, type Source, scaled, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

type Real = (x: number, alpha: number, beta: number) => number;

/** A function and its derivative in doubles, each with what its error scales with where that is not the result. */
interface UnaryCase {
  readonly name: UnaryName;
  readonly alpha?: number;
  readonly beta?: number;
  readonly value: Real;
  readonly slope: Real;
  readonly scale?: Real;
  readonly slopeScale?: Real;
  /** Most values or derivatives are 0. */
  readonly sparse?: boolean;
  /** No rounding happens on whole numbers. */
  readonly exact?: boolean;
  /** Defined for positive numbers only. */
  readonly positive?: boolean;
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
/** A product with a factor that vanishes. */
const times = (x: number, factor: number): number => (factor === 0 ? 0 : x * factor);
const SQRT_2_PI = Math.sqrt(2 / Math.PI);
const geluAngle = (x: number): number => 2 * SQRT_2_PI * (x + 0.044715 * x ** 3);
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const mishGate = (x: number): number => Math.tanh(softplus(x));
/** 1 - tanh(softplus(x))^2 without cancellation. */
const mishRest = (x: number): number => {
  const n = Math.exp(-Math.abs(x));
  const [p, q, gap] = x < 0 ? [n * n + 2 * n, n * n + 2 * n + 2, 2] : [1 + 2 * n, 1 + 2 * n + 2 * n * n, 2 * n * n];
  return (gap * (q + p)) / (q * q);
};
/** The error of an exponential's argument, relative to the argument. */
const spread = (value: number, argument: number): number => Math.abs(value) * (1 + Math.min(Math.abs(argument), 200));

/** z(x) * sigmoid of z and the like: x s(z), its derivative s + x z' s (1 - s), and how they err. */
function gate(z: Real, dz: Real): Pick<UnaryCase, 'value' | 'slope' | 'scale' | 'slopeScale'> {
  const value: Real = (x, a, b) => times(x, sigmoid(z(x, a, b)));
  const parts: Real = (x, a, b) => {
    const s = sigmoid(z(x, a, b));
    return times(x * dz(x, a, b), s * sigmoid(-z(x, a, b)));
  };
  return {
    value,
    slope: (x, a, b) => sigmoid(z(x, a, b)) + parts(x, a, b),
    scale: (x, a, b) => spread(value(x, a, b), z(x, a, b)),
    slopeScale: (x, a, b) =>
      sigmoid(z(x, a, b)) + Math.abs(x * dz(x, a, b)) * sigmoid(z(x, a, b)) + spread(parts(x, a, b), z(x, a, b)),
  };
}

const exponentialLinear: Pick<UnaryCase, 'value' | 'slope' | 'slopeScale'> = {
  value: (x, alpha, beta) => beta * (x > 0 ? x : alpha * Math.expm1(x)),
  slope: (x, alpha, beta) => beta * (x > 0 ? 1 : alpha * Math.exp(x)),
};
const interval: Pick<UnaryCase, 'value' | 'sparse' | 'exact'> = { value: clamp, sparse: true, exact: true };

const functions: readonly UnaryCase[] = [
  { ...interval, name: 'hard_tanh', alpha: 0, beta: 6, slope: (x, low, high) => Number(x > low && x < high) },
  { ...interval, name: 'hard_tanh', alpha: -1, beta: 1, slope: (x, low, high) => Number(x > low && x < high) },
  { ...interval, name: 'clip', alpha: -2, beta: 3, slope: (x, low, high) => Number(x >= low && x <= high) },
  { ...interval, name: 'clip', alpha: -Infinity, beta: 1, slope: (x, _, high) => Number(x <= high) },
  { ...exponentialLinear, name: 'elu', alpha: 1, beta: 1 },
  { ...exponentialLinear, name: 'elu', alpha: 0.5, beta: 1.25 },
  { ...exponentialLinear, name: 'elu', alpha: 1.6732632423543772, beta: 1.0507009873554805 },
  {
    name: 'celu',
    alpha: 0.7,
    value: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
    slope: (x, alpha) => (x > 0 ? 1 : Math.exp(x / alpha)),
    slopeScale: (x, alpha) => (x > 0 ? 1 : spread(Math.exp(x / alpha), x / alpha)),
  },
  {
    name: 'gelu',
    value: (x) => times(x, normalCdf(x)),
    slope: (x) => normalCdf(x) + times(x, density(x)),
    slopeScale: (x) => normalCdf(x) + spread(times(x, density(x)), x * x),
  },
  { ...gate(geluAngle, (x) => 2 * SQRT_2_PI * (1 + 3 * 0.044715 * x * x)), name: 'gelu_tanh' },
  {
    ...gate(
      (x) => x,
      () => 1,
    ),
    name: 'silu',
    alpha: 1,
  },
  {
    ...gate(
      (x, alpha) => alpha * x,
      (_, alpha) => alpha,
    ),
    name: 'silu',
    alpha: 1.702,
  },
  {
    name: 'mish',
    value: (x) => times(x, mishGate(x)),
    slope: (x) => mishGate(x) + times(x, mishRest(x) * sigmoid(x)),
    scale: (x) => spread(times(x, mishGate(x)), Math.min(x, 0)),
    slopeScale: (x) => mishGate(x) + spread(times(x, mishRest(x) * sigmoid(x)), x),
  },
  {
    name: 'hard_sigmoid',
    alpha: 1 / 6,
    beta: 0.5,
    sparse: true,
    value: (x, alpha, beta) => clamp(alpha * x + beta, 0, 1),
    slope: (x, alpha, beta) => (alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0),
    scale: (x, alpha, beta) => Math.min(Math.abs(alpha * x) + Math.abs(beta), 1),
  },
  {
    name: 'hard_swish',
    sparse: true,
    value: (x) => times(x, clamp(x / 6 + 0.5, 0, 1)),
    slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
    scale: (x) => Math.abs(x),
    slopeScale: () => 1,
  },
  ...[
    [1, 20],
    [2.5, 4],
  ].map(
    ([alpha, beta]): UnaryCase => ({
      name: 'softplus',
      alpha: alpha as number,
      beta: beta as number,
      value: (x, a, b) => (a * x > b ? x : softplus(a * x) / a),
      slope: (x, a, b) => (a * x > b ? 1 : sigmoid(a * x)),
      scale: (x, a, b) => (a * x > b ? 0 : spread(softplus(a * x) / a, Math.min(a * x, 0))),
      slopeScale: (x, a) => spread(sigmoid(a * x), Math.min(a * x, 0)),
    }),
  ),
  { name: 'softsign', value: (x) => x / (1 + Math.abs(x)), slope: (x) => (1 + Math.abs(x)) ** -2 },
  {
    name: 'affine',
    alpha: -0.3,
    beta: 1.5,
    value: (x, alpha, beta) => alpha * x + beta,
    slope: (_, alpha) => alpha,
    scale: (x, alpha, beta) => Math.abs(alpha * x + beta),
  },
  ...[3, 0.4, 1].map(
    (alpha): UnaryCase => ({
      name: 'power',
      alpha,
      positive: true,
      value: (x, p) => x ** p,
      slope: (x, p) => p * x ** (p - 1),
      scale: (x, p) => spread(x ** p, p * Math.log(x)),
      slopeScale: (x, p) => spread(p * x ** (p - 1), (p - 1) * Math.log(x)),
    }),
  ),
  {
    name: 'huber',
    alpha: 0.75,
    value: (x, delta) => (Math.abs(x) <= delta ? x ** 2 / 2 : delta * (Math.abs(x) - delta / 2)),
    slope: (x, delta) => clamp(x, -delta, delta),
  },
  { name: 'exp', value: Math.exp, slope: Math.exp },
  { name: 'log', positive: true, value: Math.log, slope: (x) => 1 / x },
  { name: 'sqrt', positive: true, value: Math.sqrt, slope: (x) => 0.5 / Math.sqrt(x) },
  { name: 'reciprocal', positive: true, value: (x) => 1 / x, slope: (x) => -(1 / x) * (1 / x) },
  { name: 'abs', exact: true, value: Math.abs, slope: Math.sign },
  { name: 'negate', exact: true, value: (x) => -x, slope: () => -1 },
  { name: 'square', exact: true, value: (x) => x * x, slope: (x) => 2 * x },
  {
    name: 'erf',
    value: erf,
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    slopeScale: (x) => spread((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), x * x),
  },
];

/** Roundings of the longest chain of steps: erf's polynomials, in units in the last place times 2. */
const ROUNDINGS = 14;
/** Exponentials below 2^-126 are 0; what they are multiplied with is small. */
const FLUSHED = 2 ** -96;

const forward =
  ({ value, scale }: UnaryCase): Formula =>
  (inputs, _, attrs) => {
    const { data } = input(inputs, 0);
    const at = (f: Real) => (i: number) => f(data[i] as number, attr(attrs, 'alpha'), attr(attrs, 'beta'));
    const size = at(scale ?? value);
    return [elementwise(data.length, ROUNDINGS, at(value), (i) => Math.abs(size(i)) + FLUSHED)];
  };
const backward =
  ({ slope, slopeScale }: UnaryCase): Formula =>
  (inputs, _, attrs) => {
    const [dy, x] = [input(inputs, 0).data, input(inputs, 1).data];
    const at = (f: Real) => (i: number) =>
      (dy[i] as number) * f(x[i] as number, attr(attrs, 'alpha'), attr(attrs, 'beta'));
    const size = at(slopeScale ?? slope);
    return [elementwise(x.length, ROUNDINGS, at(slope), (i) => Math.abs(size(i)) + FLUSHED)];
  };

const SHAPES: readonly (readonly [string, readonly number[]])[] = [
  ['one element', [1]],
  ['an image', [2, 3, 5, 7]],
  ['features', [4, 33]],
];

/** Two numbers of every exponent and sign, the smallest denormals and the largest floats among them. */
const magnitudes = Array.from({ length: 277 }, (_, i) => 2 ** (i - 149)).flatMap((power) =>
  [1, 1.7251].flatMap((factor) => [Math.fround(power * factor), -Math.fround(power * factor)]),
);
const positive = (source: Source): Source => ({
  ...source,
  draw: (key, i, mode) => Math.abs(source.draw(key, i, mode)) || 1,
});
const allMagnitudes = given([magnitudes.length], magnitudes);
const ones = given([magnitudes.length], [1]);

for (const unaryCase of functions) {
  const { name, alpha = 0, beta = 0, sparse = false, exact = false } = unaryCase;
  const attrs = unaryAttrs(name, alpha, beta);
  const draw = (source: Source) => (unaryCase.positive ? positive(source) : source);
  const label = `${name}(${alpha}, ${beta})`;
  for (const [title, shape] of SHAPES) {
    const x = draw(scaled(shape, 5));
    list.add(unary, forward(unaryCase), `${label}, ${title}`, [x], attrs, { sparse, exact });
    list.add(unaryDx, backward(unaryCase), `${label}, ${title}`, [values(shape), x], attrs, { sparse, exact });
  }
  const title = `${label}, extreme values`;
  list.add(unary, forward(unaryCase), title, [draw(allMagnitudes)], attrs, { sparse: true });
  list.add(unaryDx, backward(unaryCase), title, [ones, draw(allMagnitudes)], attrs, { sparse: true });
}
const silu = functions.find(({ name }) => name === 'silu') as UnaryCase;
const many = [2, 200, 170];
list.add(unary, forward(silu), 'silu, shared by threads', [scaled(many, 5)], unaryAttrs('silu', 1));
list.add(unaryDx, backward(silu), 'silu, shared by threads', [many, scaled(many, 5)], unaryAttrs('silu', 1));

const preluFormula: Formula = (inputs) => {
  const [x, slope] = [input(inputs, 0).data, input(inputs, 1).data];
  const at = (i: number) => x[i] as number;
  return [elementwise(x.length, 1, (i) => (at(i) > 0 ? at(i) : at(i) * (slope[i % slope.length] as number)))];
};
const preluBack: Formula = (inputs) => {
  const [dy, x, slope] = [input(inputs, 0).data, input(inputs, 1).data, input(inputs, 2).data];
  const factor = (i: number) => ((x[i] as number) > 0 ? 1 : (slope[i % slope.length] as number));
  return [elementwise(x.length, 1, (i) => (dy[i] as number) * factor(i))];
};
const preluSlopes: Formula = (inputs, [dslope]) => {
  const [dy, x] = [input(inputs, 0).data, input(inputs, 1).data];
  const count = dslope?.shape[0] as number;
  const sums = new Sums(count);
  for (let i = 0; i < x.length; i++) sums.add(i % count, (dy[i] as number) * Math.min(x[i] as number, 0));
  return [sums.expected()];
};

for (const [title, shape] of [
  ['an image', [2, 3, 5, 7]],
  ['features', [4, 33]],
  ['one channel', [3, 7, 9, 1]],
  ['blocks of rows', [600, 5]],
  ['many channels', [300, 130]],
  ['shared by threads', [6, 50, 50, 6]],
] as const) {
  const c = shape.at(-1) as number;
  for (const slopes of c === 1 ? [1] : [1, c]) {
    const name = `${title}, ${slopes === c ? 'a slope for each channel' : 'one slope'}`;
    const exact = { exact: true };
    list.add(prelu, preluFormula, name, [shape, [slopes]], {}, exact);
    list.add(preluDx, preluBack, name, [shape, shape, [slopes]], {}, exact);
    list.add(preluDw, preluSlopes, name, [shape, shape], { shared: slopes === c ? 0 : 1 }, exact);
  }
}
