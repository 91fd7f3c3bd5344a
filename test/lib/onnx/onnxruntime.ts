// onnxruntime-node where `npm ci --prefix bench/peers --ignore-scripts` has put it; it is no dependency of the project.

import { createRequire } from 'node:module';

interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}
interface Session {
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}
interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: { create(file: Uint8Array, options: object): Promise<Session> };
}

function find(): OnnxRuntime | undefined {
  try {
    return createRequire(new URL('../../../bench/peers/package.json', import.meta.url))('onnxruntime-node');
  } catch {
    return undefined;
  }
}

const runtime = find();

/** Why tests with it are left out, if they are. */
export const withoutOnnxRuntime =
  runtime === undefined
    ? 'onnxruntime-node is not installed (npm ci --prefix bench/peers --ignore-scripts)'
    : undefined;

export interface FileTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What onnxruntime computes of a file, by the outputs' names. */
export async function runInOnnxRuntime(
  file: Uint8Array,
  inputs: Readonly<Record<string, FileTensor>>,
): Promise<Record<string, FileTensor>> {
  if (!runtime) throw new Error(withoutOnnxRuntime);
  const session = await runtime.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, { shape, data }]) => [
    name,
    new (runtime as OnnxRuntime).Tensor('float32', data, shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data }]));
}
