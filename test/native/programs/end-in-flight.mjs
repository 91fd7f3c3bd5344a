// Ends the process, or a worker, in one of several ways while a run that would take minutes is in flight.
// Arguments: addon, plan, way.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [addon, planPath, way] = isMainThread ? process.argv.slice(2) : workerData;

function startRun() {
  const binding = createRequire(import.meta.url)(addon);
  process.once('exit', () => binding.stop(isMainThread));
  const file = readFileSync(planPath);
  const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
  const executable = binding.compile(binding.createStore(64), words, { isa: 'portable', threads: 2 });
  return binding.run(executable);
}

/** A worker with a run in flight. */
async function busyWorker() {
  const worker = new Worker(new URL(import.meta.url), { workerData: [addon, planPath, way] });
  worker.on('error', (error) => {
    if (error.message === 'expected') return;
    console.error(error);
    process.exitCode = 1;
  });
  await new Promise((resolve) => worker.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return worker;
}

if (!isMainThread) {
  const run = startRun();
  parentPort.postMessage('running');
  if (way === 'worker exits') setTimeout(() => process.exit(0), 50);
  if (way === 'worker throws') setTimeout(() => Promise.reject(new Error('expected')), 50);
  await run;
} else if (way === 'exit') {
  startRun();
  setTimeout(() => process.exit(7), 50);
} else if (way === 'exit at once') {
  startRun();
  process.exit(7);
} else if (way === 'throw') {
  startRun();
  setTimeout(() => {
    throw new Error('expected');
  }, 50);
} else if (way === 'terminate') {
  for (let i = 0; i < 3; i++) await (await busyWorker()).terminate();
  process.exit(7);
} else if (way === 'exit with a busy worker') {
  await busyWorker();
  process.exit(7);
} else if (way === 'worker exits' || way === 'worker throws') {
  const worker = await busyWorker();
  if (worker.threadId !== -1) await new Promise((resolve) => worker.once('exit', resolve));
  process.exit(7);
}
