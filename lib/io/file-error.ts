// Turns an errno of the file system into the one sentence a user needs: what failed, on which path, and why.

import { LanewiseError } from '../errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'the file is in use',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than the file system allows',
  EIO: 'the disk reported an input/output error',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symbolic links',
  EMFILE: 'this process has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'the system has too many files open',
  ENODEV: 'the device is gone',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ETXTBSY: 'the file is in use',
};

/** `action` as in `cannot write runs/model.safetensors`; an error that is already worded passes through. */
export function fileError(action: string, error: unknown): LanewiseError {
  if (error instanceof LanewiseError) return error;
  const code = errnoOf(error);
  const reason = (code && REASONS[code]) ?? (error instanceof Error ? error.message : String(error));
  return new LanewiseError('file', `${action}: ${reason}${code ? ` (${code})` : ''}`, { cause: error });
}

export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** A name from a file as it may stand in a message: quoted, escaped and of bounded length. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
