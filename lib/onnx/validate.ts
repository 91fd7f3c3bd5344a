// Checks that a model is a graph that can be computed: versions that are known, every value produced once and before it
// is used. Errors name the node. Whether operators have the inputs and attributes they need is for their importers.

import { LanewiseError } from '../errors.ts';
import { quoteName } from '../io/file-error.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from './model.ts';

/** 3 is the first that has operator sets. */
const IR_VERSIONS = { least: 3, most: 13 };
/** Of the operators of ONNX itself. */
const OPSETS = { least: 7, most: 28 };

/** Throws unless the model is sound; `fileName` is for errors. */
export function validateOnnx(model: OnnxModel, fileName: string): void {
  const fail = (reason: string): never => {
    throw new LanewiseError('file', `${fileName}: ${reason}`);
  };
  const { irVersion, opsets, graph } = model;
  if (irVersion < IR_VERSIONS.least || irVersion > IR_VERSIONS.most) {
    fail(`the IR version is ${irVersion}; ${IR_VERSIONS.least} to ${IR_VERSIONS.most} are read`);
  }
  const domains = new Set<string>();
  for (const { domain, version } of opsets) {
    if (domains.has(domain)) fail(`the operator set of domain ${quoteName(domain)} is imported twice`);
    domains.add(domain);
    if (domain === '' && (version < OPSETS.least || version > OPSETS.most)) {
      fail(`the model uses opset ${version}; ${OPSETS.least} to ${OPSETS.most} are read`);
    }
  }
  if (domains.size === 0) fail('the model imports no operator set (opset_import is missing)');
  for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
    if (!type) fail(`the graph's input or output ${quoteName(name)} has no type`);
  }
  if (graph.outputs.length === 0) fail('the graph has no outputs');
  checkGraph(graph, [], domains, fail);
}

/** `outer` holds the names that are visible from the enclosing graphs. */
function checkGraph(
  graph: OnnxGraph,
  outer: readonly ReadonlySet<string>[],
  domains: ReadonlySet<string>,
  fail: (reason: string) => never,
): void {
  const known = new Set<string>();
  const scopes = [...outer, known];
  const isKnown = (name: string) => scopes.some((scope) => scope.has(name));
  const isOuter = (name: string) => outer.some((scope) => scope.has(name));
  for (const { name } of graph.inputs) {
    if (isKnown(name)) fail(`the name ${quoteName(name)} of a graph input stands for another value already`);
    known.add(name);
  }
  const initializers = new Set<string>();
  for (const [index, { name }] of graph.initializers.entries()) {
    if (name === '') fail(`initializer ${index} has no name`);
    // An initializer may be the default of an input.
    if (initializers.has(name) || isOuter(name)) fail(`the name ${quoteName(name)} of an initializer is not unique`);
    initializers.add(name);
    known.add(name);
  }
  checkUnique(graph.values, 'value_info', fail);
  checkUnique(graph.outputs, 'the outputs', fail);
  const producers = new Map<string, number>();
  for (const [index, { outputs }] of graph.nodes.entries()) {
    for (const name of outputs) if (!producers.has(name)) producers.set(name, index);
  }
  for (const [index, node] of graph.nodes.entries()) {
    const title = nodeTitle(node, index);
    const failNode = (reason: string): never => fail(`${title}: ${reason}`);
    if (!domains.has(node.domain)) {
      failNode(`the operator set of its domain ${quoteName(node.domain)} is not imported`);
    }
    for (const name of node.inputs) {
      if (name === '' || isKnown(name)) continue;
      const producer = producers.get(name);
      if (producer === undefined) failNode(`input ${quoteName(name)} is produced by nothing`);
      else {
        const other = producer === index ? 'itself' : nodeTitle(graph.nodes[producer]!, producer);
        failNode(`input ${quoteName(name)} is not produced before it, but by ${other}`);
      }
    }
    for (const [name, { type, value }] of node.attributes) {
      const graphs = type === 'graph' ? [value] : type === 'graphs' ? value : [];
      const failInner = (reason: string) => failNode(`in the graph ${quoteName(name)}: ${reason}`);
      for (const inner of graphs) checkGraph(inner, scopes, domains, failInner);
    }
    if (node.outputs.every((name) => name === '')) failNode('it has no outputs');
    for (const name of node.outputs) {
      if (name === '') continue;
      if (isKnown(name)) failNode(`output ${quoteName(name)} is the name of another value already`);
      known.add(name);
    }
  }
  for (const { name } of graph.outputs) {
    if (!known.has(name)) fail(`the graph's output ${quoteName(name)} is produced by nothing`);
  }
}

function checkUnique(values: readonly { name: string }[], where: string, fail: (reason: string) => never): void {
  const names = new Set<string>();
  for (const { name } of values) {
    if (names.has(name)) fail(`${quoteName(name)} stands twice in ${where}`);
    names.add(name);
  }
}

function nodeTitle({ name, opType }: OnnxNode, index: number): string {
  return `node ${index}${name === '' ? '' : ` ${quoteName(name)}`} (${opType.slice(0, 80)})`;
}
