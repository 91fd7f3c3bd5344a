// @ts-check
// Compiles lib/ to dist/, incrementally, and removes what dist/ still holds of sources that no longer exist: dist/ is
// packed as it is, so a leftover would be published.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const buildInfo = join(root, 'out/dist.tsbuildinfo');

/** Every file that compiling lib/ writes, relative to dist/. */
export function expectedOutputs() {
  return readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .flatMap((file) => [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')])
    .sort();
}

/** Compiles and prunes. Returns tsc's exit status. */
export function buildTypeScript() {
  const dist = join(root, 'dist');
  // With a build record but without its outputs tsc would believe that there is nothing to write.
  if (expectedOutputs().some((file) => !existsSync(join(dist, file)))) rmSync(buildInfo, { force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.json'), '--incremental', '--tsBuildInfoFile', buildInfo];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root });
  const expected = new Set(expectedOutputs());
  for (const entry of existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : []) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !expected.has(path.slice(dist.length + 1))) rmSync(path);
  }
  return status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildTypeScript();
