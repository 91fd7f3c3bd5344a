// A file that was exported for a batch of one size has that size in the targets of its reshapes. Where they mean the batch,
// they are written as ONNX writes "as in the input", so that a model takes any number of examples.

import type { AttributeValue, OnnxProgram, ProgramNode } from './program.ts';
import { Known, type Value } from './value.ts';

/** `program` for batches of any size; `values` are those of its graph for a batch of `size`, the file's. */
export function openBatch(program: OnnxProgram, size: number, values: ReadonlyMap<string, Value>): OnnxProgram {
  const constants = new Map(program.constants);
  /** Another target for this node alone. */
  const withTarget = (node: ProgramNode, index: number, data: readonly number[]): ProgramNode => {
    const name = `${node.outputs[0]}/target`;
    constants.set(name, new Known('I64', [data.length], data));
    return { ...node, inputs: node.inputs.with(index, name) };
  };
  const nodes = program.nodes.map((node) => {
    const target = (index: number): readonly number[] | undefined => {
      const known = program.constants.get(node.inputs[index] ?? '');
      const isBatch = known?.data[0] === size && values.get(node.inputs[0] ?? '')?.shape[0] === size;
      return isBatch ? known.data : undefined;
    };
    if (node.op === 'Reshape' && !node.attributes.get('allowzero')) {
      const shape = target(1);
      return shape && shape.length > 1 ? withTarget(node, 1, shape.with(0, 0)) : node;
    }
    if (node.op === 'Resize' && !node.attributes.has('axes')) {
      const sizes = target(3);
      if (!sizes) return node;
      const axes: AttributeValue = sizes.map((_, axis) => axis).slice(1);
      return { ...withTarget(node, 3, sizes.slice(1)), attributes: new Map(node.attributes).set('axes', axes) };
    }
    return node;
  });
  return { ...program, nodes, constants };
}
