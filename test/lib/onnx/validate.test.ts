// What makes a graph one that can be computed, and the sentence that names the node where it cannot.

import { describe, expect, it } from 'vitest';
import type { OnnxGraph, OnnxModel } from '../../../lib/onnx/model.ts';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { validateOnnx } from '../../../lib/onnx/validate.ts';
import { int, join, message, messageOf, model, modelOf, node, OPSET_17, tensor, text, value } from './protobuf.ts';

const verdict = (bytes: Uint8Array): string =>
  messageOf(() => validateOnnx(decodeOnnx(bytes, 'm.onnx').model, 'm.onnx'));

const relu = node('Relu', ['x'], ['y']);
const x = message(11, value('x'));
const y = message(12, value('y'));
const weight = (name: string): Uint8Array => message(5, tensor([0], 1), text(8, name));
const versions = (irVersion: number, ...opsets: readonly Uint8Array[]): Uint8Array =>
  join(int(1, irVersion), message(7, message(1, relu), x, y), ...opsets);
const opset = (version: number, domain = ''): Uint8Array => message(8, text(1, domain), int(2, version));
/** Attributes that hold a graph, and several. */
const body = (...parts: readonly Uint8Array[]): Uint8Array =>
  message(5, text(1, 'body'), message(6, ...parts), int(20, 5));
const bodies = (...parts: readonly Uint8Array[]): Uint8Array =>
  message(5, text(1, 'all'), message(11, ...parts), int(20, 10));
const inner = (...parts: readonly Uint8Array[]): Uint8Array => modelOf(relu, node('If', ['x'], ['z'], body(...parts)));

