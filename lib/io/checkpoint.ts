// A checkpoint: everything from which a training run continues as if it had never stopped. It is one safetensors file;
// weights, optimizer slots and batch-norm statistics are its tensors, all else stands in the metadata, and a hash over
// both decides whether the file is believed. It is replaced in one step, so the last good one outlives any failure.

import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LanewiseError } from '../errors.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { quoteName } from './file-error.ts';
import { type FileTensor, isJson, kindMetadata, readInteger, readJson, readText, requireKind } from './file-kind.ts';
import { toSafetensors } from './model-file.ts';
import { encodeSafetensors, readSafetensors, type SafetensorsFile } from './safetensors.ts';

export interface Checkpoint {
  /** The network's layers and input shape, as JSON. */
  readonly architecture: string;
  /** The optimizer and its options, as JSON. */
  readonly optimizer: string;
  /** Weights, optimizer slots and batch-norm statistics by unique names. All must be finite. */
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly seed: number;
  /** Steps taken since the first. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** Images already used of the current, shuffled epoch. */
  readonly position: number;
  readonly batchSize: number;
  /** The trainer's record of the run so far, as JSON. */
  readonly history: string;
}

const TEXTS = ['architecture', 'optimizer', 'history'] as const;
/** With the least value each may have. */
const INTEGERS = { seed: -Infinity, step: 0, epoch: 0, position: 0, batchSize: 1 } as const;
const INTEGER_KEYS = Object.keys(INTEGERS) as (keyof typeof INTEGERS)[];

/** Hashing and checking go on for so many bytes before other events get their turn: about a millisecond. */
const TURN_BYTES = 1 << 20;

/**
 * Replaces `path` in one step; the tensors must not change until the promise settles. Weights that are not finite are
 * refused, so that a run which diverged does not destroy the checkpoint it could be repeated from.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const metadata: Record<string, string> = kindMetadata('checkpoint');
  for (const key of TEXTS) {
    if (!isJson(checkpoint[key])) throw new LanewiseError('option', `a checkpoint needs its ${key} as JSON`);
    metadata[key] = checkpoint[key];
  }
  for (const key of INTEGER_KEYS) {
    const value = checkpoint[key];
    if (!Number.isSafeInteger(value) || value < INTEGERS[key]) {
      throw new LanewiseError('option', `a checkpoint cannot hold ${key} = ${value}`);
    }
    metadata[key] = String(value);
  }
  await requireFinite(path, checkpoint.tensors);
  const tensors = toSafetensors(checkpoint.tensors);
  metadata.sha256 = await contentHash({ tensors, metadata });
  await writeFileAtomically(path, encodeSafetensors(tensors, metadata));
}

export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return checkpointFromFile(await readSafetensors(path), path);
}

/** The checkpoint in a safetensors file that is already read; `fileName` is for errors. */
export async function checkpointFromFile(file: SafetensorsFile, fileName: string): Promise<Checkpoint> {
  const { metadata } = file;
  requireKind(file, 'checkpoint', fileName);
  if ((await contentHash(file)) !== readText(metadata, 'sha256', fileName)) {
    const reason = 'its content does not match the sha256 in its metadata';
    throw new LanewiseError('file', `${fileName} is damaged: ${reason}; resume from another checkpoint`);
  }
  const tensors = new Map<string, FileTensor>();
  for (const [name, { dtype, shape, data }] of file.tensors) {
    if (dtype !== 'F32') {
      const reason = `tensor ${quoteName(name)} has dtype ${dtype}; a checkpoint's tensors are F32`;
      throw new LanewiseError('file', `${fileName}: ${reason}`);
    }
    tensors.set(name, { shape, data });
  }
  const integer = (key: keyof typeof INTEGERS): number => {
    const value = readInteger(metadata, key, fileName);
    if (value >= INTEGERS[key]) return value;
    throw new LanewiseError('file', `${fileName}: ${quoteName(key)} in its metadata cannot be ${value}`);
  };
  return {
    architecture: readJson(metadata, 'architecture', fileName),
    optimizer: readJson(metadata, 'optimizer', fileName),
    tensors,
    seed: integer('seed'),
    step: integer('step'),
    epoch: integer('epoch'),
    position: integer('position'),
    batchSize: integer('batchSize'),
    history: readJson(metadata, 'history', fileName),
  };
}

/** Sha256, as hex, of the file that the same content without the key `sha256` would be. */
async function contentHash({ tensors, metadata }: SafetensorsFile): Promise<string> {
  const { sha256: _, ...hashed } = metadata;
  const hash = createHash('sha256');
  let untilTurn = TURN_BYTES;
  for (const chunk of encodeSafetensors(tensors, hashed)) {
    for (let at = 0; at < chunk.length; ) {
      const slice = chunk.subarray(at, at + untilTurn);
      hash.update(slice);
      at += slice.length;
      untilTurn -= slice.length;
      if (untilTurn > 0) continue;
      untilTurn = TURN_BYTES;
      await nextTurn();
    }
  }
  return hash.digest('hex');
}

async function requireFinite(path: string, tensors: Checkpoint['tensors']): Promise<void> {
  const turn = TURN_BYTES / Float32Array.BYTES_PER_ELEMENT;
  for (const [name, { data }] of tensors) {
    for (let begin = 0; begin < data.length; begin += turn) {
      const end = Math.min(data.length, begin + turn);
      for (let i = begin; i < end; i++) {
        const value = data[i]!;
        if (value - value === 0) continue;
        const found = `training has diverged: element ${i} of tensor ${quoteName(name)} is ${value}`;
        throw new LanewiseError('diverged', `${found}; ${path} is left as it was, with the last good state`);
      }
      if (end < data.length) await nextTurn();
    }
  }
}
