// IDX folders: what is read is what was written, and every way a file can be wrong gets its sentence.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idxFolder } from '../../../lib/data/idx.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idx-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function idx(dims: readonly number[], elements: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header[2] = type;
  header[3] = dims.length;
  for (const [i, size] of dims.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, elements]);
}

const pixels = (count: number, first = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => first + i * 7);
const TRAIN_IMAGES = 'train-images-idx3-ubyte';
const TRAIN_LABELS = 'train-labels-idx1-ubyte';
const TEST_IMAGES = 't10k-images-idx3-ubyte';
const TEST_LABELS = 't10k-labels-idx1-ubyte';

/** A right folder: four training images of 3 x 2 and two test images; `files` replaces or (undefined) removes some. */
function write(files: Record<string, Uint8Array | string | undefined> = {}): void {
  const all: Record<string, Uint8Array | string | undefined> = {
    [TRAIN_IMAGES]: idx([4, 3, 2], pixels(24)),
    [TRAIN_LABELS]: idx([4], Uint8Array.of(0, 2, 1, 2)),
    [TEST_IMAGES]: idx([2, 3, 2], pixels(12, 100)),
    [TEST_LABELS]: idx([2], Uint8Array.of(1, 0)),
    ...files,
  };
  for (const [name, content] of Object.entries(all))
    if (content !== undefined) writeFileSync(join(folder, name), content);
}

async function message(): Promise<string> {
  const error = await idxFolder(folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'LanewiseError', code: 'file' });
  return (error as Error).message;
}

describe('idxFolder', () => {
  it('reads plain files', async () => {
    write();
    const { train, test } = await idxFolder(folder);
    expect(train).toMatchObject({ name: folder, shape: [3, 2, 1], count: 4, classes: ['0', '1', '2'] });
    expect(train.images).toEqual(pixels(24));
    expect(train.labels).toEqual(Int32Array.of(0, 2, 1, 2));
    expect(test.labels).toEqual(Int32Array.of(1, 0));
    expect(train.mean[0]).toBeCloseTo(80.5, 10);
    expect(train.std[0]).toBeCloseTo(7 * Math.sqrt((24 * 24 - 1) / 12), 10);
    expect(test.mean).toEqual(train.mean);
  });

  it('reads gzipped files, other spellings of the names, colour and class names', async () => {
    write({
      [TRAIN_IMAGES]: undefined,
      [TRAIN_LABELS]: undefined,
      [TEST_IMAGES]: undefined,
      [TEST_LABELS]: undefined,
      'emnist-letters-train-images.idx4-ubyte.gz': gzipSync(idx([2, 2, 1, 3], pixels(12))),
      'emnist-letters-train-labels.idx1-ubyte.gz': gzipSync(idx([2], Uint8Array.of(0, 1))),
      'emnist-letters-test-images.idx4-ubyte.gz': gzipSync(idx([1, 2, 1, 3], pixels(6))),
      'emnist-letters-test-labels.idx1-ubyte.gz': gzipSync(idx([1], Uint8Array.of(1))),
      'classes.txt': 'alpha\nbeta\ngamma\n',
    });
    const { train, test } = await idxFolder(folder, 'letters');
    expect(train).toMatchObject({ name: 'letters', shape: [2, 1, 3], count: 2, classes: ['alpha', 'beta', 'gamma'] });
    expect(train.mean).toHaveLength(3);
    expect(test.images).toEqual(pixels(6));
  });

  it('prefers a plain file to its gzipped twin and reads several gzip members', async () => {
    const labels = idx([4], Uint8Array.of(0, 2, 1, 2));
    write({
      [`${TRAIN_IMAGES}.gz`]: 'never read',
      [TRAIN_LABELS]: undefined,
      [`${TRAIN_LABELS}.gz`]: Buffer.concat([gzipSync(labels.subarray(0, 5)), gzipSync(labels.subarray(5))]),
    });
    expect((await idxFolder(folder)).train.labels).toEqual(Int32Array.of(0, 2, 1, 2));
  });
});

