// `lanewise doctor`: what runs here and why: platform, native binary, instruction sets, threads. What a bug report needs.

import { type LoadAttempt, loadNative, platformName } from '../backend/native-loader.ts';
import { selectBackend } from '../backend/select.ts';
import { formatTable } from '../report/table.ts';
import { defineCommand } from './command.ts';
import { jsonOption } from './data-and-backend-options.ts';
import { printLine } from './terminal.ts';
import { packageFolder, packageVersion } from './version.ts';

interface Findings {
  readonly lanewise: string;
  readonly folder: string;
  readonly node: string;
  readonly platform: string;
  readonly libc: string;
  readonly backend: string;
  readonly binary: string | null;
  readonly failedAttempts: readonly LoadAttempt[];
  readonly isa: string;
  readonly isaLevels: readonly string[];
  readonly threads: number;
  readonly affinity: number | null;
  /** Cores' worth of time the container may use. */
  readonly quota: number | null;
  readonly peakGflops: number | null;
  readonly environment: Readonly<Record<string, string>>;
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'says what runs here: platform, native binary, instruction sets, threads',
  options: { json: jsonOption },
  run: async ({ json }, terminal) => {
    const findings = examine(terminal.environment);
    const { failedAttempts, binary } = findings;
    const rows = [
      ['lanewise', `${findings.lanewise} in ${findings.folder}`],
      ['node', findings.node],
      ['platform', `${findings.platform}, ${findings.libc}`],
      ['backend', findings.backend],
      ['binary', binary ?? 'none could be loaded; training runs on the slower TypeScript backend'],
      ...failedAttempts.map(({ path, error }) => ['  not', `${path}: ${firstLine(error)}`]),
      ['instructions', `${findings.isa} (usable here: ${findings.isaLevels.join(', ') || 'none'})`],
      ['threads', `${findings.threads}${cores(findings)}`],
      ['FMA peak', findings.peakGflops === null ? '-' : `${findings.peakGflops} GFLOP/s on these threads`],
      ...Object.entries(findings.environment).map(([name, value]) => [name, value]),
    ];
    printLine(terminal.out, formatTable([{ title: 'item' }, { title: 'finding' }], rows));
    if (binary === null) {
      printLine(
        terminal.out,
        "\n'lanewise build' compiles the native backend; it needs a C++ compiler, make and python3.",
      );
    }
    if (json) printLine(terminal.out, JSON.stringify(findings));
    return 0;
  },
});

function examine(environment: Readonly<Record<string, string | undefined>>): Findings {
  const { binding, path, attempts } = loadNative();
  const machine = binding?.info();
  const backend = selectBackend({ backend: binding === undefined ? 'typescript' : 'native' });
  const level = machine?.isaLevels.find((isa) => isa === backend.isa);
  const peak = level === undefined ? undefined : binding?.measure('fma', level, backend.threads);
  return {
    lanewise: packageVersion(),
    folder: packageFolder,
    node: process.version,
    platform: platformName(),
    libc: libcName(),
    backend: backend.name,
    binary: path ?? null,
    failedAttempts: attempts,
    isa: backend.isa,
    isaLevels: machine?.isaLevels ?? [],
    threads: backend.threads,
    affinity: machine?.affinity ?? null,
    quota: machine?.quota ?? null,
    peakGflops: peak === undefined ? null : Math.round(peak / 1e9),
    environment: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) =>
        name.startsWith('LANEWISE_') && value !== undefined && value !== '' ? [[name, value]] : [],
      ),
    ),
  };
}

function cores({ affinity, quota }: Findings): string {
  if (affinity === null) return '';
  return ` (cores allowed: ${affinity}, quota: ${quota === null ? 'none' : `${quota} cores`})`;
}

function libcName(): string {
  if (process.platform !== 'linux') return 'system C library';
  const { header } = (process.report?.getReport() ?? {}) as { header?: { glibcVersionRuntime?: string } };
  if (header?.glibcVersionRuntime !== undefined) return `glibc ${header.glibcVersionRuntime}`;
  return platformName().endsWith('-musl') ? 'musl' : 'unknown C library';
}

/** A loader's message can go on for many lines; the first says what is wrong. */
const firstLine = (message: string): string => message.split('\n')[0] ?? message;
