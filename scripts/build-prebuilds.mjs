// @ts-check
// `npm run build:prebuilds [-- linux-x64 linux-arm64]`: compiles the binaries that are published, through CMake, the
// second one with Debian's cross compiler. They must load wherever Node 20 does, so what each asks of the system is
// checked: the C library alone, in a version no newer than Node's own minimum.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Node 20's minimum (glibc 2.28), which is what Debian 10, RHEL 8 and Ubuntu 20.04 have. */
const GLIBC_BASELINE = '2.28';

const TARGETS = {
  'linux-x64': { tools: '', processor: 'x86_64' },
  'linux-arm64': { tools: 'aarch64-linux-gnu-', processor: 'aarch64' },
};

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(`build:prebuilds: ${command} ${args.join(' ')} failed\n${error?.message ?? ''}${stdout}${stderr}`);
  process.exit(1);
}

/** @param {string} a @param {string} b */
function compareVersions(a, b) {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @param {string} name @param {{ tools: string, processor: string }} target */
function build(name, { tools, processor }) {
  const folder = `out/prebuild-${name}`;
  const [compiler, readelf] = [`${tools}g++`, `${tools}readelf`];
  run('cmake', [
    ...['-S', '.', '-B', folder, `-DCMAKE_CXX_COMPILER=${compiler}`, '-DLANEWISE_PROGRAMS=OFF'],
    ...['-DCMAKE_SYSTEM_NAME=Linux', `-DCMAKE_SYSTEM_PROCESSOR=${processor}`],
    '-DCMAKE_MODULE_LINKER_FLAGS=-s',
  ]);
  run('cmake', ['--build', folder, '--target', 'lanewise', '-j', String(availableParallelism())]);
  const output = `prebuilds/${name}/lanewise.node`;
  mkdirSync(new URL(`../prebuilds/${name}`, import.meta.url), { recursive: true });
  copyFileSync(`${root}${folder}/lanewise.node`, root + output);

  const needed = [...run(readelf, ['-d', output]).matchAll(/NEEDED.*\[(.+?)\]/g)].map((match) => match[1] ?? '');
  const versions = [...run(readelf, ['-V', output]).matchAll(/Name: GLIBC_([\d.]+)/g)].map((match) => match[1] ?? '');
  const newest = versions.sort(compareVersions).at(-1) ?? 'none';
  const sizeKib = Math.round(statSync(root + output).size / 1024);
  console.log(`${output}: ${sizeKib} KiB, glibc ${newest}, needs ${needed.join(' ')}`);
  if (!needed.every((library) => library === 'libc.so.6' || library.startsWith('ld-linux-'))) {
    console.error(`build:prebuilds: ${output} may need the C library only`);
    process.exit(1);
  }
  if (compareVersions(newest, GLIBC_BASELINE) > 0) {
    console.error(`build:prebuilds: ${output} asks for glibc ${newest}, Node 20 runs on ${GLIBC_BASELINE}`);
    process.exit(1);
  }
}

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (name in TARGETS) continue;
  console.error(`build:prebuilds: no target ${name}; there are ${Object.keys(TARGETS).join(', ')}`);
  process.exit(2);
}
for (const [name, target] of Object.entries(TARGETS)) {
  if (wanted.length === 0 || wanted.includes(name)) build(name, target);
}
