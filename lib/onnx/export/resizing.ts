// resize2d as ONNX's Resize where every position falls where lanewise has it, in whatever precision it is computed; else as
// the rows and columns that are read (nearest) or products with what they count (linear).

import { RESIZE_MODES, resizeTaps } from '../../ops/resample.ts';
import { channelsFirst, type Placed } from './file-value.ts';
import type { ExporterTable, OpCall } from './op-call.ts';

const IMAGES = channelsFirst(4);
/** Positions nearer than this to the next pixel may fall on either side of it in fp32. */
const CLOSE = 1e-3;

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Whether fp32 arithmetic finds the pixel on the left of every position of a nearest axis. */
function isRobust({ from, to, step }: Axis): boolean {
  if (step === 0 && to % from === 0) return true;
  const factor = step > 0 ? step : from / to;
  return Array.from({ length: to }, (_, p) => p * factor).every((at, p) => {
    const rest = at - Math.floor(at);
    return p === 0 || (rest > CLOSE && rest < 1 - CLOSE) || at > from;
  });
}

function resize(call: OpCall): Placed {
  const mode = RESIZE_MODES[call.attr('mode')]!;
  const [, h = 1, w = 1] = call.shape(0);
  const axes: [Axis, Axis] = [
    { from: h, to: call.attr('outH'), step: call.attr('stepH') },
    { from: w, to: call.attr('outW'), step: call.attr('stepW') },
  ];
  const x = call.as(0, IMAGES);
  const isUsual = mode === 'nearest' ? axes.every(isRobust) : axes.every(({ step }) => step === 0);
  if (isUsual && axes.every(({ step }) => step === 0)) {
    const attributes = {
      nearest: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      linear: { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
      corners: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    }[mode];
    const [n, c] = call.dims(call.output(), IMAGES);
    const scales = axes.map(({ from, to }) => to / from);
    const isExact = scales.every((scale, i) => Number.isInteger(scale * 256) && scale * axes[i]!.from === axes[i]!.to);
    if (isExact) {
      const factors = call.constant('scales', [4], Float32Array.of(1, 1, ...scales));
      return { order: IMAGES, name: call.emit('Resize', [x, '', factors], attributes) };
    }
    const sizes = call.shapeTensor([n!, c!, axes[0].to, axes[1].to]);
    return { order: IMAGES, name: call.emit('Resize', [x, '', '', sizes], attributes) };
  }
  const [rows, columns] = axes.map((axis) => resizeTaps(mode, axis)) as [
    ReturnType<typeof resizeTaps>,
    ReturnType<typeof resizeTaps>,
  ];
  if (mode === 'nearest') {
    const tall = call.emit('Gather', [x, call.integers([...rows.first])], { axis: 2 });
    return { order: IMAGES, name: call.emit('Gather', [tall, call.integers([...columns.first])], { axis: 3 }) };
  }
  const matrix = ({ from, to }: Axis, { first, offsets, weights }: typeof rows, isTall: boolean): Float32Array => {
    const data = new Float32Array(from * to);
    for (let p = 0; p < to; p++) {
      for (let tap = offsets[p]!, at = first[p]!; tap < offsets[p + 1]!; tap++, at++) {
        data[isTall ? p * from + at : at * to + p] = weights[tap]!;
      }
    }
    return data;
  };
  const [down, across] = axes;
  const left = call.constant('rows', [down.to, down.from], matrix(down, rows, true));
  const right = call.constant('columns', [across.from, across.to], matrix(across, columns, false));
  return { order: IMAGES, name: call.emit('MatMul', [call.emit('MatMul', [left, x]), right]) };
}

export const resizing: ExporterTable = { resize2d: resize };
