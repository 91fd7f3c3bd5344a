// onnxruntime-node's side of `npm run bench:peers`: predictions of the files that lanewise exports.
// node onnxruntime-peer.js THREADS

import { createRequire } from 'node:module';
import { randomImages } from '../net-run.ts';
import { nets } from '../nets.ts';
import { sample } from '../timing.ts';
import type { Description } from './cases.ts';
import { type Prepared, serve } from './protocol.ts';

/** What is used of onnxruntime-node; its own types are there only where it is installed. */
interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(file: string, options: Readonly<Record<string, unknown>>): Promise<InferenceSession>;
  };
}
interface Tensor {
  readonly data: Float32Array;
}
interface InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}

// This file runs from out/; the package lies beside its source.
const require = createRequire(new URL('../../../bench/peers/package.json', import.meta.url));
const { Tensor, InferenceSession }: OnnxRuntime = require('onnxruntime-node');
const { version } = require('onnxruntime-node/package.json');
const threads = Number(process.argv[2]);

/** [n, h, w, c] to [n, c, h, w] */
function channelsFirst(images: Float32Array, [n, h, w, c]: readonly [number, number, number, number]): Float32Array {
  const result = new Float32Array(images.length);
  for (let image = 0; image < n; image++) {
    for (let pixel = 0; pixel < h * w; pixel++) {
      for (let channel = 0; channel < c; channel++) {
        result[(image * c + channel) * h * w + pixel] = images[(image * h * w + pixel) * c + channel]!;
      }
    }
  }
  return result;
}

async function prepare(description: Description): Promise<Prepared> {
  if (description.kind !== 'predict' || description.onnxFile === undefined)
    throw new Error(`onnxruntime does not do ${description.kind}`);
  const { net, batch, onnxFile } = description;
  const [h, w, c] = nets[net].inputShape;
  const session = await InferenceSession.create(onnxFile, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  const images = channelsFirst(randomImages(net, batch), [batch, h, w, c]);
  const feeds = { [session.inputNames[0]!]: new Tensor('float32', images, [batch, c, h, w]) };
  let output: Float32Array = new Float32Array(0);
  const run = async () => {
    output = (await session.run(feeds))[session.outputNames[0]!]!.data;
  };
  await run();
  return { run, sample: (seconds) => sample(run, seconds), output: () => output };
}

await serve({ hello: () => ({ name: 'onnxruntime-node', version, details: {} }), prepare });
