// The cases that are single ops, as programs of lanewise.

import type { GraphTensor } from '../../lib/graph/graph.ts';
import { adamStep } from '../../lib/ops/adam_step.ts';
import { add } from '../../lib/ops/add.ts';
import { avgPool2d, avgPool2dDx } from '../../lib/ops/avg_pool2d.ts';
import { batchNorm2d, batchNorm2dDw, batchNorm2dDx, batchNorm2dRunning } from '../../lib/ops/batch_norm2d.ts';
import { gemm } from '../../lib/ops/gemm.ts';
import { globalAvgPool2d, globalAvgPool2dDx } from '../../lib/ops/global_avg_pool2d.ts';
import { groupNorm, groupNormDw, groupNormDx } from '../../lib/ops/group_norm.ts';
import { maxPool2d, maxPool2dDx } from '../../lib/ops/max_pool2d.ts';
import { relu, reluDx } from '../../lib/ops/relu.ts';
import { sgdStep } from '../../lib/ops/sgd_step.ts';
import { softmaxCrossEntropy, softmaxCrossEntropyDx } from '../../lib/ops/softmax_cross_entropy.ts';
import { constant, random, wholeNumbers } from '../bench-case.ts';
import { convProgram } from '../conv-program.ts';
import { OpProgram } from '../op-program.ts';
import type { Description } from './cases.ts';

type OpDescription = Exclude<Description, { readonly kind: 'step' | 'predict' }>;
type Of<Kind extends Description['kind']> = Extract<Description, { readonly kind: Kind }>;

export function programOf(description: OpDescription): OpProgram {
  switch (description.kind) {
    case 'conv':
      return convProgram(description.shape, description.pass);
    case 'gemm':
      return gemmProgram(description);
    case 'pool':
      return poolProgram(description);
    case 'batch_norm':
      return batchNormProgram(description);
    case 'norm':
      return normProgram(description);
    case 'relu':
      return reluProgram(description);
    case 'add':
      return addProgram(description);
    case 'softmax_cross_entropy':
      return lossProgram(description);
    case 'optimizer':
      return optimizerProgram(description);
  }
}

function gemmProgram({ form, m, n, k }: Of<'gemm'>): OpProgram {
  const program = new OpProgram();
  const [transA, transB] = [form === 'TN' ? 1 : 0, form === 'NT' ? 1 : 0];
  const a = program.input(transA ? random(k, m) : random(m, k));
  const b = program.input(transB ? random(n, k) : random(k, n));
  program.keep(program.graph.emit(gemm, [a, b], { transA, transB }));
  return program;
}

function poolProgram({ map: { n, h, w, c }, pool: { kind, size, stride, pad }, pass }: Of<'pool'>): OpProgram {
  const program = new OpProgram();
  const { graph } = program;
  const out = size === 0 ? 1 : Math.floor((h + 2 * pad - size) / stride) + 1;
  const x = () => program.input(random(n, h, w, c));
  const dy = () => program.input(size === 0 ? random(n, c) : random(n, out, out, c));
  const sides = { padTop: pad, padLeft: pad, padBottom: pad, padRight: pad };
  const dense = { dilationH: 1, dilationW: 1 };
  const window = { kernelH: size, kernelW: size, strideH: stride, strideW: stride, ...sides, ...dense };
  const input = { inH: h, inW: w };
  if (size === 0) {
    program.keep(
      pass === 'fwd' ? graph.emit(globalAvgPool2d, [x()], {}) : graph.emit(globalAvgPool2dDx, [dy()], input),
    );
  } else if (kind === 'max') {
    const index = () => program.input(wholeNumbers('u8', size * size, n, out, out, c));
    program.keep(
      pass === 'fwd'
        ? graph.emit(maxPool2d, [x()], window)
        : graph.emit(maxPool2dDx, [dy(), index()], { ...window, ...input }),
    );
  } else {
    // PyTorch counts padding by default.
    const attrs = { ...window, countPadding: 1, ceilBottom: 0, ceilRight: 0, divisor: 0 };
    program.keep(
      pass === 'fwd' ? graph.emit(avgPool2d, [x()], attrs) : graph.emit(avgPool2dDx, [dy()], { ...attrs, ...input }),
    );
  }
  return program;
}

