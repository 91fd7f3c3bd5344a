// `npm run bench:peers -- [--suite nets,layers,...] [--only TEXT] [--threads 1,2] [--isa avx2] [--rounds N] [--compile]
// [--out FILE]`: lanewise against PyTorch, oneDNN and onnxruntime-node, end to end. Writes FILE.md and FILE.json.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { IsaLevel } from '../../lib/backend/native-binding.ts';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { oneOf, positiveNumber, text, toggle, wholeNumber } from '../../lib/cli/option.ts';
import { UsageError } from '../../lib/cli/usage-error.ts';
import { formatBytes } from '../../lib/report/units.ts';
import { onnxBytes } from '../../lib/train/export-onnx.ts';
import { list, nativeBackend, readFlags, runProgram } from '../command-line.ts';
import { netModel } from '../net-run.ts';
import { type Case, cases, type Description, suiteNames } from './cases.ts';
import { comparePeakMemory } from './compare-memory.ts';
import { compareWithPeer, type Result } from './compare-peers.ts';
import { type Comparison, markdown } from './report.ts';
import { SideProcess } from './side-process.ts';
import { lanewiseCommand, type Peer, startOneDnn, startOnnxRuntime, startTorch } from './sides.ts';

const NAME = 'bench:peers';

const options = {
  suite: list(suiteNames.join(','), 'some of the suites (default: all)', (word) =>
    suiteNames.find((name) => name === word),
  ),
  only: text('TEXT[,TEXT]', 'cases whose name contains one of these'),
  threads: list('1,2', 'numbers of threads (default 1,2)', (word) =>
    /^[1-9]\d{0,2}$/.test(word) ? Number(word) : undefined,
  ),
  isa: oneOf(['avx2'], 'hold both sides to an instruction set (default: their best)'),
  rounds: wholeNumber(1, 1000, 'alternating rounds (default 7)'),
  seconds: positiveNumber(60, 'length of a sample (default 0.1)'),
  compile: toggle("PyTorch's torch.compile among its modes for the networks"),
  list: toggle('print the cases'),
  out: text('FILE', 'writes FILE.md and FILE.json'),
};

await runProgram(NAME, async (args) => {
  const flags = readFlags(NAME, options, args);
  const { suite: suites = suiteNames, only, threads: threadCounts = [1, 2], isa, rounds = 7, seconds = 0.1 } = flags;
  const words = only?.split(',') ?? [''];
  const chosen = cases.filter(({ suite, name }) => suites.includes(suite) && words.some((word) => name.includes(word)));
  if (chosen.length === 0) throw new UsageError(`no case matches; --list shows them`);
  if (flags.list) {
    for (const { suite, name } of chosen) console.log(`${suite}: ${name}`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-peers-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

  const results: Result[] = [];
  const absent = new Set<string>();
  const failed: string[] = [];
  const versions: Record<string, string> = {};
  const peaks: Record<string, number> = {};
  for (const threads of threadCounts) {
    const sideOptions = { threads, isa, compile: flags.compile };
    const { isa: level } = nativeBackend({ threads, isa });
    peaks[threads] = loadNative().binding!.measure('fma', level as IsaLevel, threads) / 1e9;
    const lanewise = new SideProcess(lanewiseCommand(sideOptions));
    const { name, version, details } = await lanewise.hello();
    versions[name] = `${version} (${Object.values(details).join(', ')})`;
    const peers: Peer[] = [];
    for (const start of [startTorch, startOneDnn, startOnnxRuntime]) {
      const peer = await start(sideOptions);
      if (typeof peer === 'string') {
        if (!absent.has(peer)) console.error(`absent: ${peer}`);
        absent.add(peer);
        continue;
      }
      peers.push(peer);
      versions[peer.name] = [
        peer.version,
        ...Object.entries(peer.details)
          .filter(([, value]) => typeof value === 'string')
          .map(([key, value]) => `${key} ${value}`),
      ].join(', ');
    }
    for (const benchCase of chosen) {
      const ready = withModelFile(benchCase, folder);
      for (const peer of peers) {
        if (peer.modes(Object.values(ready.parts)[0]!).length === 0) continue;
        try {
          const compared =
            ready.suite === 'memory'
              ? await comparePeakMemory(ready, sideOptions, peer)
              : await compareWithPeer(ready, lanewise, peer, threads, { rounds, seconds });
          results.push(...compared);
          for (const result of compared) console.error(progressLine(result));
        } catch (error) {
          failed.push(`${ready.name} on ${peer.name}: ${(error as Error).message}`);
          console.error(`failed: ${failed.at(-1)}`);
        }
      }
    }
    lanewise.stop();
    for (const peer of peers) peer.stop();
  }
  if (results.length === 0) {
    console.error(`${NAME}: nothing could be compared`);
    process.exit(1);
  }
  const comparison: Comparison = {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memory: formatBytes(totalmem()),
      system: `${process.platform} ${release()}`,
    },
    isa: isa ?? 'the best of each',
    rounds,
    ...{ versions, peaks, absent: [...absent], failed, results },
  };
  const page = markdown(comparison);
  console.log(page);
  if (flags.out !== undefined) {
    writeFileSync(`${flags.out}.md`, page);
    writeFileSync(`${flags.out}.json`, `${JSON.stringify(comparison, undefined, 1)}\n`);
  }
  process.exit(0);
});

function progressLine({ name, part, threads, peer, mode, ratio }: Result): string {
  const what = part === '' ? name : `${name}, ${part}`;
  return `${what} (threads: ${threads}): ${ratio.median.toFixed(2)} x ${peer} ${mode}`;
}

/** A prediction's model as a file that onnxruntime can read. */
function withModelFile(benchCase: Case, folder: string): Case {
  const description = benchCase.parts[''];
  if (description?.kind !== 'predict') return benchCase;
  const { net, batch } = description;
  const path = join(folder, `${net}-${batch}.onnx`);
  writeFileSync(path, onnxBytes(netModel(net), { foldBatchNorm: true }));
  const parts: Record<string, Description> = { '': { ...description, onnxFile: path } };
  return { ...benchCase, parts };
}
