// Runs a script that uses the compiled lib/io in a process of its own, if wanted with a small file system that only it
// sees: to be killed, or to meet a full or read-only disk. Reads dist/, so build before.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const checkpointUrl = new URL('../../../dist/io/checkpoint.js', import.meta.url);

/** `script` is the body of a module that has `writeCheckpoint`, `readCheckpoint`, `sample(step, floats)` and `folder`. */
function moduleOf(script: string): string {
  if (!existsSync(fileURLToPath(checkpointUrl))) throw new Error('dist/io is missing: run npm run build');
  return `
    import { execFileSync } from 'node:child_process';
    import { readdirSync, rmSync, writeFileSync } from 'node:fs';
    import { writeCheckpoint, readCheckpoint } from '${checkpointUrl.href}';
    const folder = process.argv[1];
    const sample = (step, floats) => ({
      architecture: '{}', optimizer: '{}', history: '[]', seed: 1, step, epoch: 0, position: 0, batchSize: 1,
      tensors: new Map([['a', { shape: [floats], data: new Float32Array(floats).fill(step) }]]),
    });
    ${script}`;
}

export function startChild(script: string, folder: string): ChildProcess {
  const args = ['--input-type=module', '--eval', moduleOf(script), folder];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

const MOUNT = 'mount -t tmpfs -o size=1m tmpfs "$1"';

/** Runs `script` with a tmpfs of 1 MB mounted at `folder` in a private mount namespace and returns what it printed. */
export function runWithSmallDisk(script: string, folder: string): string {
  const command = `${MOUNT} && exec "$2" --input-type=module --eval "$3" "$1"`;
  const result = inNamespace(command, folder, process.execPath, moduleOf(script));
  if (result.status !== 0) throw new Error(`the child failed: ${result.stderr}`);
  return result.stdout;
}

/** Why a small file system cannot be mounted here, or undefined when it can. */
export function whyNoSmallDisk(folder: string): string | undefined {
  if (process.platform !== 'linux') return 'mount namespaces exist on Linux only';
  const { status, stderr, error } = inNamespace(MOUNT, folder);
  return status === 0 ? undefined : `mounting a tmpfs is not permitted: ${error?.message ?? stderr.trim()}`;
}

function inNamespace(command: string, ...args: string[]) {
  const unshare = ['--map-root-user', '--mount', 'sh', '-c', command, 'sh', ...args];
  return spawnSync('unshare', unshare, { encoding: 'utf8', timeout: 60_000 });
}
