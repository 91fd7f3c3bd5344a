// ResNet-18 in its form for CIFAR, from PyTorch and back: needs the interpreter in LANEWISE_TORCH_PYTHON, with torch and
// safetensors.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../../lib/backend/native-loader.ts';
import * as nn from '../../../lib/index.ts';
import { errorsAgainst, resnet18, resnet18Silu } from './samples.ts';

const python = process.env['LANEWISE_TORCH_PYTHON'];
const { binding } = loadNative();
const run = promisify(execFile);
const script = (...args: string[]) => run(python as string, ['scripts/torch-state-dict.py', ...args]);

// Among two million inputs of ReLUs a few lie so close to 0 that Winograd's rounding turns their sign, and one that does
// changes the gradients of a small map by up to 1 % (docs/numerics.md): so with ReLU exact numerics only, and a wider bound.
const cases = [
  { net: 'resnet18', build: resnet18, numerics: 'exact', gradientBound: 1e-3 },
  { net: 'resnet18-silu', build: resnet18Silu, numerics: 'exact', gradientBound: 1e-4 },
  { net: 'resnet18-silu', build: resnet18Silu, numerics: 'fast', gradientBound: 1e-4 },
] as const;

describe.skipIf(!python || !binding)('ResNet-18 (needs LANEWISE_TORCH_PYTHON and the native backend)', () => {
  let folder: string;
  const path = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanewise-torch-'));
    for (const net of new Set(cases.map((each) => each.net))) {
      await script('write', net, path(net), path(`${net}-samples`));
    }
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  it.each(cases)('logits and all gradients of $net, $numerics, are those of PyTorch', async (each) => {
    const { net, build, numerics, gradientBound } = each;
    const model = build();
    const names = await nn.loadStateDict(model, path(net));
    expect(names).toMatchObject({ conv2d_1: 'conv1', conv2d_8: 'layer2.0.downsample.0', linear_1: 'fc' });
    const errors = await errorsAgainst(path(`${net}-samples`), build, model, names, { backend: 'native', numerics });
    expect(Object.keys(errors.gradients)).toHaveLength(62);
    expect(errors.logits).toBeLessThan(1e-4);
    expect(errors.loss).toBeLessThan(1e-5);
    expect(Math.max(...Object.values(errors.gradients))).toBeLessThan(gradientBound);
  });

  it('what is written loads into the module strictly, and holds the same bits', async () => {
    const model = resnet18();
    const names = await nn.loadStateDict(model, path('resnet18'));
    await nn.saveStateDict(model, path('written'), { names });
    await script('same', 'resnet18', path('resnet18'), path('written'));
  }, 60_000);
});
