// A recipe is a network together with the way it is trained: what `lanewise train --model NAME` means when nothing else
// is said. The figures that each recipe reaches stand at its definition.

import type { Augmentation } from '../data/augment.ts';
import type { Layer } from '../nn/layer.ts';

export type OptimizerName = 'sgd' | 'adam' | 'adamw';

/** Options of one optimizer, with the learning rate at the peak of the schedule. */
export interface OptimizerDefaults {
  readonly learningRate: number;
  readonly weightDecay: number;
}

export interface Recipe {
  /** One line for the help text. */
  readonly description: string;
  /** What it was made for; any other size works that its layers leave something of. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  layers(classes: number): Layer[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly labelSmoothing: number;
  /** Default: none. */
  readonly augment?: readonly Augmentation[];
  /** The optimizer that is used when none is asked for. */
  readonly optimizer: OptimizerName;
  readonly optimizers: Readonly<Record<OptimizerName, OptimizerDefaults>>;
}
