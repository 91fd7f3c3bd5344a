// lanewise's side of `npm run bench:peers`, in a process of its own as the others': node lanewise-peer.js THREADS ISA.

import { readFileSync } from 'node:fs';
import { nativeBackend } from '../command-line.ts';
import { prediction, trainingStep } from '../net-run.ts';
import { sample } from '../timing.ts';
import type { Description } from './cases.ts';
import { programOf } from './programs.ts';
import { type Prepared, serve } from './protocol.ts';

const [threads, isa] = process.argv.slice(2);
const backend = nativeBackend({ threads: Number(threads), isa: isa || undefined });
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

function prepared(run: () => Promise<unknown>, repetitions: number): Prepared {
  return { run, sample: (seconds) => sample(run, seconds, repetitions) };
}

async function prepare(description: Description): Promise<Prepared> {
  if (description.kind === 'step') {
    const { run } = trainingStep(description.net, description.batch, backend);
    await run();
    return prepared(run, 1);
  }
  if (description.kind === 'predict') {
    const { run, output } = prediction(description.net, description.batch, backend);
    await run();
    return { ...prepared(run, 1), output: () => output };
  }
  const { run, repetitions } = programOf(description).prepare(backend);
  await run();
  return prepared(run, repetitions);
}

await serve({
  hello: () => ({ name: 'lanewise', version, details: { isa: backend.isa, node: process.version } }),
  prepare,
});
