// `npm run bench -- [--only TEXT] [--quick] [--json] [--rounds N] [--list]`: native kernels against the TypeScript
// backend, case by case, as a table, or with --json as one object on the last line of stdout.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createNativeBackend } from '../lib/backend/native.ts';
import type { IsaLevel } from '../lib/backend/native-binding.ts';
import { loadNative } from '../lib/backend/native-loader.ts';
import { typescriptBackend } from '../lib/backend/typescript.ts';
import { type CaseResult, compareCase } from './compare.ts';
import { opCases } from './op-cases.ts';
import { stepCases } from './step-cases.ts';
import { formatResults } from './table.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    rounds: { type: 'string' },
  },
});

const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 9));
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`bench: --rounds must be a whole number from 1, not ${flags.rounds}.`);
  process.exit(2);
}
const allCases = [...stepCases, ...opCases];
const cases = allCases.filter(({ name }) => flags.only.length === 0 || flags.only.some((text) => name.includes(text)));
if (cases.length === 0) {
  console.error(`bench: no case matches ${flags.only.join(', ')}; --list shows them all.`);
  process.exit(2);
}
if (flags.list) {
  for (const { name, threads } of cases) console.log(`${name} (threads: ${threads})`);
  process.exit(0);
}

const { binding, attempts } = loadNative();
if (!binding) {
  console.error('bench: no native addon loads, so only the TypeScript backend is timed:');
  for (const { path, error } of attempts) console.error(`  ${path}: ${error}`);
}
const results: CaseResult[] = [];
for (const benchCase of cases) {
  if (!flags.json && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${benchCase.name} ...`);
  const native = binding && createNativeBackend(binding, { threads: benchCase.threads });
  const result = await compareCase(benchCase, {
    rounds,
    minSeconds: flags.quick ? 0.02 : 0.05,
    native,
    typescript: typescriptBackend,
    peakFlops: () => (native ? binding.measure('fma', native.isa as IsaLevel, native.threads) : Number.NaN),
  });
  results.push(result);
}
if (!flags.json && process.stderr.isTTY) process.stderr.write('\r\x1b[K');

const isa = results[0]?.native?.isa ?? 'no native addon';
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, isa, node: process.version };
if (flags.json) {
  console.log(JSON.stringify({ machine, results }));
} else {
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.isa}, Node ${machine.node}, ${rounds} rounds`);
  console.log(formatResults(results));
  const coverage = results.find(({ speedup }) => speedup)?.speedup?.coverage;
  if (coverage !== undefined) {
    console.log(`interval: the median speed-up lies in it with a probability of ${(100 * coverage).toFixed(1)} %`);
  }
}
