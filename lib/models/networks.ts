// Well-known networks as lists of layers for `sequential`, public as `models`. The recipes that the command line knows are in
// index.ts.

export { airbench } from './airbench.ts';
export { alexnet } from './alexnet.ts';
export { type AlphagoPolicyOptions, alphagoPolicy } from './alphago-policy.ts';
export { atariDqn } from './atari-dqn.ts';
export { audioCnn } from './audio-cnn.ts';
export { type DenseBlockOptions, denseBlock, densenet121 } from './densenet.ts';
export { efficientnetB0, type SqueezeExcitationOptions, squeezeExcitation } from './efficientnet-b0.ts';
export { lenet5 } from './lenet5.ts';
export { mobilenetV2 } from './mobilenet-v2.ts';
export type { NetworkOptions } from './network-options.ts';
export { type PreActivationResnetOptions, preActivationResnet, type ResnetOptions, resnet } from './resnet.ts';
export { smallVgg } from './small-vgg.ts';
export { type TinyYoloOptions, tinyYolo } from './tiny-yolo.ts';
export { type UnetOptions, unet } from './unet.ts';
export { type VggOptions, vgg } from './vgg.ts';
