// State dicts that PyTorch 2.13 wrote (scripts/torch-state-dict.py), loaded and written back: what the model gives is what
// PyTorch gave, and what does not fit is refused with nothing loaded.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../../lib/backend/native-loader.ts';
import * as nn from '../../../lib/index.ts';
import { encodeSafetensors, readSafetensors } from '../../../lib/io/safetensors.ts';
import { comparePaths } from '../../../lib/torch/match.ts';
import { errorsAgainst, small } from './samples.ts';

const fixture = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const STATE = fixture('small.safetensors');
const SAMPLES = fixture('small-samples.safetensors');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-torch-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The tensors of the fixture, to change some. */
async function state(): Promise<Map<string, nn.StateTensor>> {
  const { tensors } = await readSafetensors(STATE);
  const weights = [...tensors].filter(([name]) => !name.endsWith('num_batches_tracked'));
  return new Map(weights.map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]));
}

const NAMES = {
  conv2d_1: '0',
  batchNorm2d_1: '1',
  conv2d_2: '3',
  groupNorm_1: '4',
  prelu_1: '5',
  layerNorm_1: '6',
  instanceNorm_1: '7',
  convTranspose2d_1: '8',
  prelu_2: '10',
  batchNorm1d_1: '11',
  linear_1: '12',
  linear_2: '14',
};

describe('a network with every kind of weight', () => {
  const backends = ['typescript' as const, ...(loadNative().binding ? ['native' as const] : [])];
  it.each(backends)('gives what PyTorch gave: %s', async (backend) => {
    const model = small();
    const names = await nn.loadStateDict(model, STATE);
    expect(names).toEqual(NAMES);
    const { logits, loss, gradients } = await errorsAgainst(SAMPLES, small, model, names, { backend });
    expect(logits).toBeLessThan(1e-4);
    expect(loss).toBeLessThan(1e-5);
    expect(Object.keys(gradients)).toHaveLength(21);
    expect(Math.max(...Object.values(gradients)), JSON.stringify(gradients)).toBeLessThan(1e-3);
  });

  it('is written as PyTorch wrote it, bit for bit but for the number of batches', async () => {
    const model = small();
    const names = await nn.loadStateDict(model, STATE);
    const path = join(folder, 'written.safetensors');
    await nn.saveStateDict(model, path, { names });
    const [written, wanted] = [await readSafetensors(path), await readSafetensors(STATE)];
    expect(written.tensors).toEqual(wanted.tensors);
    expect(written.metadata).toEqual({ format: 'pt' });
  });

  it('is read back under the names of its layers, whatever their order', async () => {
    const layers = () => [
      nn.flatten(),
      nn.linear({ units: 3, name: 'stem' }),
      nn.linear({ units: 3, name: 'middle' }),
      nn.linear({ units: 3, name: 'head' }),
    ];
    const [model, other] = [1, 2].map((seed) => nn.sequential(layers(), { inputShape: [1, 1, 3], seed })) as [
      nn.Model,
      nn.Model,
    ];
    const path = join(folder, 'named.safetensors');
    await nn.saveStateDict(model, path);
    await nn.loadStateDict(other, path);
    for (const name of ['stem', 'middle', 'head']) {
      expect(other.tensor(`${name}.weight`)).toEqual(model.tensor(`${name}.weight`));
    }
  });
});

