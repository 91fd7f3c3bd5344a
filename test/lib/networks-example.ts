// The code of docs/networks.md, in its order; networks.test.ts holds them together and runs it.

import {
  add,
  batchNorm2d,
  concat,
  conv2d,
  type Dataset,
  fit,
  globalAvgPool2d,
  input,
  linear,
  loadModel,
  type Model,
  model,
  multiply,
  relu,
  sgd,
  sigmoid,
  softmaxCrossEntropy,
  type Value,
} from '../../lib/index.ts';

const convolved = (x: Value, filters: number) =>
  relu()(batchNorm2d()(conv2d({ filters, kernelSize: 3, padding: 'same', bias: false })(x)));

/** Squeeze and excitation (Hu et al. 2018). */
function excited(x: Value): Value {
  const channels = x.shape.at(-1) as number;
  const squeezed = relu()(linear({ units: channels / 4 })(globalAvgPool2d()(x)));
  return multiply()(x, sigmoid()(linear({ units: channels })(squeezed)));
}

export function network(): Model {
  const picture = input({ shape: [16, 16, 3], name: 'picture' });
  const facts = input({ shape: [5], name: 'facts' });
  const h = convolved(picture, 8);
  const features = globalAvgPool2d({ name: 'features' })(add()(h, excited(convolved(h, 8))));
  const all = concat()(features, linear({ units: 4 })(facts));
  const outputs = { kind: linear({ units: 3 })(all), broken: linear({ units: 2 })(all) };
  return model({ inputs: [picture, facts], outputs, seed: 1 });
}

export async function train(network: Model, data: Dataset): Promise<void> {
  const loss = { kind: softmaxCrossEntropy(), broken: { loss: softmaxCrossEntropy(), weight: 0.5 } };
  await fit(network, { data, loss, optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), batchSize: 8 });
}

export async function tune(path: string, data: Dataset): Promise<Model> {
  const backbone = await loadModel(path);
  const [picture] = backbone.inputs as [Value, Value];
  const tuned = model({ inputs: picture, outputs: linear({ units: 2, name: 'head' })(backbone.value('features')) });
  tuned.freeze(...tuned.copyWeights(backbone).filter((name) => !name.startsWith('picture')));
  await fit(tuned, { data, optimizer: sgd({ learningRate: 0.1 }), batchSize: 8 });
  return tuned;
}
