// `npm run -s bench:conv -- --n 8 --h 56 --w 56 --c 64 --k 64 --r 3 --s 3 --pad 1 [--stride 1] [--dilation 1] [--groups 1]
// [--pass fwd|dx|dw|all] [--threads T] [--isa X] [--numerics fast|exact] [--rounds N] [--json]`: one convolution layer.

import type { IsaLevel } from '../lib/backend/native-binding.ts';
import { loadNative } from '../lib/backend/native-loader.ts';
import { oneOf, wholeNumber } from '../lib/cli/option.ts';
import { UsageError } from '../lib/cli/usage-error.ts';
import { measuringOptions, nativeBackend, pair, readFlags, runProgram } from './command-line.ts';
import { type ConvShape, convPasses, convProgram } from './conv-program.ts';
import { durations, summarizeTimes } from './timing.ts';

const NAME = 'bench:conv';
const size = (help: string) => wholeNumber(1, 1 << 20, help);

const options = {
  n: size('images (default 1)'),
  h: size('rows of the input'),
  w: size('columns of the input (default: as many)'),
  c: size('input channels'),
  k: size('filters'),
  r: size('rows of a filter'),
  s: size('columns of a filter (default: as many)'),
  stride: pair(1, 'default 1'),
  pad: pair(0, 'zeros around the input (default 0)'),
  dilation: pair(1, 'default 1'),
  groups: size('default 1'),
  pass: oneOf(convPasses, 'forward, a gradient, or all three (default)'),
  numerics: oneOf(['fast', 'exact'], 'default fast'),
  ...measuringOptions,
};

await runProgram(NAME, async (args) => {
  const flags = readFlags(NAME, options, args);
  const needed = (name: 'h' | 'c' | 'k' | 'r'): number => {
    const value = flags[name];
    if (value === undefined) throw new UsageError(`--${name} is missing (${options[name].help})`);
    return value;
  };
  const [h, c, k, r] = [needed('h'), needed('c'), needed('k'), needed('r')];
  const { n = 1, w = h, s = r, stride = [1, 1], pad = [0, 0], dilation = [1, 1], groups = 1 } = flags;
  const { pass = 'all', numerics = 'fast', rounds = 9 } = flags;
  if (c % groups !== 0 || k % groups !== 0) throw new UsageError(`--groups ${groups} must divide --c and --k`);
  const shape: ConvShape = { n, h, w, c, k, r, s, stride, pad, dilation, groups };
  const backend = nativeBackend(flags);
  const { run, work, repetitions } = convProgram(shape, pass).prepare(backend, numerics);
  await run();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(...(await durations(run, 0.1)));
  const { min, median } = summarizeTimes(times, repetitions);
  const peak = loadNative().binding!.measure('fma', backend.isa as IsaLevel, backend.threads);
  const gigaflops = work.flops / median / 1e6;
  const percentOfPeak = (100 * gigaflops) / (peak / 1e9);
  const { threads, isa } = backend;
  if (flags.json) {
    console.log(
      JSON.stringify({ ...shape, pass, numerics, threads, isa, ms: { min, median }, gigaflops, percentOfPeak }),
    );
    return;
  }
  console.log(`conv2d ${pass}, ${r}x${s} ${c}->${k} @ ${h}x${w}, n ${n}, ${isa}, threads: ${threads}, ${numerics}`);
  console.log(`${min.toFixed(4)} ms min, ${median.toFixed(4)} ms median`);
  console.log(
    `${gigaflops.toFixed(1)} GFLOP/s, ${percentOfPeak.toFixed(0)} % of the FMA peak (${(peak / 1e9).toFixed(0)})`,
  );
});
