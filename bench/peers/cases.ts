// What is compared with the peers, as data that every side understands: lanewise-peer.ts, torch_peer.py and
// onnxruntime-peer.ts each turn such a description into something to run. A group's parts are timed in the same rounds.
import type { ConvPass, ConvShape, Pair } from '../conv-program.ts';
import { type NetName, netNames, nets } from '../nets.ts';

export type GemmForm = 'NN' | 'NT' | 'TN';
/** Of pooling, normalisation and activation: forward or the input's gradient. */
export type OpPass = 'fwd' | 'bwd';
/** Over each channel of an image, over 32 groups of channels, over the channels of each pixel. */
export type NormKind = 'instance' | 'group' | 'layer';
/** A window of `size`, or the mean over the whole map with size 0. */
export interface PoolShape {
  readonly kind: 'max' | 'avg';
  readonly size: number;
  readonly stride: number;
  readonly pad: number;
}

export type Description =
  | { readonly kind: 'step'; readonly net: NetName; readonly batch: number }
  | { readonly kind: 'predict'; readonly net: NetName; readonly batch: number; readonly onnxFile?: string }
  | { readonly kind: 'conv'; readonly shape: ConvShape; readonly pass: ConvPass }
  | { readonly kind: 'gemm'; readonly form: GemmForm; readonly m: number; readonly n: number; readonly k: number }
  | { readonly kind: 'pool'; readonly map: Map4; readonly pool: PoolShape; readonly pass: OpPass }
  | { readonly kind: 'batch_norm'; readonly map: Map4; readonly relu: boolean; readonly pass: OpPass }
  | { readonly kind: 'norm'; readonly map: Map4; readonly norm: NormKind; readonly pass: OpPass }
  | { readonly kind: 'relu'; readonly map: Map4; readonly pass: OpPass }
  | { readonly kind: 'add'; readonly map: Map4 }
  | { readonly kind: 'softmax_cross_entropy'; readonly rows: number; readonly classes: number }
  | { readonly kind: 'optimizer'; readonly optimizer: 'sgd' | 'adam'; readonly sizes: readonly number[] };

