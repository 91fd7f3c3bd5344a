// Compiled, never run: the types as a user of the installed package meets them. Each @ts-expect-error is a mistake that
// must not compile.
import {
  add,
  conv2d,
  type Dataset,
  datasetFrom,
  model as defineModel,
  fit,
  flatten,
  input,
  LanewiseError,
  type Layer,
  linear,
  type Model,
  residual,
  sequential,
  sgd,
  type TrainingResult,
  type Value,
} from 'lanewise';

const data: Dataset = datasetFrom({
  images: new Uint8Array(28 * 28),
  labels: [3],
  shape: [28, 28, 1],
  classes: 10,
});
const body: Layer = conv2d({ filters: 8, kernelSize: [3, 3], padding: 'same', stride: 1 });
const model: Model = sequential([body, residual([body]), flatten(), linear({ units: 10 })], {
  inputShape: [28, 28, 1],
});

const picture: Value = input({ shape: [28, 28, 1], name: 'picture' });
export const graph: Model = defineModel({
  inputs: picture,
  outputs: { digit: linear({ units: 10 })(flatten()(add()(picture, body(picture)))) },
});

export async function train(signal: AbortSignal): Promise<TrainingResult> {
  const run = fit(model, { data, optimizer: sgd({ learningRate: 0.1 }), backend: 'auto', signal });
  for await (const event of run) {
    if (event.type === 'epoch') console.log(event.trainLoss.toFixed(3), event.validation?.accuracy);
    // @ts-expect-error: only an epoch has a train loss
    else console.log(event.trainLoss);
  }
  return run;
}

export const codeOf = (error: unknown): string => (error instanceof LanewiseError ? error.code : 'other');

// @ts-expect-error: filters is required
conv2d({ kernelSize: 3 });
// @ts-expect-error: no such padding
conv2d({ filters: 8, kernelSize: 3, padding: 'full' });
// @ts-expect-error: misspelt option
linear({ units: 10, biass: false });
// @ts-expect-error: a layer is applied to values, not to layers
body(body);
// @ts-expect-error: a shape is a list of sizes
sequential([body], { inputShape: 28 });
// @ts-expect-error: labels and shape are missing
datasetFrom({ images: new Uint8Array(4) });
// @ts-expect-error: no such backend
fit(model, { data, optimizer: sgd({ learningRate: 0.1 }), backend: 'gpu' });
// @ts-expect-error: the optimizer is required
fit(model, { data });
// @ts-expect-error: the code is one of a few words
export const code: LanewiseError['code'] = 'nonsense';
