// Drops stores and executables, also with runs in flight, and prints how much resident memory is left behind; then drops
// stores without asking for a collection, and prints how many were collected because native memory is accounted for.
// Needs --expose-gc. Arguments: addon, plan.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [, , addon = '', planPath = ''] = process.argv;
const binding = createRequire(import.meta.url)(addon);
const file = readFileSync(planPath);
const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
const options = { isa: 'portable', threads: 2 };
const STORE_BYTES = 32 << 20;

async function settle() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A store whose memory is really there. */
function usedStore() {
  const store = binding.createStore(STORE_BYTES);
  binding.writeStore(store, 0, new Uint8Array(STORE_BYTES).fill(1));
  return store;
}

/** Only the promise survives: store and executable are garbage while the run is in flight. */
function runOfGarbage() {
  return binding.run(binding.compile(usedStore(), words, options));
}

/** An executable outlives the last reference to its store. */
function executableOfGarbageStore() {
  return binding.compile(usedStore(), words, options);
}

await runOfGarbage();
await settle();
const before = process.memoryUsage.rss();
for (let round = 0; round < 15; round++) {
  const run = runOfGarbage();
  await settle();
  if ((await run) !== true) throw new Error('a run did not finish');
  const executable = executableOfGarbageStore();
  await settle();
  if ((await binding.run(executable)) !== true) throw new Error('a run did not finish');
}
await settle();
const residentGrowth = process.memoryUsage.rss() - before;

let collected = 0;
const registry = new FinalizationRegistry(() => {
  collected++;
});
const DROPPED = 200;
for (let i = 0; i < DROPPED; i++) {
  registry.register(binding.createStore(STORE_BYTES), i);
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(JSON.stringify({ residentGrowth, collected, dropped: DROPPED }));
