// Two copies of the addon, as two installations of the package bring them, run at the same time in one process, in the
// main thread and in workers; neither takes the other's objects. Arguments: addon, plan.

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const [addon, planPath, second] = isMainThread ? process.argv.slice(2) : workerData;
const folder = second === undefined ? mkdtempSync(join(tmpdir(), 'lanewise-copy-')) : undefined;
const copy = second ?? join(folder, 'lanewise.node');
if (folder) copyFileSync(addon, copy);

const require = createRequire(import.meta.url);
const bindings = [require(addon), require(copy)];
const file = readFileSync(planPath);
const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));

const stores = bindings.map((binding) => binding.createStore(64));
for (const [mine, other] of [
  [0, 1],
  [1, 0],
]) {
  try {
    bindings[mine].readStore(stores[other], 0, new Uint8Array(1));
    throw new Error('a store of the other copy was taken');
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

async function runAll() {
  const executables = bindings.map((binding, i) => binding.compile(stores[i], words, { isa: 'portable', threads: 3 }));
  for (let round = 0; round < 20; round++) {
    const results = await Promise.all(executables.map((executable, i) => bindings[i].run(executable)));
    if (!results.every((result) => result === true)) throw new Error('a run did not finish');
  }
}

if (isMainThread) {
  const workers = [1, 2].map(() => new Worker(new URL(import.meta.url), { workerData: [addon, planPath, copy] }));
  const ends = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  await runAll();
  const codes = await Promise.all(ends);
  rmSync(folder, { recursive: true });
  console.log(JSON.stringify({ codes }));
} else {
  await runAll();
}
