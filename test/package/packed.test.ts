// The tarball as its users meet it: installed into an empty project with no scripts and no network, it trains natively;
// without its binary it trains the same on the TypeScript backend, after one line of warning.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const consumer = fileURLToPath(new URL('consumer', import.meta.url));
const prebuild = join('prebuilds', `${process.platform}-${process.arch}`, 'lanewise.node');

// A user namespace lets an ordinary user have a network namespace; root needs none but may lack the right to make one.
const isolate = [
  ['unshare', '-rn'],
  ['unshare', '-n'],
].find(([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0);

const missing = !existsSync(join(root, prebuild))
  ? `${prebuild} is not built (npm run build:prebuilds)`
  : isolate === undefined
    ? 'this machine does not permit a network namespace'
    : undefined;

interface TrainingReport {
  readonly backend: string;
  readonly isa: string;
  readonly steps: number;
  readonly stopped: string;
  readonly losses: readonly number[];
  readonly accuracy: number;
}

const folders: string[] = [];
const temporaryFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-packed-'));
  folders.push(folder);
  return folder;
};

/** Runs a command without network, with nothing in the environment that steers lanewise or npm. */
function offline(cwd: string, command: string[], extra: Record<string, string> = {}, timeout = 120_000) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(lanewise|npm_)/i.test(name) && name !== 'NODE_OPTIONS',
  );
  const env = { ...Object.fromEntries(kept), ...extra };
  const [program = '', ...args] = [...(isolate ?? []), ...command];
  return spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout });
}

/** Packs once and installs the tarball into a new empty project. */
function installedProject(tarball: string): string {
  const project = temporaryFolder();
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const install = offline(project, [
    'npm',
    'install',
    '--offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    tarball,
  ]);
  if (install.status !== 0) throw new Error(`npm install failed\n${install.stdout}${install.stderr}`);
  for (const file of readdirSync(consumer)) copyFileSync(join(consumer, file), join(project, file));
  return project;
}

/** Gives the project packages that its owner would have installed: this repository's. */
function linkPackages(project: string, names: readonly string[]): void {
  for (const name of names) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
}

function train(project: string, extra: Record<string, string> = {}) {
  const { status, stdout, stderr } = offline(project, [process.execPath, 'train.mjs'], extra);
  if (status !== 0) throw new Error(`train.mjs exited with ${status}\n${stdout}${stderr}`);
  // Node adds a hint below the first warning of a process; what is counted is what lanewise says.
  const warnings = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('(Use `node --trace-warnings'));
  return { report: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as TrainingReport, warnings };
}

describe('the packed tarball', () => {
  let project = '';

  beforeAll(() => {
    if (missing) return;
    const folder = temporaryFolder();
    const pack = spawnSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    });
    if (pack.status !== 0) throw new Error(`npm pack failed\n${pack.stderr}`);
    project = installedProject(join(folder, readdirSync(folder)[0] ?? ''));
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
  const whenPacked = (context: TestContext) => context.skip(missing !== undefined, missing);

  it('really has no network', (context) => {
    whenPacked(context);
    const script = "require('net').connect(80, '127.0.0.1').on('error', (error) => console.log(error.code))";
    expect(offline(project, [process.execPath, '-e', script]).stdout.trim()).toBe('ENETUNREACH');
  });

  it('trains natively, and without the binary the same on the TypeScript backend after one warning', (context) => {
    whenPacked(context);
    const native = train(project);
    expect(native.warnings).toEqual([]);
    expect(native.report).toMatchObject({ backend: 'native', steps: 20, stopped: 'completed' });
    const { losses } = native.report;
    expect(losses).toHaveLength(20);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);

    rmSync(join(project, 'node_modules/lanewise/prebuilds'), { recursive: true });
    const fallback = train(project);
    expect(fallback.report).toMatchObject({ backend: 'typescript', steps: 20, stopped: 'completed' });
    expect(fallback.warnings).toHaveLength(1);
    expect(fallback.warnings[0]).toContain('TypeScript backend');
    expect(fallback.report.losses).toEqual(losses);
    expect(fallback.report.accuracy).toBe(native.report.accuracy);
  });

  it('is an error without the binary when LANEWISE_NATIVE=required', (context) => {
    whenPacked(context);
    expect(() => train(project, { LANEWISE_NATIVE: 'required' })).toThrow(/no native binary could be loaded/);
  });

  it('runs its command line', (context) => {
    whenPacked(context);
    const { status, stdout, stderr } = offline(project, ['node_modules/.bin/lanewise', 'doctor']);
    expect(`${status} ${stderr}`).toBe('0 ');
    expect(stdout).toContain(`${process.platform}`);
  });

  it('compiles its native part from the sources it ships with, and trains with that', (context) => {
    whenPacked(context);
    const compiler = spawnSync('g++', ['--version']).status === 0 && spawnSync('make', ['--version']).status === 0;
    context.skip(!compiler, 'no compiler');
    linkPackages(project, ['node-gyp', 'node-addon-api', 'node-api-headers']);
    rmSync(join(project, 'node_modules/lanewise/prebuilds'), { recursive: true, force: true });
    const { status, stdout, stderr } = offline(project, ['node_modules/.bin/lanewise', 'build'], {}, 600_000);
    expect(status, stdout + stderr).toBe(0);
    expect(existsSync(join(project, 'node_modules/lanewise/build/Release/lanewise.node'))).toBe(true);
    expect(train(project).report.backend).toBe('native');
  }, 900_000);

  it('has types that resolve under NodeNext and refuse wrong usage', (context) => {
    whenPacked(context);
    // The compiler and Node's types come from this repository; the package itself brings neither.
    linkPackages(project, ['@types']);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = offline(project, [process.execPath, tsc, '-p', 'tsconfig.json']);
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
