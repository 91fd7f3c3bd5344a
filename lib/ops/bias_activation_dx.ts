// bias_activation_dx, the gradient of what ends a convolution or linear, act(x + b), in one pass over dy; and the choice
// between it and its halves.

import {
  type ActivationAttrs,
  activationAttrs,
  activationGradient,
  applyActivationGradient,
  checkActivation,
} from './activation.ts';
import { biasAddDb } from './bias_add.ts';
import { columnSums } from './column-sums.ts';
import { defineOp, type Emitter, elementCount, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

/**
 * dx = the gradient before the activation, from dy and the output y (relu: y > 0 ? dy : 0; leaky_relu: y < 0 ? dy * slope :
 * dy); db[c] = sum over all rows of dx[..., c], in blocks of 256 rows added left to right.
 *
 * dy, y of one shape with channels last -> dx, shaped as dy, db [c]. The same bits as relu_dx or leaky_relu_dx followed by
 * bias_add_db. Errors: y and dy have different shapes; no activation.
 */
export const biasActivationDx = defineOp({
  name: 'bias_activation_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx', 'db'],
  attrs: activationAttrs,
  inPlace: [0, 0],
  scalesGradient: true,
  infer(inputs, attrs) {
    const check = new ShapeCheck('bias_activation_dx', ['dy', 'y'], inputs);
    const { shape } = check.spec(0);
    check.shape(1, shape, 'the shape of dy');
    check.integers({ activation: attrs.activation }, 1, 2);
    checkActivation(check, attrs);
    return [tensor(shape), tensor([check.channels(0)])];
  },
  cost: ([dy]) => ({ flops: 2 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, attrs) {
    const { rows, columns } = rowsOf(inputs[0]);
    const dx = f32(outputs[0]);
    applyActivationGradient(f32(inputs[0]), f32(inputs[1]), dx, attrs);
    columnSums(dx, f32(outputs[1]), rows, columns);
  },
});

/** The gradients of act(x + b) by x and, with `bias`, by b, from the gradient `dy` by its result `y`. */
export function biasActivationGradient<T extends TensorSpec>(
  emitter: Emitter<T>,
  dy: T,
  y: T | undefined,
  attrs: ActivationAttrs,
  bias: boolean,
): readonly [dx: T | undefined, db: T | undefined] {
  const { activation, slope } = attrs;
  if (!bias) return [activationGradient(emitter, dy, y, attrs), undefined];
  if (activation === 0) return [dy, emitter.emit(biasAddDb, [dy], {})[0]];
  const [dx, db] = emitter.emit(biasActivationDx, [dy, y], { activation, slope });
  return [dx, db];
}
