// A checkpoint is believed only when it is whole, and the last good one outlives every failure: a kill, a full disk, a
// read-only disk, weights that are no longer finite.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';
import { type Checkpoint, checkpointFromFile, readCheckpoint, writeCheckpoint } from '../../../lib/io/checkpoint.ts';
import { saveModel } from '../../../lib/io/model-file.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../lib/io/safetensors.ts';
import type { SafetensorsTensor } from '../../../lib/io/safetensors-dtype.ts';
import { runWithSmallDisk, startChild, whyNoSmallDisk } from './child.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanewise-checkpoint-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sample: Checkpoint = {
  architecture: '{"layers":["näme"]}',
  optimizer: '{"name":"sgd"}',
  history: '[0.5,0.25]',
  seed: -7,
  step: 12,
  epoch: 3,
  position: 64,
  batchSize: 32,
  tensors: new Map([
    ['weight', { shape: [2, 2], data: Float32Array.of(1, -0, 1e-45, -3.4028235e38) }],
    ['slot/m', { shape: [0], data: new Float32Array(0) }],
  ]),
};

async function bytesOf(checkpoint: Checkpoint): Promise<Uint8Array> {
  const path = join(folder, 'bytes');
  await writeCheckpoint(path, checkpoint);
  return new Uint8Array(readFileSync(path));
}

const outcomeOf = async (bytes: Uint8Array): Promise<Checkpoint | string> => {
  try {
    return await checkpointFromFile(decodeSafetensors(bytes, 'c'), 'c');
  } catch (error) {
    expect(error).toBeInstanceOf(LanewiseError);
    expect((error as LanewiseError).code).toBe('file');
    return (error as Error).message;
  }
};

/** The file with changed metadata and a hash that fits; `undefined` removes a key. */
async function changed(changes: Record<string, string | undefined>, tensor?: SafetensorsTensor): Promise<Uint8Array> {
  const file = decodeSafetensors(await bytesOf(sample), 'c');
  const tensors = tensor ? new Map([['odd', tensor]]) : file.tensors;
  const { sha256: _, ...rest } = file.metadata;
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries({ ...rest, ...changes })) if (value !== undefined) metadata[key] = value;
  const hash = createHash('sha256');
  for (const chunk of encodeSafetensors(tensors, metadata)) hash.update(chunk);
  const sha256 = 'sha256' in changes ? changes.sha256 : hash.digest('hex');
  const sealed = sha256 === undefined ? metadata : { ...metadata, sha256 };
  return new Uint8Array(Buffer.concat(encodeSafetensors(tensors, sealed)));
}

describe('checkpoints', () => {
  it('come back bit for bit, and are written equal for equal content', async () => {
    const path = join(folder, 'a.checkpoint');
    await writeCheckpoint(path, sample);
    const first = readFileSync(path);
    const back = await readCheckpoint(path);
    expect(back).toEqual(sample);
    expect(Object.is(back.tensors.get('weight')?.data[1], -0)).toBe(true);
    await writeCheckpoint(path, back);
    expect(Buffer.compare(readFileSync(path), first)).toBe(0);
    expect(readdirSync(folder)).toContain('a.checkpoint');
  });

  it('is the hash that docs/formats.md describes', async () => {
    expect(await outcomeOf(await changed({}))).toEqual(sample);
  });

  it('are refused when cut at any byte', async () => {
    const bytes = await bytesOf(sample);
    for (let length = 0; length < bytes.length; length++) {
      expect(await outcomeOf(bytes.subarray(0, length))).toMatch(/^c.*(is empty|ends at byte|behind the end)/);
    }
    expect(await outcomeOf(new Uint8Array([...bytes, 0]))).toMatch(/the file has 1 bytes after tensor "weight"/);
  });

  it('are refused with any single bit flipped', async () => {
    const bytes = await bytesOf(sample);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = await outcomeOf(flipped);
      // Only another spelling of the same content may pass.
      if (typeof outcome !== 'string') expect(outcome).toEqual(sample);
    }
  });

  it('are refused when the content does not fit', async () => {
    const f16: SafetensorsTensor = { dtype: 'F16', shape: [1], data: Float32Array.of(1) };
    const cases: [Uint8Array, RegExp][] = [
      [await changed({ sha256: undefined }), /^c lacks "sha256" in its metadata$/],
      [await changed({ sha256: 'x' }), /^c is damaged: its content does not match the sha256 .* another checkpoint$/],
      [
        await changed({ version: '2' }),
        /^c was written with version 2 of the checkpoint format and .* update lanewise$/,
      ],
      [await changed({ version: '0' }), /there is no version 0/],
      [await changed({ version: 'one' }), /"version" in its metadata should be an integer and is "one"/],
      [await changed({ version: undefined }), /lacks "version"/],
      [await changed({ kind: undefined }), /^c is not a lanewise checkpoint: its metadata say "kind": nothing$/],
      [await changed({ kind: 'other' }), /its metadata say "kind": "other"$/],
      [await changed({ format: 'pt' }), /^c is not a lanewise checkpoint: it is a safetensors file of other software/],
      [await changed({ step: '1.5' }), /"step" in its metadata should be an integer and is "1.5"/],
      [await changed({ step: '012' }), /"step" in its metadata should be an integer and is "012"/],
      [await changed({ step: '-1' }), /"step" in its metadata cannot be -1/],
      [await changed({ batchSize: '0' }), /"batchSize" in its metadata cannot be 0/],
      [await changed({ history: '[1,' }), /"history" in its metadata is not valid JSON/],
      [await changed({ optimizer: undefined }), /lacks "optimizer"/],
      [await changed({}, f16), /tensor "odd" has dtype F16; a checkpoint's tensors are F32/],
    ];
    for (const [bytes, message] of cases) expect.soft(await outcomeOf(bytes)).toMatch(message);
  });

  it('are told from model files and from other files', async () => {
    const path = join(folder, 'model.safetensors');
    await saveModel(path, { architecture: '{}', tensors: sample.tensors });
    await expect(readCheckpoint(path)).rejects.toThrow(
      /model.safetensors is not a lanewise checkpoint: it is a model file, which has weights but no training state/,
    );
    writeFileSync(path, 'PK\u0003\u0004 and so on');
    await expect(readCheckpoint(path)).rejects.toThrow(/is not a whole safetensors file/);
  });

  it('are not written with values that are not finite, which leaves the last good one', async () => {
    const path = join(folder, 'finite.checkpoint');
    await writeCheckpoint(path, sample);
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const data = new Float32Array(600_000);
      data[599_999] = value;
      const tensors = new Map([...sample.tensors, ['conv2d_1.weight', { shape: [600_000], data }]]);
      const error: unknown = await writeCheckpoint(path, { ...sample, tensors }).catch((reason) => reason);
      expect(error).toBeInstanceOf(LanewiseError);
      expect((error as LanewiseError).code).toBe('diverged');
      expect((error as LanewiseError).message).toContain(`element 599999 of tensor "conv2d_1.weight" is ${value}`);
    }
    expect(await readCheckpoint(path)).toEqual(sample);
  });

  it('are not written with values that could not be read back', async () => {
    const path = join(folder, 'never.checkpoint');
    const wrong: Partial<Checkpoint>[] = [
      { step: -1 },
      { step: 1.5 },
      { epoch: Number.NaN },
      { seed: 2 ** 53 },
      { batchSize: 0 },
      { history: 'no json' },
    ];
    for (const change of wrong) {
      await expect(writeCheckpoint(path, { ...sample, ...change })).rejects.toThrow(
        /^a checkpoint (cannot hold|needs)/,
      );
    }
    expect(readdirSync(folder)).not.toContain('never.checkpoint');
  });

  it('leave the event loop free while they are hashed and written', async () => {
    const data = new Float32Array(8 << 20);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await writeCheckpoint(join(folder, 'large'), { ...sample, tensors: new Map([['a', { shape: [8 << 20], data }]]) });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });
});

