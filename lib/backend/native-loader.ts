// Finds and loads the native addon. The only file that loads a `.node`.
// Nothing is built or downloaded here: a binary is taken from LANEWISE_BINARY, else from a local build, else from the
// prebuilt ones in the package. What failed, and why, is kept for `lanewise doctor`.

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { LanewiseError } from '../errors.ts';
import { opTableHash } from '../plan/op-table-hash.ts';
import type { NativeBinding } from './native-binding.ts';

export interface LoadAttempt {
  readonly path: string;
  readonly error: string;
}

/** `attempts` are those that failed, in order; `binding` and its `path` are there when one succeeded. */
export type NativeLoad =
  | { readonly binding: NativeBinding; readonly path: string; readonly attempts: readonly LoadAttempt[] }
  | { readonly binding?: undefined; readonly path?: undefined; readonly attempts: readonly LoadAttempt[] };

let loaded: NativeLoad | undefined;

/** Loads the addon once per thread; later calls return the same. */
export function loadNative(): NativeLoad {
  loaded ??= searchNative(process.env);
  return loaded;
}

/** Name of the folder with this platform's prebuilt binary: `linux-x64` is glibc, `linux-x64-musl` is musl. */
export function platformName(): string {
  const base = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' && runsOnMusl() ? `${base}-musl` : base;
}

/** The candidates in `environment`, from `LANEWISE_BINARY`, `LANEWISE_NATIVE` and the package's own folder. */
export function searchNative(environment: NodeJS.ProcessEnv): NativeLoad {
  const { LANEWISE_NATIVE: mode = '', LANEWISE_BINARY: override = '' } = environment;
  if (!['', 'required', 'off'].includes(mode)) {
    throw new LanewiseError('option', `LANEWISE_NATIVE must be 'required' or 'off', not '${mode}'`);
  }
  if (mode === 'off') return { attempts: [{ path: 'LANEWISE_NATIVE', error: "is set to 'off'" }] };
  const candidates = override
    ? [resolve(override)]
    : ['build/Release/lanewise.node', `prebuilds/${platformName()}/lanewise.node`].map((path) =>
        fileURLToPath(new URL(`../../${path}`, import.meta.url)),
      );
  const attempts: LoadAttempt[] = [];
  for (const path of candidates) {
    try {
      return { binding: loadBinary(path), path, attempts };
    } catch (error) {
      attempts.push({ path, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return { attempts };
}

function loadBinary(path: string): NativeBinding {
  if (!existsSync(path)) throw new Error('no such file');
  const binding = createRequire(import.meta.url)(path) as NativeBinding;
  if (binding.opTableHash !== opTableHash()) {
    throw new Error("was built from another version of lanewise; rebuild it with 'npx lanewise build'");
  }
  // Node waits for native work in flight before it exits; this makes it brief.
  process.once('exit', () => binding.stop(isMainThread));
  return binding;
}

/** A musl program names musl's loader in its first page. */
function runsOnMusl(): boolean {
  const page = Buffer.alloc(4096);
  try {
    const file = openSync(process.execPath, 'r');
    readSync(file, page, 0, page.length, 0);
    closeSync(file);
  } catch {
    return false;
  }
  return page.includes('/ld-musl-');
}
