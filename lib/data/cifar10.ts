// CIFAR-10's binary version: each record is a label byte, then 1024 red, 1024 green and 1024 blue pixels, row by row.
// The training batches that are in the folder are used, one to five of them.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LanewiseError } from '../errors.ts';
import { channelStatistics } from './channel-statistics.ts';
import { readBoundedFile, readTextFile } from './data-file.ts';
import type { Dataset, DatasetSplits } from './dataset.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const CHANNELS = 3;
const RECORD_BYTES = 1 + CHANNELS * PLANE;
/** The official batches hold 10,000; one file with all of them is still read. */
const MAX_RECORDS = 60_000;

const TRAINING_FILES = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`);
const TEST_FILE = 'test_batch.bin';
const NAMES_FILE = 'batches.meta.txt';
const OFFICIAL_CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

/** Opens a folder with `data_batch_1.bin` to `data_batch_5.bin` (at least one) and `test_batch.bin`, plain or `.gz`. */
export async function cifar10Folder(folder: string, name = folder): Promise<DatasetSplits> {
  const training: string[] = [];
  for (const file of TRAINING_FILES) {
    const path = await findFile(folder, file);
    if (path !== undefined) training.push(path);
  }
  if (training.length === 0) {
    throw new LanewiseError(
      'file',
      `${folder}: has no training batch; put data_batch_1.bin or data_batch_1.bin.gz there`,
    );
  }
  const testPath = await findFile(folder, TEST_FILE);
  if (testPath === undefined) {
    throw new LanewiseError('file', `${folder}: has no test batch; put ${TEST_FILE} or ${TEST_FILE}.gz there`);
  }
  const classes = await classNames(join(folder, NAMES_FILE));
  const train = await readBatches(training, classes.length);
  const test = await readBatches([testPath], classes.length);
  const shape = [SIDE, SIDE, CHANNELS] as const;
  const common = { name, shape, classes, ...channelStatistics(train.images, CHANNELS) };
  const open = (records: Records): Dataset => ({ ...common, ...records, count: records.labels.length });
  return { train: open(train), test: open(test) };
}

interface Records {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
}

async function findFile(folder: string, file: string): Promise<string | undefined> {
  for (const path of [join(folder, file), join(folder, `${file}.gz`)]) {
    if (await exists(path)) return path;
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new LanewiseError('file', `${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function readBatches(paths: readonly string[], classes: number): Promise<Records> {
  const batches: Records[] = [];
  for (const path of paths) batches.push(await readBatch(path, classes));
  const only = batches[0]!;
  if (batches.length === 1) return only;
  const count = batches.reduce((sum, batch) => sum + batch.labels.length, 0);
  const images = new Uint8Array(count * CHANNELS * PLANE);
  const labels = new Int32Array(count);
  let at = 0;
  for (const batch of batches) {
    images.set(batch.images, at * CHANNELS * PLANE);
    labels.set(batch.labels, at);
    at += batch.labels.length;
  }
  return { images, labels };
}

async function readBatch(path: string, classes: number): Promise<Records> {
  const { bytes, fail } = await readBoundedFile(path, MAX_RECORDS * RECORD_BYTES);
  const count = Math.floor(bytes.length / RECORD_BYTES);
  if (count * RECORD_BYTES !== bytes.length || count === 0) {
    const records = `records of ${RECORD_BYTES} bytes`;
    fail(bytes.length, `the content ends inside record ${count}; CIFAR-10 has ${records}; copy the file again`);
  }
  const images = new Uint8Array(count * CHANNELS * PLANE);
  const labels = new Int32Array(count);
  for (let record = 0; record < count; record++) {
    const from = record * RECORD_BYTES;
    const label = bytes[from]!;
    if (label >= classes) {
      fail(from, `label ${label} of record ${record} is none of the ${classes} classes; this is not a CIFAR-10 batch`);
    }
    labels[record] = label;
    interleave(bytes, from + 1, images, record * CHANNELS * PLANE);
  }
  return { images, labels };
}

/** Planes of red, green and blue become pixels of three bytes. */
function interleave(planes: Uint8Array, from: number, pixels: Uint8Array, to: number): void {
  for (let i = 0; i < PLANE; i++) {
    pixels[to + 3 * i] = planes[from + i]!;
    pixels[to + 3 * i + 1] = planes[from + PLANE + i]!;
    pixels[to + 3 * i + 2] = planes[from + 2 * PLANE + i]!;
  }
}

async function classNames(path: string): Promise<readonly string[]> {
  const text = await readTextFile(path, 1 << 16);
  if (text === undefined) return OFFICIAL_CLASSES;
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length === OFFICIAL_CLASSES.length) return names;
  const fix = 'copy the file again, or remove it to use the official names';
  throw new LanewiseError(
    'file',
    `${path}: at byte ${text.length}: there are ${names.length} names instead of 10; ${fix}`,
  );
}
