// Peak memory of five training steps, in a fresh process of each side: the whole process, and what the steps added to
// the process that had only loaded its libraries.

import { estimateMedian } from '../statistics.ts';
import type { Case, Description } from './cases.ts';
import type { Result } from './compare-peers.ts';
import { type Command, SideProcess } from './side-process.ts';
import { lanewiseCommand, type Peer, type SideOptions } from './sides.ts';

interface Peak {
  readonly mode: string;
  readonly whole: number;
  readonly added: number;
}

async function peakOf(command: Command, description: Description, mode: string, name: string): Promise<Peak> {
  const side = new SideProcess(command);
  try {
    const before = await side.peakMemory();
    await side.prepare('step', description, mode); // does one step
    await side.run('step', 4);
    const whole = await side.peakMemory();
    return { mode: name, whole, added: whole - before };
  } finally {
    side.stop();
  }
}

export async function comparePeakMemory(benchCase: Case, options: SideOptions, peer: Peer): Promise<Result[]> {
  const description = benchCase.parts[''] as Description;
  const ours = await peakOf(lanewiseCommand(options), description, '', '');
  const theirs: Peak[] = [];
  for (const [allocator, command] of Object.entries(peer.commands)) {
    for (const format of ['contiguous', 'channels_last']) {
      theirs.push(await peakOf(command, description, format, `${format}, ${allocator}`));
    }
  }
  return (['whole', 'added'] as const).map((kind) => {
    const least = theirs.reduce((best, peak) => (peak[kind] < best[kind] ? peak : best));
    return {
      ...{ suite: benchCase.suite, name: benchCase.name, threads: options.threads, peer: peer.name, mode: least.mode },
      part: kind === 'whole' ? 'whole process' : 'beyond its libraries',
      lanewise: ours[kind],
      other: least[kind],
      ratio: estimateMedian([least[kind] / ours[kind]]),
      disturbedRounds: 0,
    };
  });
}
