// The single ops that are timed. Shapes are those of common networks; `c@s` is c channels on an s x s map, `n` the
// batch. Cases marked nativeOnly have the batch at which peers are usually quoted.
import { padBy } from '../lib/ops/pad.ts';
import { sliceOf } from '../lib/ops/slice.ts';
import { transposeBy } from '../lib/ops/transpose.ts';
import { unaryAttrs } from '../lib/ops/unary-functions.ts';
import { type BenchCase, constant, type InputSpec, opCase, random, wholeNumbers } from './bench-case.ts';

interface ConvShape {
  readonly n: number;
  readonly size: number;
  readonly c: number;
  readonly o: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly nativeOnly?: boolean;
}

/** A convolution's three passes, "same" padding. */
function convCases({ n, size, c, o, kernel, stride = 1, groups = 1, nativeOnly = false }: ConvShape): BenchCase[] {
  const pad = (kernel - 1) / 2;
  const out = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const geometry = {
    strideH: stride,
    strideW: stride,
    padTop: pad,
    padLeft: pad,
    padBottom: pad,
    padRight: pad,
    dilationH: 1,
    dilationW: 1,
    groups,
  };
  const x = random(n, size, size, c);
  const w = random(kernel, kernel, c / groups, o);
  const dy = random(n, out, out, o);
  const kind = groups === c && groups > 1 ? 'depthwise ' : '';
  const shape = `${kind}${kernel}x${kernel}${stride > 1 ? `/${stride}` : ''} ${c}->${o}@${size} n${n}`;
  const common = { shape, nativeOnly };
  return [
    opCase({ ...common, op: 'conv2d', inputs: [x, w, random(o)], attrs: { ...geometry, activation: 1, slope: 0 } }),
    opCase({
      ...common,
      op: 'conv2d_dx',
      inputs: [dy, w],
      attrs: { ...geometry, activation: 0, slope: 0, inH: size, inW: size },
    }),
    opCase({ ...common, op: 'conv2d_dw', inputs: [x, dy], attrs: { ...geometry, kernelH: kernel, kernelW: kernel } }),
  ];
}

function linearCases(n: number, i: number, o: number): BenchCase[] {
  const [x, w, dy] = [random(n, i), random(i, o), random(n, o)];
  const shape = `${i}->${o} n${n}`;
  return [
    opCase({ op: 'linear', shape, inputs: [x, w, random(o)], attrs: { activation: 0, slope: 0 } }),
    opCase({ op: 'linear_dx', shape, inputs: [dy, w] }),
    opCase({ op: 'linear_dw', shape, inputs: [x, dy] }),
  ];
}

function poolCases(n: number, size: number, c: number): BenchCase[] {
  const sides = { padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
  const window = { kernelH: 2, kernelW: 2, strideH: 2, strideW: 2, ...sides, dilationH: 1, dilationW: 1 };
  const counting = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };
  const [x, dy] = [random(n, size, size, c), random(n, size / 2, size / 2, c)];
  const index = wholeNumbers('u8', 4, n, size / 2, size / 2, c);
  const shape = `2x2/2 ${c}@${size} n${n}`;
  const back = { inH: size, inW: size };
  return [
    opCase({ op: 'max_pool2d', shape, inputs: [x], attrs: window }),
    opCase({ op: 'max_pool2d_dx', shape, inputs: [dy, index], attrs: { ...window, ...back } }),
    opCase({ op: 'avg_pool2d', shape, inputs: [x], attrs: { ...window, ...counting } }),
    opCase({ op: 'avg_pool2d_dx', shape, inputs: [dy], attrs: { ...window, ...counting, ...back } }),
  ];
}

