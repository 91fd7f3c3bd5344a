// one_hot: class numbers as vectors of zeros and a one, for losses that compare with every class.

import { MAX_RANK } from './axes.ts';
import { type Attrs, defineOp, elementCount } from './op.ts';
import { formatShape, ShapeCheck } from './shape-check.ts';
import { f32, i32, tensor } from './tensor-data.ts';

const schema = { classes: 'i32' } as const;

export const oneHotOf = (classes: number): Attrs<typeof schema> => ({ classes });

/**
 * y[..., k] = k is labels[...] ? 1 : 0, and NaN for every k where the label is outside [0, classes): a wrong label must not pass
 * for one that is on nowhere.
 *
 * labels i32 [...] -> y [..., classes]. Semantics: torch.nn.functional.one_hot (which fails where this gives NaN).
 * Errors: labels not i32; more than five axes.
 */
export const oneHot = defineOp({
  name: 'one_hot',
  inputs: ['labels'],
  outputs: ['y'],
  attrs: schema,
  infer(inputs, { classes }) {
    const check = new ShapeCheck('one_hot', ['labels'], inputs);
    const { shape } = check.spec(0, 'i32');
    check.integers({ classes }, 1);
    if (shape.length >= MAX_RANK) check.fail(`labels ${formatShape(shape)} leave no axis for the classes`);
    return [tensor([...shape, classes])];
  },
  cost: ([labels]) => ({ flops: elementCount(labels?.shape ?? []) }),
  run(inputs, outputs, { classes }) {
    const y = f32(outputs[0]);
    i32(inputs[0]).forEach((label, row) => {
      const known = label >= 0 && label < classes;
      y.fill(known ? 0 : NaN, row * classes, (row + 1) * classes);
      if (known) y[row * classes + label] = 1;
    });
  },
});
