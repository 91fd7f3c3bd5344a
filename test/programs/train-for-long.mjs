// Trains LeNet-5 for a number of steps and prints resident memory along the way, after collecting garbage.
// Usage: node --expose-gc train-for-long.mjs STEPS BATCH

import { digits, fit, models, sequential, sgd } from '../../dist/index.js';

const [steps, batchSize] = process.argv.slice(2).map(Number);
const { train } = digits({ trainCount: 1000 * batchSize, testCount: 1 });
const model = sequential(models.lenet5(), { inputShape: [28, 28, 1] });
const resident = [];
const onStep = ({ step }) => {
  if (step % (steps / 10) !== 0) return;
  globalThis.gc();
  globalThis.gc();
  resident.push(process.memoryUsage().rss);
};
const optimizer = sgd({ learningRate: 0.001, momentum: 0.9 });
const { steps: done } = await fit(model, {
  data: train,
  optimizer,
  epochs: steps / 1000,
  batchSize,
  backend: 'native',
  onStep,
});
console.log(JSON.stringify({ done, resident }));
