// A data set as a model takes it: what goes to each input and what each loss compares with, checked once, then handed out
// in batches.

import type { Augmenter } from '../data/augmenter.ts';
import type { Dataset, DatasetInput, DatasetTarget, Labels } from '../data/dataset.ts';
import { gatherBatch, gatherExamples } from '../data/gather-batch.ts';
import { LanewiseError } from '../errors.ts';
import { elementCount } from '../ops/op.ts';
import { checkedImages, checkLabels, type Images } from './batch.ts';
import type { Model } from './model.ts';
import type { OutputLoss } from './objective.ts';
import type { Batch } from './session.ts';

/** How the images of the first input are changed on the way. */
export interface BatchAugmentation {
  readonly augmenter: Augmenter;
  readonly key: number;
}

export class Feed {
  readonly count: number;
  /** In the order of the model's inputs. */
  readonly inputs: readonly DatasetInput[];
  /** In the order of the losses. */
  readonly targets: readonly DatasetTarget[];
  readonly #data: Dataset;
  /** Memory of the batches that `gather` makes. */
  #memory: { readonly inputs: readonly Images[]; readonly labels: readonly Labels[]; readonly size: number };

  /** Checks that `data` has what `model` takes and what `losses` compare with. */
  constructor(caller: string, data: Dataset, model: Model, losses: readonly OutputLoss[]) {
    if (typeof data !== 'object' || data === null) throw new LanewiseError('data', `${caller}: needs a data set`);
    const { inputs } = model.architecture;
    this.#data = data;
    this.count = data.count;
    this.inputs = inputs.map(({ name }, i) => (i === 0 ? data : further(caller, data, 'inputs', name)));
    this.targets = losses.map(({ output }, i) => (i === 0 ? data : further(caller, data, 'targets', output)));
    refuseStray(
      caller,
      data,
      'inputs',
      inputs.slice(1).map(({ name }) => name),
    );
    refuseStray(
      caller,
      data,
      'targets',
      losses.slice(1).map(({ output }) => output),
    );
    const context = `${caller}: ${data.name}`;
    const inputCounts = inputs.map(({ name, shape }, i) => {
      const given = this.inputs[i] as DatasetInput;
      const what = inputs.length === 1 ? 'images' : name;
      if (given.shape?.join() !== shape.join()) {
        const shapes = `${data.name} has ${what} [${given.shape}], the model takes [${shape}]`;
        throw new LanewiseError('data', `${caller}: ${shapes}`);
      }
      return `${checkedImages(context, given.images, shape, what)} ${what}`;
    });
    const labelCounts = losses.map(({ output, loss }, i) => {
      const target = this.targets[i] as DatasetTarget;
      const what = losses.length === 1 ? 'labels' : `labels of ${output}`;
      checkLabels(context, target, model.outputShapes.get(output) ?? [], loss, what);
      return `${target.labels.length / labelSize(target)} ${what}`;
    });
    const counts = [...inputCounts, ...labelCounts];
    if (!counts.every((count) => count.startsWith(`${data.count} `))) {
      const found = `has ${counts.join(' and ')}, count says ${data.count}`;
      throw new LanewiseError('data', `${context} ${found}; they must be equal`);
    }
    this.#memory = { inputs: [], labels: [], size: 0 };
  }

  /** Examples `start` to before `end`, not copied. */
  slice(start: number, end: number): Batch {
    return {
      inputs: this.inputs.map(({ images, shape }) => {
        const size = elementCount(shape);
        return images.subarray(start * size, end * size);
      }),
      targets: this.targets.map((target) => {
        const size = labelSize(target);
        return target.labels.subarray(start * size, end * size);
      }),
      size: end - start,
    };
  }

  /** Examples `order[start]` and the following, `size` of them, copied into memory that the next call uses again. */
  gather(order: Uint32Array, start: number, size: number, augmentation?: BatchAugmentation): Batch {
    if (size > this.#memory.size) this.#memory = this.#reserve(size);
    const { inputs, labels } = this.#memory;
    const [first, ...others] = this.inputs.map(({ shape }) => elementCount(shape)) as [number, ...number[]];
    gatherBatch(this.#data, order, start, size, inputs[0] as Images, labels[0] as Labels, augmentation);
    others.forEach((length, i) => {
      gatherExamples((this.inputs[i + 1] as DatasetInput).images, length, order, start, size, inputs[i + 1] as Images);
    });
    this.targets.slice(1).forEach((target, i) => {
      gatherExamples(target.labels, labelSize(target), order, start, size, labels[i + 1] as Labels);
    });
    return {
      inputs: [first, ...others].map((length, i) => (inputs[i] as Images).subarray(0, size * length)),
      targets: labels.map((values, i) => values.subarray(0, size * labelSize(this.targets[i] as DatasetTarget))),
      size,
    };
  }

  #reserve(size: number) {
    return {
      inputs: this.inputs.map(({ images, shape }) =>
        images instanceof Uint8Array
          ? new Uint8Array(size * elementCount(shape))
          : new Float32Array(size * elementCount(shape)),
      ),
      labels: this.targets.map((target) =>
        target.labels instanceof Int32Array
          ? new Int32Array(size * labelSize(target))
          : new Float32Array(size * labelSize(target)),
      ),
      size,
    };
  }
}

/** How many labels an example has. */
const labelSize = ({ labelShape = [] }: DatasetTarget): number => elementCount(labelShape);

function further<K extends 'inputs' | 'targets'>(
  caller: string,
  data: Dataset,
  kind: K,
  name: string,
): NonNullable<Dataset[K]>[string] {
  const found = data[kind]?.[name];
  if (typeof found === 'object' && found !== null) return found as NonNullable<Dataset[K]>[string];
  const what = kind === 'inputs' ? 'input' : 'output';
  throw new LanewiseError(
    'data',
    `${caller}: ${data.name} has nothing for the ${what} ${name}; put it into \`${kind}\``,
  );
}

function refuseStray(caller: string, data: Dataset, kind: 'inputs' | 'targets', known: readonly string[]): void {
  const stray = Object.keys(data[kind] ?? {}).find((name) => !known.includes(name));
  if (stray === undefined) return;
  const wanted = known.length > 0 ? `there are ${known.join(', ')}` : 'the first one has none of its own';
  throw new LanewiseError(
    'data',
    `${caller}: ${data.name} has ${kind} for ${stray}, which the model does not use (${wanted})`,
  );
}
