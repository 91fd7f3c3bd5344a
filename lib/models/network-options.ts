// Options that the networks share.

import { integer, onlyKnown, real } from '../options.ts';

export interface NetworkOptions {
  /** Outputs of the last layer. Default: what the network was published with. */
  readonly classes?: number;
  /** Multiplies the numbers of channels; those of the input and the classes stay. Default 1. */
  readonly width?: number;
}

export interface CheckedOptions {
  readonly classes: number;
  /** A published number of channels at the width asked for, at least 1. */
  channels(published: number): number;
}

/** Checks `options`; `more` are the names of further ones that `network` has. */
export function checkedNetwork(
  network: string,
  options: NetworkOptions,
  classes: number,
  more: readonly string[] = [],
): CheckedOptions {
  onlyKnown(network, options, ['classes', 'width', ...more]);
  const width = real(network, 'width', options.width ?? 1, 1e-3, 64);
  return {
    classes: integer(network, 'classes', options.classes ?? classes, 1),
    channels: (published) => Math.max(1, Math.round(published * width)),
  };
}
