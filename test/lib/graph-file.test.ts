// Model files whose network is a graph: what they must not hold.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-graph-file-'));
});
afterAll(() => rm(folder, { recursive: true }));

function network(): nn.Model {
  const [a, b] = [nn.input({ shape: [4], name: 'a' }), nn.input({ shape: [2], name: 'b' })];
  const h = nn.relu()(nn.linear({ units: 3 })(a));
  const outputs = { sum: nn.add()(h, nn.linear({ units: 3 })(b)), last: nn.linear({ units: 2 })(h) };
  return nn.model({ inputs: [a, b], outputs });
}

/** The file of the network with the part of its architecture at `place`, such as `nodes.0.from`, replaced by `value`. */
async function changedFile(place: string, value: unknown): Promise<string> {
  const path = join(folder, 'changed.safetensors');
  await network().save(path);
  const bytes = await readFile(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const holder = { root: JSON.parse(header.__metadata__.architecture) };
  const keys = ['root', ...place.split('.').filter((key) => key !== '')];
  // biome-ignore lint/suspicious/noExplicitAny: any part of any JSON
  const parent = keys.slice(0, -1).reduce((part, key) => part[key], holder as any);
  parent[keys.at(-1) as string] = value;
  header.__metadata__.architecture = JSON.stringify(holder.root);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([size, text, bytes.subarray(8 + length)]));
  return path;
}

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
function residuals(depth: number): unknown {
  let layer: unknown = { type: 'relu' };
  for (let i = 0; i < depth; i++) layer = { type: 'residual', body: [layer] };
  return layer;
}

it('opens, and says the same when it is unchanged', async () => {
  const loaded = await nn.loadModel(await changedFile('nodes.0.layer.units', 3));
  expect(loaded.architectureJson()).toBe(network().architectureJson());
  expect(JSON.parse(loaded.architectureJson())).toEqual({
    inputs: [
      { name: 'a', shape: [4] },
      { name: 'b', shape: [2] },
    ],
    nodes: [
      { layer: { type: 'linear', units: 3 }, from: [0] },
      { layer: { type: 'relu' }, from: [2] },
      { layer: { type: 'linear', units: 3 }, from: [1] },
      { layer: { type: 'add' }, from: [3, 4] },
      { layer: { type: 'linear', units: 2 }, from: [3] },
    ],
    outputs: [
      { name: 'sum', from: 5 },
      { name: 'last', from: 6 },
    ],
  });
});

it.each<[string, string, unknown, RegExp]>([
  ['a cycle', 'nodes.0.from', [4], /node 0 \(linear\) takes value 4, there are values 0 to 1 before it/],
  ['a node that takes itself', 'nodes.1.from', [3], /node 1 \(relu\) takes value 3/],
  ['a value that is none', 'nodes.3.from', [-1, 2], /takes value -1/],
  ['half a value', 'nodes.3.from', [0.5], /takes value 0.5/],
  ['a value by name', 'nodes.3.from', ['a'], /takes value "a"/],
  ['an input too many', 'nodes.1.from', [2, 2], /relu_1: takes 1 input, got 2/],
  ['an output that is none', 'outputs.0.from', 99, /output sum takes value 99/],
  ['an output without a name', 'outputs.0.name', 7, /an output: name 7 must be letters/],
  ['two outputs of one name', 'outputs.0.name', 'last', /two outputs are named last/],
  ['two inputs of one name', 'inputs.0.name', 'b', /two layers are named b/],
  ['a dead end', 'outputs', [{ name: 'sum', from: 5 }], /node 4 \(linear\) leads to no output/],
  ['an input that leads nowhere', 'nodes.2.from', [0], /the input b leads to no output/],
  ['no inputs', 'inputs', [], /takes value/],
  ['no outputs', 'outputs', [], /it needs inputs and outputs/],
  ['inputs that are no list', 'inputs', {}, /inputs must be a list/],
  ['an input of rank 5', 'inputs.0.shape', [1, 1, 1, 1, 1], /input a: shape must be a list of 1 to 4 sizes/],
  ['an unknown layer', 'nodes.0.layer.type', 'conv9d', /unknown layer type "conv9d"/],
  ['a type of the prototype', 'nodes.0.layer.type', 'constructor', /unknown layer type/],
  ['a layer that is none', 'nodes.0.layer', 7, /a layer must be an object/],
  ['a shared layer that is none', 'nodes.0.layer', { shared: 0 }, /shared layer 0 is none of the 0 before it/],
  ['a shared layer of the prototype', 'nodes.2.layer', { shared: 'at' }, /shared layer "at" is none of the 2/],
  ['a shared layer with options', 'nodes.2.layer', { shared: 0, units: 2 }, /must have no other properties/],
  ['a misspelt option', 'nodes.0.layer.unit', 3, /has no option 'unit'/],
  ['a misspelt property', 'nodes.0.form', [0], /node 0 has "form", it should have layer, from/],
  ['a part that is none', 'edges', [], /"edges" is no part of it/],
  ['both forms', 'layers', [], /it has both layers and nodes/],
  ['nested lists', 'nodes.0.layer.units', nested(4000), /nested more than 200 deep/],
  ['nested layers', 'nodes.1.layer', residuals(1000), /nested more than 200 deep/],
  ['weights it does not hold', 'nodes.4.layer.units', 2 ** 20, /tensor linear_3.weight is \[3,2\], the model needs/],
  ['a frozen tensor that is none', 'frozen', ['x'], /what is frozen must be names of tensors/],
  ['a frozen constant', 'frozen', ['a.scale'], /there is no layer or tensor a.scale/],
  ['no object', '', null, /inputs must be a list/],
])('is refused with %s', async (_, place, value, message) => {
  const path = await changedFile(place, value);
  await expect(nn.loadModel(path)).rejects.toThrow(message);
  await expect(nn.loadModel(path)).rejects.toThrow(nn.LanewiseError);
});
