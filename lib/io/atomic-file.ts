// Replaces a file so that a reader, a crash or a full disk finds either the whole old file or the whole new one.
// Everything is written to a temporary file in the same folder and synced before one rename makes it visible; then the
// folder is synced, so that the rename itself survives a power cut.

import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LanewiseError } from '../errors.ts';
import { errnoOf, fileError } from './file-error.ts';

/** One `write` call; bounds how long a worker of the I/O pool is taken. */
const SLICE_BYTES = 8 << 20;

/** A temporary file untouched for so long has lost its writer to a kill or a crash. */
const STALE_MS = 3_600_000;

/**
 * Writes `chunks`, one after the other, as the new content of `path`. On any error the old file is as it was and the
 * temporary file is gone. The memory behind `chunks` must not change until the promise settles.
 */
export async function writeFileAtomically(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const action = `cannot write ${path}`;
  const { target, old } = await resolveTarget(path, action);
  const folder = dirname(target);
  // A part of the name is enough: with all of it, a long name would exceed what the file system allows.
  const prefix = `.${basename(target).slice(0, 60)}.`;
  await removeStale(folder, prefix);
  const temporary = join(folder, `${prefix}${randomBytes(6).toString('hex')}.tmp`);
  try {
    // 'wx' never opens a file that is already there. The old file's mode is kept: a private file stays private.
    const handle = await open(temporary, 'wx', old ? old.mode & 0o777 : 0o666);
    try {
      for await (const chunk of chunks) await writeAll(handle, chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    if (errnoOf(error) === 'ENOENT') {
      const reason = (await stat(folder).catch(() => false)) ? 'takes no new files' : 'does not exist';
      throw new LanewiseError('file', `${action}: the folder ${folder} ${reason} (ENOENT)`, { cause: error });
    }
    throw old ? fileError(`${action} (the file that was there is unchanged)`, error) : fileError(action, error);
  }
  await syncFolder(folder, path);
}

/** The file that a link leads to is replaced, not the link; a device or a folder never is. */
async function resolveTarget(path: string, action: string): Promise<{ target: string; old: Stats | undefined }> {
  try {
    const target = await realpath(path);
    const old = await stat(target);
    if (old.isDirectory()) throw new LanewiseError('file', `${action}: it is a folder; name a file in it`);
    if (!old.isFile()) throw new LanewiseError('file', `${action}: it is not a regular file`);
    return { target, old };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { target: path, old: undefined };
    throw fileError(action, error);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, at, Math.min(SLICE_BYTES, chunk.length - at));
    if (bytesWritten === 0) throw new Error('the system took no more bytes');
    at += bytesWritten;
  }
}

/** Without this, a job that is killed again and again would fill the disk with its own unfinished checkpoints. */
async function removeStale(folder: string, prefix: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length))) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > STALE_MS) await unlink(path).catch(() => {});
  }
}

async function syncFolder(folder: string, path: string): Promise<void> {
  if (process.platform === 'win32') return; // has no way to sync a folder
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Some network and FUSE file systems cannot sync a folder, and a folder may be writable but not readable.
    if (['EINVAL', 'ENOTSUP', 'ENOSYS', 'EACCES'].includes(errnoOf(error) ?? '')) return;
    throw fileError(`${path} is written, but its folder could not be synced to the disk`, error);
  }
}