describe('validateOnnx', () => {
  it('accepts what is sound', () => {
    const sound: Uint8Array[] = [
      modelOf(relu),
      modelOf(node('A', ['x', '', 'x'], ['', 'h'], text(3, 'same')), node('B', ['h'], ['y'], text(3, 'same'))),
      model(message(1, node('Add', ['x', 'w'], ['y'])), weight('w'), x, y),
      // An initializer is the default of an input, and an input may be an output.
      model(message(1, relu), weight('x'), x, y, message(12, value('x'))),
      inner(message(1, node('Neg', ['y'], ['q'])), message(12, value('q'))),
      // Names of a subgraph end with it.
      modelOf(
        node('If', ['x'], ['z'], body(message(1, node('Neg', ['x'], ['q'])), message(12, text(1, 'q')))),
        node('Relu', ['z'], ['q']),
        relu,
      ),
      versions(3, opset(7)),
      versions(13, opset(28), opset(900, 'org.example')),
    ];
    for (const bytes of sound) expect.soft(verdict(bytes)).toBe('no error');
  });

  it('names what is wrong', () => {
    const cases: [bytes: Uint8Array, message: string | RegExp][] = [
      [versions(2, opset(17)), 'm.onnx: the IR version is 2; 3 to 13 are read'],
      [versions(14, opset(17)), 'm.onnx: the IR version is 14; 3 to 13 are read'],
      [versions(8), 'm.onnx: the model imports no operator set (opset_import is missing)'],
      [versions(8, opset(6)), 'm.onnx: the model uses opset 6; 7 to 28 are read'],
      [versions(8, opset(29, 'ai.onnx')), 'm.onnx: the model uses opset 29; 7 to 28 are read'],
      [versions(8, opset(17), opset(18, 'ai.onnx')), 'the operator set of domain "" is imported twice'],
      [versions(8, opset(1, 'a')), 'm.onnx: node 0 (Relu): the operator set of its domain "" is not imported'],
      [
        modelOf(node('Relu', ['x'], ['y'], text(7, 'org.a'))),
        'node 0 (Relu): the operator set of its domain "org.a" is not imported',
      ],
      [model(message(1, relu), x), 'm.onnx: the graph has no outputs'],
      [model(message(1, relu), message(11, text(1, 'x')), y), 'the graph\'s input or output "x" has no type'],
      [model(message(1, relu), x, message(12, text(1, 'y'))), 'the graph\'s input or output "y" has no type'],
      [
        model(message(1, relu), x, y, message(12, value('z'))),
        'm.onnx: the graph\'s output "z" is produced by nothing',
      ],
      [model(message(1, relu), x, y, y), '"y" stands twice in the outputs'],
      [model(message(1, relu), x, x, y), 'the name "x" of a graph input stands for another value already'],
      [
        model(message(1, relu), x, y, message(13, value('x')), message(13, value('x'))),
        '"x" stands twice in value_info',
      ],
      [model(message(1, relu), weight('w'), weight('w'), x, y), 'the name "w" of an initializer is not unique'],
      [model(message(1, relu), weight('w'), weight(''), x, y), 'm.onnx: initializer 1 has no name'],
      [
        modelOf(node('Relu', ['h'], ['y'], text(3, 'r'))),
        'm.onnx: node 0 "r" (Relu): input "h" is produced by nothing',
      ],
      [
        modelOf(node('Relu', ['h'], ['y']), node('Neg', ['x'], ['h'], text(3, 'n'))),
        'node 0 (Relu): input "h" is not produced before it, but by node 1 "n" (Neg)',
      ],
      [
        modelOf(node('Add', ['x', 'b'], ['y']), node('Neg', ['y'], ['b'])),
        'node 0 (Add): input "b" is not produced before it, but by node 1 (Neg)',
      ],
      [modelOf(node('Add', ['x', 'y'], ['y'])), 'node 0 (Add): input "y" is not produced before it, but by itself'],
      [modelOf(relu, node('Neg', ['x'], ['y'])), 'node 1 (Neg): output "y" is the name of another value already'],
      [modelOf(relu, node('Neg', ['y'], ['x'])), 'node 1 (Neg): output "x" is the name of another value already'],
      [modelOf(node('Split', ['x'], ['y', 'y'])), 'node 0 (Split): output "y" is the name of another value already'],
      [
        model(message(1, node('Neg', ['x'], ['w'])), message(1, relu), weight('w'), x, y),
        'output "w" is the name of another value',
      ],
      [modelOf(relu, node('Sink', ['y'], [])), 'node 1 (Sink): it has no outputs'],
      [modelOf(relu, node('Sink', ['y'], ['', ''])), 'node 1 (Sink): it has no outputs'],
      [
        inner(message(1, node('Neg', ['q'], ['r']))),
        'm.onnx: node 1 (If): in the graph "body": node 0 (Neg): input "q" is produced by nothing',
      ],
      [
        inner(message(1, node('Neg', ['x'], ['y']))),
        'in the graph "body": node 0 (Neg): output "y" is the name of another value',
      ],
      [
        inner(message(1, node('Neg', ['z'], ['q']))),
        'in the graph "body": node 0 (Neg): input "z" is produced by nothing',
      ],
      [
        inner(message(11, text(1, 'x'))),
        'in the graph "body": the name "x" of a graph input stands for another value already',
      ],
      [inner(weight('x')), 'in the graph "body": the name "x" of an initializer is not unique'],
      [inner(message(12, text(1, 'q'))), 'in the graph "body": the graph\'s output "q" is produced by nothing'],
      [
        modelOf(relu, node('If', ['x'], ['z'], bodies(message(12, text(1, 'q'))))),
        'in the graph "all": the graph\'s output "q"',
      ],
      [modelOf(node('N'.repeat(500), [], [])), /^m\.onnx: node 0 \(N{80}\): it has no outputs$/],
    ];
    for (const [bytes, expected] of cases) expect.soft(verdict(bytes)).toMatch(expected);
    expect(cases.length).toBe(35);
    expect(OPSET_17).toEqual(opset(17));
  });

  it('takes no longer than the graph is large', () => {
    const count = 100_000;
    const nodes = Array.from({ length: count }, (_, i) => ({
      name: '',
      docString: '',
      opType: 'Add',
      domain: '',
      inputs: [`${i}`, `${i >> 1}`],
      outputs: [`${i + 1}`],
      attributes: new Map(),
    }));
    const type = { dtype: 'F32', shape: [] } as const;
    const graph: OnnxGraph = {
      name: '',
      docString: '',
      nodes,
      initializers: [],
      inputs: [{ name: '0', type }],
      outputs: [{ name: `${count}`, type }],
      values: [],
    };
    const small = decodeOnnx(modelOf(relu), 'x').model;
    const large: OnnxModel = { ...small, graph };
    const start = process.cpuUsage();
    validateOnnx(large, 'x');
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(5);
  });
});
