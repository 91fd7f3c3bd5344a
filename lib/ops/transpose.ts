// transpose: the axes in another order.

import { axisAttrs, axisSchema, axisValues, forPositions, stridesOf } from './axes.ts';
import { type Attrs, defineOp, type OpDefinition } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { tensor } from './tensor-data.ts';

const schema = axisSchema('perm');

/** The attributes that make axis `i` of y the axis `perm[i]` of x. */
export const transposeBy = (perm: readonly number[]): Attrs<typeof schema> => axisAttrs('perm', perm, 0);

/**
 * y[i0, i1, ...] = x[...] where axis a of y is axis perm[a] of x.
 *
 * x f32 or i32 of any shape -> y of its type; attributes beyond the rank of x are ignored. Semantics: numpy.transpose, torch.permute, ONNX
 * Transpose. The gradient is the transposition by the inverse permutation. Errors: perm is no permutation of the axes.
 */
export const transpose: OpDefinition<typeof schema> = defineOp({
  name: 'transpose',
  inputs: ['x'],
  outputs: ['y'],
  attrs: schema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('transpose', ['x'], inputs);
    const { shape, dtype } = check.spec(0, 'f32', 'i32');
    const perm = axisValues('perm', attrs, shape.length);
    if (perm.toSorted((a, b) => a - b).some((axis, position) => axis !== position)) {
      check.fail(`perm must be the axes 0 to ${shape.length - 1}, each once, it is ${perm}`, 'option');
    }
    return [
      tensor(
        perm.map((axis) => shape[axis]!),
        dtype,
      ),
    ];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const perm = axisValues('perm', context.attrs, dy.shape.length);
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [context.emit(transpose, [dy], transposeBy(inverse))[0]];
  },
  run(inputs, outputs, attrs) {
    const x = inputs[0]!.data;
    const y = outputs[0]!.data;
    const { shape } = outputs[0]!;
    const strides = stridesOf(inputs[0]!.shape);
    const walked = axisValues('perm', attrs, shape.length).map((axis) => strides[axis]!);
    forPositions(shape, walked, 0, (i, at) => {
      y[i] = x[at]!;
    });
  },
});
