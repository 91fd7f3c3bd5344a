// The networks of `models`: as many parameters and the same shapes as where they were published, and small versions that train
// alike on both backends.
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import * as lw from '../../lib/index.ts';
import { chain } from '../../lib/nn/architecture.ts';
import { summarize } from '../../lib/train/summary.ts';

const { models } = lw;

/** Numbers of parameters that torchvision, kuangliu/pytorch-cifar or the papers give, with the maps before the end. */
describe('published networks', () => {
  it.each<[string, lw.Layer[], readonly number[], number, readonly (readonly number[])[]]>([
    ['LeNet-5', models.lenet5(), [28, 28, 1], 61_706, [[5, 5, 16], [10]]],
    ['AlexNet', models.alexnet(), [224, 224, 3], 61_100_840, [[6, 6, 256], [1000]]],
    ['VGG-11', models.vgg({ depth: 11 }), [224, 224, 3], 132_863_336, [[7, 7, 512], [1000]]],
    ['VGG-16', models.vgg(), [224, 224, 3], 138_357_544, [[7, 7, 512], [1000]]],
    ['VGG-16 with batch norm', models.vgg({ batchNorm: true }), [224, 224, 3], 138_365_992, [[1000]]],
    ['VGG-11, CIFAR', models.vgg({ depth: 11, form: 'cifar' }), [32, 32, 3], 9_231_114, [[1, 1, 512], [10]]],
    ['VGG-16, CIFAR', models.vgg({ form: 'cifar' }), [32, 32, 3], 14_728_266, [[1, 1, 512], [10]]],
    ['ResNet-18', models.resnet(), [224, 224, 3], 11_689_512, [[56, 56, 64], [7, 7, 512], [1000]]],
    ['ResNet-34', models.resnet({ depth: 34 }), [224, 224, 3], 21_797_672, [[7, 7, 512], [1000]]],
    ['ResNet-50', models.resnet({ depth: 50 }), [224, 224, 3], 25_557_032, [[56, 56, 256], [7, 7, 2048], [1000]]],
    ['ResNet-101', models.resnet({ depth: 101 }), [224, 224, 3], 44_549_160, [[7, 7, 2048], [1000]]],
    ['ResNet-152', models.resnet({ depth: 152 }), [224, 224, 3], 60_192_808, [[7, 7, 2048], [1000]]],
    ['ResNet-18, CIFAR', models.resnet({ form: 'cifar' }), [32, 32, 3], 11_173_962, [[32, 32, 64], [4, 4, 512], [10]]],
    ['ResNet-50, CIFAR', models.resnet({ depth: 50, form: 'cifar' }), [32, 32, 3], 23_520_842, [[4, 4, 2048], [10]]],
    // pytorch-cifar's 11,171,146 and the normalisation of the last sum, which the paper has.
    ['pre-activation ResNet-18', models.preActivationResnet(), [32, 32, 3], 11_172_170, [[4, 4, 512], [10]]],
    ['MobileNetV2', models.mobilenetV2(), [224, 224, 3], 3_504_872, [[112, 112, 16], [7, 7, 320], [1000]]],
    ['EfficientNet-B0', models.efficientnetB0(), [224, 224, 3], 5_288_548, [[112, 112, 16], [7, 7, 320], [1000]]],
    ['DenseNet-121', models.densenet121(), [224, 224, 3], 7_978_856, [[56, 56, 256], [7, 7, 1024], [1000]]],
    [
      'Tiny YOLOv2',
      models.tinyYolo(),
      [416, 416, 3],
      15_861_773,
      [
        [13, 13, 1024],
        [13, 13, 125],
      ],
    ],
    // PyTorch's count of the same layers: that of the paper's 31 million, with padding and batch norm.
    [
      'U-Net',
      models.unet(),
      [128, 128, 3],
      31_037_698,
      [
        [8, 8, 1024],
        [128, 128, 64],
        [128, 128, 2],
      ],
    ],
    ['audio CNN', models.audioCnn(), [8192, 1], 37_642, [[512, 32], [8, 128], [10]]],
    ['Atari DQN', models.atariDqn({ classes: 6 }), [84, 84, 4], 1_687_206, [[7, 7, 64], [6]]],
    ['AlphaGo policy', models.alphagoPolicy(), [19, 19, 48], 3_882_793, [[19, 19, 192], [19, 19, 1], [361]]],
  ])('%s', (_, layers, shape, parameters, maps) => {
    const summary = summarize(chain(layers, shape));
    expect(summary.parameters).toBe(parameters);
    const shapes = summary.layers.map(({ outputShape }) => outputShape.join());
    let at = 0;
    for (const map of maps) {
      at = shapes.indexOf(map.join(), at);
      expect(at, `[${map}]`).toBeGreaterThanOrEqual(0);
    }
    expect(summary.layers.at(-1)?.outputShape).toEqual(maps.at(-1));
  });
});

