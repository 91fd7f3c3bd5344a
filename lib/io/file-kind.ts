// What a safetensors file says it is. lanewise writes two kinds, told apart by three strings of the metadata, and a
// wrong file is refused with the sentence that says which one was expected.

import { LanewiseError } from '../errors.ts';
import { quoteName } from './file-error.ts';
import type { SafetensorsFile } from './safetensors.ts';

export type FileKind = 'model' | 'checkpoint';

/** A tensor of weights or statistics, as it is trained. */
export interface FileTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The version this code writes, and the latest that it reads, of either kind. */
const VERSION = 1;

export function kindMetadata(kind: FileKind): Record<string, string> {
  return { format: 'lanewise', kind, version: String(VERSION) };
}

/** Throws unless the file is of the wanted kind and of a version that is known. */
export function requireKind({ metadata }: SafetensorsFile, wanted: FileKind, fileName: string): void {
  const fail = (reason: string) => {
    throw new LanewiseError('file', `${fileName} is not a lanewise ${wanted}: ${reason}`);
  };
  const { format, kind } = metadata;
  if (format !== 'lanewise') {
    fail('it is a safetensors file of other software (its metadata lack "format": "lanewise")');
  }
  if (kind !== wanted) {
    if (kind === 'model') fail('it is a model file, which has weights but no training state to resume from');
    if (kind === 'checkpoint')
      fail('it is a checkpoint, which a training run resumes from; load the saved model instead');
    fail(`its metadata say "kind": ${kind === undefined ? 'nothing' : quoteName(kind)}`);
  }
  const number = readInteger(metadata, 'version', fileName);
  if (number > VERSION) {
    const reason = `was written with version ${number} of the ${wanted} format and this lanewise reads up to ${VERSION}`;
    throw new LanewiseError('file', `${fileName} ${reason}; update lanewise`);
  }
  if (number < 1) fail(`there is no version ${number} of the format`);
}

export function readText(metadata: SafetensorsFile['metadata'], key: string, fileName: string): string {
  const text = metadata[key];
  if (text === undefined) throw new LanewiseError('file', `${fileName} lacks ${quoteName(key)} in its metadata`);
  return text;
}

/** A metadata string that must be JSON; it is returned as it stands. */
export function readJson(metadata: SafetensorsFile['metadata'], key: string, fileName: string): string {
  const text = readText(metadata, key, fileName);
  if (!isJson(text))
    throw new LanewiseError('file', `${fileName}: ${quoteName(key)} in its metadata is not valid JSON`);
  return text;
}

export function readInteger(metadata: SafetensorsFile['metadata'], key: string, fileName: string): number {
  const text = readText(metadata, key, fileName);
  const value = Number(text);
  // Comparing the text refuses every other spelling (1.0, 0x1, " 1"), so that equal values are equal bytes.
  if (!Number.isSafeInteger(value) || String(value) !== text) {
    const reason = `${quoteName(key)} in its metadata should be an integer and is ${quoteName(text)}`;
    throw new LanewiseError('file', `${fileName}: ${reason}`);
  }
  return value;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
