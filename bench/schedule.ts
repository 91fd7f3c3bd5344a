// `npm run bench:schedule [-- --only PART] [--isa LEVEL]`: how much faster each op would be with 2 to 128 threads, by
// simulation: for whole training steps grouped by op, and for single layers pass by pass. Counts what the cutting into
// work items allows; memory bandwidth that the threads would have to share is not in it.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatTable } from '../lib/report/table.ts';
import { netNames } from './nets.ts';
import {
  buildScheduleProgram,
  type CompiledPlan,
  type ConvLayer,
  convPlan,
  linearPlan,
  netPlan,
  type OpSchedule,
  schedule,
} from './schedule-program.ts';

const THREADS = [2, 4, 8, 16, 32, 64, 128];

/** `c@size`, batch, kernel and the rest, square. */
const square = (n: number, size: number, c: number, o: number, kernel: number, more: Partial<ConvLayer> = {}) =>
  convPlan({ n, h: size, w: size, c, o, kernel: [kernel, kernel], ...more });

const layers: Readonly<Record<string, () => CompiledPlan>> = {
  '3x3 64@56 n8': () => square(8, 56, 64, 64, 3),
  '3x3 128@28 n8': () => square(8, 28, 128, 128, 3),
  '3x3 256@14 n8': () => square(8, 14, 256, 256, 3),
  '3x3 512@7 n8': () => square(8, 7, 512, 512, 3),
  '1x1 64->256@56 n8': () => square(8, 56, 64, 256, 1),
  '1x1 256->64@56 n8': () => square(8, 56, 256, 64, 1),
  '1x1 512->128@28 n8': () => square(8, 28, 512, 128, 1),
  '1x1 2048->512@7 n8': () => square(8, 7, 2048, 512, 1),
  '7x7/2 3->64@224 n8': () => square(8, 224, 3, 64, 7, { stride: 2 }),
  '3x3/2 128@56 n8': () => square(8, 56, 128, 128, 3, { stride: 2 }),
  '3x3 dilated 256@28 n4': () => square(4, 28, 256, 256, 3, { dilation: 2 }),
  '3x3 3->64@32 n64': () => square(64, 32, 3, 64, 3),
  '3x3 64@56 n1': () => square(1, 56, 64, 64, 3),
  '8x8/4 4->32@84 n32': () => square(32, 84, 4, 32, 8, { stride: 4, pad: [0, 0] }),
  'depthwise 32@112 n8': () => square(8, 112, 32, 32, 3, { groups: 32 }),
  'depthwise 384@14 n8': () => square(8, 14, 384, 384, 3, { groups: 384 }),
  'audio 64->64 k9@4000 n4': () => convPlan({ n: 4, h: 1, w: 4000, c: 64, o: 64, kernel: [1, 9] }),
  'linear 9216->128 n128': () => linearPlan(128, 9216, 128),
  'linear 4096->4096 n32': () => linearPlan(32, 4096, 4096),
};

const { values } = parseArgs({ options: { only: { type: 'string' }, isa: { type: 'string' } } });
const wanted = (name: string) => name.includes(values.only ?? '');
const program = buildScheduleProgram(fileURLToPath(new URL('../..', import.meta.url)));

function measure(plan: CompiledPlan): readonly OpSchedule[] {
  const isa = values.isa === undefined ? {} : { isa: values.isa };
  return schedule(program, plan, { threads: [1, ...THREADS], repetitions: 5, ...isa }).ops;
}

/** Cells of a row: the time on one thread, the part that no thread can take from another, speed-ups. */
function cells(ops: readonly OpSchedule[]): string[] {
  const sum = (threads: number, value: (op: OpSchedule) => number) =>
    ops.reduce((total, op) => total + (op.threads === threads ? value(op) : 0), 0);
  const one = sum(1, ({ ns }) => ns);
  const critical = sum(32, ({ criticalNs }) => criticalNs) / one;
  const speedUps = THREADS.map((threads) => one / sum(threads, ({ simulatedNs }) => simulatedNs));
  return [(one / 1e6).toFixed(2), (100 * critical).toFixed(1), ...speedUps.map((speedUp) => speedUp.toFixed(1))];
}

const numbers = ['ms', 'critical %', ...THREADS.map(String)].map((title) => ({ title, align: 'right' }) as const);

for (const name of netNames.filter(wanted)) {
  const all = measure(netPlan(name));
  const alone = all.filter(({ threads }) => threads === 1);
  const time = (ops: readonly OpSchedule[]) => ops.reduce((sum, { ns }) => sum + ns, 0);
  const rows = [...new Set(all.map(({ op }) => op))].flatMap((op) => {
    const executed = alone.filter((one) => one.op === op);
    if (time(executed) < 1e-3 * time(alone)) return []; // Nothing to gain.
    return [[op, String(executed.length), ...cells(all.filter((one) => one.op === op))]];
  });
  rows.sort((a, b) => Number(b[2]) - Number(a[2]));
  const titles = [{ title: name }, { title: 'executed', align: 'right' } as const, ...numbers];
  console.log(`${formatTable(titles, [...rows, 'rule', ['step', '', ...cells(all)]])}\n`);
}

const layerRows = Object.entries(layers).flatMap(([name, plan]) => {
  if (!wanted(name)) return [];
  const all = measure(plan());
  return [...new Set(all.map(({ op }) => op))].map((op) => {
    const passes = all.filter((one) => one.op === op);
    const items = passes.find(({ threads }) => threads === 32)?.items ?? [];
    return [name, op, items.length > 3 ? `${items.slice(0, 2).join(' ')} ...` : items.join(' '), ...cells(passes)];
  });
});
if (layerRows.length > 0) {
  const titles = [{ title: 'layer' }, { title: 'op' }, { title: 'items', align: 'right' } as const, ...numbers];
  console.log(formatTable(titles, layerRows));
}
