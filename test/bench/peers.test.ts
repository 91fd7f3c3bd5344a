// The comparison with peers, without any: every case exists, its arithmetic is what the sizes say, the statistics are
// right, and what goes wrong on a side is told.

import { describe, expect, it } from 'vitest';
import { outputSize } from '../../bench/conv-program.ts';
import { netModel, prediction, trainingStep } from '../../bench/net-run.ts';
import { type NetName, netNames } from '../../bench/nets.ts';
import { cases } from '../../bench/peers/cases.ts';
import { allPasses, type Result, ratioOf } from '../../bench/peers/compare-peers.ts';
import { meterOthers } from '../../bench/peers/machine-load.ts';
import { programOf } from '../../bench/peers/programs.ts';
import { geometricMean, markdown, summarize } from '../../bench/peers/report.ts';
import { SideProcess } from '../../bench/peers/side-process.ts';
import type { Backend } from '../../lib/backend/backend.ts';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { typescriptBackend } from '../../lib/backend/typescript.ts';

/** As PyTorch counts them in the same networks. */
const PARAMETERS: Readonly<Record<NetName, number>> = {
  lenet5: 61_706,
  'mnist-cnn': 1_199_882,
  'cifar-vgg': 2_197_706,
  resnet18: 11_173_962,
  dqn: 1_687_206,
};
const python = process.env['LANEWISE_TORCH_PYTHON'];

describe('networks', () => {
  it.each(Object.entries(PARAMETERS))('%s has %d parameters', (name, count) => {
    expect(netModel(name as NetName).parameterCount).toBe(count);
  });

  it.skipIf(!python)('have as many in PyTorch (needs LANEWISE_TORCH_PYTHON)', async () => {
    const torch = new SideProcess({ program: python as string, args: ['bench/peers/torch_peer.py'] });
    expect((await torch.hello()).details['parameters']).toEqual(PARAMETERS);
    torch.stop();
  });

  it('train and predict', async () => {
    await trainingStep('lenet5', 2, typescriptBackend).run();
    const { run, output } = prediction('lenet5', 2, typescriptBackend);
    await run();
    expect(new Set(output).size).toBe(20);
  });
});

describe('cases', () => {
  it('are all there', () => {
    const count = (suite: string) => cases.filter((one) => one.suite === suite).length;
    expect(['nets', 'layers', 'gemm', 'memory-bound', 'norms', 'infer', 'memory'].map(count)).toEqual([
      5, 36, 54, 20, 6, 8, 1,
    ]);
    expect(new Set(cases.map(({ suite, name }) => `${suite} ${name}`)).size).toBe(cases.length);
  });

  const parts = cases.flatMap(({ name, parts: ofCase }) =>
    Object.entries(ofCase).flatMap(([part, description]) =>
      description.kind === 'step' || description.kind === 'predict' ? [] : [{ name: `${name} ${part}`, description }],
    ),
  );
  it.each(netNames)('%s compiles for training and prediction', (name) => {
    expect(trainingStep(name, 1, typescriptBackend).arenaBytes).toBeGreaterThan(0);
    expect(prediction(name, 1, typescriptBackend).arenaBytes).toBeGreaterThan(0);
  });

  it.each(parts)('$name compiles', ({ description }) => {
    const { plan, work } = programOf(description).compile();
    expect(plan.ops.length).toBeGreaterThan(0);
    if (description.kind === 'conv') {
      const { n, c, k, r, s, groups } = description.shape;
      const [oh, ow] = outputSize(description.shape);
      const passes = description.pass === 'all' ? 3 : 1;
      expect(work.flops).toBe(passes * 2 * n * k * oh * ow * (c / groups) * r * s);
    } else if (description.kind === 'gemm') {
      expect(work.flops).toBe(2 * description.m * description.n * description.k);
    } else {
      expect(work.bytes).toBeGreaterThan(0);
    }
  });

  it('repeat a short op inside one call', async () => {
    const native = loadNative().binding ? selectBackend({ backend: 'native', threads: 1 }) : typescriptBackend;
    const short = programOf({ kind: 'gemm', form: 'NN', m: 8, n: 8, k: 8 }).prepare(native);
    expect(short.repetitions).toBeGreaterThan(100);
    expect(await short.run()).toBe(true);
    let ops = 0;
    const counting: Backend = {
      ...typescriptBackend,
      compile(plan, store) {
        ops = plan.ops.length;
        return typescriptBackend.compile(plan, store);
      },
    };
    programOf({ kind: 'gemm', form: 'NN', m: 8, n: 8, k: 8 }).prepare(counting);
    expect(ops).toBe(short.repetitions);
    const step = { kind: 'optimizer', optimizer: 'sgd', sizes: [64, 9] } as const;
    expect(await programOf(step).prepare(native).run()).toBe(true);
    const long = programOf({ kind: 'add', map: { n: 32, h: 56, w: 56, c: 64 } }).prepare(typescriptBackend);
    expect(long.repetitions).toBe(1);
  });
});

