// `npm run -s bench:step -- --net NAME [--batch N] [--threads T] [--isa X] [--rounds N] [--json]`: a whole training step
// of one network: forward, loss, backward and update, with the copies of a batch in and the loss out.

import { oneOf, wholeNumber } from '../lib/cli/option.ts';
import { UsageError } from '../lib/cli/usage-error.ts';
import { formatBytes } from '../lib/report/units.ts';
import { measuringOptions, nativeBackend, readFlags, runProgram } from './command-line.ts';
import { trainingStep } from './net-run.ts';
import { netNames, nets } from './nets.ts';
import { durations, summarizeTimes } from './timing.ts';

const NAME = 'bench:step';
const options = {
  net: oneOf(netNames, 'the network'),
  batch: wholeNumber(1, 65536, 'images a step (default: as in the comparison with peers)'),
  ...measuringOptions,
};

await runProgram(NAME, async (args) => {
  const { net, batch, threads, isa, rounds = 9, json } = readFlags(NAME, options, args);
  if (net === undefined) throw new UsageError(`--net is missing: ${netNames.join(', ')}`);
  const backend = nativeBackend({ threads, isa });
  const size = batch ?? nets[net].batch;
  const { run, arenaBytes, workspaceBytes } = trainingStep(net, size, backend);
  for (let warm = 0; warm < 2; warm++) await run();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(...(await durations(run, 0.1)));
  const { min, median } = summarizeTimes(times);
  const imagesPerSecond = (1000 * size) / median;
  if (json) {
    const result = { net, batch: size, threads: backend.threads, isa: backend.isa, msPerStep: { min, median } };
    console.log(JSON.stringify({ ...result, imagesPerSecond, arenaBytes }));
    return;
  }
  console.log(`${net}, batch ${size}, ${backend.isa}, threads: ${backend.threads}, ${times.length} steps`);
  console.log(
    `step   ${min.toFixed(3)} ms min, ${median.toFixed(3)} ms median, ${imagesPerSecond.toFixed(0)} images/s`,
  );
  console.log(`memory ${formatBytes(arenaBytes)} arena, ${formatBytes(workspaceBytes)} workspace`);
});
