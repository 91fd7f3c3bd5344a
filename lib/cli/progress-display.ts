// Shows a training run as it goes: on a terminal one line that is redrawn, in a log a line now and then, and for both a
// line for each epoch.

import { formatEpochLine, formatProgressBar, formatProgressLine, type Progress } from '../report/progress.ts';
import type { EpochEvent, StepEvent } from '../train/fit.ts';
import { printLine, type TextStream } from './terminal.ts';

const REDRAW_MS = 100;
const LOG_LINE_MS = 10_000;

export class ProgressDisplay {
  readonly #out: TextStream;
  #lastShown = performance.now();
  #drawn = false;
  /** Of the epoch that is running: images, and sums of what was measured on them. */
  #epoch = 0;
  #images = 0;
  #loss = 0;
  #correct = 0;

  constructor(out: TextStream) {
    this.#out = out;
  }

  step(event: StepEvent): void {
    if (event.epoch !== this.#epoch) {
      this.#epoch = event.epoch;
      this.#images = 0;
      this.#loss = 0;
      this.#correct = 0;
    }
    this.#images += event.batchSize;
    this.#loss += event.loss * event.batchSize;
    this.#correct += (event.accuracy ?? 0) * event.batchSize;
    const now = performance.now();
    if (now - this.#lastShown < (this.#out.isTTY ? REDRAW_MS : LOG_LINE_MS)) return;
    this.#lastShown = now;
    const progress = this.#progress(event);
    if (this.#out.isTTY) {
      this.#out.write(`\r${formatProgressBar(progress, (this.#out.columns ?? 80) - 1)}\x1b[K`);
      this.#drawn = true;
    } else {
      printLine(this.#out, formatProgressLine(progress));
    }
  }

  epoch(event: EpochEvent): void {
    this.clear();
    const { validation, ...rest } = event;
    printLine(this.#out, formatEpochLine({ ...rest, testLoss: validation?.loss, testAccuracy: validation?.accuracy }));
    this.#lastShown = performance.now();
  }

  /** Takes the bar away, so that other text can be printed. */
  clear(): void {
    if (this.#drawn) this.#out.write('\r\x1b[K');
    this.#drawn = false;
  }

  #progress({ step, totalSteps, epoch, epochs, accuracy, imagesPerSecond, batchSize }: StepEvent): Progress {
    const stepsPerEpoch = totalSteps / epochs;
    const imagesLeft = (totalSteps - step) * batchSize;
    return {
      epoch,
      epochs,
      epochStep: step - (epoch - 1) * stepsPerEpoch,
      stepsPerEpoch,
      loss: this.#loss / this.#images,
      accuracy: accuracy === undefined ? undefined : this.#correct / this.#images,
      imagesPerSecond,
      etaSeconds: imagesPerSecond > 0 ? imagesLeft / imagesPerSecond : undefined,
    };
  }
}
