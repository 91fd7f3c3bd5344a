// Finds where numbers went bad when a loss is no longer finite.

import { LanewiseError } from '../errors.ts';
import type { Model } from './model.ts';
import type { Batch, Session, StepContext } from './session.ts';

const FIX = 'lower the learning rate, or check that the inputs are normalised';

/** The error for a step whose loss is not finite: names the first tensor, in the order of the layers, that holds NaN or
 * infinity. The weights are still those from before the step. */
export async function divergedError(
  model: Model,
  session: Session,
  batch: Batch,
  context: StepContext,
): Promise<LanewiseError> {
  const place = await firstBadPlace(model, session, batch, context);
  return new LanewiseError(
    'diverged',
    `step ${context.step}: the loss is not finite; first bad values: ${place}; ${FIX}`,
  );
}

async function firstBadPlace(model: Model, session: Session, batch: Batch, context: StepContext): Promise<string> {
  for (const [i, values] of batch.inputs.entries()) {
    const bad = describeBad(values);
    const input = batch.inputs.length === 1 ? 'images' : model.architecture.inputs[i]?.name;
    if (bad) return `the input ${input} (${bad})`;
  }
  const outputs = await session.inspect(batch, context);
  const weights = new Map<string, string>();
  for (const [name, { data }] of model.tensors) {
    const values = new Float32Array(data.length);
    session.read(name, values);
    const bad = describeBad(values);
    const layer = name.slice(0, name.lastIndexOf('.'));
    if (bad && !weights.has(layer)) weights.set(layer, `${name} (${bad})`);
  }
  for (const [layer, values] of outputs) {
    const weight = weights.get(layer);
    if (weight) return `layer ${layer}, its weights ${weight}`;
    const bad = describeBad(values);
    if (bad) return `layer ${layer}, its output (${bad})`;
  }
  return 'the loss itself';
}

function describeBad(values: ArrayLike<number>): string | undefined {
  let nan = 0;
  let infinite = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
  }
  return nan + infinite === 0 ? undefined : `${nan} NaN, ${infinite} infinite of ${values.length}`;
}
