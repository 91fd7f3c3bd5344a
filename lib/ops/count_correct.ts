// count_correct: how many rows of a batch, or pixels of its images, are classified as labelled.

import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, i32, rowsOf, tensor } from './tensor-data.ts';

/**
 * correct[0] = the number of rows whose first largest logit is at the label: every logit before it is smaller, none
 * after it larger. A row with NaN, or a label outside the classes, never counts.
 *
 * logits [..., k], labels i32 [...] -> correct [1]. Errors: labels not i32 or not one for each row.
 */
export const countCorrect = defineOp({
  name: 'count_correct',
  inputs: ['logits', 'labels'],
  outputs: ['correct'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('count_correct', ['logits', 'labels'], inputs);
    const { shape } = check.spec(0);
    if (shape.length < 2) check.fail(`logits must have at least 2 dimensions, it has ${shape.length}`);
    check.shape(1, shape.slice(0, -1), 'one label for each row of logits', 'i32');
    return [tensor([1])];
  },
  cost: ([logits]) => ({ flops: elementCount(logits?.shape ?? []) }),
  run(inputs, outputs) {
    const logits = f32(inputs[0]);
    const labels = i32(inputs[1]);
    const { rows, columns } = rowsOf(inputs[0]);
    let correct = 0;
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      const label = labels[row]!;
      if (label < 0 || label >= columns) continue;
      const best = logits[start + label]!;
      let wins = !Number.isNaN(best);
      for (let k = 0; wins && k < columns; k++) {
        const other = logits[start + k]!;
        wins = k < label ? other < best : other <= best;
      }
      if (wins) correct += 1;
    }
    f32(outputs[0])[0] = correct;
  },
});
