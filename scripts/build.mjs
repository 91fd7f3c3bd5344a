// @ts-check
// Builds what is out of date: the native addon where there is a compiler, then dist/. Runs on `npm ci` (prepare), before
// the tests and before `npm start`. Lacking a compiler is not an error: everything runs on the TypeScript backend then;
// a compiler that fails is one. LANEWISE_SKIP_NATIVE=1 leaves the addon out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildTypeScript } from './build-ts.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function buildNative() {
  if ((process.env.LANEWISE_SKIP_NATIVE ?? '') !== '') return 0;
  const { status } = spawnSync(process.execPath, ['scripts/build-native.mjs'], { stdio: 'inherit', cwd: root });
  if (status !== 0) {
    console.error('lanewise: compiling the native addon failed (above); LANEWISE_SKIP_NATIVE=1 builds without it');
  }
  return status ?? 1;
}

process.exitCode = buildNative() || buildTypeScript();
