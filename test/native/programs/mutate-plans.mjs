// Takes a valid plan and gives the addon broken versions of it: flipped bits, odd values, swapped and missing words.
// Whatever is accepted is run as well. Ends normally unless the addon crashes. Arguments: addon, plan, count, seed.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [, , addon = '', planPath = '', count = '', seedText = ''] = process.argv;
const binding = createRequire(import.meta.url)(addon);
const file = readFileSync(planPath);
const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
const storeBytes = 1 << 20;
/** A mutated size of the arena may be anything; one that is large is only verified, not filled. */
const MOST_ARENA_BYTES = 2 ** 26;
const ODD_VALUES = [0, 1, -1, 2, 63, 64, 255, 65536, 2 ** 30, -(2 ** 31), 2 ** 31 - 1, 0x7fc00000, 0x7f800000];

let state = Number(seedText);
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

function mutated() {
  const result = words.slice();
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(result.length);
    const kind = random(4);
    if (kind === 0) result[at] ^= 1 << random(32);
    else if (kind === 1) result[at] = ODD_VALUES[random(ODD_VALUES.length)];
    else if (kind === 2) result[at] = result[random(result.length)];
    else result[at] += random(9) - 4;
  }
  return random(20) === 0 ? result.slice(0, random(result.length)) : result;
}

const reasons = new Set();
let accepted = 0;
let finished = 0;
for (let i = 0; i < Number(count); i++) {
  const plan = mutated();
  const store = binding.createStore(storeBytes);
  let executable;
  try {
    executable = binding.compile(store, plan, { isa: binding.info().isaLevels.at(-1), threads: 2 });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('compile: ')) throw error;
    reasons.add(error.message.replace(/\d+/g, 'N'));
    continue;
  }
  accepted++;
  if ([3, 5].some((at) => plan[at] > MOST_ARENA_BYTES || plan[at] < 0 || plan[at + 1] !== 0)) continue;
  await binding.run(executable);
  finished++;
}
console.log(JSON.stringify({ accepted, finished, reasons: [...reasons] }));
