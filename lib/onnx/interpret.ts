// Emits the ops of an ONNX graph, node by node. Nodes whose inputs are numbers that are known are computed on the spot:
// the arithmetic on shapes that exporters write around a reshape leaves nothing in the graph.

import { LanewiseError } from '../errors.ts';
import type { GraphTensor } from '../graph/graph.ts';
import { quoteName } from '../io/file-error.ts';
import { NodeCall, newBudget, type OnnxHost } from './node-call.ts';
import { folds } from './operators/known.ts';
import { operators } from './operators/table.ts';
import { nodeTitle, type OnnxProgram } from './program.ts';
import { Stored, type Value, Weight } from './value.ts';

/** Called with each node that emitted ops. */
export type OnNode = (name: string, op: string, input: GraphTensor, output: GraphTensor) => void;

/** All values of the graph after `program` was emitted. */
export function interpret(
  host: OnnxHost,
  program: OnnxProgram,
  inputs: ReadonlyMap<string, Value>,
  onNode?: OnNode,
): ReadonlyMap<string, Value> {
  const { graph } = host;
  const values = new Map<string, Value>(program.constants);
  for (const [name, { shape, trained, data }] of program.weights) {
    // Numbers that operators have asked for stand among the constants too.
    values.set(name, new Weight(name, shape, trained, data ?? program.constants.get(name)?.data));
  }
  for (const [name, value] of inputs) values.set(name, value);
  const outer = graph.layer;
  const layers = new Set<string>();
  const budget = newBudget();
  for (const [index, node] of program.nodes.entries()) {
    const title = nodeTitle(node, index);
    const fail = (reason: string): never => {
      throw new LanewiseError('file', `${title}: ${reason}`);
    };
    const given = node.inputs.map((name) => {
      if (name === '') return undefined;
      return values.get(name) ?? fail(`input ${quoteName(name)} is produced by nothing before it`);
    });
    graph.layer = uniqueName(node.name || `${node.op}_${index}`, layers);
    const call = new NodeCall(host, node, title, program.opset, given, budget);
    const tensorsBefore = graph.tensors.length;
    const results = emitNode(call);
    node.outputs.forEach((name, i) => {
      if (name === '') return;
      if (values.has(name)) fail(`output ${quoteName(name)} is the name of another value already`);
      const result = results[i] ?? fail(`the output ${i} of ${node.op} is not supported`);
      values.set(name, result);
    });
    const [first] = results;
    const input = given.find((value) => value instanceof Stored);
    if (onNode && first instanceof Stored && input instanceof Stored && graph.tensors.length > tensorsBefore) {
      onNode(graph.layer, node.op, input.tensor, first.tensor);
    }
  }
  graph.layer = outer;
  return values;
}

function emitNode(call: NodeCall): readonly Value[] {
  const { op } = call.node;
  const operator = (call.isKnown() ? folds.get(op) : undefined) ?? operators.get(op);
  if (!operator) {
    if (folds.has(op)) call.fail(`${op} is supported for shapes and other known numbers only, not for tensors`);
    return call.fail(`the operator ${quoteName(op)} is not supported`);
  }
  try {
    const result = operator(call);
    call.finish();
    return Array.isArray(result) ? result : [result as Value];
  } catch (error) {
    if (!(error instanceof LanewiseError) || error.code === 'file') throw error;
    return call.fail(error.message);
  }
}

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let count = 2; taken.has(unique); count++) unique = `${name}_${count}`;
  taken.add(unique);
  return unique;
}
