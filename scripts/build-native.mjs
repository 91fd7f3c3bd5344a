// @ts-check
// Compiles the native addon to build/Release/lanewise.node with node-gyp, offline: Node's own headers are not needed,
// node-api-headers has all there is of the stable C interface. Ships with the package for `lanewise build`.
// Usage: node scripts/build-native.mjs [--required] [--print-include]
//   --required: lacking tools are an error, not a remark.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** @param {string} command */
const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** @param {string} name The folder with the package's headers, undefined when it is not installed. */
function headersOf(name) {
  try {
    return resolve(String(require(name).include_dir).replaceAll('"', ''));
  } catch {
    return undefined;
  }
}

/** node-gyp's entry: this project's, or the one inside npm. */
function findNodeGyp() {
  const npm = [process.env.npm_execpath, join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')];
  for (const from of [import.meta.url, ...npm.filter((path) => path !== undefined && existsSync(path))]) {
    try {
      return createRequire(/** @type {string} */ (from)).resolve('node-gyp/bin/node-gyp.js');
    } catch {
      // Look in the next place.
    }
  }
  return undefined;
}

/** What stands in the way of a build, as a list of things to install. */
function missingTools() {
  const tools = [process.env.CXX || 'g++', 'make', process.env.PYTHON || 'python3'].filter((tool) => !runs(tool));
  const packages = ['node-addon-api', 'node-api-headers'].filter((name) => headersOf(name) === undefined);
  return [...tools, ...packages, ...(findNodeGyp() ? [] : ['node-gyp'])];
}

/** The folder that node-gyp takes for a Node distribution: the C headers, and configuration files without content. */
function writeNodeFolder() {
  const folder = join(root, 'build/node');
  const include = join(folder, 'include/node');
  mkdirSync(include, { recursive: true });
  cpSync(/** @type {string} */ (headersOf('node-api-headers')), include, { recursive: true });
  const configurations = "'configurations': { 'Release': {}, 'Debug': {} }";
  writeFileSync(join(include, 'common.gypi'), `{ 'target_defaults': { ${configurations} } }\n`);
  writeFileSync(join(include, 'config.gypi'), '{ "variables": {}, "target_defaults": {} }\n');
  return folder;
}

/** @param {string[]} args */
function nodeGyp(args) {
  const command = [/** @type {string} */ (findNodeGyp()), ...args, '--loglevel=warn'];
  const env = {
    ...process.env,
    MAKEFLAGS: '-s --no-print-directory',
    // As a variable, since node-gyp lets a `nodedir` from the user's npm configuration win over an argument.
    npm_package_config_node_gyp_nodedir: join(root, 'build/node'),
  };
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', env });
  return status ?? 1;
}

/** Whether the Makefile is older than what it was made from. */
function needsConfigure() {
  const makefile = join(root, 'build/Makefile');
  if (!existsSync(makefile)) return true;
  const origins = ['binding.gyp', 'native/build.json', 'scripts/build-native.mjs'].map((file) => join(root, file));
  return origins.some((file) => statSync(file).mtimeMs > statSync(makefile).mtimeMs);
}

/** @param {{ required: boolean }} options Returns the exit code. */
function buildNative({ required }) {
  const missing = missingTools();
  if (missing.length > 0) {
    console.log(
      `lanewise: the native addon is not built, for lack of ${missing.join(', ')}; TypeScript is used instead`,
    );
    return required ? 1 : 0;
  }
  if (needsConfigure()) {
    writeNodeFolder();
    const status = nodeGyp(['configure']);
    if (status !== 0) return status;
  }
  return nodeGyp(['build', '--jobs', String(availableParallelism())]);
}

if (process.argv.includes('--print-include')) {
  console.log(headersOf('node-addon-api') ?? '');
} else {
  process.exitCode = buildNative({ required: process.argv.includes('--required') });
}
