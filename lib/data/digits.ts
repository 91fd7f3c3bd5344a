// The data set that comes with the package: handwritten-looking digits, drawn when asked for. Every image depends on
// (seed, split, index) alone, so a longer set begins with the shorter one. Only + - * / sqrt and integer operations are
// used, which every engine rounds alike: the same seed gives the same pixels on every machine.

import { LanewiseError } from '../errors.ts';
import { randomBits, streamKey, uniform } from '../random.ts';
import { channelStatistics } from './channel-statistics.ts';
import type { DatasetSplits } from './dataset.ts';
import { DIGIT_STYLES, type Stroke } from './digit-strokes.ts';

export interface DigitsOptions {
  /** Training images. Default 12,000. */
  readonly trainCount?: number | undefined;
  /** Test images. Default 2,000. */
  readonly testCount?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
}

const DIGITS_SIZE = 28;
const PIXELS = DIGITS_SIZE * DIGITS_SIZE;
const STREAM = 0x64696769;
/** Straight pieces between two points of a stroke. */
const PIECES = 5;
/** Points of the grid of random vectors that bends a digit, per side. */
const GRID = 4;

// How much the digits vary; together these keep a linear classifier below 90 % and LeNet-5 above 98 %.
const MAX_SHIFT = 3.2;
const MAX_SLANT = 0.42;
const MAX_TURN = 0.1; // tangent of half the angle, about 11 degrees
const MAX_BEND = 0.1;
const NOISE = 26;

/** Draws a training and a test set that share no image. */
export function digits(options: DigitsOptions = {}): DatasetSplits {
  const seed = checkInteger('seed', options.seed ?? 1, 0, 0xffffffff);
  const trainCount = checkInteger('trainCount', options.trainCount ?? 12_000, 1, 2_000_000);
  const testCount = checkInteger('testCount', options.testCount ?? 2_000, 1, 2_000_000);
  const train = drawDigits(seed, 0, trainCount);
  const test = drawDigits(seed, 1, testCount);
  const common = {
    name: 'digits',
    shape: [DIGITS_SIZE, DIGITS_SIZE, 1] as const,
    classes: DIGIT_STYLES.map((_, digit) => String(digit)),
    ...channelStatistics(train.images, 1),
  };
  return { train: { ...common, ...train, count: trainCount }, test: { ...common, ...test, count: testCount } };
}

function drawDigits(seed: number, split: number, count: number): { images: Uint8Array; labels: Int32Array } {
  const images = new Uint8Array(count * PIXELS);
  const labels = new Int32Array(count);
  const pen = new Pen();
  for (let index = 0; index < count; index++) {
    const label = balancedLabel(streamKey(seed, STREAM, split, 0, Math.floor(index / 10)), index % 10);
    labels[index] = label;
    pen.draw(label, streamKey(seed, STREAM, split, 1, index), images.subarray(index * PIXELS, (index + 1) * PIXELS));
  }
  return { images, labels };
}

