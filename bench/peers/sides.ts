// Who is compared: lanewise, PyTorch (once with the allocator as it comes and once tuned, since neither is always the
// faster one), oneDNN 2.6 for the layers that it has Winograd kernels for, and onnxruntime-node for predictions. Each with
// the sentence to print when it is absent.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConvShape } from '../conv-program.ts';
import type { Description } from './cases.ts';
import { type Command, SideProcess } from './side-process.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface SideOptions {
  readonly threads: number;
  /** Undefined: each side's best. */
  readonly isa: string | undefined;
  readonly compile: boolean;
}

/** One way in which a peer can run a case. */
export interface Mode {
  readonly process: SideProcess;
  readonly name: string;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** It runs lanewise's own model, so the outputs must agree. */
  readonly sharesWeights: boolean;
  /** Empty where the peer has no such thing. */
  modes(description: Description): readonly Mode[];
  /** The commands of fresh processes, by name of the allocator. */
  readonly commands: Readonly<Record<string, Command>>;
  stop(): void;
}

export function lanewiseCommand({ threads, isa }: SideOptions): Command {
  const args = ['--expose-gc', `${root}out/bench/peers/lanewise-peer.js`, String(threads), isa ?? ''];
  return { program: process.execPath, args };
}

/** glibc then keeps what is freed and asks the kernel for huge pages: an eighth of the page faults. */
const TUNED_ALLOCATOR = {
  GLIBC_TUNABLES: [
    'glibc.malloc.hugetlb=1',
    `glibc.malloc.mmap_threshold=${2 ** 30}`,
    `glibc.malloc.trim_threshold=${2 ** 33}`,
    `glibc.malloc.top_pad=${2 ** 28}`,
  ].join(':'),
};
const ONLY_AVX2 = { ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_ENABLE_INSTRUCTIONS: 'AVX2', ATEN_CPU_CAPABILITY: 'avx2' };

function torchModes(description: Description, compile: boolean): readonly string[] {
  const formats = ['contiguous', 'channels_last'];
  switch (description.kind) {
    case 'gemm':
    case 'softmax_cross_entropy':
      return ['contiguous'];
    case 'optimizer':
      return ['foreach', 'fused'];
    case 'step':
    case 'predict':
      return compile ? [...formats, ...formats.map((format) => `compiled ${format}`)] : formats;
    default:
      return formats;
  }
}

/** PyTorch, or why it is absent. */
export async function startTorch({ threads, isa, compile }: SideOptions): Promise<Peer | string> {
  const install = 'python3 -m venv V && V/bin/pip install torch==2.13.0 numpy';
  const { LANEWISE_TORCH_PYTHON: program } = process.env;
  if (!program)
    return `PyTorch: LANEWISE_TORCH_PYTHON names no interpreter. To have one: ${install}, then LANEWISE_TORCH_PYTHON=V/bin/python`;
  if (isa !== undefined && isa !== 'avx2') return `PyTorch: it can be held to avx2 alone, not to ${isa}`;
  const args = [`${root}bench/peers/torch_peer.py`, '--threads', String(threads)];
  const environment = {
    OMP_NUM_THREADS: String(threads),
    TORCHINDUCTOR_COMPILE_THREADS: '1',
    ...(isa === 'avx2' ? ONLY_AVX2 : {}),
  };
  const commands: Record<string, Command> = { 'stock malloc': { program, args, environment } };
  if (process.platform === 'linux')
    commands['tuned malloc'] = { program, args, environment: { ...environment, ...TUNED_ALLOCATOR } };
  const processes = Object.entries(commands).map(([name, command]) => ({ name, process: new SideProcess(command) }));
  const stop = () => {
    for (const { process } of processes) process.stop();
  };
  try {
    const hellos = await Promise.all(processes.map(({ process }) => process.hello()));
    return {
      ...hellos[0]!,
      sharesWeights: false,
      commands,
      modes: (description) =>
        torchModes(description, compile).flatMap((mode) =>
          processes.map(({ name, process }) => ({ process, name: `${mode}, ${name}` })),
        ),
      stop,
    };
  } catch (error) {
    stop();
    return `PyTorch: ${program} does not run it (${(error as Error).message.trim().split('\n').at(-1)}). To install it: ${install}`;
  }
}

/** oneDNN 2.6 (the one inside PyTorch has no Winograd kernels any more), or why it is absent. */
export async function startOneDnn({ threads, isa }: SideOptions): Promise<Peer | string> {
  const install = 'apt-get install libdnnl-dev, version 2.6';
  if (isa !== undefined && isa !== 'avx2') return `oneDNN: it can be held to avx2 alone, not to ${isa}`;
  const command: Command = {
    program: 'python3',
    args: [`${root}bench/peers/onednn_peer.py`],
    environment: { OMP_NUM_THREADS: String(threads), ...(isa === 'avx2' ? { DNNL_MAX_CPU_ISA: 'AVX2' } : {}) },
  };
  const side = new SideProcess(command);
  try {
    const hello = await side.hello();
    const modes = [{ process: side, name: '' }];
    return {
      ...hello,
      sharesWeights: false,
      commands: { '': command },
      modes: (description) => (description.kind === 'conv' && hasLargeWinograd(description.shape) ? modes : []),
      stop: () => side.stop(),
    };
  } catch (error) {
    side.stop();
    return `oneDNN: python3 does not load it (${(error as Error).message.trim().split('\n').at(-1)}). To install it: ${install}`;
  }
}

/** 3x3 with stride 1 over maps on which Winograd's tiles pay. */
const hasLargeWinograd = ({ h, w, c, r, s, stride, dilation, groups }: ConvShape): boolean =>
  r === 3 &&
  s === 3 &&
  c >= 16 &&
  groups === 1 &&
  Math.min(h, w) >= 14 &&
  [...stride, ...dilation].every((n) => n === 1);

/** onnxruntime-node, or why it is absent. */
export async function startOnnxRuntime({ threads, isa }: SideOptions): Promise<Peer | string> {
  const install = 'npm ci --prefix bench/peers --ignore-scripts';
  if (!existsSync(`${root}bench/peers/node_modules/onnxruntime-node`))
    return `onnxruntime-node is not installed: ${install}`;
  if (isa !== undefined) return 'onnxruntime-node: it cannot be held to an instruction set';
  const command = { program: process.execPath, args: [`${root}out/bench/peers/onnxruntime-peer.js`, String(threads)] };
  const side = new SideProcess(command);
  try {
    const hello = await side.hello();
    return {
      ...hello,
      sharesWeights: true,
      commands: { '': command },
      modes: ({ kind }) => (kind === 'predict' ? [{ process: side, name: '' }] : []),
      stop: () => side.stop(),
    };
  } catch (error) {
    side.stop();
    return `onnxruntime-node does not load (${(error as Error).message.trim().split('\n').at(-1)}): ${install}`;
  }
}
