// @ts-check
// `npm run check`: what a change must pass before it is committed, tests aside. Every step runs, so that one visit shows
// everything; the exit status is 1 when any of them failed. `npm run check -- tsc knip` runs the steps named so.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const required = (process.env.CI ?? '') !== '';

/** @param {string[]} args */
const capture = (args) =>
  spawnSync(args[0] ?? '', args.slice(1), { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });

const cppFiles = capture(['git', 'ls-files', 'native'])
  .stdout.split('\n')
  .filter((file) => /\.(cpp|h|inl)$/.test(file));

/** @type {{ name: string, command: string[], optional?: true }[]} */
const steps = [
  { name: 'tsc', command: ['npx', 'tsc', '-p', 'tsconfig.json', '--noEmit'] },
  { name: 'tsc-dev', command: ['npx', 'tsc', '-p', 'tsconfig.dev.json', '--noEmit'] },
  { name: 'biome', command: ['npx', 'biome', 'ci', '--error-on-warnings', '--colors=off'] },
  { name: 'clang-format', command: ['clang-format', '--dry-run', '-Werror', ...cppFiles], optional: true },
  { name: 'knip', command: ['npx', 'knip'] },
  { name: 'op-table', command: ['node', 'scripts/generate-op-table.mjs', '--check'] },
  { name: 'layer-docs', command: ['node', 'scripts/generate-layer-docs.mjs', '--check'] },
  { name: 'architecture', command: ['npx', 'vitest', 'run', 'test/architecture.test.ts'] },
];

const only = process.argv.slice(2);
const unknown = only.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `check: no step is named ${unknown.join(', ')}; there are ${steps.map((step) => step.name).join(', ')}.`,
  );
  process.exit(2);
}

let failures = 0;
for (const { name, command, optional } of steps) {
  if (only.length > 0 && !only.includes(name)) continue;
  const { status, stdout, stderr, error } = capture(command);
  const absent = error !== undefined && 'code' in error && error.code === 'ENOENT';
  if (absent && optional && !required) {
    console.log(`skip  ${name} (${command[0]} is not installed)`);
  } else if (status === 0) {
    console.log(`ok    ${name}`);
  } else {
    failures++;
    console.log(`FAIL  ${name}: ${command.slice(0, 6).join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
