// The folder a training run writes to, and finding the model in one.

import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LanewiseError } from '../errors.ts';

export interface RunFolder {
  readonly checkpoint: string;
  readonly model: string;
}

const runFolder = (folder: string): RunFolder => ({
  checkpoint: join(folder, 'checkpoint.safetensors'),
  model: join(folder, 'model.safetensors'),
});

/** Makes the folder, and finds out now rather than after an epoch whether it can be written to. */
export async function prepareRunFolder(folder: string): Promise<RunFolder> {
  try {
    await makeFolder(folder);
    await rmdir(await mkdtemp(join(folder, '.lanewise-')));
  } catch (error) {
    const reason = (error as Error).message;
    throw new LanewiseError('file', `${folder}: cannot be written to: ${reason}; choose another folder with --out`, {
      cause: error,
    });
  }
  return runFolder(folder);
}

/** Not `mkdir` with `recursive`: that never returns where a file system answers ENOENT for a new name, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isFolder(folder))) return;
    if (code !== 'ENOENT' || (await isFolder(dirname(folder)))) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** `path` itself, or the model in it when it is the folder of a training run. */
export async function findModel(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const { model, checkpoint } = runFolder(path);
  if (await isFile(model)) return model;
  const fix = (await isFile(checkpoint))
    ? "its training has not ended; continue it with 'lanewise train --resume'"
    : 'name a model file, or a folder that lanewise train has written to';
  throw new LanewiseError('file', `${path}: has no model.safetensors; ${fix}`);
}
