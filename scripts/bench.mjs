// @ts-check
// `npm run bench`, `bench:step`, `bench:conv`, `bench:peers`: builds what is out of date and runs the program of bench/
// that the first argument names, compiled by tsc: a test runner's module transform would put an indirection into the
// inner loops of the TypeScript backend and flatter the native one.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// The loader looks beside dist/, and the benchmark runs from out/.
const binary = `${root}build/Release/lanewise.node`;
process.env.LANEWISE_BINARY ||= binary;

/** Builders talk on stderr: stdout is the program's. @param {string[]} args */
const build = (args) => spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2], cwd: root }).status ?? 1;

const [program = 'main', ...args] = process.argv.slice(2);
const failed =
  build(['scripts/build.mjs']) || build(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.programs.json']);
if (failed) process.exit(failed);

const child = spawn(process.execPath, [`${root}out/bench/${program}.js`, ...args], { stdio: 'inherit' });
// Whoever stops this script stops the program; Ctrl-C reaches both anyway.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => {
  process.exitCode = code ?? (signal ? 130 : 1);
});
