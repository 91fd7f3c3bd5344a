// What needs a process of its own, with the compiled command line: signals, pipes that close, the build.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
let folder = '';
beforeAll(() => {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run 'npm run build' first`);
  folder = mkdtempSync(join(tmpdir(), 'signals-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; out: string; error: string }>;
  /** Resolves when the output holds `text`. */
  printed(text: string): Promise<void>;
}

function start(...args: readonly string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    error += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, error }));
  const printed = async (text: string): Promise<void> => {
    while (!out.includes(text) && !error.includes(text)) {
      if (child.exitCode !== null) throw new Error(`ended without printing '${text}':\n${out}${error}`);
      await new Promise((next) => setTimeout(next, 10));
    }
  };
  return { child, ended, printed };
}

const OPTIONS = ['train', '--train-count', '300', '--test-count', '20', '--batch-size', '20', '--epochs', '12'];
const train = (out: string, ...more: readonly string[]): Run => start(...OPTIONS, '--out', join(folder, out), ...more);
const model = (out: string): Buffer => readFileSync(join(folder, out, 'model.safetensors'));

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the run with %d and a checkpoint that resumes to the same bits', async (signal, expected) => {
    const run = train(signal, '--json');
    await run.printed('epoch  1/12');
    run.child.kill(signal);
    const { code, out, error } = await run.ended;
    expect(error).toContain(
      `lanewise: ${signal}: finishing the step and writing a checkpoint; once more exits at once`,
    );
    expect(code).toBe(expected);
    const report = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(report).toMatchObject({ stopped: 'aborted', modelFile: null, checkpoint: expect.stringContaining(signal) });
    expect(report.steps).toBeLessThan(180);
    expect(existsSync(join(folder, signal, 'model.safetensors'))).toBe(false);

    expect(await train(signal, '--resume').ended).toMatchObject({ code: 0 });
    expect(await train(`${signal}-whole`).ended).toMatchObject({ code: 0 });
    expect(model(signal).equals(model(`${signal}-whole`))).toBe(true);
  });

  it('sent twice ends the process at once', async () => {
    // One step of the TypeScript backend takes seconds here.
    const options = ['--backend', 'typescript', '--train-count', '4000', '--test-count', '20', '--batch-size', '4000'];
    const run = start('train', ...options, '--out', join(folder, 'twice'));
    await run.printed('folder ');
    await new Promise((next) => setTimeout(next, 300));
    run.child.kill('SIGINT');
    await run.printed('finishing the step');
    run.child.kill('SIGTERM');
    expect(await run.ended).toMatchObject({ code: 143 });
    expect(existsSync(join(folder, 'twice/checkpoint.safetensors'))).toBe(false);
  });
});

it('goes on when nobody reads its output any more', async () => {
  const run = train('unread');
  await run.printed('epoch  1/12');
  run.child.stdout?.destroy();
  expect(await run.ended).toMatchObject({ code: 0, error: '' });
  expect(model('unread').length).toBeGreaterThan(100_000);
});

it("'lanewise build' says what is lacking", async () => {
  const child = spawn(process.execPath, [MAIN, 'build'], { env: { ...process.env, CXX: 'no-such-compiler' } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(printed).toContain('no-such-compiler');
  expect(printed).toContain("the native backend was not built; 'lanewise build --help' says what is needed");
});
