// Prints what an addon offers and what it computes for a plan. Arguments: addon, plan.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [, , addon = '', planPath = ''] = process.argv;
const binding = createRequire(import.meta.url)(addon);
const file = readFileSync(planPath);
const words = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
const executable = binding.compile(binding.createStore(64), words, { isa: 'portable', threads: 2 });
binding.write(
  executable,
  0,
  Float32Array.from({ length: 16 }, (_, i) => i / 3 - 2),
);
const finished = await binding.run(executable);
const output = new Float32Array(16);
binding.read(executable, 1, output);
const functions = Object.keys(binding).map((name) => `${name}: ${typeof binding[name]}`);
console.log(
  JSON.stringify({ functions, hash: binding.opTableHash, levels: binding.info().isaLevels, finished, output }),
);
