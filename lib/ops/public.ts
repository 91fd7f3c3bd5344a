// What `lanewise.ops` offers to layers and losses of the user's own: every op, and what makes their attributes.

export { broadcastTo } from './binary.ts';
export { binaryAttrs } from './binary-functions.ts';
export * from './index.ts';
export { padBy } from './pad.ts';
export { reduceAttrs } from './reduction-order.ts';
export { reshapeTo } from './reshape.ts';
export { formatShape, ShapeCheck } from './shape-check.ts';
export { sliceOf } from './slice.ts';
export { transposeBy } from './transpose.ts';
export { unaryAttrs } from './unary-functions.ts';