describe('layouts', () => {
  const count = (size: number) => Float32Array.from({ length: size }, (_, i) => i);
  const weightOf = (model: nn.Model, name: string) => {
    const data = model.tensor(name);
    data.set(count(data.length));
    const [found] = [...nn.stateDict(model).values()];
    return { shape: found?.shape, data: [...(found?.data ?? [])] };
  };

  it('convolution [kh, kw, in, out] is [out, in, kh, kw]', () => {
    const model = nn.sequential([nn.conv2d({ filters: 2, kernelSize: [1, 3] })], { inputShape: [4, 4, 2] });
    expect(weightOf(model, 'conv2d_1.weight')).toEqual({
      shape: [2, 2, 1, 3],
      data: [0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11],
    });
  });

  it('linear [in, out] is [out, in], and what was flattened comes channel by channel, through layers that keep it', () => {
    const model = nn.sequential([nn.flatten(), nn.relu(), nn.dropout(), nn.linear({ units: 1 })], {
      inputShape: [2, 1, 3],
    });
    expect(weightOf(model, 'linear_1.weight')).toEqual({ shape: [1, 6], data: [0, 3, 1, 4, 2, 5] });
    const features = nn.sequential([nn.linear({ units: 2 })], { inputShape: [3] });
    expect(weightOf(features, 'linear_1.weight')).toEqual({ shape: [2, 3], data: [0, 2, 4, 1, 3, 5] });
  });

  it('a second linear layer and one after global pooling are not taken apart', () => {
    const layers = [nn.flatten(), nn.linear({ units: 6 }), nn.linear({ units: 1 })];
    const second = nn.stateDict(nn.sequential(layers, { inputShape: [2, 1, 3] })).get('linear_2.weight');
    expect(second?.shape).toEqual([1, 6]);
    const model = nn.sequential([nn.globalAvgPool2d(), nn.linear({ units: 1 })], { inputShape: [2, 1, 3] });
    expect(weightOf(model, 'linear_1.weight').data).toEqual([0, 1, 2]);
  });

  it('a separable convolution is two modules', () => {
    const model = nn.sequential([nn.separableConv2d({ filters: 2, kernelSize: 3 })], { inputShape: [4, 4, 5] });
    const names = { 'separableConv2d_1.depthwise': '0', 'separableConv2d_1.pointwise': '1' };
    expect([...nn.stateDict(model, { names })].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['0.weight', 5, 1, 3, 3],
      ['1.weight', 2, 5, 1, 1],
      ['1.bias', 2],
    ]);
  });

  it('module paths are ordered by number', () => {
    const paths = ['layer10.0', 'layer2.1.conv', 'layer2.1', 'layer2.0.conv10', 'layer2.0.conv9', 'fc', '2', '10'];
    const wanted = ['2', '10', 'fc', 'layer2.0.conv9', 'layer2.0.conv10', 'layer2.1', 'layer2.1.conv', 'layer10.0'];
    expect(paths.toSorted(comparePaths)).toEqual(wanted);
  });
});

describe('element types', () => {
  const model = () => nn.sequential([nn.linear({ units: 1, bias: false })], { inputShape: [2] });
  const written = async (
    tensor: Parameters<typeof encodeSafetensors>[0] extends ReadonlyMap<string, infer T> ? T : never,
  ) => {
    const path = join(folder, `${tensor.dtype}.safetensors`);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path, Buffer.concat(encodeSafetensors(new Map([['linear_1.weight', tensor]]))));
    return path;
  };

  it('F16, BF16 and F64 are read', async () => {
    for (const dtype of ['F16', 'BF16'] as const) {
      const loaded = model();
      await nn.loadStateDict(loaded, await written({ dtype, shape: [1, 2], data: Float32Array.of(1.5, -0.25) }));
      expect([...loaded.tensor('linear_1.weight')]).toEqual([1.5, -0.25]);
    }
    const loaded = model();
    await nn.loadStateDict(
      loaded,
      await written({ dtype: 'F64', shape: [1, 2], data: Float64Array.of(0.1, Infinity) }),
    );
    expect([...loaded.tensor('linear_1.weight')]).toEqual([Math.fround(0.1), Infinity]);
  });

  it('integers, and doubles that do not fit, are not', async () => {
    const integers = await written({ dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, 2) });
    await expect(nn.loadStateDict(model(), integers)).rejects.toThrow(
      /linear_1.weight, for layer linear_1, has the type I32; weights are F32/,
    );
    const large = await written({ dtype: 'F64', shape: [1, 2], data: Float64Array.of(1, 1e39) });
    await expect(nn.loadStateDict(model(), large)).rejects.toThrow(/has values beyond the range of F32/);
  });
});

