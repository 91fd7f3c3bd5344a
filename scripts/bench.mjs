// @ts-check
// `npm run bench`: builds what is out of date and runs bench/main.ts, compiled by tsc: a test runner's module transform
// would put an indirection into the inner loops of the TypeScript backend and flatter the native one.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// The loader looks beside dist/, and the benchmark runs from out/.
const binary = `${root}build/Release/lanewise.node`;
process.env.LANEWISE_BINARY ||= binary;

/** @param {string[]} args */
const node = (args) =>
  spawnSync(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit'], cwd: root }).status ?? 1;

const status =
  node(['scripts/build.mjs']) ||
  node(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.programs.json']) ||
  node(['out/bench/main.js', ...process.argv.slice(2)]);
process.exitCode = status;
