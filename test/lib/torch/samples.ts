// The networks of scripts/torch-state-dict.py here, and how what they give is compared with what PyTorch gave.

import { netModel } from '../../../bench/net-run.ts';
import { datasetFrom } from '../../../lib/data/dataset-from.ts';
import * as nn from '../../../lib/index.ts';
import { readSafetensors } from '../../../lib/io/safetensors.ts';

export const small = (): nn.Model =>
  nn.sequential(
    [
      nn.conv2d({ filters: 4, kernelSize: 3, stride: 2, padding: 1, bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.conv2d({ filters: 8, kernelSize: 3, padding: 1, groups: 4 }),
      nn.groupNorm({ groups: 2 }),
      nn.prelu({ perChannel: true }),
      nn.layerNorm({ axes: 3 }),
      nn.instanceNorm({ affine: true }),
      nn.convTranspose2d({ filters: 6, kernelSize: [2, 1], groups: 2 }),
      nn.flatten(),
      nn.prelu({ perChannel: true }),
      nn.batchNorm1d(),
      nn.linear({ units: 5 }),
      nn.tanh(),
      nn.linear({ units: 3 }),
    ],
    { inputShape: [6, 4, 3] },
  );

export const resnet18 = (): nn.Model => netModel('resnet18');

/** The same with an activation that has no corner. */
export function resnet18Silu(): nn.Model {
  const convNorm = (filters: number, kernelSize: number, stride = 1): nn.Layer[] => [
    nn.conv2d({ filters, kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false }),
    nn.batchNorm2d(),
  ];
  const block = (filters: number, stride: number): nn.Layer[] => [
    nn.residual(
      [...convNorm(filters, 3, stride), nn.silu(), ...convNorm(filters, 3)],
      stride > 1 ? convNorm(filters, 1, stride) : [],
    ),
    nn.silu(),
  ];
  const stages = [64, 128, 256, 512].flatMap((filters, i) => [...block(filters, i > 0 ? 2 : 1), ...block(filters, 1)]);
  return nn.sequential([...convNorm(64, 3), nn.silu(), ...stages, nn.globalAvgPool2d(), nn.linear({ units: 10 })], {
    inputShape: [32, 32, 3],
  });
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Relative errors of the logits, the loss, and each parameter's gradient, of a model whose weights are PyTorch's. */
export async function errorsAgainst(
  samplesPath: string,
  build: () => nn.Model,
  model: nn.Model,
  names: nn.ModuleNames,
  options: { backend: 'typescript' | 'native'; numerics?: nn.Numerics },
): Promise<{ logits: number; loss: number; gradients: Record<string, number> }> {
  const { tensors } = await readSafetensors(samplesPath);
  const sample = (name: string) => {
    const found = tensors.get(name);
    if (!found) throw new Error(`${samplesPath} has no ${name}`);
    return found;
  };
  const x = sample('x').data as Float32Array;
  const wanted = sample('logits').data as Float32Array;
  const { backend } = options;
  const logits = await model.predict(x, { backend });
  const classes = wanted.length / sample('labels').data.length;
  const [, ...shape] = sample('x').shape;
  const data = datasetFrom({ images: x, labels: sample('labels').data as Int32Array, shape, classes });
  const result = await nn.gradients(model, data, options);
  // The gradients in PyTorch's order, by way of a model that holds them in place of its weights.
  const holder = build();
  for (const [name, { data: values, role }] of holder.tensors) {
    if (role === 'parameter') values.set(result.gradients.get(name) as Float32Array);
  }
  const gradients: Record<string, number> = {};
  for (const [name, { data: got }] of nn.stateDict(holder, { names })) {
    const expected = tensors.get(`gradient.${name}`)?.data as Float32Array | undefined;
    if (expected)
      gradients[name] = norm(Float32Array.from(got, (v, i) => v - (expected[i] as number))) / norm(expected);
  }
  return {
    logits: largest(logits.map((v, i) => v - (wanted[i] as number))) / largest(wanted),
    loss: Math.abs(result.loss / (sample('loss').data[0] as number) - 1),
    gradients,
  };
}
