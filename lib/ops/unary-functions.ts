// The functions of op `unary`: each with its derivative, in fp32 steps. The native twin is native/kernels/unary.inl, which
// takes the same steps in the same order. The position in the list is the op's `kind`: append, never reorder.
//
// Where a formula would multiply zero by infinity, its argument is clamped to where the result has reached its limit:
// infinities give the limits, NaN stays NaN.

import { erf, expm1, log1p, log32, normalCdf } from './elementary.ts';
import { exp, sigmoid } from './exp.ts';
import { fma } from './fma.ts';
import type { Attrs } from './op.ts';
import type { ShapeCheck } from './shape-check.ts';

const { fround } = Math;

interface UnaryFunction {
  /** What `alpha` and `beta` must be; a parameter that is not named must be 0. */
  readonly check?: (check: ShapeCheck, alpha: number, beta: number) => void;
  /** Floating-point operations of an element, roughly, for profiles. */
  readonly flops: number;
  readonly forward: (x: number, alpha: number, beta: number) => number;
  readonly derivative: (x: number, alpha: number, beta: number) => number;
}

const any = (): boolean => true;

function interval(check: ShapeCheck, alpha: number, beta: number): void {
  if (!(fround(alpha) <= fround(beta)))
    check.fail(`alpha must be at most beta, they are ${alpha} and ${beta}`, 'option');
}

function onlyAlpha(check: ShapeCheck, alpha: number, beta: number): void {
  check.number('alpha', alpha, 'a finite number', any);
  noBeta(check, beta);
}

function nonZeroAlpha(check: ShapeCheck, alpha: number, beta: number): void {
  check.number('alpha', alpha, 'a finite number other than 0', (value) => value !== 0);
  noBeta(check, beta);
}

function noBeta(check: ShapeCheck, beta: number): void {
  check.number('beta', beta, '0 for this function', (value) => value === 0);
}

function noParameters(check: ShapeCheck, alpha: number, beta: number): void {
  check.number('alpha', alpha, '0 for this function', (value) => value === 0);
  noBeta(check, beta);
}

function twoNumbers(check: ShapeCheck, alpha: number, beta: number): void {
  check.number('alpha', alpha, 'a finite number', any);
  check.number('beta', beta, 'a finite number', any);
}

/** x no farther from 0 than `limit`; NaN stays. */
const within = (x: number, limit: number): number => (x < -limit ? -limit : x > limit ? limit : x);

const SIXTH = fround(1 / 6);
const THIRD = fround(1 / 3);
/** 1 / sqrt(2 pi). */
const DENSITY = fround(0.3989422804014327);
/** gelu's tanh form is x * sigmoid(x * (LINEAR + CUBIC * x^2)): 2 sqrt(2 / pi), and that times 0.044715. */
const LINEAR = fround(1.5957691216057308);
const CUBIC = fround(0.0713548163);
const CUBIC_SLOPE = fround(0.214064449);

/** x / (1 + e^-z), and 0 where e^-z is infinite. */
function gated(x: number, z: number): number {
  const divisor = fround(1 + exp(-z));
  return divisor === Infinity ? 0 : fround(x / divisor);
}

/** The derivative of z(x) * sigmoid(z) by z, times what turns it into one by x: s + a * s * (1 - s). */
function gatedSlope(s: number, a: number): number {
  return fma(fround(a * s), fround(1 - s), s);
}

/** tanh(ln(1 + e^x)) as a fraction p / q with no term that overflows, from n = e^-|x|. */
function mishFraction(x: number, n: number): { p: number; q: number; gap: number } {
  if (x < 0) {
    const p = fma(n, n, fround(2 * n));
    return { p, q: fround(p + 2), gap: 2 };
  }
  const p = fma(2, n, 1);
  const gap = fround(fround(2 * n) * n);
  return { p, q: fround(p + gap), gap };
}

const define = <const T extends Readonly<Record<string, UnaryFunction>>>(functions: T) => functions;

