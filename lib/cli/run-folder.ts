// The folder a training run writes to, and finding the model in one.

import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LanewiseError } from '../errors.ts';

export interface RunFolder {
  readonly checkpoint: string;
  readonly model: string;
}

export const runFolder = (folder: string): RunFolder => ({
  checkpoint: join(folder, 'checkpoint.safetensors'),
  model: join(folder, 'model.safetensors'),
});

/** Makes the folder, and finds out now rather than after an epoch whether it can be written to. */
export async function prepareRunFolder(folder: string): Promise<RunFolder> {
  try {
    await mkdir(folder, { recursive: true });
    await rmdir(await mkdtemp(join(folder, '.lanewise-')));
  } catch (error) {
    const reason = (error as Error).message;
    throw new LanewiseError('file', `${folder}: cannot be written to: ${reason}; choose another folder with --out`, {
      cause: error,
    });
  }
  return runFolder(folder);
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** `path` itself, or the model in it when it is the folder of a training run. */
export async function findModel(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return path;
  const { model, checkpoint } = runFolder(path);
  if (await isFile(model)) return model;
  const fix = (await isFile(checkpoint))
    ? "its training has not ended; continue it with 'lanewise train --resume'"
    : 'name a model file, or a folder that lanewise train has written to';
  throw new LanewiseError('file', `${path}: has no model.safetensors; ${fix}`);
}