function batchNormCases(n: number, size: number, c: number): BenchCase[] {
  const x = random(n, size, size, c);
  const [gamma, beta, mean, dgamma, dbeta] = [random(c), random(c), random(c), random(c), random(c)];
  const variance = constant(1, c);
  const shape = `${c}@${size} n${n}`;
  const attrs = { epsilon: 1e-5, activation: 1, slope: 0 };
  const statistics = [gamma, beta, mean, variance];
  return [
    opCase({ op: 'batch_norm2d', shape, inputs: [x, gamma, beta], attrs }),
    opCase({ op: 'batch_norm2d_dw', shape, inputs: [x, x, ...statistics], attrs }),
    opCase({ op: 'batch_norm2d_dx', shape, inputs: [x, x, ...statistics, dgamma, dbeta], attrs }),
  ];
}

/** Group, instance or layer norm, by the shape that it sees and the groups. */
function groupNormCases(kind: string, input: readonly number[], groups: number): BenchCase[] {
  const [x, c, statistics] = [random(...input), random(input.at(-1) as number), random(input[0] as number, groups)];
  const shape = `${kind} ${input.join('x')}`;
  const attrs = { groups, epsilon: 1e-5, activation: 0, slope: 0 };
  return [
    opCase({ op: 'group_norm', shape, inputs: [x, c, c], attrs }),
    opCase({ op: 'group_norm_dw', shape, inputs: [x, x, statistics, statistics] }),
    opCase({ op: 'group_norm_dx', shape, inputs: [x, x, c, statistics, statistics] }),
  ];
}

function responseCases(n: number, size: number, c: number): BenchCase[] {
  const x = random(n, size, size, c);
  const shape = `${c}@${size} n${n}`;
  const attrs = { before: 2, after: 2, alpha: 1e-4, beta: 0.75, k: 2 };
  return [
    opCase({ op: 'local_response_norm', shape, inputs: [x], attrs }),
    opCase({ op: 'local_response_norm_dx', shape, inputs: [x, x], attrs }),
  ];
}

function elementwiseCases(n: number, size: number, c: number): BenchCase[] {
  const x = random(n, size, size, c);
  const shape = `${c}@${size} n${n}`;
  const step: InputSpec = wholeNumbers('i32', 2, 2);
  return [
    opCase({ op: 'relu', shape, inputs: [x] }),
    opCase({ op: 'relu_dx', shape, inputs: [x, x] }),
    opCase({ op: 'sigmoid', shape, inputs: [x] }),
    opCase({ op: 'tanh', shape, inputs: [x] }),
    ...(
      [
        ['silu', 1],
        ['gelu', 0],
        ['hard_swish', 0],
      ] as const
    ).flatMap(([name, alpha]) => [
      opCase({ op: 'unary', shape: `${name} ${shape}`, inputs: [x], attrs: unaryAttrs(name, alpha) }),
      opCase({ op: 'unary_dx', shape: `${name} ${shape}`, inputs: [x, x], attrs: unaryAttrs(name, alpha) }),
    ]),
    opCase({ op: 'prelu', shape, inputs: [x, random(c)] }),
    opCase({ op: 'prelu_dw', shape, inputs: [x, x], attrs: { shared: 0 } }),
    opCase({ op: 'add', shape, inputs: [x, x], attrs: { activation: 1, slope: 0 } }),
    opCase({ op: 'dropout', shape, inputs: [x, step], attrs: { rate: 0.5, stream: 1 } }),
    opCase({ op: 'normalize', shape, inputs: [wholeNumbers('u8', 256, n, size, size, c), random(c), random(c)] }),
  ];
}

function structureCases(n: number, size: number, c: number): BenchCase[] {
  const x = random(n, size, size, c);
  const shape = `${c}@${size} n${n}`;
  const half = sliceOf([0, 0, 0, c / 2], [n, size, size, c / 2]);
  return [
    opCase({ op: 'transpose', shape: `${shape} to channels first`, inputs: [x], attrs: transposeBy([0, 3, 1, 2]) }),
    opCase({ op: 'slice', shape: `${shape}, half the channels`, inputs: [x], attrs: half }),
    opCase({ op: 'concat', shape: `${shape}, channels of two`, inputs: [x, x], attrs: { axis: 3 } }),
    opCase({ op: 'pad', shape: `reflect ${shape}`, inputs: [x], attrs: padBy([0, 1, 1, 0], [0, 1, 1, 0], 'reflect') }),
    ...['nearest', 'bilinear'].flatMap((name, mode) => {
      const [small, steps] = [size / 2, { stepH: 0, stepW: 0 }];
      const twice = `${name} ${c}@${small} to ${size} n${n}`;
      const up = { mode, outH: size, outW: size, ...steps };
      const down = { mode, inH: small, inW: small, ...steps };
      return [
        opCase({ op: 'resize2d', shape: twice, inputs: [random(n, small, small, c)], attrs: up }),
        opCase({ op: 'resize2d_dx', shape: twice, inputs: [x], attrs: down }),
      ];
    }),
  ];
}