/** What turns maps into logits of classes. */
const pooled = (layers: lw.Layer[]) => [...layers, lw.globalAvgPool2d()];

describe.skipIf(!loadNative().binding)('small versions train with equal bits on both backends', () => {
  it.each<[string, () => lw.Layer[], readonly number[]]>([
    ['lenet5', () => models.lenet5({ width: 0.5 }), [12, 12, 1]],
    ['alexnet', () => models.alexnet({ width: 1 / 32, classes: 10 }), [63, 63, 1]],
    ['vgg', () => models.vgg({ depth: 11, width: 1 / 64, classes: 10 }), [32, 32, 1]],
    ['vgg for CIFAR', () => models.vgg({ depth: 16, form: 'cifar', width: 1 / 32 }), [32, 32, 1]],
    ['smallVgg', () => models.smallVgg({ width: 1 / 16 }), [8, 8, 3]],
    ['airbench', () => models.airbench({ width: 1 / 16 }), [8, 8, 3]],
    ['resnet 18', () => models.resnet({ width: 1 / 32, classes: 10 }), [32, 32, 3]],
    ['resnet 50 for CIFAR', () => models.resnet({ depth: 50, form: 'cifar', width: 1 / 32 }), [8, 8, 3]],
    ['preActivationResnet', () => models.preActivationResnet({ width: 1 / 32, blocks: [1, 2] }), [8, 8, 3]],
    ['mobilenetV2', () => models.mobilenetV2({ width: 1 / 16, classes: 10 }), [32, 32, 1]],
    ['efficientnetB0', () => models.efficientnetB0({ width: 1 / 16, classes: 10 }), [32, 32, 1]],
    ['dense blocks', () => pooled([...models.denseBlock({ layers: 3, growth: 4 })]), [6, 6, 10]],
    ['tinyYolo', () => pooled(models.tinyYolo({ width: 1 / 64, anchors: 1 })), [32, 32, 1]],
    ['unet', () => pooled(models.unet({ width: 1 / 32, depth: 2, classes: 10 })), [12, 8, 1]],
    ['audioCnn', () => models.audioCnn({ width: 1 / 8 }), [1100, 1]],
    ['atariDqn', () => models.atariDqn({ width: 1 / 16 }), [36, 36, 2]],
    ['alphagoPolicy', () => models.alphagoPolicy({ width: 1 / 32, depth: 2 }), [5, 5, 4]],
  ])('%s', async (_, layers, inputShape) => {
    const size = inputShape.reduce((product, side) => product * side, 1);
    const images = Float32Array.from({ length: 6 * size }, (_, i) => Math.sin(i * i + 0.5));
    const data = lw.datasetFrom({ images, labels: [0, 1, 2, 3, 4, 5], shape: inputShape, classes: 10 });
    const trained = async (backend: 'native' | 'typescript') => {
      const model = lw.sequential(layers(), { inputShape, seed: 1 });
      const losses: number[] = [];
      await lw.fit(model, {
        data,
        backend,
        numerics: 'exact',
        epochs: 2,
        batchSize: 4,
        optimizer: lw.sgd({ learningRate: 0.02, momentum: 0.9 }),
        onStep: ({ loss }) => losses.push(loss),
      });
      return {
        losses,
        weights: [...model.tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')]),
      };
    };
    const native = await trained('native');
    expect(native).toEqual(await trained('typescript'));
    expect(new Set(native.losses).size).toBeGreaterThan(2);
  });
});

describe('wrong options of networks', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  it.each<[string, () => unknown, RegExp]>([
    ['no classes', () => models.lenet5({ classes: 0 }), /lenet5: classes must be a whole number from 1/],
    ['no width', () => models.alexnet({ width: 0 }), /alexnet: width must be a number from 0.001/],
    ['a stray option', () => models.mobilenetV2(wrong({ depth: 3 })), /mobilenetV2: has no option 'depth'/],
    ['a depth', () => models.resnet(wrong({ depth: 20 })), /resnet: depth must be 18, 34, 50, 101, 152, not 20/],
    ['a form', () => models.vgg(wrong({ form: 'mnist' })), /vgg: form must be 'imagenet' or 'cifar', not 'mnist'/],
    ['no blocks', () => models.preActivationResnet({ blocks: [2, 0] }), /preActivationResnet: blocks must be/],
    ['no level', () => models.unet({ depth: 0 }), /unet: depth must be/],
    ['no anchors', () => models.tinyYolo({ anchors: 0 }), /tinyYolo: anchors must be/],
    ['a negative depth', () => models.alphagoPolicy({ depth: -1 }), /alphagoPolicy: depth must be/],
    ['no growth', () => models.denseBlock({ layers: 1, growth: 0 }), /denseBlock: growth must be/],
    ['half a channel', () => models.squeezeExcitation({ channels: 1.5, squeezed: 1 }), /channels must be/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