export const unaryFunctions = define({
  /** min(max(x, alpha), beta); no gradient at the ends. torch.nn.functional.hardtanh; relu6 with 0 and 6. */
  hard_tanh: {
    check: interval,
    flops: 2,
    forward: (x, alpha, beta) => (x < alpha ? alpha : x > beta ? beta : x),
    derivative: (x, alpha, beta) => (x <= alpha || x >= beta ? 0 : 1),
  },
  /** min(max(x, alpha), beta) with the gradient passing at the ends too. torch.clamp; ONNX Clip. */
  clip: {
    check: interval,
    flops: 2,
    forward: (x, alpha, beta) => (x < alpha ? alpha : x > beta ? beta : x),
    derivative: (x, alpha, beta) => (x < alpha || x > beta ? 0 : 1),
  },
  /** beta * (x > 0 ? x : alpha * (e^x - 1)). Clevert et al. 2015; selu (Klambauer et al. 2017) is one of them. */
  elu: {
    check: twoNumbers,
    flops: 14,
    forward: (x, alpha, beta) => fround(x <= 0 ? fround(alpha * beta) * expm1(x) : beta * x),
    derivative: (x, alpha, beta) => (x <= 0 ? fround(fround(alpha * beta) * exp(x)) : beta),
  },
  /** x > 0 ? x : alpha * (e^(x / alpha) - 1). Barron 2017. */
  celu: {
    check: nonZeroAlpha,
    flops: 15,
    forward: (x, alpha) => (x <= 0 ? fround(alpha * expm1(fround(x / alpha))) : x),
    derivative: (x, alpha) => (x <= 0 ? exp(fround(x / alpha)) : 1),
  },
  /** x * P(X <= x), X standard normal. Hendrycks & Gimpel 2016. */
  gelu: {
    flops: 40,
    forward(x) {
      const p = normalCdf(within(x, 14));
      return p === 0 ? 0 : fround(x * p);
    },
    derivative(x) {
      const v = within(x, 14);
      const density = fround(exp(fround(fround(v * v) * -0.5)) * DENSITY);
      return fma(v, density, normalCdf(v));
    },
  },
  /** x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2, written with the sigmoid. */
  gelu_tanh: {
    flops: 18,
    forward: (x) => gated(x, fround(x * fma(fround(x * x), CUBIC, LINEAR))),
    derivative(x) {
      const v = within(x, 12);
      const square = fround(v * v);
      const s = sigmoid(fround(v * fma(square, CUBIC, LINEAR)));
      return gatedSlope(s, fround(v * fma(square, CUBIC_SLOPE, LINEAR)));
    },
  },
  /** x * sigmoid(alpha * x): silu with 1, else swish. Elfwing et al. 2017; Ramachandran et al. 2017. */
  silu: {
    check: onlyAlpha,
    flops: 14,
    forward: (x, alpha) => gated(x, fround(alpha * x)),
    derivative(x, alpha) {
      const z = within(fround(alpha * x), 90);
      return gatedSlope(sigmoid(z), z);
    },
  },
  /** x * tanh(ln(1 + e^x)). Misra 2019. */
  mish: {
    flops: 18,
    forward(x) {
      const { p, q } = mishFraction(x, exp(-Math.abs(x)));
      return p === 0 ? 0 : fround(x * fround(p / q));
    },
    derivative(x) {
      const v = within(x, 90);
      const n = exp(-Math.abs(v));
      const { p, q, gap } = mishFraction(v, n);
      const s = fround((v < 0 ? n : 1) / fround(1 + n));
      // 1 - tanh^2, without the difference of nearly equal numbers.
      const slope = fround(fround(gap * fround(q + p)) / fround(q * q));
      return fma(fround(v * s), slope, fround(p / q));
    },
  },
  /** min(max(alpha * x + beta, 0), 1). Courbariaux et al. 2015; PyTorch's has 1/6 and 1/2, ONNX's default is 0.2 and 1/2. */
  hard_sigmoid: {
    check: twoNumbers,
    flops: 4,
    forward(x, alpha, beta) {
      const v = fma(alpha, x, beta);
      return v < 0 ? 0 : v > 1 ? 1 : v;
    },
    derivative(x, alpha, beta) {
      const v = fma(alpha, x, beta);
      return v <= 0 || v >= 1 ? 0 : alpha;
    },
  },
  /** x * min(max(x / 6 + 1/2, 0), 1). Howard et al. 2019. */
  hard_swish: {
    flops: 5,
    forward: (x) => (x <= -3 ? 0 : x >= 3 ? x : fround(x * fma(x, SIXTH, 0.5))),
    derivative: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : fma(x, THIRD, 0.5)),
  },
  /** ln(1 + e^(alpha x)) / alpha, and x where alpha x > beta. torch.nn.functional.softplus. */
  softplus: {
    check(check, alpha, beta) {
      check.number('alpha', alpha, 'a finite number above 0', (value) => value > 0);
      check.number('beta', beta, 'a finite number', any);
    },
    flops: 30,
    forward(x, alpha, beta) {
      const z = fround(alpha * x);
      const above = z < 0 ? 0 : z;
      return z > beta ? x : fround(fround(above + log1p(exp(-Math.abs(z)))) / alpha);
    },
    derivative(x, alpha, beta) {
      const z = fround(alpha * x);
      return z > beta ? 1 : sigmoid(z);
    },
  },
  /** x / (1 + |x|). */
  softsign: {
    flops: 3,
    forward(x) {
      // From 2^25 on the result is 1.
      const v = within(x, 2 ** 25);
      return fround(v / fround(1 + Math.abs(v)));
    },
    derivative(x) {
      const r = fround(1 / fround(1 + Math.abs(x)));
      return fround(r * r);
    },
  },
  exp: { flops: 11, forward: exp, derivative: exp },
  log: { flops: 20, forward: log32, derivative: (x) => fround(1 / x) },
  sqrt: { flops: 1, forward: (x) => fround(Math.sqrt(x)), derivative: (x) => fround(0.5 / fround(Math.sqrt(x))) },
  reciprocal: {
    flops: 1,
    forward: (x) => fround(1 / x),
    derivative(x) {
      const r = fround(1 / x);
      return -fround(r * r);
    },
  },
  /** |x|, with gradient 0 at 0. */
  abs: { flops: 1, forward: Math.abs, derivative: (x) => (x < 0 ? -1 : x > 0 ? 1 : x) },
  negate: { flops: 1, forward: (x) => -x, derivative: () => -1 },
  square: { flops: 1, forward: (x) => fround(x * x), derivative: (x) => fround(2 * x) },
  erf: {
    flops: 30,
    forward: erf,
    derivative(x) {
      // 2 / sqrt(pi)
      return fround(fround(1.1283791670955126) * exp(-fround(x * x)));
    },
  },
  /** alpha * x + beta, rounded once. */
  affine: {
    check: twoNumbers,
    flops: 2,
    forward: (x, alpha, beta) => fma(alpha, x, beta),
    derivative: (_, alpha) => alpha,
  },
  /** x^alpha for x >= 0, as exp(alpha log x); NaN below. The error is about alpha log x units in the last place. */
  power: {
    check: nonZeroAlpha,
    flops: 32,
    forward: (x, alpha) => exp(fround(alpha * log32(x))),
    derivative(x, alpha) {
      const less = fround(alpha - 1);
      return less === 0 ? alpha : fround(alpha * exp(fround(less * log32(x))));
    },
  },
  /** x^2 / 2 up to alpha from 0, from there on a line. Huber 1964. */
  huber: {
    check(check, alpha, beta) {
      check.number('alpha', alpha, 'a finite number above 0', (value) => value > 0);
      noBeta(check, beta);
    },
    flops: 4,
    forward(x, alpha) {
      const a = Math.abs(x);
      return a <= alpha ? fround(fround(0.5 * x) * x) : fround(alpha * fround(a - fround(0.5 * alpha)));
    },
    derivative: (x, alpha) => within(x, alpha),
  },
});