function lossCases(n: number, k: number): BenchCase[] {
  const labels = wholeNumbers('i32', k, n);
  const attrs = { labelSmoothing: 0, ignoreIndex: -100 };
  const shape = `${k} n${n}`;
  const inputs = [constant(1 / k, n, k), labels, constant(1, 1)];
  return [
    opCase({ op: 'log_softmax', shape, inputs: [random(n, k)] }),
    opCase({ op: 'softmax_cross_entropy', shape, inputs: [random(n, k), labels], attrs }),
    opCase({ op: 'softmax_cross_entropy_dx', shape, inputs, attrs }),
  ];
}

/** Gradients and step sizes are small and fixed, so that the values stay ordinary however often a case runs. */
function optimizerCases(count: number): BenchCase[] {
  const [w, slot, g] = [random(count), constant(0.5, count), constant(1e-3, count)];
  const shape = `${count}`;
  const sgd = { momentum: 0.9, nesterov: 0, weightDecay: 1e-4 };
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 1e-4, decoupled: 1 };
  return [
    opCase({ op: 'sgd_step', shape, inputs: [w, slot, g, constant(1e-6, 1)], attrs: sgd }),
    opCase({ op: 'adam_step', shape, inputs: [w, slot, slot, g, constant(1e-6, 3)], attrs: adam }),
  ];
}

export const opCases: readonly BenchCase[] = [
  ...convCases({ n: 1, size: 56, c: 64, o: 64, kernel: 3 }),
  ...convCases({ n: 8, size: 56, c: 64, o: 64, kernel: 3, nativeOnly: true }),
  ...convCases({ n: 8, size: 28, c: 128, o: 128, kernel: 3, nativeOnly: true }),
  ...convCases({ n: 8, size: 14, c: 256, o: 256, kernel: 3, nativeOnly: true }),
  ...convCases({ n: 8, size: 7, c: 512, o: 512, kernel: 3, nativeOnly: true }),
  ...convCases({ n: 64, size: 8, c: 256, o: 256, kernel: 3, nativeOnly: true }),
  ...convCases({ n: 1, size: 56, c: 64, o: 256, kernel: 1 }),
  ...convCases({ n: 1, size: 28, c: 512, o: 128, kernel: 1 }),
  ...convCases({ n: 64, size: 28, c: 1, o: 6, kernel: 5 }),
  ...convCases({ n: 16, size: 32, c: 3, o: 64, kernel: 3 }),
  ...convCases({ n: 1, size: 112, c: 32, o: 32, kernel: 3, groups: 32 }),
  ...linearCases(64, 400, 120),
  ...linearCases(64, 1024, 1024),
  ...poolCases(8, 56, 64),
  ...batchNormCases(8, 56, 64),
  ...groupNormCases('group', [32, 56, 56, 64], 32),
  ...groupNormCases('instance', [32, 56, 56, 64], 64),
  ...groupNormCases('layer', [100352, 64], 1),
  ...responseCases(8, 56, 64),
  ...elementwiseCases(8, 56, 64),
  ...structureCases(8, 56, 64),
  ...lossCases(64, 10),
  ...lossCases(64, 1000),
  ...optimizerCases(1 << 20),
  opCase({ op: 'gemm', shape: '512', inputs: [random(512, 512), random(512, 512)], attrs: { transA: 0, transB: 0 } }),
];
