// @ts-check
// `npm run package:check`: packs the tarball and asserts exactly what is in it, then lets publint and
// are-the-types-wrong look at it. Needs dist/ and both prebuilds.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedOutputs } from './build-ts.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} command @param {string[]} args */
function capture(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { ok: status === 0, stdout, text: `${error?.message ?? ''}${stdout}${stderr}` };
}

const nativeSources = capture('git', ['ls-files', 'native'])
  .stdout.split('\n')
  .filter((file) => file !== '');
const expected = [
  ...expectedOutputs().map((file) => `dist/${file}`),
  ...nativeSources.filter((file) => !file.startsWith('native/test/')),
  'prebuilds/linux-x64/lanewise.node',
  'prebuilds/linux-arm64/lanewise.node',
  'scripts/build-native.mjs',
  'binding.gyp',
  'CMakeLists.txt',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'package.json',
].sort();

let failures = 0;
/** @param {string} name @param {boolean} ok @param {string} details */
function report(name, ok, details) {
  console.log(`${ok ? 'ok   ' : 'FAIL '} ${name}${ok ? '' : `\n${details}`}`);
  if (!ok) failures++;
}

const folder = mkdtempSync(join(tmpdir(), 'lanewise-pack-'));
try {
  // Scripts would rebuild everything; what is checked is what lies here.
  const packed = capture('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
  if (!packed.ok) throw new Error(`npm pack failed\n${packed.text}`);
  /** @type {[{ filename: string, size: number, files: { path: string }[] }]} */
  const [tarball] = JSON.parse(packed.stdout);
  const files = tarball.files.map((file) => file.path).sort();
  const missing = expected.filter((file) => !files.includes(file));
  const surplus = files.filter((file) => !expected.includes(file));
  const listed = (/** @type {string} */ title, /** @type {string[]} */ list) =>
    list.length > 0 ? `  ${title}:\n${list.map((file) => `    ${file}`).join('\n')}\n` : '';
  const difference = listed('missing', missing) + listed('not expected', surplus);
  report(`contents: ${files.length} files, ${Math.round(tarball.size / 1024)} KiB`, difference === '', difference);

  const { scripts, dependencies = {}, gypfile } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const installScripts = ['preinstall', 'install', 'postinstall'].filter((name) => name in scripts);
  const nothingRuns = installScripts.length === 0 && gypfile === false && Object.keys(dependencies).length === 0;
  report(
    'nothing runs at install, no dependencies',
    nothingRuns,
    `  ${[...installScripts, ...Object.keys(dependencies)]}`,
  );

  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const foreign = Object.values(lock.packages)
    .map((entry) => String(entry.resolved ?? ''))
    .filter((url) => url !== '' && !url.startsWith('https://registry.npmjs.org/'));
  report('package-lock.json names no private registry', foreign.length === 0, foreign.join('\n'));

  const path = join(folder, tarball.filename);
  const publint = capture('npx', ['publint', 'run', path, '--strict']);
  report('publint --strict', publint.ok, publint.text);
  const attw = capture('npx', ['attw', path, '--profile', 'esm-only']);
  report('attw --profile esm-only', attw.ok, attw.text);
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = failures > 0 ? 1 : 0;
