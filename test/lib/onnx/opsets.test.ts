// What the single-op cases do not have: older opsets, attributes that became inputs, and what is refused.

import { describe, expect, it } from 'vitest';
import { typescriptBackend } from '../../../lib/backend/typescript.ts';
import type { OnnxTensor } from '../../../lib/onnx/model.ts';
import { type Attributes, floats, int64, oneNode, type Result, runGraph } from './run-graph.ts';

const run = async (
  opType: string,
  opset: number,
  tensors: readonly (OnnxTensor | undefined)[],
  attributes: Attributes = {},
  outputs = 1,
): Promise<Result[]> => {
  const { model, inputs } = oneNode(opType, opset, tensors, attributes, outputs);
  return runGraph(model, inputs, typescriptBackend);
};

const ramp = (...shape: number[]): OnnxTensor => {
  const count = shape.reduce((product, size) => product * size, 1);
  return floats(
    shape,
    Array.from({ length: count }, (_, i) => i),
  );
};

const rounded = ({ data }: Result): number[] => Array.from(data, (value) => Math.round(value * 1e4) / 1e4);

describe('older opsets', () => {
  it.each<[string, number, (OnnxTensor | undefined)[], Attributes, readonly number[], readonly number[]]>([
    // Two axes as one: four equal values share 1.
    ['Softmax', 12, [floats([1, 2, 2], [7, 7, 7, 7])], {}, [1, 2, 2], [0.25, 0.25, 0.25, 0.25]],
    ['Softmax', 13, [floats([1, 2, 2], [7, 7, 7, 7])], {}, [1, 2, 2], [0.5, 0.5, 0.5, 0.5]],
    ['LogSoftmax', 11, [floats([2, 1, 1], [3, 4])], { axis: 0 }, [2, 1, 1], [-1.3133, -0.3133]],
    ['Clip', 6 + 1, [ramp(4)], { min: { float: 1 }, max: { float: 2 } }, [4], [1, 1, 2, 2]],
    ['Pad', 10, [ramp(1, 2)], { pads: [0, 1, 0, 0], value: { float: 9 } }, [1, 3], [9, 0, 1]],
    ['Pad', 13, [ramp(3), int64(-1, 1)], {}, [3], [1, 2, 0]],
    ['Pad', 13, [ramp(3), int64(2, 0)], { mode: 'reflect' }, [5], [2, 1, 0, 1, 2]],
    ['Squeeze', 11, [ramp(1, 2, 1)], { axes: [-1] }, [1, 2], [0, 1]],
    ['Squeeze', 11, [ramp(1, 2, 1)], {}, [2], [0, 1]],
    ['Unsqueeze', 9, [ramp(2)], { axes: [0, 2] }, [1, 2, 1], [0, 1]],
    ['ReduceMean', 11, [ramp(2, 2)], { axes: [1], keepdims: 0 }, [2], [0.5, 2.5]],
    ['ReduceSum', 11, [ramp(2, 2)], { axes: [0] }, [1, 2], [2, 4]],
    ['ReduceMax', 12, [ramp(2, 2)], {}, [1, 1], [3]],
    ['ReduceL2', 13, [floats([2], [3, 4])], { keepdims: 0 }, [], [5]],
    ['Slice', 9, [ramp(4)], { starts: [1], ends: [9000] }, [3], [1, 2, 3]],
    ['Slice', 13, [ramp(4), int64(-1), int64(-9000), int64(0), int64(-2)], {}, [2], [3, 1]],
    ['Upsample', 8, [ramp(1, 1, 1, 2)], { scales: { floats: [1, 1, 1, 2] } }, [1, 1, 1, 4], [0, 0, 1, 1]],
    ['Upsample', 9, [ramp(1, 1, 2), floats([3], [1, 1, 2])], {}, [1, 1, 4], [0, 0, 1, 1]],
    ['Resize', 10, [ramp(1, 1, 1, 2), floats([4], [1, 1, 1, 2])], {}, [1, 1, 1, 4], [0, 0, 1, 1]],
    [
      'Resize',
      13,
      [ramp(1, 1, 1, 2), undefined, undefined, int64(1, 1, 1, 4)],
      { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
      [1, 1, 1, 4],
      [0, 0.3333, 0.6667, 1],
    ],
    [
      'Resize',
      18,
      [ramp(1, 1, 1, 2), undefined, floats([1], [2])],
      { mode: 'linear', axes: [3] },
      [1, 1, 1, 4],
      [0, 0.25, 0.75, 1],
    ],
    ['Dropout', 7, [ramp(2)], { ratio: { float: 0.5 } }, [2], [0, 1]],
    [
      'BatchNormalization',
      7,
      [floats([1, 2, 1], [1, 2]), floats([2], [1, 2]), floats([2], [0, 1]), floats([2], [0, 1]), floats([2], [1, 1])],
      { spatial: 1, epsilon: { float: 0 + 1e-12 } },
      [1, 2, 1],
      [1, 3],
    ],
    [
      'GroupNormalization',
      18,
      [floats([1, 4, 1], [1, 3, 5, 9]), floats([2], [1, 2]), floats([2], [0, 1])],
      { num_groups: 2 },
      [1, 4, 1],
      [-1, 1, -1, 3],
    ],
    ['DepthToSpace', 11, [ramp(1, 4, 1, 1)], { blocksize: 2, mode: 'CRD' }, [1, 1, 2, 2], [0, 1, 2, 3]],
    ['DepthToSpace', 11, [ramp(1, 8, 1, 1)], { blocksize: 2 }, [1, 2, 2, 2], [0, 2, 4, 6, 1, 3, 5, 7]],
    ['SpaceToDepth', 13, [ramp(1, 1, 2, 2)], { blocksize: 2 }, [1, 4, 1, 1], [0, 1, 2, 3]],
    ['Pow', 13, [ramp(3), floats([], [2])], {}, [3], [0, 1, 4]],
    ['Pow', 13, [floats([2], [-2, 3]), floats([], [-3])], {}, [2], [-0.125, 0.037]],
    ['Pow', 13, [floats([2], [4, 8]), floats([], [1.5])], {}, [2], [8, 22.6274]],
    ['Mean', 13, [ramp(2), floats([1], [4])], {}, [2], [2, 2.5]],
    ['Max', 13, [ramp(3), floats([1], [1])], {}, [3], [1, 1, 2]],
    ['Gather', 13, [ramp(3, 2), int64(2, 0)], {}, [2, 2], [4, 5, 0, 1]],
    ['Expand', 13, [ramp(2, 1), int64(2, 2)], {}, [2, 2], [0, 0, 1, 1]],
  ])('%s of opset %d', async (name, opset, tensors, attributes, shape, data) => {
    const [result] = await run(name, opset, tensors, attributes);
    expect(result?.shape).toEqual(shape);
    expect(rounded(result!)).toEqual(data);
  });

  it('split by sizes, evenly, and by the number of outputs', async () => {
    const parts = async (opset: number, rest: (OnnxTensor | undefined)[], attributes: Attributes) =>
      (await run('Split', opset, [ramp(5), ...rest], attributes, 2)).map(({ data }) => Array.from(data));
    expect(await parts(11, [], { split: [1, 4] })).toEqual([[0], [1, 2, 3, 4]]);
    expect(await parts(13, [int64(3, 2)], {})).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(await parts(18, [], { num_outputs: 2 })).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });
});

describe('what is not supported is refused with the node', () => {
  const image = ramp(1, 1, 2, 2);
  it.each<[string, number, (OnnxTensor | undefined)[], Attributes, RegExp]>([
    [
      'Einsum',
      13,
      [ramp(2, 1), ramp(1, 2)],
      {},
      /^node 0 \(Einsum\): the operator "Einsum" is not supported \(opset 13\)$/,
    ],
    ['NonZero', 13, [ramp(2)], {}, /"NonZero" is not supported/],
    ['Floor', 13, [ramp(2)], {}, /Floor is supported for shapes and other known numbers only/],
    ['Relu', 13, [ramp(2)], { alpha: 1 }, /the attribute "alpha" is not supported/],
    ['Relu', 13, [], {}, /needs an input 0/],
    ['LeakyRelu', 13, [ramp(2)], { alpha: 'x' }, /the attribute "alpha" must be a number, it is "x"/],
    ['Concat', 13, [ramp(2), ramp(2)], { axis: 1 }, /there is no axis 1 of 1/],
    ['Add', 13, [ramp(2), ramp(3)], {}, /the shapes \[2\], \[3\] do not broadcast/],
    ['Reshape', 13, [ramp(2), int64(3)], {}, /\[2\] cannot be reshaped to \[3\]/],
    ['Reshape', 13, [ramp(2), int64(-1, -1)], {}, /cannot be reshaped/],
    ['Conv', 13, [image, ramp(1, 1, 3, 3)], {}, /kernel/],
    ['Conv', 13, [image, ramp(1, 1, 1, 1)], { strides: [0, 1] }, /strides must be 2 numbers from 1 on/],
    ['Conv', 13, [image, ramp(1, 1, 1, 1)], { pads: [-1, 0, 0, 0] }, /pads must be 4 numbers from 0 on/],
    [
      'Conv',
      13,
      [image, ramp(1, 1, 1, 1)],
      { kernel_shape: [2, 2] },
      /kernel_shape is \[2,2\], the weights have \[1,1\]/,
    ],
    ['Conv', 13, [image, ramp(1, 2, 1, 1)], {}, /conv2d: w has 2 input channels, x has 1/],
    ['MaxPool', 13, [image], {}, /needs kernel_shape/],
    ['Gemm', 13, [ramp(2, 3), ramp(2, 3)], {}, /linear: w takes 2 features, x has 3/],
    ['MatMul', 13, [ramp(2, 3), ramp(2, 3)], {}, /the inner sizes of \[2,3\] and \[2,3\] differ/],
    [
      'Resize',
      13,
      [image, undefined, floats([4], [1, 1, 2, 2])],
      { mode: 'cubic' },
      /"mode" must be "nearest" or "linear"/,
    ],
    [
      'Resize',
      13,
      [image, undefined, floats([4], [1, 1, 2, 2])],
      { mode: 'linear', coordinate_transformation_mode: 'asymmetric' },
      /by mode linear with asymmetric is not supported/,
    ],
    ['Cast', 13, [ramp(2)], { to: 7 }, /can be cast to F32 \(1\) only/],
    ['Pow', 13, [ramp(2), floats([], [0])], {}, /the exponent 0 is not supported/],
    ['Gather', 13, [ramp(4), int64(0, 1, 3)], {}, /not evenly spaced/],
    ['ConstantOfShape', 13, [int64(1000, 1000)], {}, /computes 1000000 known numbers, more than 65536/],
    ['Transpose', 13, [ramp(2, 2)], { perm: [0, 0] }, /name one twice/],
    ['Dropout', 13, [ramp(2), floats([], [1.5])], {}, /at least 0 and below 1/],
    ['Pad', 13, [ramp(2), int64(2 ** 40, 0)], {}, /before0 = 1099511627776 is too large/],
    ['Pad', 13, [ramp(1, 1, 1), int64(0, 65000, 65000, 0, 0, 0)], {}, /gives \[1,65001,65001\], more than 2147483648/],
  ])('%s of opset %d', async (name, opset, tensors, attributes, message) => {
    const failure = await run(name, opset, tensors, attributes).then(
      () => new Error('no error'),
      (error: Error) => error,
    );
    expect(failure.message).toMatch(message);
    expect(failure.message).toMatch(/^node 0 \(\w+\): /);
    expect(failure.name).toBe('LanewiseError');
  });
});
