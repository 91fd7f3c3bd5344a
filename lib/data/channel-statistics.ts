// Mean and standard deviation of every channel over a whole data set. Pixels are counted in integers, which is exact;
// floats are summed in doubles in a fixed order, so a data set always gives the same numbers.

import { LanewiseError } from '../errors.ts';

export interface ChannelStatistics {
  readonly mean: readonly number[];
  /** 1 for a channel that never changes, so that dividing by it is always possible. */
  readonly std: readonly number[];
}

export function channelStatistics(images: Uint8Array | Float32Array, channels: number): ChannelStatistics {
  const count = images.length / channels;
  const columns = Array.from({ length: channels }, (_, channel) =>
    images instanceof Uint8Array ? countPixels(images, channel, channels) : sumFloats(images, channel, channels),
  );
  return {
    mean: columns.map((column) => column.sum / count),
    std: columns.map((column) => (column.squares > 0 ? Math.sqrt(column.squares / count) : 1)),
  };
}

interface ChannelSums {
  readonly sum: number;
  /** Sum of squared differences from the mean. */
  readonly squares: number;
}

function countPixels(images: Uint8Array, channel: number, channels: number): ChannelSums {
  const histogram = new Float64Array(256);
  for (let i = channel; i < images.length; i += channels) histogram[images[i]!]!++;
  const count = images.length / channels;
  let sum = 0;
  for (let value = 0; value < 256; value++) sum += value * histogram[value]!;
  let squares = 0;
  for (let value = 0; value < 256; value++)
    squares += histogram[value]! * (value - sum / count) * (value - sum / count);
  return { sum, squares };
}

function sumFloats(images: Float32Array, channel: number, channels: number): ChannelSums {
  const count = images.length / channels;
  let sum = 0;
  for (let i = channel; i < images.length; i += channels) {
    const value = images[i]!;
    if (!Number.isFinite(value)) {
      throw new LanewiseError('data', `images[${i}] is ${value}; every value must be finite`);
    }
    sum += value;
  }
  const mean = sum / count;
  let squares = 0;
  for (let i = channel; i < images.length; i += channels) squares += (images[i]! - mean) * (images[i]! - mean);
  return { sum, squares };
}