/** Every ten images hold each digit once, in random order. */
function balancedLabel(key: number, position: number): number {
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (let i = 9; i > 0; i--) {
    const j = randomBits(key, i) % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order[position]!;
}

/** Draws one image after the other, reusing its buffers. */
class Pen {
  /** Squared distance of each pixel's centre to the nearest stroke. */
  readonly #distance = new Float64Array(PIXELS);
  /** Displacement vectors of the bending grid: x, y per point. */
  readonly #bend = new Float64Array(2 * GRID * GRID);
  /** The affine map from the unit box to pixels: x' = a x + b y + c, y' = d x + e y + f. */
  #map = [0, 0, 0, 0, 0, 0];
  #reach = 0;

  draw(digit: number, key: number, pixels: Uint8Array): void {
    let drawn = 0;
    /** Uniform in [-1, 1). */
    const signed = (): number => 2 * uniform(key, drawn++) - 1;
    const styles = DIGIT_STYLES[digit]!;
    const style = styles[randomBits(key, drawn++) % styles.length]!;

    const height = 17.5 + 3.5 * signed();
    const width = height * (0.72 + 0.17 * signed());
    const slant = MAX_SLANT * signed() + 0.08;
    const turn = MAX_TURN * signed();
    // The rational parametrisation of the circle: a rotation without sine and cosine.
    const cosine = (1 - turn * turn) / (1 + turn * turn);
    const sine = (2 * turn) / (1 + turn * turn);
    const a = cosine * width;
    const d = sine * width;
    const b = (-slant * cosine - sine) * height;
    const e = (-slant * sine + cosine) * height;
    const c = DIGITS_SIZE / 2 + MAX_SHIFT * signed() - (a + b) / 2;
    const f = DIGITS_SIZE / 2 + MAX_SHIFT * signed() - (d + e) / 2;
    this.#map = [a, b, c, d, e, f];
    for (let i = 0; i < this.#bend.length; i++) this.#bend[i] = MAX_BEND * signed();

    const radius = 1.35 + 0.65 * signed();
    const softness = 1.1 + 0.35 * signed();
    const ink = 205 + 50 * signed();
    const paper = 12 + 12 * signed();
    const noise = (NOISE * (1 + signed())) / 2;
    this.#reach = radius + softness;

    this.#distance.fill(1e6);
    for (const stroke of style) this.#trace(stroke);
    const noiseKey = streamKey(key, 1);
    for (let i = 0; i < PIXELS; i++) {
      const edge = (radius - Math.sqrt(this.#distance[i]!)) / softness + 0.5;
      const coverage = edge < 0 ? 0 : Math.min(1, edge);
      const value = paper + (ink - paper) * coverage + noise * roughlyNormal(randomBits(noiseKey, i));
      pixels[i] = value < 0 ? 0 : value > 255 ? 255 : Math.floor(value + 0.5);
    }
  }

  /** Cuts a Catmull-Rom curve through the stroke's points into straight pieces and marks the distance to each. */
  #trace(stroke: Stroke): void {
    const last = stroke.length - 1;
    const points = stroke.map(([x, y]) => this.#place(x, y));
    const closed = stroke[0]![0] === stroke[last]![0] && stroke[0]![1] === stroke[last]![1];
    for (let i = 0; i < last; i++) {
      const p1 = points[i]!;
      const p2 = points[i + 1]!;
      const p0 = points[i - 1] ?? (closed ? points[last - 1]! : p1);
      const p3 = points[i + 2] ?? (closed ? points[1]! : p2);
      let [fromX, fromY] = p1;
      for (let piece = 1; piece <= PIECES; piece++) {
        const t = piece / PIECES;
        const x = catmullRom(p0[0], p1[0], p2[0], p3[0], t);
        const y = catmullRom(p0[1], p1[1], p2[1], p3[1], t);
        this.#mark(fromX, fromY, x, y);
        fromX = x;
        fromY = y;
      }
    }
  }

  /** Bends a point of the unit box by the grid's interpolated displacement and maps it to pixels. */
  #place(x: number, y: number): [number, number] {
    const gx = x * (GRID - 1);
    const gy = y * (GRID - 1);
    const column = Math.min(GRID - 2, Math.floor(gx));
    const row = Math.min(GRID - 2, Math.floor(gy));
    const tx = gx - column;
    const ty = gy - row;
    const at = 2 * (row * GRID + column);
    const bend = this.#bend;
    const mix = (k: number): number =>
      (bend[at + k]! * (1 - tx) + bend[at + 2 + k]! * tx) * (1 - ty) +
      (bend[at + 2 * GRID + k]! * (1 - tx) + bend[at + 2 * GRID + 2 + k]! * tx) * ty;
    const bentX = x + mix(0);
    const bentY = y + mix(1);
    const [a, b, c, d, e, f] = this.#map as [number, number, number, number, number, number];
    return [a * bentX + b * bentY + c, d * bentX + e * bentY + f];
  }

  /** Lowers the distance of every pixel within reach of the piece from (x0, y0) to (x1, y1). */
  #mark(x0: number, y0: number, x1: number, y1: number): void {
    const reach = this.#reach;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(DIGITS_SIZE - 1, Math.floor(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(DIGITS_SIZE - 1, Math.floor(Math.max(y0, y1) + reach));
    const dx = x1 - x0;
    const dy = y1 - y0;
    const lengthSquared = dx * dx + dy * dy;
    const inverse = lengthSquared > 0 ? 1 / lengthSquared : 0;
    const distance = this.#distance;
    for (let row = top; row <= bottom; row++) {
      const py = row + 0.5 - y0;
      for (let column = left; column <= right; column++) {
        const px = column + 0.5 - x0;
        let t = (px * dx + py * dy) * inverse;
        t = t < 0 ? 0 : Math.min(1, t);
        const ex = px - t * dx;
        const ey = py - t * dy;
        const squared = ex * ex + ey * ey;
        const at = row * DIGITS_SIZE + column;
        if (squared < distance[at]!) distance[at] = squared;
      }
    }
  }
}

function catmullRom(p0: number, p1: number, p2: number, p3: number, t: number): number {
  return 0.5 * (2 * p1 + t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))));
}

/** Sum of a word's four bytes, scaled to mean 0 and standard deviation 1. */
function roughlyNormal(bits: number): number {
  const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
  return (sum - 510) / 147.8;
}

function checkInteger(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new LanewiseError('option', `digits: ${option} must be a whole number from ${least} to ${most}, not ${value}`);
}