/** An activation's size: n images of h x w pixels with c channels. */
export interface Map4 {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export const suiteNames = ['nets', 'layers', 'gemm', 'memory-bound', 'norms', 'infer', 'memory'] as const;
export type SuiteName = (typeof suiteNames)[number];

export interface Case {
  readonly suite: SuiteName;
  readonly name: string;
  /** By the name of the part; most cases have one, ''. */
  readonly parts: Readonly<Record<string, Description>>;
}

/** n, c, h, w, k, r, s, stride, pad, dilation, groups */
type LayerRow = readonly [string, ...number[]];

const RESNET50: readonly LayerRow[] = [
  ['r50 3x3 64@56', 8, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1],
  ['r50 3x3 128@28', 8, 128, 28, 28, 128, 3, 3, 1, 1, 1, 1],
  ['r50 3x3 256@14', 8, 256, 14, 14, 256, 3, 3, 1, 1, 1, 1],
  ['r50 3x3 512@7', 8, 512, 7, 7, 512, 3, 3, 1, 1, 1, 1],
  ['r50 1x1 64-256@56', 8, 64, 56, 56, 256, 1, 1, 1, 0, 1, 1],
  ['r50 1x1 256-64@56', 8, 256, 56, 56, 64, 1, 1, 1, 0, 1, 1],
  ['r50 1x1 512-128@28', 8, 512, 28, 28, 128, 1, 1, 1, 0, 1, 1],
  ['r50 1x1 1024-256@14', 8, 1024, 14, 14, 256, 1, 1, 1, 0, 1, 1],
  ['r50 1x1 2048-512@7', 8, 2048, 7, 7, 512, 1, 1, 1, 0, 1, 1],
  ['r50 stem 7x7/2 3-64@224', 8, 3, 224, 224, 64, 7, 7, 2, 3, 1, 1],
  ['r50 3x3/2 128@56', 8, 128, 56, 56, 128, 3, 3, 2, 1, 1, 1],
  ['r50 1x1/2 256-512@56', 8, 256, 56, 56, 512, 1, 1, 2, 0, 1, 1],
];
const SMALL_IMAGES: readonly LayerRow[] = [
  ['vgg 3-64@224', 4, 3, 224, 224, 64, 3, 3, 1, 1, 1, 1],
  ['vgg 64-64@224', 4, 64, 224, 224, 64, 3, 3, 1, 1, 1, 1],
  ['cifar 3-64@32', 64, 3, 32, 32, 64, 3, 3, 1, 1, 1, 1],
  ['cifar 64-64@32', 64, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1],
  ['cifar 128-128@16', 64, 128, 16, 16, 128, 3, 3, 1, 1, 1, 1],
  ['cifar 256-256@8', 64, 256, 8, 8, 256, 3, 3, 1, 1, 1, 1],
  ['lenet 1-6 5x5@28', 64, 1, 28, 28, 6, 5, 5, 1, 2, 1, 1],
  ['lenet 6-16 5x5@14', 64, 6, 14, 14, 16, 5, 5, 1, 0, 1, 1],
  ['mnist 1-32 3x3@28', 128, 1, 28, 28, 32, 3, 3, 1, 0, 1, 1],
  ['mnist 32-64 3x3@26', 128, 32, 26, 26, 64, 3, 3, 1, 0, 1, 1],
];
const SPECIAL: readonly LayerRow[] = [
  ['dw 3x3 32@112', 16, 32, 112, 112, 32, 3, 3, 1, 1, 1, 32],
  ['dw 3x3/2 144@56', 16, 144, 56, 56, 144, 3, 3, 2, 1, 1, 144],
  ['dw 3x3 384@14', 16, 384, 14, 14, 384, 3, 3, 1, 1, 1, 384],
  ['deeplab d2 256@28', 4, 256, 28, 28, 256, 3, 3, 1, 2, 2, 1],
  ['dqn 4-32 8x8/4@84', 32, 4, 84, 84, 32, 8, 8, 4, 0, 1, 1],
  ['dqn 32-64 4x4/2@20', 32, 32, 20, 20, 64, 4, 4, 2, 0, 1, 1],
  ['dqn 64-64 3x3@9', 32, 64, 9, 9, 64, 3, 3, 1, 0, 1, 1],
  ['alphago 256-256@19', 8, 256, 19, 19, 256, 3, 3, 1, 1, 1, 1],
  ['audio 1-64 k9@16000', 8, 1, 1, 16000, 64, 1, 9, 1, 4, 1, 1],
  ['audio 64-64 k9@4000', 8, 64, 1, 4000, 64, 1, 9, 1, 4, 1, 1],
  ['n1 r50 3x3 64@56', 1, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1],
  ['n1 r50 3x3 256@14', 1, 256, 14, 14, 256, 3, 3, 1, 1, 1, 1],
  ['n1 r50 1x1 1024-256@14', 1, 1024, 14, 14, 256, 1, 1, 1, 0, 1, 1],
  ['grouped32 3x3 256@28', 8, 256, 28, 28, 256, 3, 3, 1, 1, 1, 32],
];

function layerCase([name, ...sizes]: LayerRow): Case {
  const [n, c, h, w, k, r, s, stride, pad, dilation, groups] = sizes as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const both = (value: number): Pair => [value, value];
  // A one-dimensional layer has nothing to pad above and below its single row.
  const shape: ConvShape = {
    n,
    h,
    w,
    c,
    k,
    r,
    s,
    stride: both(stride),
    pad: r === 1 ? [0, pad] : both(pad),
    dilation: both(dilation),
    groups,
  };
  const part = (pass: ConvPass): Description => ({ kind: 'conv', shape, pass });
  return { suite: 'layers', name, parts: { fwd: part('fwd'), dx: part('dx'), dw: part('dw'), all: part('all') } };
}

const one = (suite: SuiteName, name: string, description: Description): Case => ({
  suite,
  name,
  parts: { '': description },
});

const netCases = netNames.map((net) => {
  const { batch } = nets[net];
  return one('nets', `${net} step n${batch}`, { kind: 'step', net, batch });
});

const inferred: readonly NetName[] = ['lenet5', 'mnist-cnn', 'cifar-vgg', 'resnet18'];
const inferCases = inferred.flatMap((net) =>
  [1, 32].map((batch) => one('infer', `${net} predict n${batch}`, { kind: 'predict', net, batch })),
);

const RECTANGLES: readonly (readonly [string, number, number, number])[] = [
  ['fc 64x128x9216', 64, 128, 9216],
  ['fc 128x128x9216', 128, 128, 9216],
  ['fc 128x256x4096', 128, 256, 4096],
  ['fc 64x10x256', 64, 10, 256],
  ['fc 32x1000x2048', 32, 1000, 2048],
  ['1x1 3136x256x64', 3136, 256, 64],
  ['1x1 3136x64x256', 3136, 64, 256],
  ['1x1 784x512x128', 784, 512, 128],
  ['1x1 196x256x1024', 196, 256, 1024],
  ['1x1 49x512x2048', 49, 512, 2048],
  ['im2col 3136x64x576', 3136, 64, 576],
  ['im2col 50176x64x27', 50176, 64, 27],
];
const SQUARES = [64, 128, 256, 512, 1024, 2048].map((size) => [`${size}`, size, size, size] as const);
const gemmCases = [...SQUARES, ...RECTANGLES].flatMap(([name, m, n, k]) =>
  (['NN', 'NT', 'TN'] as const).map((form) => one('gemm', `gemm ${name} ${form}`, { kind: 'gemm', form, m, n, k })),
);

/** 25.7 MB: more than any cache that one core has to itself. */
const map: Map4 = { n: 32, h: 56, w: 56, c: 64 };
const POOLS: readonly (readonly [string, PoolShape])[] = [
  ['max-pool 2x2/2', { kind: 'max', size: 2, stride: 2, pad: 0 }],
  ['max-pool 3x3/2', { kind: 'max', size: 3, stride: 2, pad: 1 }],
  ['avg-pool 2x2/2', { kind: 'avg', size: 2, stride: 2, pad: 0 }],
  ['avg-pool 3x3/2', { kind: 'avg', size: 3, stride: 2, pad: 1 }],
  ['global avg-pool', { kind: 'avg', size: 0, stride: 1, pad: 0 }],
];
const passes = ['fwd', 'bwd'] as const;

/** ResNet-18's parameters, nearly: 11.2 million in tensors of its sizes. */
const layersOf = (count: number, channels: number) => new Array<number>(count).fill(9 * channels * channels);
const parameterSizes = [
  ...layersOf(3, 512),
  ...layersOf(4, 256),
  ...layersOf(8, 128),
  ...layersOf(6, 64),
  ...new Array<number>(40).fill(64),
  ...new Array<number>(97).fill(4096),
];

const memoryBoundCases: Case[] = passes
  .flatMap((pass) => [
    ...POOLS.map(([name, pool]) => one('memory-bound', `${name} ${pass}`, { kind: 'pool', map, pool, pass })),
    one('memory-bound', `batch-norm ${pass}`, { kind: 'batch_norm', map, relu: false, pass }),
    one('memory-bound', `batch-norm + relu ${pass}`, { kind: 'batch_norm', map, relu: true, pass }),
    one('memory-bound', `relu ${pass}`, { kind: 'relu', map, pass }),
  ])
  .concat([
    one('memory-bound', 'add', { kind: 'add', map }),
    one('memory-bound', 'softmax + cross-entropy 128x1000, both ways', {
      kind: 'softmax_cross_entropy',
      rows: 128,
      classes: 1000,
    }),
    one('memory-bound', 'sgd momentum, 11 M', { kind: 'optimizer', optimizer: 'sgd', sizes: parameterSizes }),
    one('memory-bound', 'adam, 11 M', { kind: 'optimizer', optimizer: 'adam', sizes: parameterSizes }),
  ]);

const normCases = (['instance', 'group', 'layer'] as const).flatMap((norm) =>
  passes.map((pass) => one('norms', `${norm} norm ${pass}`, { kind: 'norm', map, norm, pass })),
);

const memoryCase = one('memory', 'resnet18 step n32, peak memory', { kind: 'step', net: 'resnet18', batch: 32 });

export const cases: readonly Case[] = [
  ...netCases,
  ...[...RESNET50, ...SMALL_IMAGES, ...SPECIAL].map(layerCase),
  ...gemmCases,
  ...memoryBoundCases,
  ...normCases,
  ...inferCases,
  memoryCase,
];
