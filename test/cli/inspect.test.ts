// The commands that look at a network or at the machine without training: summary, profile, doctor.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipes } from '../../lib/models/index.ts';
import { sequential } from '../../lib/train/build-model.ts';
import { unavailable } from '../native/fixtures.ts';
import { lanewise, record } from './terminal-recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-inspect-'));
const file = join(folder, 'model.safetensors');
beforeAll(() => sequential(recipes.lenet5.layers(10), { inputShape: recipes.lenet5.inputShape }).save(file));
afterAll(() => rmSync(folder, { recursive: true }));

describe('lanewise profile', () => {
  const small = ['--batch-size', '4', '--steps', '2', '--threads', '1'];
  type Found = { batchSize: number; threads: number; isa: string; ops: { op: string; milliseconds: number }[] };

  it('shows the ops of a training step in order, and what is spent outside of them', async () => {
    const { code, out, json } = await lanewise('profile', 'lenet5', ...small, '--json');
    expect(code).toBe(0);
    expect(out).toMatch(/^batch 4, (native|typescript) \(\w+\), threads \d+/);
    expect(out).toMatch(/\nop +layer and output +time +% of step +GFLOP\/s/);
    expect(out).toMatch(/\nconv2d +conv2d_1 \[4,28,28,6\] /);
    expect(out).toMatch(/\noutside ops +\d/);
    const { batchSize, ops } = json() as unknown as Found;
    expect(batchSize).toBe(4);
    expect(ops.map(({ op }) => op)).toEqual(expect.arrayContaining(['conv2d', 'conv2d_dw', 'sgd_step']));
    expect(ops.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  });

  it('or of a prediction, with a trained model, and summed up', async () => {
    const { out, json } = await lanewise('profile', folder, ...small, '--predict', '--by', 'kind', '--json');
    expect(out).toMatch(/\nop +executed +time/);
    expect(out).toMatch(/\nconv2d +2 x /);
    const { ops } = json() as unknown as Found;
    expect(ops.map(({ op }) => op)).not.toContain('conv2d_dw');
    expect((await lanewise('profile', '--model', 'cnn', ...small, '--by', 'layer')).out).toMatch(/\nconv2d_1 +\d+ x /);
  });

  it('on the backend, instruction set and algorithm that are asked for', async () => {
    const typescript = await lanewise(
      'profile',
      'lenet5',
      '--backend',
      'typescript',
      '--batch-size',
      '1',
      '--steps',
      '1',
    );
    expect(typescript.out).toMatch(/^batch 1, typescript \(javascript\), threads 1\n/);
    expect(typescript.out).not.toMatch(/% of peak/);
    if (unavailable) return;
    const native = await lanewise('profile', 'cnn', ...small, '--isa', 'portable', '--numerics', 'exact');
    expect(native.out).toMatch(/^batch 4, native \(portable\), threads 1: peak \d+ GFLOP\/s, memory [\d.]+ GB\/s\n/);
    expect(native.out).toMatch(/% of peak +GB\/s +% of memory +bound\n/);
    expect(native.out).toMatch(/\nconv2d .* (compute|memory)\n/);
  });
});

describe('lanewise summary and doctor', () => {
  it('shows named networks and files', async () => {
    const named = await lanewise('summary', 'lenet5');
    expect(named.out).toMatch(/^total +61,706 /m);
    expect((await lanewise('summary', '--model', 'lenet5')).out).toBe(named.out);
    expect((await lanewise('summary', folder)).out).toBe(named.out);
    expect((await lanewise('summary', 'vgg', '--json')).json()).toMatchObject({
      inputs: [{ shape: [32, 32, 3] }],
      parameters: 2_197_706,
    });
    expect((await lanewise('summary', 'cnn', '--input', '20x24x2', '--classes', '3')).out).toContain('20 x 24 x 2');
  });

  it('shows the memory of a training step', async () => {
    const { out, json } = await lanewise('summary', 'lenet5', '--arena', '--batch-size', '4', '--json');
    expect(out).toMatch(/\narena: .* tensors/);
    expect((json() as { arena: { arenaBytes: number } }).arena.arenaBytes).toBeGreaterThan(0);
  });

  it('says what it found', async () => {
    const { code, out, json } = await record(['doctor', '--json'], { environment: { LANEWISE_TEST: 'x', OTHER: 'y' } });
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`platform +${process.platform}-${process.arch}`));
    expect(json()).toMatchObject({ node: process.version, backend: expect.stringMatching(/native|typescript/) });
    expect(json().environment).toEqual({ LANEWISE_TEST: 'x' });
    expect(existsSync(json().folder as string)).toBe(true);
  });
});