export type UnaryName = keyof typeof unaryFunctions;

const names = Object.keys(unaryFunctions) as UnaryName[];
const functions: readonly UnaryFunction[] = Object.values(unaryFunctions);

/** How many kinds there are. */
export const UNARY_KINDS = functions.length;

/** The function of a `kind` that has been checked. */
export function unaryFunction(kind: number): UnaryFunction {
  const found = functions[kind];
  if (!found) throw new Error(`unary: no kind ${kind}`);
  return found;
}

/** The name of a `kind` that has been checked. */
export const unaryName = (kind: number): UnaryName => names[kind] as UnaryName;

/** Which function, and its parameters. */
export const unarySchema = { kind: 'i32', alpha: 'f32', beta: 'f32' } as const;
type UnaryAttrs = Attrs<typeof unarySchema>;

/** The attributes that make `unary` the function `name`. */
export function unaryAttrs(name: UnaryName, alpha = 0, beta = 0): UnaryAttrs {
  return { kind: names.indexOf(name), alpha, beta };
}

/** Throws unless the attributes are those of a function. */
export function checkUnary(check: ShapeCheck, { kind, alpha, beta }: UnaryAttrs): void {
  check.integers({ kind }, 0, UNARY_KINDS - 1);
  const checkParameters = unaryFunction(kind).check ?? noParameters;
  checkParameters(check, alpha, beta);
}