describe('statistics', () => {
  const result = (name: string, ratio: number, peer = 'PyTorch'): Result => ({
    ...{ suite: 'nets', name, part: '', threads: 1, peer, mode: 'contiguous', lanewise: 1, other: ratio },
    ratio: { median: ratio, low: ratio, high: ratio, coverage: 1 },
    disturbedRounds: 0,
  });

  it('divides figures of the same round', () => {
    // The machine was half as fast in the second round: the ratio of medians would be 2.4.
    expect(ratioOf([1, 2, 1.25], [2, 4, 3])).toMatchObject({ median: 2, low: 2, high: 2.4 });
  });

  it('takes the smaller of the passes together and automatic differentiation', () => {
    expect(
      allPasses(
        [
          [1, 1],
          [2, 2],
          [3, 4],
        ],
        [7, 5],
      ),
    ).toEqual([6, 5]);
  });

  it('takes the geometric mean and the worst of each suite and peer', () => {
    expect(geometricMean([1, 4, 16])).toBeCloseTo(4, 12);
    const summary = summarize([result('a', 8), result('b', 2), result('a', 0.5, 'onnxruntime-node')]);
    expect(summary).toMatchObject([
      { peer: 'PyTorch', cases: 2, geometricMean: 4, worst: 2, worstCase: 'b' },
      { peer: 'onnxruntime-node', cases: 1, geometricMean: 0.5, worst: 0.5, worstCase: 'a' },
    ]);
  });

  it('writes a page', () => {
    const machine = { cpu: 'a CPU', cores: 2, memory: '4 GiB', system: 'linux' };
    const head = {
      date: '2026-01-01',
      machine,
      isa: 'avx2',
      rounds: 7,
      versions: { lanewise: '1' },
      peaks: { 1: 100 },
    };
    const page = markdown({ ...head, absent: ['onnxruntime-node: x'], failed: [], results: [result('lenet5', 2.5)] });
    expect(page).toContain('| lenet5 | 1 | 1.00 | PyTorch (contiguous) | 2.50 | 2.50 | 2.50 .. 2.50 |');
    expect(page).toContain('| nets | 1 | PyTorch | 1 | 2.50 | 2.50 (lenet5) |');
    expect(page).toContain('Absent: onnxruntime-node: x.');
    const results = [result('lenet5', 2.5), { ...result('dqn', 2), disturbedRounds: 3 }];
    const disturbed = markdown({ ...head, absent: [], failed: [], results });
    expect(disturbed).toContain('| nets | 1 | PyTorch | 2 (1 disturbed) |');
    expect(disturbed).toContain('2.00 .. 2.00 (3 disturbed) |');
  });
});

describe('the load of the machine', () => {
  /** Computes for 0.3 s, however long that takes on a busy machine. */
  const compute = () => {
    const start = process.cpuUsage();
    for (let used = 0; used < 3e5; ) {
      const { user, system } = process.cpuUsage(start);
      used = user + system;
    }
  };

  it.skipIf(process.platform !== 'linux')('is that of the others (needs /proc)', () => {
    const start = performance.now();
    const [everyone, others] = [meterOthers([]), meterOthers([process.pid])];
    compute();
    const own = everyone() - others();
    const seconds = (performance.now() - start) / 1000;
    expect(own * seconds).toBeGreaterThan(0.25);
    expect(own * seconds).toBeLessThan(0.5);
  });
});

describe('a side', () => {
  const side = (script: string) => new SideProcess({ program: process.execPath, args: ['-e', script] });

  it('answers', async () => {
    const answering = side(`process.stdin.on('data', () => console.log('{"bytes":7}'))`);
    expect(await answering.peakMemory()).toBe(7);
    answering.stop();
  });

  it('tells its errors', async () => {
    const failing = side(`process.stdin.on('data', () => console.log('{"error":"no such case"}'))`);
    await expect(failing.hello()).rejects.toThrow('no such case');
    failing.stop();
  });

  it('that ends is reported with its last words', async () => {
    const dying = side(`console.error('out of memory'); process.exitCode = 3`);
    await expect(dying.hello()).rejects.toThrow(/ended with 3: out of memory/);
    await expect(dying.hello()).rejects.toThrow('out of memory');
  });

  it('that is no program is reported', async () => {
    await expect(new SideProcess({ program: '/nowhere/python', args: [] }).hello()).rejects.toThrow('ENOENT');
  });

  it('that talks nonsense is reported', async () => {
    const babbling = side(`process.stdin.on('data', () => console.log('hello'))`);
    await expect(babbling.hello()).rejects.toThrow("wrote 'hello'");
    babbling.stop();
  });
});