describe('a wrong IDX folder', () => {
  it('is refused when it is missing or lacks a file', async () => {
    expect(await message()).toMatch(
      /has no train images; put train-images-idx3-ubyte or train-images-idx3-ubyte\.gz there$/,
    );
    write({ [TEST_LABELS]: undefined });
    expect(await message()).toMatch(/has no test labels; put t10k-labels-idx1-ubyte/);
    rmSync(folder, { recursive: true });
    expect(await message()).toMatch(/cannot be listed: ENOENT/);
  });

  it('is refused when two files claim to be the same part, or a part is a folder', async () => {
    write({ 'test-labels-idx1-ubyte': 'x' });
    expect(await message()).toMatch(
      /several files of test labels \(t10k-labels-idx1-ubyte, test-labels-idx1-ubyte\); keep one/,
    );
    rmSync(join(folder, 'test-labels-idx1-ubyte'));
    rmSync(join(folder, TEST_LABELS));
    mkdirSync(join(folder, TEST_LABELS));
    expect(await message()).toMatch(/t10k-labels-idx1-ubyte: .*(not a regular file|EISDIR)/);
  });

  it.each([
    [
      'a wrong magic',
      TRAIN_IMAGES,
      Buffer.from('PNG and so on'),
      /at byte 0: the file begins with 50 4e 47 20, but IDX images begin with 00 00 08 03 or 00 00 08 04/,
    ],
    ['float elements', TRAIN_IMAGES, idx([4, 3, 2], pixels(24), 0x0d), /at byte 2: element type 0d is not supported/],
    [
      'labels in the place of images',
      TRAIN_IMAGES,
      idx([4], pixels(4)),
      /at byte 3: the file has 1 dimensions, .* mixed up\?/,
    ],
    ['images in the place of labels', TRAIN_LABELS, idx([4, 3, 2], pixels(24)), /at byte 3: the file has 3 dimensions/],
    ['no images', TRAIN_IMAGES, idx([0, 3, 2], pixels(0)), /at byte 4: dimension 0 is 0; it must be from 1 to/],
    ['a width of 0', TRAIN_IMAGES, idx([4, 3, 0], pixels(0)), /at byte 12: dimension 2 is 0/],
    ['a huge side', TRAIN_IMAGES, idx([4, 0xffffffff, 2], pixels(24)), /at byte 8: dimension 1 is 4294967295/],
    [
      'dimensions beyond the file',
      TRAIN_IMAGES,
      idx([60000, 28, 28], pixels(24)),
      /at byte 40: the file ends here, but 47040016 bytes are needed/,
    ],
    [
      'dimensions beyond memory',
      TRAIN_IMAGES,
      idx([0x7fffffff, 65536, 65536], pixels(24)),
      /at byte 40: the file ends here, but 9223/,
    ],
    ['an oversized file', TRAIN_IMAGES, idx([4, 3, 2], pixels(25)), /at byte 40: the content should end here/],
    [
      'too few labels',
      TRAIN_LABELS,
      idx([3], pixels(3)),
      /at byte 4: the file has 3 labels but .*train-images-idx3-ubyte has 4 images; the two files do not belong/,
    ],
    [
      'an unknown label in the test set',
      TEST_LABELS,
      idx([2], Uint8Array.of(0, 3)),
      /at byte 9: label 3 is none of the 3 classes of the training set/,
    ],
    [
      'other image sizes in the test set',
      TEST_IMAGES,
      idx([2, 2, 3], pixels(12)),
      /images must have one size, there are 3 x 2 x 1 in .* and 2 x 3 x 1 in/,
    ],
    [
      'too few class names',
      'classes.txt',
      Buffer.from('a\nb\n'),
      /classes\.txt: at byte 4: there are 2 names but 3 classes/,
    ],
    [
      'an endless list of names',
      'classes.txt',
      Buffer.alloc((1 << 20) + 1, 'a'),
      /classes\.txt: at byte 1048576: a list of names should end here/,
    ],
  ])('%s', async (_, file, content, expected) => {
    write({ [file]: content });
    const text = await message();
    expect(text).toMatch(expected);
  });

  it('is refused at every length it can be cut to', async () => {
    const whole = idx([4, 3, 2], pixels(24));
    for (let length = 0; length < whole.length; length++) {
      write({ [TRAIN_IMAGES]: whole.subarray(0, length) });
      const text = await message();
      const needed = length < 4 ? 4 : length < 16 ? 16 : 40;
      expect(text, `${length} bytes`).toContain(
        `at byte ${length}: the file ends here, but ${needed} bytes are needed; it is cut off`,
      );
    }
  });

  it('is refused at every length its gzip data can be cut to', async () => {
    const whole = gzipSync(idx([4, 3, 2], pixels(24)));
    for (let length = 2; length < whole.length; length++) {
      write({ [TRAIN_IMAGES]: whole.subarray(0, length) });
      expect(await message(), `${length} bytes`).toMatch(
        new RegExp(`${TRAIN_IMAGES}: after compressed byte \\d+ of ${length}: the gzip data ends too early`),
      );
    }
  });

  it('is refused when its gzip data is damaged, wherever the damage is', async () => {
    const content = idx([4, 3, 2], pixels(24));
    const whole = gzipSync(content);
    for (let at = 2; at < whole.length; at++) {
      // Time stamp, flags of the compressor and its system may be anything.
      if (at >= 4 && at <= 9) continue;
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0xff;
      write({ [TRAIN_IMAGES]: damaged });
      expect(await message(), `byte ${at}`).toContain(join(folder, TRAIN_IMAGES));
    }
  });

  it('is refused when something follows the gzip data', async () => {
    write({ [TRAIN_LABELS]: Buffer.concat([gzipSync(idx([4], pixels(4))), Buffer.alloc(9)]) });
    expect(await message()).toMatch(/at compressed byte \d+ of \d+: the gzip data is over but the file goes on/);
  });

  it('never inflates more than its header announces', async () => {
    // 300 MB of zeros in 300 kB; the header says 40 bytes, so nothing after the first piece is looked at.
    const bomb = gzipSync(Buffer.concat([idx([4, 3, 2], pixels(24)), Buffer.alloc(300e6)]), { level: 1 });
    write({ [TRAIN_IMAGES]: bomb });
    const before = process.memoryUsage().rss;
    expect(await message()).toMatch(/at byte 40: the content should end here/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  it('never allocates what a small gzip file cannot hold', async () => {
    write({ [TRAIN_IMAGES]: gzipSync(idx([60000, 1000, 60], pixels(24))) });
    expect(await message()).toMatch(/at byte 0: the header announces 3600000016 bytes, more than the file can hold/);
  });
});
