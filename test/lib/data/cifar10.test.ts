// CIFAR-10 folders: colours end up where they belong, and wrong files are refused with the byte that is wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cifar10Folder } from '../../../lib/data/cifar10.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cifar-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Records whose red, green and blue planes hold label * 10, + 1 and + 2. */
function records(...labels: number[]): Buffer {
  return Buffer.concat(
    labels.map((label) =>
      Buffer.concat([Buffer.of(label), ...[0, 1, 2].map((plane) => Buffer.alloc(1024, (label * 10 + plane) & 255))]),
    ),
  );
}

const write = (files: Record<string, Uint8Array | string>): void => {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
};

async function message(): Promise<string> {
  const error = await cifar10Folder(folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'LanewiseError', code: 'file' });
  return (error as Error).message;
}

describe('cifar10Folder', () => {
  it('joins the training batches that are there and interleaves the colours', async () => {
    const marked = records(3, 4);
    marked[1 + 33] = 200; // red of row 1, column 1 of the first record
    marked[3073 + 1 + 2048 + 1023] = 201; // blue of the last pixel of the second
    write({
      'data_batch_2.bin': marked,
      'data_batch_5.bin.gz': gzipSync(records(9)),
      'test_batch.bin.gz': gzipSync(records(0, 1)),
    });
    const { train, test } = await cifar10Folder(folder, 'cifar');
    expect(train).toMatchObject({ name: 'cifar', shape: [32, 32, 3], count: 3 });
    expect(train.labels).toEqual(Int32Array.of(3, 4, 9));
    expect([...train.images.subarray(0, 6)]).toEqual([30, 31, 32, 30, 31, 32]);
    expect(train.images[3 * 33]).toBe(200);
    expect(train.images[2 * 3072 - 1]).toBe(201);
    expect([...train.images.subarray(2 * 3072, 2 * 3072 + 3)]).toEqual([90, 91, 92]);
    expect(train.classes[9]).toBe('truck');
    expect(train.mean).toHaveLength(3);
    expect(test.count).toBe(2);
    expect(test.std).toEqual(train.std);
  });

  it('takes the class names of batches.meta.txt', async () => {
    const names = [...'abcdefghij'];
    write({
      'data_batch_1.bin': records(1),
      'test_batch.bin': records(2),
      'batches.meta.txt': `${names.join('\n')}\n\n`,
    });
    expect((await cifar10Folder(folder)).train.classes).toEqual(names);
  });
});

describe('a wrong CIFAR-10 folder', () => {
  it('is refused when files are missing', async () => {
    expect(await message()).toMatch(/has no training batch; put data_batch_1\.bin or data_batch_1\.bin\.gz there/);
    write({ 'data_batch_1.bin': records(1) });
    expect(await message()).toMatch(/has no test batch; put test_batch\.bin/);
  });

  it.each([
    ['empty', Buffer.alloc(0), /at byte 0: the content ends inside record 0; CIFAR-10 has records of 3073 bytes/],
    ['cut in the label', records(1, 2).subarray(0, 3073), undefined],
    ['cut after a label', records(1, 2).subarray(0, 3074), /at byte 3074: the content ends inside record 1/],
    ['cut in the pixels', records(1, 2).subarray(0, 5000), /at byte 5000: the content ends inside record 1/],
    ['one byte too long', Buffer.concat([records(1), Buffer.of(0)]), /at byte 3074: the content ends inside record 1/],
    ['a label of 10', records(1, 10), /at byte 3073: label 10 of record 1 is none of the 10 classes/],
    [
      'cut gzip data',
      gzipSync(records(1, 2)).subarray(0, 30),
      /after compressed byte \d+ of 30: the gzip data ends too early/,
    ],
    [
      'a zip bomb',
      gzipSync(Buffer.alloc(60_001 * 3073), { level: 1 }),
      /at byte 184380000: the content should end here at the latest/,
    ],
  ])('%s', async (_, content, expected) => {
    write({ 'data_batch_1.bin': content, 'test_batch.bin': records(0) });
    if (expected === undefined) await cifar10Folder(folder);
    else {
      const text = await message();
      expect(text).toMatch(expected);
      expect(text).toContain(join(folder, 'data_batch_1.bin'));
    }
  });

  it('is refused with a wrong number of class names', async () => {
    write({ 'data_batch_1.bin': records(1), 'test_batch.bin': records(2), 'batches.meta.txt': 'cat\ndog\n' });
    expect(await message()).toMatch(/batches\.meta\.txt: at byte 8: there are 2 names instead of 10/);
  });
});
