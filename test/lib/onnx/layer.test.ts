// The layer `onnx` as it stands in model files, which are not trusted.

import { describe, expect, it } from 'vitest';
import { sequential } from '../../../lib/index.ts';
import { Builder } from '../../../lib/nn/builder.ts';
import { hostOf } from '../../../lib/nn/onnx.ts';
import { layersFromConfig } from '../../../lib/nn/registry.ts';
import { emitProgram } from '../../../lib/onnx/emit.ts';
import { readOnnxFile } from '../../../lib/onnx/onnx-file.ts';
import { programFromJson, programFromOnnx, programToJson } from '../../../lib/onnx/program.ts';

const clip = {
  type: 'onnx',
  channelsLast: true,
  opset: 17,
  inputs: ['x'],
  outputs: ['y'],
  nodes: [
    { op: 'Add', inputs: ['x', 'w'], outputs: ['sum'] },
    { op: 'Clip', name: 'clip', inputs: ['sum', 'low'], outputs: ['y'] },
  ],
  constants: [{ name: 'low', dtype: 'F32', shape: [], data: ['-Infinity'] }],
  weights: [{ name: 'w', shape: [3], trained: true }],
};

const build = (config: object) => sequential(layersFromConfig([config]), { inputShape: [3] });

describe('the layer onnx', () => {
  it('is read from JSON and written to it again', () => {
    const model = build(clip);
    expect(JSON.parse(model.architectureJson()).layers).toEqual([clip]);
    expect([...model.tensors.keys()]).toContain('onnx_1.w');
    expect(model.tensors.get('onnx_1.w')).toMatchObject({ role: 'parameter', shape: [3] });
  });

  it.each<[string, object, RegExp]>([
    ['a stray option', { nodez: [] }, /has no option 'nodez'/],
    ['no order of axes', { channelsLast: 1 }, /channelsLast must be true or false, not 1/],
    ['no opset', { opset: -1 }, /onnx: opset must be a whole number/],
    ['no list', { nodes: {} }, /onnx: nodes must be a list/],
    ['a node that is none', { nodes: [7] }, /onnx: nodes\[0\] must be an object/],
    ['a stray property', { nodes: [{ op: 'Relu', inputs: [], outputs: [], x: 1 }] }, /nodes\[0\] must be without "x"/],
    [
      'names that are none',
      { nodes: [{ op: 'Relu', inputs: [1], outputs: [] }] },
      /nodes\[0\]\.inputs must be a string/,
    ],
    [
      'an attribute that is none',
      { nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'], attributes: { a: null } }] },
      /must be an object/,
    ],
    [
      'an unknown element type',
      { constants: [{ name: 'low', dtype: 'F8', shape: [], data: [1] }] },
      /constants\[0\]\.dtype/,
    ],
    ['too little data', { constants: [{ name: 'low', dtype: 'F32', shape: [2], data: [1] }] }, /must be 2 numbers/],
    [
      'a shape that is none',
      { weights: [{ name: 'w', shape: [-3], trained: true }] },
      /weights\[0\]\.shape must be a whole number/,
    ],
    ['a role that is none', { weights: [{ name: 'w', shape: [3] }] }, /trained must be true or false/],
    ['a missing weight', { weights: [] }, /node 0 \(Add\): input "w" is produced by nothing before it/],
    ['a missing number', { constants: [] }, /node 1 "clip" \(Clip\): input "low" is produced by nothing before it/],
    [
      'a value that is made twice',
      { nodes: [clip.nodes[0], clip.nodes[0]] },
      /output "sum" is the name of another value already/,
    ],
    ['an output that nothing makes', { outputs: ['z'] }, /the graph's outputs: needs an input 0/],
    ['no outputs', { outputs: [] }, /needs inputs and outputs/],
  ])('is refused with %s', (_, change, message) => {
    expect(() => build({ ...clip, ...change })).toThrow(message);
  });
});

describe('the order of axes', () => {
  it.each([
    ['segmenter.onnx', [[2, 8, 12, 1]], 0],
    // Two around each reshape of the instance norm that stands for a group norm, and one before the flatten of a map.
    ['classifier.onnx', [[2, 16, 16, 3]], 5],
    [
      'two-heads.onnx',
      [
        [2, 4, 4, 2],
        [2, 5],
      ],
      0,
    ],
  ])('%s takes no more transpositions than it must', async (name, shapes, transpositions) => {
    const model = await readOnnxFile(`${import.meta.dirname}/pytorch/${name}`);
    const program = programFromOnnx(
      model,
      model.graph.outputs.map((output) => output.name),
    );
    const builder = new Builder('inference');
    const inputs = shapes.map((shape, i) => builder.graph.tensor('input', `x${i}`, { shape, dtype: 'f32' }));
    emitProgram(hostOf(builder), program, inputs, { channelsLast: true });
    expect(builder.graph.nodes.filter(({ op }) => op.name === 'transpose').length).toBe(transpositions);
    const again = programToJson(programFromJson(JSON.parse(JSON.stringify(programToJson(program)))));
    expect(again).toEqual(programToJson(program));
  });
});