describe('the last good checkpoint', () => {
  it('survives kill -9 at any moment of repeated writing', async () => {
    const place = join(folder, 'killed');
    mkdirSync(place);
    const path = join(place, 'run.checkpoint');
    const script = `
      for (let step = Number(process.env.STEP ?? 0) + 1; ; step++) {
        await writeCheckpoint(folder + '/run.checkpoint', sample(step, 100_000));
        process.stdout.write(step + ' ');
      }`;
    let rounds = 0;
    const until = Date.now() + 4000;
    for (; rounds < 12 && Date.now() < until; rounds++) {
      const child = startChild(script, place);
      let printed = '';
      child.stdout?.on('data', (text) => {
        printed += text;
      });
      const ended = new Promise((resolve) => child.on('close', resolve));
      while (!printed.includes(' ') && child.exitCode === null) await sleep(5);
      await sleep(7 * rounds);
      child.kill('SIGKILL');
      await ended;
      const announced = Number(printed.trim().split(' ').pop());
      const { step, tensors } = await readCheckpoint(path);
      // What was announced as written is there, or what was being written next.
      expect([announced, announced + 1]).toContain(step);
      expect(tensors.get('a')?.data.every((value) => value === step)).toBe(true);
    }
    expect(rounds).toBeGreaterThan(3);
  });

  it('survives a disk that fills, without a temporary file left', (context) => {
    const place = join(folder, 'small');
    mkdirSync(place);
    const why = whyNoSmallDisk(place);
    if (why) context.skip(why);
    const script = `
      const path = folder + '/run.checkpoint';
      const attempt = (step) => writeCheckpoint(path, sample(step, 75_000)).then(() => 'written', (error) =>
        [error.name, error.code, error.message.replace(folder, 'DISK')].join(': '));
      const outcomes = [await attempt(1)];
      writeFileSync(folder + '/ballast', new Uint8Array(500_000));
      outcomes.push(await attempt(2), (await readCheckpoint(path)).step, readdirSync(folder).sort());
      rmSync(folder + '/ballast');
      outcomes.push(await attempt(3), (await readCheckpoint(path)).step, readdirSync(folder));
      execFileSync('mount', ['-o', 'remount,ro', folder]);
      outcomes.push(await attempt(4), (await readCheckpoint(path)).step, readdirSync(folder));
      console.log(JSON.stringify(outcomes));`;
    const failed = 'LanewiseError: file: cannot write DISK/run.checkpoint (the file that was there is unchanged): ';
    expect(JSON.parse(runWithSmallDisk(script, place))).toEqual([
      'written',
      `${failed}the disk is full (ENOSPC)`,
      1,
      ['ballast', 'run.checkpoint'],
      'written',
      3,
      ['run.checkpoint'],
      `${failed}the file system is read-only (EROFS)`,
      3,
      ['run.checkpoint'],
    ]);
  });
});
