// How late timers fire, in milliseconds (the 99th percentile): with nothing else going on, while a plan runs, and while
// as many plain threads spin. Arguments: addon, plan, threads.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';

const [, , addon = '', planPath = '', threads = ''] = process.argv;
const binding = createRequire(import.meta.url)(addon);
const file = readFileSync(planPath);
const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));

async function lagDuring(work) {
  const histogram = monitorEventLoopDelay({ resolution: 5 });
  histogram.enable();
  await work();
  histogram.disable();
  return { lag99Ms: histogram.percentile(99) / 1e6, timersFired: histogram.count };
}

const wait = () => new Promise((resolve) => setTimeout(resolve, 600));

async function trainFor600Ms() {
  const executable = binding.compile(binding.createStore(64), words, { isa: 'portable', threads: Number(threads) });
  const end = performance.now() + 600;
  while (performance.now() < end) await binding.run(executable);
}

async function spinFor600Ms() {
  const spin = 'const end = Date.now() + 700; while (Date.now() < end);';
  const spinners = Array.from({ length: Number(threads) }, () => new Worker(spin, { eval: true }));
  await wait();
  await Promise.all(spinners.map((worker) => worker.terminate()));
}

console.log(
  JSON.stringify({
    idle: await lagDuring(wait),
    running: await lagDuring(trainFor600Ms),
    spinning: await lagDuring(spinFor600Ms),
  }),
);
