// A model file: weights and statistics as tensors, the architecture as JSON in the metadata. Any safetensors tool can
// read it, and half-precision weights that another tool stored are widened to fp32.

import { LanewiseError } from '../errors.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { quoteName } from './file-error.ts';
import { type FileTensor, isJson, kindMetadata, readJson, requireKind } from './file-kind.ts';
import { encodeSafetensors, readSafetensors, type SafetensorsFile } from './safetensors.ts';
import type { SafetensorsTensor } from './safetensors-dtype.ts';

export interface ModelFile {
  /** The network's layers and input shape, as JSON. */
  readonly architecture: string;
  readonly tensors: ReadonlyMap<string, FileTensor>;
}

/** Replaces `path` in one step; the tensors must not change until the promise settles. */
export async function saveModel(path: string, model: ModelFile): Promise<void> {
  if (!isJson(model.architecture)) throw new LanewiseError('option', 'a model file needs its architecture as JSON');
  const metadata = { ...kindMetadata('model'), architecture: model.architecture };
  await writeFileAtomically(path, encodeSafetensors(toSafetensors(model.tensors), metadata));
}

export async function loadModelFile(path: string): Promise<ModelFile> {
  return modelFromFile(await readSafetensors(path), path);
}

/** The model in a safetensors file that is already read; `fileName` is for errors. */
export function modelFromFile(file: SafetensorsFile, fileName: string): ModelFile {
  requireKind(file, 'model', fileName);
  const architecture = readJson(file.metadata, 'architecture', fileName);
  const tensors = new Map<string, FileTensor>();
  for (const [name, { dtype, shape, data }] of file.tensors) {
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
      const reason = `tensor ${quoteName(name)} has dtype ${dtype}; weights are F32, F16 or BF16`;
      throw new LanewiseError('file', `${fileName}: ${reason}`);
    }
    tensors.set(name, { shape, data });
  }
  return { architecture, tensors };
}

export function toSafetensors(tensors: ReadonlyMap<string, FileTensor>): Map<string, SafetensorsTensor> {
  const converted = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of tensors) converted.set(name, { dtype: 'F32', shape, data });
  return converted;
}
