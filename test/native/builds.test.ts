// The two builds, node-gyp's and CMake's, make the same addon: the same sources, compiled with the same flags, offering
// the same functions. CMake's is really built here, once; later runs only bring it up to date.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { planFile, runProgram, smallPlan } from './fixtures.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The library from nothing, on a core that does other things, too. */
const BUILD_MILLISECONDS = 1_200_000;
const gypAddon = join(root, 'build/Release/lanewise.node');
const cmakeFolder = join(root, 'out/cmake-js');

const runs = (command: string) => spawnSync(command, ['--version']).status === 0;
const missing = !existsSync(gypAddon)
  ? 'build/Release/lanewise.node is not built (npm run build:native)'
  : !runs('cmake')
    ? 'cmake is not installed'
    : undefined;

const list = JSON.parse(readFileSync(join(root, 'native/build.json'), 'utf8'));
const sources: string[] = Object.values<string[]>(list.sources).flat().sort();

it('every C++ file of the library is in the list of sources, and every listed file exists', () => {
  const folders = ['native', 'native/runtime', 'native/ops', 'native/isa'];
  const present = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  expect(sources).toEqual(present.filter((path) => path.endsWith('.cpp')).sort());
});

it('package.json tells cmake-js that Node-API is all there is to it, so that it downloads nothing', () => {
  const { binary } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(binary, 'package.json: "binary": { "napi_versions": [8] }').toEqual({ napi_versions: [8] });
});

describe.skipIf(missing)(`both builds${missing ? ` (${missing})` : ''}`, () => {
  /** Source -> flags, without those that are about paths or that the build tools add. */
  const gyp = new Map<string, string[]>();
  const cmake = new Map<string, string[]>();

  const flagsIn = (command: string) =>
    command
      .replaceAll("'", '')
      .split(/\s+/)
      .filter(
        (word) =>
          /^-[DOfmpsW]/.test(word) &&
          !/^-D(NODE_GYP|USING_|V8_|_LARGEFILE|_FILE_OFFSET|BUILDING_|lanewise_EXPORTS)/.test(word),
      )
      .sort();

  beforeAll(() => {
    const build = spawnSync(
      'npx',
      ['cmake-js', 'build', '--out', cmakeFolder, '--CDCMAKE_EXPORT_COMPILE_COMMANDS=ON'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    expect(build.status, build.stdout + build.stderr).toBe(0);
    for (const { file, command } of JSON.parse(readFileSync(join(cmakeFolder, 'compile_commands.json'), 'utf8'))) {
      cmake.set(relative(root, file), flagsIn(command));
    }
    const dependencies = join(root, 'build/Release/.deps/Release/obj.target/lanewise');
    for (const path of sources.map((source) => join(dependencies, source.replace(/cpp$/, 'o.d')))) {
      if (!existsSync(path)) continue;
      const source = relative(dependencies, path).replace(/o\.d$/, 'cpp');
      gyp.set(source, flagsIn(readFileSync(path, 'utf8').split('\n')[0] ?? ''));
    }
  }, BUILD_MILLISECONDS);

  it('compile the listed sources', () => {
    expect([...cmake.keys()].sort()).toEqual(sources);
    expect([...gyp.keys()].sort()).toEqual(sources);
  });

  it('with the same flags', () => {
    for (const source of sources) {
      expect(new Set(cmake.get(source)), source).toEqual(new Set(gyp.get(source)));
      expect(cmake.get(source)).toEqual(expect.arrayContaining([...list.flags, '-std=c++20'].sort()));
    }
  });

  it('make addons that offer and compute the same', () => {
    const plan = planFile('surface', smallPlan);
    const cmakeAddon = join(cmakeFolder, 'Release/lanewise.node');
    const surface = (addon: string) => {
      const { status, stdout, stderr } = runProgram('surface', [plan], [], addon);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    expect(surface(cmakeAddon)).toEqual(surface(gypAddon));
  });

  it('export nothing of the C++ inside but the entry points', () => {
    if (!runs('nm')) return;
    for (const addon of [gypAddon, join(cmakeFolder, 'Release/lanewise.node')]) {
      const { stdout } = spawnSync('nm', ['-D', '--defined-only', addon], { encoding: 'utf8' });
      const ours = stdout.split('\n').filter((line) => / [TDB] .*lanewise/.test(line));
      expect(ours).toEqual([]);
      expect(stdout).toMatch(/ T napi_register_module_v1/);
      expect(stdout).toMatch(/ T node_api_module_get_api_version_v1/);
    }
  });
});
