// The code of docs/extending.md, in its order; extending.test.ts holds them together and runs it.

import {
  defineLayer,
  defineOp,
  type Loss,
  linear,
  multiply,
  ops,
  sigmoid,
  softmaxCrossEntropy,
} from '../../lib/index.ts';

export const gate = defineLayer<{ hidden: number }>({
  type: 'gate',
  options: ['hidden'],
  emit(builder, { hidden }, x) {
    const narrow = builder.apply(linear({ units: hidden }), x);
    const wide = builder.apply(linear({ units: x.shape[1] as number }), narrow);
    return builder.apply(multiply(), x, builder.apply(sigmoid(), wide));
  },
});

export const distance = defineLayer({
  type: 'distance',
  inputs: 2,
  emit(builder, _, a, b) {
    const scale = builder.parameter('scale', [1, a.shape[1] as number], 'ones');
    const difference = builder.emit(ops.binary, [a, b], ops.binaryAttrs('subtract'));
    return builder.emit(
      ops.binary,
      [builder.emit(ops.unary, [difference], ops.unaryAttrs('abs')), scale],
      ops.binaryAttrs('multiply'),
    );
  },
});

const crossEntropy = softmaxCrossEntropy();

export const withSmallLogits = (weight: number): Loss => ({
  ...crossEntropy,
  type: 'withSmallLogits',
  config: { weight },
  emit(builder, output, labels) {
    const loss = crossEntropy.emit(builder, output, labels);
    const squares = builder.emit(ops.unary, [output], ops.unaryAttrs('square'));
    const mean = builder.emit(
      ops.reshape,
      [builder.emit(ops.reduce, [squares], ops.reduceAttrs('mean', [0, 1]))],
      ops.reshapeTo([1]),
    );
    return builder.emit(ops.add, [loss, builder.emit(ops.unary, [mean], ops.unaryAttrs('affine', weight, 0))]);
  },
});

const roundOff = defineOp({
  name: 'round_off',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { steps: 'f32' },
  infer: ([x]) => [{ shape: x?.shape ?? [], dtype: 'f32' }],
  gradient: ({ outputGradients }) => [outputGradients[0]],
  run([x], [y], { steps }) {
    x?.data.forEach((value, i) => {
      if (y) y.data[i] = Math.round(value * steps) / steps;
    });
  },
});

export const quantize = defineLayer<{ steps: number }>({
  type: 'quantize',
  options: ['steps'],
  check({ steps }) {
    if (!(steps > 0)) throw new RangeError(`quantize: steps must be above 0, not ${steps}`);
  },
  emit: (builder, { steps }, x) => builder.emit(roundOff, [x], { steps }),
});