function batchNormProgram({ map: { n, h, w, c }, relu: activated, pass }: Of<'batch_norm'>): OpProgram {
  const program = new OpProgram();
  const { graph } = program;
  const attrs = { epsilon: 1e-5, activation: activated ? 1 : 0, slope: 0 };
  const x = program.input(random(n, h, w, c));
  const [gamma, beta] = [program.input(constant(1, c)), program.input(constant(0, c))];
  if (pass === 'fwd') {
    const [y, mean, variance] = graph.emit(batchNorm2d, [x, gamma, beta], attrs) as [
      GraphTensor,
      GraphTensor,
      GraphTensor,
    ];
    const running = [program.state(constant(0, c)), program.state(constant(1, c))];
    graph.emit(batchNorm2dRunning, [...running, mean, variance], { momentum: 0.1, unbiased: 1 });
    program.keep([y, mean, variance]);
    return program;
  }
  const dy = program.input(random(n, h, w, c));
  const statistics = [gamma, beta, program.input(constant(0, c)), program.input(constant(1, c))];
  const [dgamma, dbeta] = graph.emit(batchNorm2dDw, [dy, x, ...statistics], attrs) as [GraphTensor, GraphTensor];
  program.keep([dgamma, dbeta, ...graph.emit(batchNorm2dDx, [dy, x, ...statistics, dgamma, dbeta], attrs)]);
  return program;
}

function normProgram({ map: { n, h, w, c }, norm, pass }: Of<'norm'>): OpProgram {
  const program = new OpProgram();
  const { graph } = program;
  // Layer norm's examples are the pixels, one group each.
  const shape = norm === 'layer' ? [n * h * w, c] : [n, h, w, c];
  const groups = { instance: c, group: 32, layer: 1 }[norm];
  const attrs = { groups, epsilon: 1e-5, activation: 0, slope: 0 };
  const x = program.input(random(...shape));
  const [gamma, beta] = [program.input(constant(1, c)), program.input(constant(0, c))];
  if (pass === 'fwd') {
    program.keep(graph.emit(groupNorm, [x, gamma, beta], attrs));
    return program;
  }
  const dy = program.input(random(...shape));
  const statistics = [constant(0, shape[0]!, groups), constant(1, shape[0]!, groups)].map((data) =>
    program.input(data),
  );
  program.keep([
    ...graph.emit(groupNormDw, [dy, x, ...statistics], {}),
    ...graph.emit(groupNormDx, [dy, x, gamma, ...statistics], {}),
  ]);
  return program;
}

function reluProgram({ map: { n, h, w, c }, pass }: Of<'relu'>): OpProgram {
  const program = new OpProgram();
  const x = program.input(random(n, h, w, c));
  if (pass === 'fwd') program.keep(program.graph.emit(relu, [x], {}));
  else program.keep(program.graph.emit(reluDx, [program.input(random(n, h, w, c)), x], {}));
  return program;
}

function addProgram({ map: { n, h, w, c } }: Of<'add'>): OpProgram {
  const program = new OpProgram();
  const terms = [program.input(random(n, h, w, c)), program.input(random(n, h, w, c))];
  program.keep(program.graph.emit(add, [...terms, undefined], { activation: 0, slope: 0 }));
  return program;
}

function lossProgram({ rows, classes }: Of<'softmax_cross_entropy'>): OpProgram {
  const program = new OpProgram();
  const labels = program.input(wholeNumbers('i32', classes, rows));
  const attrs = { labelSmoothing: 0, ignoreIndex: -100 };
  const logits = program.input(random(rows, classes));
  const [loss, probs] = program.graph.emit(softmaxCrossEntropy, [logits, labels], attrs) as [GraphTensor, GraphTensor];
  const dloss = program.input(constant(1, 1));
  program.keep([loss, probs, ...program.graph.emit(softmaxCrossEntropyDx, [probs, labels, dloss], attrs)]);
  return program;
}

/** Steps so small that the weights stay ordinary numbers. */
function optimizerProgram({ optimizer, sizes }: Of<'optimizer'>): OpProgram {
  const program = new OpProgram();
  const hyper = program.input(optimizer === 'sgd' ? constant(1e-6, 1) : constant(1e-6, 3));
  for (const size of sizes) {
    const weights = program.state(random(size));
    const gradient = program.input(constant(1e-3, size));
    const slot = () => program.state(constant(1e-3, size));
    if (optimizer === 'sgd') {
      program.graph.emit(sgdStep, [weights, slot(), gradient, hyper], { momentum: 0.9, nesterov: 0, weightDecay: 0 });
    } else {
      const attrs = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: 0 };
      program.graph.emit(adamStep, [weights, slot(), slot(), gradient, hyper], attrs);
    }
  }
  return program;
}
