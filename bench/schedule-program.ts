// How the pool would share out a plan's work on machines with many cores: native/test/schedule_bench.cpp measures every
// work item on this one, as the op cuts it for that many threads, and simulates who would take which.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Graph, type GraphTensor } from '../lib/graph/graph.ts';
import { chain, OUTPUT } from '../lib/nn/architecture.ts';
import { softmaxCrossEntropy } from '../lib/nn/loss.ts';
import { conv2d, conv2dDw, conv2dDx } from '../lib/ops/conv2d.ts';
import { linear, linearDw, linearDx } from '../lib/ops/linear.ts';
import { encodePlan } from '../lib/plan/encode.ts';
import { compilePlan, type Plan } from '../lib/plan/plan.ts';
import { StoreLayout } from '../lib/plan/store-layout.ts';
import { trainingNetwork } from '../lib/train/network.ts';
import { type NetName, nets } from './nets.ts';

/** One op as it is run with so many threads. */
export interface OpSchedule {
  readonly step: number;
  readonly op: string;
  readonly threads: number;
  /** Work items of each region that is shared, in order. */
  readonly items: readonly number[];
  /** On one thread. */
  readonly ns: number;
  /** Outside of the regions. */
  readonly serialNs: number;
  /** The longest item of each region, and what is serial: no number of threads is faster. */
  readonly criticalNs: number;
  readonly simulatedNs: number;
}

export interface Schedule {
  readonly ops: readonly OpSchedule[];
  /** Of all memory after the run, for each number of threads. */
  readonly checksums: readonly string[];
}

export interface CompiledPlan {
  readonly plan: Plan;
  readonly storeBytes: number;
}

/** A step of training as it is benchmarked. */
export function netPlan(name: NetName): CompiledPlan {
  const { inputShape, layers, optimizer, batch } = nets[name];
  const layout = new StoreLayout();
  const { builder, outputs } = trainingNetwork(
    { architecture: chain(layers(), inputShape) },
    { size: batch, dtypes: ['u8'] },
    [{ output: OUTPUT, loss: softmaxCrossEntropy(), weight: 1 }],
    { optimizer: optimizer() },
  );
  const plan = compilePlan(builder.graph, { outputs, layout });
  return { plan, storeBytes: layout.bytes };
}

export interface ConvLayer {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly o: number;
  /** Rows and columns of the kernel; "same" padding unless it is given. */
  readonly kernel: readonly [number, number];
  readonly pad?: readonly [number, number];
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

/** The three passes of a convolution. */
export function convPlan(layer: ConvLayer): CompiledPlan {
  const { n, h, w, c, o, kernel, stride = 1, dilation = 1, groups = 1 } = layer;
  const [kh, kw] = kernel;
  const [padH, padW] = layer.pad ?? [((kh - 1) * dilation) >> 1, ((kw - 1) * dilation) >> 1];
  const geometry = {
    ...{ strideH: stride, strideW: stride, padTop: padH, padLeft: padW, padBottom: padH, padRight: padW },
    ...{ dilationH: dilation, dilationW: dilation, groups },
  };
  const out = (size: number, pad: number, taps: number) =>
    Math.floor((size + 2 * pad - (taps - 1) * dilation - 1) / stride) + 1;
  return compiled((graph) => {
    const input = (name: string, shape: number[]) => graph.tensor('input', name, { shape, dtype: 'f32' });
    const x = input('x', [n, h, w, c]);
    const weights = input('w', [kh, kw, c / groups, o]);
    const dy = input('dy', [n, out(h, padH, kh), out(w, padW, kw), o]);
    return [
      ...graph.emit(conv2d, [x, weights, undefined], { ...geometry, activation: 0, slope: 0 }),
      ...graph.emit(conv2dDx, [dy, weights], { ...geometry, activation: 0, slope: 0, inH: h, inW: w }),
      ...graph.emit(conv2dDw, [x, dy], { ...geometry, kernelH: kh, kernelW: kw }),
    ];
  });
}

/** The three passes of a fully connected layer. */
export function linearPlan(n: number, c: number, o: number): CompiledPlan {
  return compiled((graph) => {
    const input = (name: string, shape: number[]) => graph.tensor('input', name, { shape, dtype: 'f32' });
    const [x, weights, dy] = [input('x', [n, c]), input('w', [c, o]), input('dy', [n, o])];
    return [
      ...graph.emit(linear, [x, weights, undefined], { activation: 0, slope: 0 }),
      ...graph.emit(linearDx, [dy, weights], {}),
      ...graph.emit(linearDw, [x, dy], {}),
    ];
  });
}

function compiled(emit: (graph: Graph) => GraphTensor[]): CompiledPlan {
  const graph = new Graph();
  const outputs = Object.fromEntries(emit(graph).map((tensor, index) => [`output${index}`, tensor]));
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs, layout });
  return { plan, storeBytes: layout.bytes };
}

/** Compiles the program against the objects of the addon, which must have been built. Its path. */
export function buildScheduleProgram(root: string): string {
  const { standard, flags, defines, sources } = JSON.parse(readFileSync(join(root, 'native/build.json'), 'utf8'));
  // The program has a pool of its own. Objects of sources that no longer exist may still lie there.
  const objects = [...sources.ops, ...sources.isa, ...sources.runtime]
    .filter((source: string) => !source.endsWith('/parallel.cpp'))
    .map((source: string) => join(root, 'build/Release/obj.target/lanewise', source.replace(/\.cpp$/, '.o')));
  mkdirSync(join(root, 'out'), { recursive: true });
  const program = join(root, 'out/schedule_bench');
  const options = [`-std=${standard}`, ...flags, ...defines.map((define: string) => `-D${define}`)];
  const source = join(root, 'native/test/schedule_bench.cpp');
  const { status, stderr } = spawnSync('g++', [...options, '-o', program, source, ...objects, '-pthread'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`schedule_bench.cpp does not compile: ${stderr}`);
  return program;
}

interface Run {
  readonly threads: readonly number[];
  readonly repetitions: number;
  readonly isa?: string;
}

export function schedule(
  program: string,
  { plan, storeBytes }: CompiledPlan,
  { threads, repetitions, isa = 'best' }: Run,
): Schedule {
  const folder = mkdtempSync(join(program, '../schedule-'));
  try {
    const words = encodePlan(plan);
    const file = join(folder, 'plan');
    writeFileSync(file, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    const args = [file, String(storeBytes), String(repetitions), isa, ...threads.map(String)];
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`schedule_bench: ${stdout}${stderr}`);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as OpSchedule & { checksum?: string });
    return {
      ops: lines.filter(({ checksum }) => checksum === undefined),
      checksums: lines.flatMap(({ checksum }) => checksum ?? []),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