describe('what does not fit', () => {
  const refused = async (change: (tensors: Map<string, nn.StateTensor>) => void, options: nn.StateDictOptions = {}) => {
    const tensors = await state();
    change(tensors);
    const model = small();
    const before = new Map([...model.tensors].map(([name, { data }]) => [name, [...data]]));
    let message = 'loaded';
    try {
      await nn.loadStateDict(model, tensors, options);
    } catch (error) {
      expect(error).toBeInstanceOf(nn.LanewiseError);
      message = (error as Error).message;
    }
    expect(new Map([...model.tensors].map(([name, { data }]) => [name, [...data]]))).toEqual(before);
    return message;
  };
  const tensor = (...shape: number[]): nn.StateTensor => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b)),
  });

  it('a tensor of another shape names it, the layer and both shapes', async () => {
    expect(await refused((tensors) => tensors.set('3.weight', tensor(8, 2, 3, 3)))).toBe(
      'the state dict: tensor 3.weight, for layer conv2d_2, is [8,2,3,3], the layer needs [8,1,3,3]; if modules and layers are in another order, give names',
    );
  });

  it('a tensor that is missing, and one that no layer has', async () => {
    expect(await refused((tensors) => tensors.delete('3.bias'))).toBe(
      'the state dict: tensor 3.bias, for layer conv2d_2, is missing',
    );
    expect(await refused((tensors) => tensors.set('0.bias', tensor(4)))).toBe(
      'the state dict: layer conv2d_1 has nothing for tensor 0.bias',
    );
  });

  it('a module too many, or too few', async () => {
    expect(await refused((tensors) => tensors.set('15.weight', tensor(3, 3)))).toMatch(
      /has 3 modules of weights with 2 axes \(12, 14, 15\), the model 2 \(linear_1, linear_2\); give names/,
    );
    expect(await refused((tensors) => tensors.delete('5.weight'))).toMatch(
      /has 1 modules of slopes \(10\), the model 2/,
    );
  });

  it('values that do not fill the shape', async () => {
    const short = { shape: [3, 5], data: new Float32Array(14) };
    expect(await refused((tensors) => tensors.set('14.weight', short))).toMatch(
      /14.weight, .*has 14 values for its shape/,
    );
  });

  it('names of layers that are not there, and modules that are not there', async () => {
    expect(await refused(() => {}, { names: { conv2d_9: '0' } })).toMatch(
      /no layer conv2d_9 with weights \(they are conv2d_1, /,
    );
    expect(await refused(() => {}, { names: { conv2d_1: 'stem' } })).toMatch(
      /tensor stem.weight, for layer conv2d_1, is missing/,
    );
    // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
    expect(await refused(() => {}, { names: 'features' as any })).toMatch(/names must be an object .* not 'features'/);
  });

  it('with names only these layers are loaded', async () => {
    const model = small();
    const before = [...model.tensor('linear_2.weight')];
    const tensors = await state();
    tensors.set('head.weight', tensor(7, 7));
    await nn.loadStateDict(model, tensors, { names: { conv2d_1: '0', linear_1: '12' } });
    expect(model.tensor('linear_1.bias')).toEqual(tensors.get('12.bias')?.data);
    expect([...model.tensor('linear_2.weight')]).toEqual(before);
  });

  it('names that give two tensors one name are refused when writing', () => {
    expect(() => nn.stateDict(small(), { names: { linear_1: 'a', linear_2: 'a' } })).toThrow(
      /two layers would write the tensor a.weight/,
    );
    expect(() => nn.stateDict(small(), { names: { relu_1: 'a' } })).toThrow(
      /names has the layer relu_1, which has no weights/,
    );
  });

  it('a file that is no safetensors file', async () => {
    await expect(nn.loadStateDict(small(), fixture('samples.ts'))).rejects.toThrow(/is not a whole safetensors file/);
    expect((await readFile(STATE)).length).toBeLessThan(8192);
  });
});
