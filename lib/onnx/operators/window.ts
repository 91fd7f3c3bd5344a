// Windows of ONNX over any number of spatial axes: kernels, strides, dilations, and the five ways of saying how much to pad.

import type { NodeCall } from '../node-call.ts';

export interface OnnxWindow {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** At the beginning and the end of each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The attributes of a node whose window goes over `input`, the sizes of the spatial axes. */
export function windowOf(call: NodeCall, input: readonly number[], kernel: readonly number[]): OnnxWindow {
  const perAxis = (name: string, least: number, fallback: number): readonly number[] => {
    const given = call.ints(name) ?? input.map(() => fallback);
    const fits = given.length === input.length && given.every((value) => value >= least);
    return fits ? given : call.fail(`${name} must be ${input.length} numbers from ${least} on, it is [${given}]`);
  };
  if (kernel.length !== input.length || kernel.some((size) => size < 1)) {
    call.fail(`the kernel [${kernel}] does not fit ${input.length} spatial axes`);
  }
  const stride = perAxis('strides', 1, 1);
  const dilation = perAxis('dilations', 1, 1);
  const mode = call.word('auto_pad', ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'], 'NOTSET');
  const pads = call.ints('pads') ?? [];
  if (mode === 'NOTSET') {
    const sides = pads.length === 0 ? [...input, ...input].map(() => 0) : pads;
    if (sides.length !== 2 * input.length || sides.some((side) => side < 0)) {
      call.fail(`pads must be ${2 * input.length} numbers from 0 on, they are [${pads}]`);
    }
    return { kernel, stride, dilation, before: sides.slice(0, input.length), after: sides.slice(input.length) };
  }
  if (pads.some((side) => side !== 0)) call.fail(`has pads beside auto_pad ${mode}`);
  const total = input.map((size, axis) => {
    if (mode === 'VALID') return 0;
    const outputs = Math.ceil(size / stride[axis]!);
    return Math.max(0, (outputs - 1) * stride[axis]! + (kernel[axis]! - 1) * dilation[axis]! + 1 - size);
  });
  // The odd element goes to the end with SAME_UPPER.
  const less = total.map((pad) => Math.floor(pad / 2));
  const more = total.map((pad) => Math.ceil(pad / 2));
  const [before, after] = mode === 'SAME_LOWER' ? [more, less] : [less, more];
  return { kernel, stride, dilation, before, after };
}
