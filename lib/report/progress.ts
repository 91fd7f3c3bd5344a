// Lines that tell how far a training run has come: a bar for a terminal, redrawn in place by its caller, and plain
// lines for a log. Pure text: nothing here writes or reads a clock.

import { formatDuration, formatInteger, formatLoss, formatPercent } from './units.ts';

export interface Progress {
  /** Epoch being worked on, counted from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in this epoch, and in all. */
  readonly epochStep: number;
  readonly stepsPerEpoch: number;
  readonly loss: number;
  readonly accuracy?: number | undefined;
  readonly imagesPerSecond: number;
  /** Time left until the last epoch ends; absent while it cannot be told. */
  readonly etaSeconds?: number | undefined;
}

export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly trainLoss: number;
  readonly trainAccuracy?: number | undefined;
  readonly testLoss?: number | undefined;
  readonly testAccuracy?: number | undefined;
  readonly imagesPerSecond: number;
  readonly seconds: number;
}

const epochLabel = (epoch: number, epochs: number): string =>
  `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;

const measures = (progress: Progress): string[] => [
  `loss ${formatLoss(progress.loss)}`,
  ...(progress.accuracy === undefined ? [] : [`accuracy ${formatPercent(progress.accuracy)}`]),
  `${formatInteger(progress.imagesPerSecond)} images/s`,
  `ETA ${progress.etaSeconds === undefined ? '-' : formatDuration(progress.etaSeconds)}`,
];

/** One line with a bar, at most `columns` characters wide, for a terminal. */
export function formatProgressBar(progress: Progress, columns: number): string {
  const share = progress.stepsPerEpoch > 0 ? Math.min(1, Math.max(0, progress.epochStep / progress.stepsPerEpoch)) : 0;
  const head = epochLabel(progress.epoch, progress.epochs);
  const tail = `${String(Math.floor(share * 100)).padStart(3)} %  ${measures(progress).join('  ')}`;
  const size = Math.min(30, columns - head.length - tail.length - 4);
  if (size < 5) return `${head} ${tail}`.slice(0, Math.max(0, columns));
  const filled = Math.round(share * size);
  const arrow = filled > 0 && filled < size ? 1 : 0;
  return `${head} [${'='.repeat(filled - arrow)}${'>'.repeat(arrow)}${' '.repeat(size - filled)}] ${tail}`;
}

/** The same facts as one line of a log. */
export function formatProgressLine(progress: Progress): string {
  const step = `step ${formatInteger(progress.epochStep)}/${formatInteger(progress.stepsPerEpoch)}`;
  return [epochLabel(progress.epoch, progress.epochs), step, ...measures(progress)].join('  ');
}

/** The line that stays when an epoch is over. */
export function formatEpochLine(report: EpochReport): string {
  return [
    epochLabel(report.epoch, report.epochs),
    `loss ${formatLoss(report.trainLoss)}`,
    ...(report.trainAccuracy === undefined ? [] : [`accuracy ${formatPercent(report.trainAccuracy)}`]),
    ...(report.testLoss === undefined ? [] : [`test loss ${formatLoss(report.testLoss)}`]),
    ...(report.testAccuracy === undefined ? [] : [`test accuracy ${formatPercent(report.testAccuracy)}`]),
    `${formatInteger(report.imagesPerSecond)} images/s`,
    formatDuration(report.seconds),
  ].join('  ');
}
