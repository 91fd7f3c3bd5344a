// Whole runs of the command line in this process, on a few drawn digits.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits } from '../../lib/data/digits.ts';
import { lanewise, type Recorded, record } from './terminal-recorder.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ['--train-count', '400', '--test-count', '100'];

describe('lanewise train', () => {
  let run: Recorded;
  const out = () => join(folder, 'run');
  beforeAll(async () => {
    run = await lanewise(
      'train',
      ...SMALL,
      '--epochs',
      '3',
      '--batch-size',
      '32',
      '--seed',
      '7',
      '--out',
      out(),
      '--json',
    );
  });

  it('ends with one JSON object on the last line', () => {
    expect(run.error).toBe('');
    expect(run.code).toBe(0);
    const number = expect.any(Number);
    expect(run.json()).toEqual({
      data: 'digits',
      model: 'lenet5',
      seed: 7,
      batchSize: 32,
      optimizer: 'sgd',
      backend: expect.stringMatching(/^(native|typescript)$/),
      isa: expect.any(String),
      threads: number,
      epochs: 3,
      steps: 39,
      trainLoss: number,
      trainAccuracy: number,
      testLoss: number,
      testAccuracy: number,
      imagesPerSecond: number,
      seconds: number,
      totalSeconds: number,
      checkpoint: join(out(), 'checkpoint.safetensors'),
      modelFile: join(out(), 'model.safetensors'),
      stopped: 'completed',
    });
    expect(run.json().testAccuracy).toBeGreaterThan(0.15);
  });

  it('says what it does in plain lines', () => {
    expect(run.out).toContain('data       digits: 400 training and 100 test images, 28 x 28 x 1, 10 classes\n');
    expect(run.out).toContain('model      lenet5: 61,706 parameters\n');
    expect(run.out).toMatch(/\nepoch 1\/3 {2}loss \d\.\d{4} {2}accuracy .* test accuracy .* images\/s/);
    expect(run.out).toMatch(/\nclass +images +accuracy/);
    for (const control of ['\r', '\x1b']) expect(run.out).not.toContain(control);
  });

  it('saves a model that evaluates to the same figures', async () => {
    const evaluation = await lanewise('evaluate', out(), ...SMALL, '--json', '--confusion');
    expect(evaluation.error).toBe('');
    const { testLoss, testAccuracy } = run.json();
    expect(evaluation.json()).toMatchObject({
      testLoss: expect.closeTo(testLoss as number, 5),
      testAccuracy,
      images: 100,
    });
    expect(evaluation.out).toContain('actual \\ predicted');
    const training = await lanewise(
      'evaluate',
      join(out(), 'model.safetensors'),
      ...SMALL,
      '--split',
      'train',
      '--json',
    );
    expect(training.json()).toMatchObject({ images: 400, trainAccuracy: expect.any(Number) });
  });

  it('saves a model that predicts', async () => {
    const prediction = await lanewise('predict', out(), ...SMALL, '--first', '95', '--count', '20', '--json');
    expect(prediction.code).toBe(0);
    const { predictions } = prediction.json() as {
      predictions: { image: string; probability: number; label: number }[];
    };
    expect(predictions.map(({ image }) => image)).toEqual(['95', '96', '97', '98', '99']);
    const labels = digits({ trainCount: 1, testCount: 100 }).test.labels.subarray(95);
    expect(predictions.map(({ label }) => label)).toEqual([...labels]);
    for (const { probability } of predictions) expect(probability).toBeGreaterThan(0.1);
    const beyond = await lanewise('predict', out(), ...SMALL, '--first', '100');
    expect([beyond.code, beyond.error]).toEqual([2, expect.stringContaining('--first must be below 100')]);
  });

  it('predicts an image in a file like the same image of the data set', async () => {
    const file = join(folder, 'digit.pgm');
    const pixels = digits({ trainCount: 1, testCount: 1 }).test.images.subarray(0, 784) as Uint8Array;
    writeFileSync(file, Buffer.concat([Buffer.from('P5 28 28 255\n'), pixels]));
    const one = await lanewise('predict', out(), '--image', file, '--json');
    expect([one.code, one.error]).toEqual([0, '']);
    const listed = await lanewise('predict', out(), ...SMALL, '--count', '1', '--json');
    const [first] = listed.json()['predictions'] as [{ prediction: number; probability: number }];
    const { prediction, probability } = first;
    expect(one.json()['predictions']).toEqual([{ image: file, prediction, probability }]);
    writeFileSync(file, Buffer.concat([Buffer.from('P5 28 27 255\n'), pixels.subarray(28)]));
    const other = await lanewise('predict', out(), '--image', file);
    expect([other.code, other.error]).toEqual([
      1,
      expect.stringMatching(/has images of 27 x 28 x 1, the model takes 28/),
    ]);
  });

  it('gives the same bits again', async () => {
    const again = join(folder, 'again');
    await lanewise('train', ...SMALL, '--epochs', '3', '--batch-size', '32', '--seed', '7', '--out', again);
    expect(readFileSync(join(again, 'model.safetensors')).equals(readFileSync(join(out(), 'model.safetensors')))).toBe(
      true,
    );
  });

  it('resumes a run that is complete without training it further', async () => {
    const options = [...SMALL, '--epochs', '3', '--batch-size', '32', '--seed', '7', '--out', out()];
    const before = readFileSync(join(out(), 'model.safetensors'));
    const resumed = await lanewise('train', ...options, '--resume', '--json');
    expect(resumed.out).toContain('(resuming from its checkpoint)');
    expect(resumed.json()).toMatchObject({ steps: 39, testAccuracy: run.json().testAccuracy });
    expect(readFileSync(join(out(), 'model.safetensors')).equals(before)).toBe(true);
  });

  it('refuses to resume with another seed, network or optimizer', async () => {
    const options = [...SMALL, '--epochs', '3', '--batch-size', '32', '--out', out(), '--resume'];
    for (const change of [
      ['--seed', '8'],
      ['--seed', '7', '--model', 'cnn'],
      ['--seed', '7', '--optimizer', 'adam'],
    ]) {
      const { code, error } = await lanewise('train', ...options, ...change);
      expect(code).toBe(1);
      expect(error).toMatch(/^lanewise: .*checkpoint\.safetensors: the checkpoint's (seed|network|optimizer) /);
    }
  });

  it('starts from the beginning when there is nothing to resume', async () => {
    const { code, out: text } = await lanewise(
      'train',
      ...SMALL,
      '--epochs',
      '1',
      '--resume',
      '--out',
      join(folder, 'new'),
    );
    expect(code).toBe(0);
    expect(text).toContain('(no checkpoint there yet: starting from the beginning)');
  });

  it.each(['sgd', 'adam', 'adamw'])('trains with %s at a constant rate', async (optimizer) => {
    const path = join(folder, optimizer);
    const options = ['--optimizer', optimizer, '--schedule', 'constant', '--lr', '1e-3', '--weight-decay', '0'];
    const { code, json } = await lanewise('train', ...SMALL, '--epochs', '1', ...options, '--out', path, '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ optimizer, stopped: 'completed' });
  });

  it('augments on request, and says how', async () => {
    const path = join(folder, 'augmented');
    const options = [...SMALL, '--epochs', '1', '--seed', '7', '--out', path];
    const { code, out: text, json } = await lanewise('train', ...options, '--augment', 'crop:2,cutout', '--json');
    expect([code, text]).toEqual([0, expect.stringContaining('\naugmented  randomCrop, cutout\n')]);
    const plain = await lanewise('train', ...options, '--augment', 'none', '--json');
    expect(plain.out).not.toContain('\naugmented');
    expect(json()['trainLoss']).not.toBe(plain.json()['trainLoss']);
    const other = await lanewise('train', ...options, '--resume', '--augment', 'flip');
    expect(other.error).toMatch(/the checkpoint's augmentation is \[\], this run's is \[\{"type":"randomFlip"/);
  });

  it('draws a bar on a terminal', async () => {
    const options = [...SMALL, '--epochs', '2', '--batch-size', '4', '--backend', 'typescript'];
    const { out: text } = await record(['train', ...options, '--out', join(folder, 'bar')], {
      isTTY: true,
      columns: 100,
    });
    const frames = text.split('\r').slice(1);
    expect(frames.length).toBeGreaterThan(1);
    for (const frame of frames) expect(frame.split('\x1b[K')[0]?.length).toBeLessThan(100);
    expect(text).toMatch(/epoch 1\/2 \[=*>? *\] +\d+ % {2}loss/);
  });
});

describe('a run that cannot go well', () => {
  it('stops before any work when the folder cannot be written to', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'below'), '/proc/nothing']) {
      const { code, error } = await lanewise('train', ...SMALL, '--out', path);
      expect(code).toBe(1);
      expect(error).toMatch(/^lanewise: .*: cannot be written to: .*; choose another folder with --out\n$/);
    }
  });

  it('names a missing data folder', async () => {
    const { code, error } = await lanewise('train', '--data', 'mnist:/nowhere', '--out', join(folder, 'x'));
    expect([code, error]).toEqual([1, expect.stringMatching(/^lanewise: \/nowhere: cannot be listed: ENOENT/)]);
  });

  it('names the layer when numbers go bad and keeps the last good checkpoint', async () => {
    const options = [...SMALL, '--schedule', 'constant', '--out', join(folder, 'bad')];
    await lanewise('train', ...options, '--epochs', '1', '--lr', '1e-3');
    const before = readFileSync(join(folder, 'bad/checkpoint.safetensors'));
    const { code, error } = await lanewise('train', ...options, '--epochs', '20', '--lr', '1000', '--resume');
    expect(code).toBe(1);
    expect(error).toMatch(
      /the loss is not finite; first bad values: .*\(the last good checkpoint is .*checkpoint\.safetensors\)/,
    );
    expect(readFileSync(join(folder, 'bad/checkpoint.safetensors')).equals(before)).toBe(true);
  });

  it('refuses a damaged checkpoint', async () => {
    const path = join(folder, 'damaged');
    await lanewise('train', ...SMALL, '--epochs', '1', '--out', path);
    const file = join(path, 'checkpoint.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(file, bytes);
    const { code, error } = await lanewise('train', ...SMALL, '--epochs', '2', '--resume', '--out', path);
    expect([code, error]).toEqual([1, expect.stringMatching(/checkpoint\.safetensors is damaged/)]);
  });

  it('says of a folder without a model how to get one', async () => {
    expect((await lanewise('evaluate', folder)).error).toMatch(/has no model\.safetensors; name a model file/);
    expect((await lanewise('evaluate', join(folder, 'none'))).error).toMatch(/none: it does not exist/);
    const checkpoint = await lanewise('evaluate', join(folder, 'run/checkpoint.safetensors'), ...SMALL);
    expect([checkpoint.code, checkpoint.error]).toEqual([1, expect.stringContaining('is not a lanewise model')]);
  });

  it('refuses images that the model does not take', async () => {
    const images = Buffer.concat([Buffer.of(1), Buffer.alloc(3072)]);
    writeFileSync(join(folder, 'data_batch_1.bin'), images);
    writeFileSync(join(folder, 'test_batch.bin'), images);
    for (const command of ['evaluate', 'predict']) {
      const { code, error } = await lanewise(command, join(folder, 'run'), '--data', `cifar10:${folder}`);
      expect([code, error]).toEqual([1, expect.stringMatching(/images .*32.*takes .*28/)]);
    }
  });
});
