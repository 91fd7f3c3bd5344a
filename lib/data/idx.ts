// IDX files, the format of MNIST and its relatives: two zero bytes, an element type, the number of dimensions, each
// dimension as a big-endian 32-bit number, then the elements. A folder holds four of them, plain or gzipped.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LanewiseError } from '../errors.ts';
import { channelStatistics } from './channel-statistics.ts';
import { type FileFailure, readDataFile, readTextFile } from './data-file.ts';
import type { DatasetSplits } from './dataset.ts';

/** IDX's code for unsigned bytes, the only elements that images and labels come in. */
const UNSIGNED_BYTE = 0x08;
const MAX_SIDE = 65_536;
const MAX_IMAGES = 0x7fffffff;

type Part = 'images' | 'labels';
type Split = 'train' | 'test';

const SPLIT_WORDS: Readonly<Record<Split, string>> = { train: 'train', test: 't10k|test' };
const OFFICIAL_NAMES: Readonly<Record<Split, Readonly<Record<Part, string>>>> = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
};

/**
 * Opens a folder with the four IDX files of MNIST, Fashion-MNIST, KMNIST, EMNIST and the like. Images may be `[n, h, w]`
 * or `[n, h, w, channels]`. Classes are named by the lines of `classes.txt` when there is one, else by their numbers.
 */
export async function idxFolder(folder: string, name = folder): Promise<DatasetSplits> {
  const files = await listFolder(folder);
  const train = await readSplit(folder, files, 'train');
  const test = await readSplit(folder, files, 'test');
  if (train.shape.join() !== test.shape.join()) {
    const shapes = `${train.shape.join(' x ')} in ${train.imagesPath} and ${test.shape.join(' x ')} in ${test.imagesPath}`;
    throw new LanewiseError('file', `${folder}: images must have one size, there are ${shapes}`);
  }
  const classes = await classNames(folder, train.largestLabel + 1);
  if (test.largestLabel >= classes.length) {
    test.failLabels(
      8 + test.labels.indexOf(test.largestLabel),
      `label ${test.largestLabel} is none of the ${classes.length} classes of the training set`,
    );
  }
  const common = { name, shape: train.shape, classes, ...channelStatistics(train.images, train.shape[2]) };
  const open = ({ images, labels }: SplitFiles) => ({ ...common, images, labels, count: labels.length });
  return { train: open(train), test: open(test) };
}

interface SplitFiles {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly shape: readonly [number, number, number];
  readonly largestLabel: number;
  readonly imagesPath: string;
  readonly failLabels: FileFailure;
}

async function readSplit(folder: string, files: readonly string[], split: Split): Promise<SplitFiles> {
  const imagesPath = join(folder, findFile(folder, files, split, 'images'));
  const labelsPath = join(folder, findFile(folder, files, split, 'labels'));
  const imageFile = await readIdx(imagesPath, [3, 4]);
  const labelFile = await readIdx(labelsPath, [1]);
  const [count, height, width, channels = 1] = imageFile.dims as [number, number, number, number?];
  if (labelFile.dims[0] !== count) {
    const other = `${imagesPath} has ${count} images`;
    labelFile.fail(4, `the file has ${labelFile.dims[0]} labels but ${other}; the two files do not belong together`);
  }
  const labels = Int32Array.from(labelFile.elements);
  const largestLabel = labels.reduce((largest, label) => Math.max(largest, label), 0);
  const shape = [height, width, channels] as const;
  return { images: imageFile.elements, labels, shape, largestLabel, imagesPath, failLabels: labelFile.fail };
}

interface IdxFile {
  readonly dims: readonly number[];
  readonly elements: Uint8Array;
  readonly fail: FileFailure;
}

async function readIdx(path: string, ranks: readonly number[]): Promise<IdxFile> {
  let dims: number[] = [];
  const { bytes, fail } = await readDataFile(path, (content, refuse) => {
    if (content.length < 4) return 4;
    const headerBytes = 4 + 4 * checkedRank(content, ranks, refuse);
    if (content.length < headerBytes) return headerBytes;
    dims = checkedDims(content.subarray(0, headerBytes), refuse);
    return headerBytes + dims.reduce((product, size) => product * size, 1);
  });
  return { dims, elements: bytes.subarray(4 + 4 * dims.length), fail };
}

function checkedRank(header: Uint8Array, ranks: readonly number[], fail: FileFailure): number {
  const [zero, alsoZero, type, rank] = header as unknown as [number, number, number, number];
  const what = ranks.includes(1) ? 'labels' : 'images';
  const expected = `IDX ${what} begin with ${ranks.map((dims) => `00 00 08 ${hex(dims)}`).join(' or ')}`;
  const found = [zero, alsoZero, type, rank].map(hex).join(' ');
  if (zero !== 0 || alsoZero !== 0) fail(0, `the file begins with ${found}, but ${expected}; it is not an IDX file`);
  if (type !== UNSIGNED_BYTE) fail(2, `element type ${hex(type)} is not supported; ${expected} (unsigned bytes)`);
  if (!ranks.includes(rank))
    fail(3, `the file has ${rank} dimensions, but ${expected}; are images and labels mixed up?`);
  return rank;
}

function checkedDims(header: Uint8Array, fail: FileFailure): number[] {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const dims: number[] = [];
  for (let offset = 4; offset < header.length; offset += 4) {
    const size = view.getUint32(offset);
    const most = offset === 4 ? MAX_IMAGES : MAX_SIDE;
    if (size < 1 || size > most) fail(offset, `dimension ${dims.length} is ${size}; it must be from 1 to ${most}`);
    dims.push(size);
  }
  return dims;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new LanewiseError('file', `${folder}: cannot be listed: ${(error as Error).message}`, { cause: error });
  }
}

/** The file that holds a part: the official name, with any prefix, `-` or `.` between words, plain or `.gz`. */
function findFile(folder: string, files: readonly string[], split: Split, part: Part): string {
  const pattern = new RegExp(`^(?:.*[-_.])?(?:${SPLIT_WORDS[split]})[-_.]${part}[-_.]idx\\d[-_.]ubyte(?:\\.gz)?$`, 'i');
  const found = files.filter((file) => pattern.test(file)).sort();
  // Of a file and its gzipped twin the plain one is read: it needs no inflating.
  const distinct = found.filter((file) => !found.includes(file.replace(/\.gz$/i, '')) || !/\.gz$/i.test(file));
  const official = OFFICIAL_NAMES[split][part];
  if (distinct.length > 1) {
    throw new LanewiseError(
      'file',
      `${folder}: has several files of ${split} ${part} (${distinct.join(', ')}); keep one of them`,
    );
  }
  if (distinct[0] === undefined) {
    throw new LanewiseError('file', `${folder}: has no ${split} ${part}; put ${official} or ${official}.gz there`);
  }
  return distinct[0];
}

async function classNames(folder: string, used: number): Promise<readonly string[]> {
  const path = join(folder, 'classes.txt');
  const text = await readTextFile(path, 1 << 20);
  if (text === undefined) return Array.from({ length: used }, (_, label) => String(label));
  const names = text.split('\n').map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
  if (names.length < used) {
    throw new LanewiseError(
      'file',
      `${path}: at byte ${text.length}: there are ${names.length} names but ${used} classes; add a line for each`,
    );
  }
  return names;
}
