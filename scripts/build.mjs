// @ts-check
// Builds what is out of date: the native addon where a compiler is at hand, then dist/. Runs on `npm ci` (prepare),
// before the tests and before `npm start`. Lacking a compiler is not an error: everything runs on the TypeScript
// backend then; a compiler that fails is one.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTypeScript } from './build-ts.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const addon = join(root, 'build/Release/lanewise.node');

/** @param {string} command */
const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** Names of the tools that a native build needs and that are not here. */
function missingTools() {
  const compiler = process.env.CXX ?? 'g++';
  return [compiler, 'make', 'python3'].filter((tool) => !runs(tool));
}

/** The newest modification time below the native sources and what steers their build. */
function newestNativeSource() {
  const native = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' });
  const files = [...native.map((file) => join('native', file)), 'binding.gyp', 'package-lock.json'];
  return Math.max(...files.map((file) => statSync(join(root, file)).mtimeMs));
}

function buildNative() {
  if (existsSync(addon) && statSync(addon).mtimeMs > newestNativeSource()) return 0;
  const missing = missingTools();
  if (missing.length > 0) {
    console.log(
      `lanewise: no native addon is built because ${missing.join(', ')} cannot be run; ` +
        'everything works on the slower TypeScript backend.',
    );
    return 0;
  }
  const script = join(root, 'scripts/build-native.mjs');
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit', cwd: root });
  if (status !== 0) {
    console.error('lanewise: compiling the native addon failed (above); LANEWISE_SKIP_NATIVE=1 builds without it.');
  }
  return status ?? 1;
}

if (!existsSync(join(root, 'node_modules/typescript'))) {
  console.error('lanewise: the development packages are not installed; run `npm ci` first.');
  process.exit(1);
}
const skipNative = (process.env.LANEWISE_SKIP_NATIVE ?? '') !== '';
process.exitCode = (skipNative ? 0 : buildNative()) || buildTypeScript();
