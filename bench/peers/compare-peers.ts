// One case on lanewise and one peer, in alternating rounds. The clock of a shared machine drifts and its neighbours come
// and go, so only figures of the same round are divided by each other. While one side is timed the others sleep: after
// each sample there is a pause, in which the threads that still spin go to sleep too.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Estimate, estimateMedian, median } from '../statistics.ts';
import type { Case, Description } from './cases.ts';
import { meterOthers } from './machine-load.ts';
import type { SideProcess } from './side-process.ts';
import type { Mode, Peer } from './sides.ts';

const PAUSE_MS = 50;
const SHORT_SECONDS = 0.03;
/** Cores' worth of time that others may take in a round before it is repeated, as often again as there are rounds. */
const MOST_DISTURBANCE = 0.1;
/** Short samples are taken until one is no longer this much faster than the one before. */
const STILL_WARMING = 0.95;
const MOST_WARMING = 10;

export interface CompareOptions {
  readonly rounds: number;
  /** Length of a sample. */
  readonly seconds: number;
}

export interface Result {
  readonly suite: string;
  readonly name: string;
  /** `fwd`, `dx`, ... where the case has parts, else ''. */
  readonly part: string;
  readonly threads: number;
  readonly peer: string;
  /** How the peer was fastest. */
  readonly mode: string;
  /** Milliseconds, or bytes for memory. */
  readonly lanewise: number;
  readonly other: number;
  /** The peer's figure over lanewise's, from pairs of the same round. */
  readonly ratio: Estimate;
  /** Rounds among them in which other processes took much of the machine. */
  readonly disturbedRounds: number;
}

/** The other's times over ours, round by round. */
export const ratioOf = (ours: readonly number[], theirs: readonly number[]): Estimate =>
  estimateMedian(theirs.map((time, round) => time / ours[round]!));

/**
 * A side's time for forward and both gradients in each round: the smaller of the sum of its three passes, each in its best
 * mode, and of all three one after the other, which touch more memory than one again and again; a peer's by automatic
 * differentiation.
 */
export function allPasses(passes: readonly (readonly number[])[], whole: readonly number[]): number[] {
  return whole.map((time, round) =>
    Math.min(
      time,
      passes.reduce((sum, times) => sum + times[round]!, 0),
    ),
  );
}

interface Part {
  readonly name: string;
  readonly best: Mode;
  readonly id: string;
  readonly ours: number[];
  readonly theirs: number[];
}

export async function compareWithPeer(
  { suite, name, parts: descriptions }: Case,
  lanewise: SideProcess,
  peer: Peer,
  threads: number,
  { rounds, seconds }: CompareOptions,
): Promise<Result[]> {
  const parts: Part[] = [];
  const processes = new Set<SideProcess>();
  for (const [part, description] of Object.entries(descriptions)) {
    await lanewise.prepare(part, description, '');
    await settle(lanewise, part);
    const chosen = await bestMode(part, description, peer.modes(description), processes);
    parts.push({ name: part, ...chosen, ours: [], theirs: [] });
  }
  const sampleOurs = async () => {
    for (const part of parts) part.ours.push((await lanewise.sample(part.name, seconds)).median);
    await sleep(PAUSE_MS);
  };
  const sampleTheirs = async () => {
    for (const part of parts) part.theirs.push((await part.best.process.sample(part.id, seconds)).median);
    await sleep(PAUSE_MS);
  };
  await sleep(PAUSE_MS);
  const pids = [process.pid, lanewise.pid, ...[...processes].map(({ pid }) => pid)];
  let disturbedRounds = 0;
  let repeats = rounds;
  for (let round = 0; round < rounds; round++) {
    const othersTook = meterOthers(pids);
    // Whoever goes second finds the machine as the first left it, so they take turns.
    for (const sample of round % 2 === 0 ? [sampleOurs, sampleTheirs] : [sampleTheirs, sampleOurs]) await sample();
    if (othersTook() <= MOST_DISTURBANCE) continue;
    if (repeats-- > 0) {
      for (const { ours, theirs } of parts) {
        ours.pop();
        theirs.pop();
      }
      round--;
    } else disturbedRounds++;
  }
  if (peer.sharesWeights) await checkOutputs(lanewise, parts[0]!);
  await lanewise.release();
  for (const process of processes) await process.release();

  const passes = parts.filter((part) => part.name !== 'all');
  const total = (side: 'ours' | 'theirs', part: Part) =>
    part.name === 'all'
      ? allPasses(
          passes.map((pass) => pass[side]),
          part[side],
        )
      : part[side];
  return parts.map((part) => {
    const [ours, theirs] = [total('ours', part), total('theirs', part)];
    const mode = part.name === 'all' && median(theirs) < median(part.theirs) ? 'sum of its passes' : part.best.name;
    return {
      ...{ suite, name, part: part.name, threads, peer: peer.name, mode },
      lanewise: median(ours),
      other: median(theirs),
      ratio: ratioOf(ours, theirs),
      disturbedRounds,
    };
  });
}

/** The time of a call once it no longer falls: the first touch of memory alone can take a hundred times as long. */
async function settle(process: SideProcess, id: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_WARMING; i++) {
    const { median: time } = await process.sample(id, SHORT_SECONDS);
    if (time > STILL_WARMING * least) return Math.min(time, least);
    least = time;
  }
  return least;
}

/** Times every mode, briefly, and keeps the fastest. */
async function bestMode(part: string, description: Description, modes: readonly Mode[], used: Set<SideProcess>) {
  let best: { best: Mode; id: string; time: number } | undefined;
  for (const mode of modes) {
    const id = `${part} ${mode.name}`;
    used.add(mode.process);
    await mode.process.prepare(id, description, mode.name.split(',')[0]!);
    const time = await settle(mode.process, id);
    await sleep(PAUSE_MS);
    if (best === undefined || time < best.time) best = { best: mode, id, time };
  }
  if (!best) throw new Error(`no mode for ${part}`);
  return best;
}

/** Both must have predicted the same, or the times mean nothing. */
async function checkOutputs(lanewise: SideProcess, { name, best, id }: Part): Promise<void> {
  const [ours, theirs] = [await lanewise.output(name), await best.process.output(id)];
  const scale = Math.max(...theirs.map(Math.abs));
  const worst = Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] ?? Number.NaN))));
  if (!(worst <= 1e-3 * scale)) throw new Error(`outputs differ by ${worst}, at a largest value of ${scale}`);
}
