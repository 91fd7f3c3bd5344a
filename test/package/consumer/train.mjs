// What a newcomer's first file looks like, run against the installed tarball. The last line is what the test reads.
import { conv2d, digits, fit, flatten, linear, maxPool2d, relu, sequential, sgd } from 'lanewise';

const { train, test } = digits({ trainCount: 320, testCount: 64 });
const model = sequential(
  [
    conv2d({ filters: 4, kernelSize: 5 }),
    relu(),
    maxPool2d({ size: 2 }),
    flatten(),
    linear({ units: train.classes.length }),
  ],
  { inputShape: train.shape, seed: 1 },
);
const losses = [];
const result = await fit(model, {
  data: train,
  validation: test,
  optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
  epochs: 2,
  batchSize: 32,
  seed: 1,
  numerics: 'exact',
  onStep: ({ loss }) => losses.push(loss),
});
const { backend, isa, steps, stopped } = result;
console.log(JSON.stringify({ backend, isa, steps, stopped, losses, accuracy: result.validation?.accuracy }));
