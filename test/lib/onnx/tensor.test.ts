// Every way in which a tensor's values can stand in a TensorProto, and every way in which they can be wrong.

import { describe, expect, it } from 'vitest';
import { decodeOnnxTensor } from '../../../lib/onnx/read-tensor.ts';
import { doubles, float, floats, int, join, message, messageOf, tag, tensor, text, varints } from './protobuf.ts';

const decode = (bytes: Uint8Array) => decodeOnnxTensor(bytes, 't.pb');

describe('decodeOnnxTensor', () => {
  it('reads each element type from raw data and from its typed list, packed or not', () => {
    const cases: [code: number, raw: ArrayBufferView, packed: Uint8Array, loose: Uint8Array, data: unknown][] = [
      [
        1,
        Float32Array.of(1, NaN),
        message(4, floats(1, NaN)),
        join(float(4, 1), float(4, NaN)),
        Float32Array.of(1, NaN),
      ],
      [2, Uint8Array.of(0, 255), message(5, varints(0, 255)), join(int(5, 0), int(5, 255)), Uint8Array.of(0, 255)],
      [3, Int8Array.of(-128, 5), message(5, varints(-128, 5)), join(int(5, -128), int(5, 5)), Int8Array.of(-128, 5)],
      [
        4,
        Uint16Array.of(1, 65535),
        message(5, varints(1, 65535)),
        join(int(5, 1), int(5, 65535)),
        Uint16Array.of(1, 65535),
      ],
      [5, Int16Array.of(-1, 9), message(5, varints(-1, 9)), join(int(5, -1), int(5, 9)), Int16Array.of(-1, 9)],
      [
        6,
        Int32Array.of(-(2 ** 31), 2),
        message(5, varints(-(2 ** 31), 2)),
        join(int(5, -(2 ** 31)), int(5, 2)),
        Int32Array.of(-(2 ** 31), 2),
      ],
      [
        7,
        BigInt64Array.of(-1n, 2n ** 62n),
        message(7, varints(-1, 2n ** 62n)),
        join(int(7, -1), int(7, 2n ** 62n)),
        BigInt64Array.of(-1n, 2n ** 62n),
      ],
      [9, Uint8Array.of(1, 0), message(5, varints(1, 0)), join(int(5, 1), int(5, 0)), Uint8Array.of(1, 0)],
      [
        10,
        Uint16Array.of(0x3e00, 0xfc00),
        message(5, varints(0x3e00, 0xfc00)),
        join(int(5, 0x3e00), int(5, 0xfc00)),
        Float32Array.of(1.5, -Infinity),
      ],
      [
        11,
        Float64Array.of(0.1, -0),
        message(10, doubles(0.1, -0)),
        join(tag(10, 1), doubles(0.1), tag(10, 1), doubles(-0)),
        Float64Array.of(0.1, -0),
      ],
      [
        12,
        Uint32Array.of(1, 2 ** 32 - 1),
        message(11, varints(1, 2 ** 32 - 1)),
        join(int(11, 1), int(11, 2 ** 32 - 1)),
        Uint32Array.of(1, 2 ** 32 - 1),
      ],
      [
        13,
        BigUint64Array.of(1n, 2n ** 64n - 1n),
        message(11, varints(1, 2n ** 64n - 1n)),
        join(int(11, 1), int(11, 2n ** 64n - 1n)),
        BigUint64Array.of(1n, 2n ** 64n - 1n),
      ],
      [
        16,
        Uint16Array.of(0x3fc0, 0xff80),
        message(5, varints(0x3fc0, 0xff80)),
        join(int(5, 0x3fc0), int(5, 0xff80)),
        Float32Array.of(1.5, -Infinity),
      ],
    ];
    for (const [code, raw, packed, loose, data] of cases) {
      const rawBytes = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
      for (const field of [message(9, rawBytes), packed, loose]) {
        const found = decode(tensor([2, 1], code, text(8, 'w'), field));
        expect([found.name, found.shape, found.data]).toEqual(['w', [2, 1], data]);
        // The order of fields is free.
        expect(decode(join(field, text(8, 'w'), tensor([2, 1], code)))).toEqual(found);
      }
    }
    expect(cases.length).toBe(13);
  });

  it('joins lists that are cut into packed and other pieces', () => {
    const pieces = [message(5, varints(1, 300)), int(5, -2), message(5), message(5, varints(4))];
    expect(decode(tensor([4], 6, ...pieces)).data).toEqual(Int32Array.of(1, 300, -2, 4));
    expect(decode(tensor([3], 1, float(4, 1), message(4, floats(2, 3)))).data).toEqual(Float32Array.of(1, 2, 3));
  });

  it('keeps the bits of a NaN', () => {
    const bits = Uint32Array.of(0x7fa00001);
    for (const field of [9, 4]) {
      const { data } = decode(tensor([1], 1, message(field, new Uint8Array(bits.buffer))));
      expect(new Uint32Array(data.buffer)).toEqual(bits);
    }
  });

  it('reads tensors without elements and without dimensions', () => {
    expect(decode(tensor([0], 1)).data).toEqual(new Float32Array(0));
    expect(decode(tensor([2 ** 50, 2 ** 50, 0], 7, message(9))).shape).toEqual([2 ** 50, 2 ** 50, 0]);
    expect(decode(tensor([], 1, message(4, floats(3))))).toEqual({
      name: '',
      dtype: 'F32',
      shape: [],
      data: Float32Array.of(3),
    });
  });

  it('names the byte and the field of every error', () => {
    const bytes4 = message(9, new Uint8Array(4));
    const cases: [bytes: Uint8Array, message: string | RegExp][] = [
      [new Uint8Array(0), 't.pb: byte 0: the file is empty'],
      [tensor([1], 0), 't.pb: byte 0: data_type: the element type 0 is none of 1 (F32), 2 (U8), 3 (I8)'],
      [tensor([1], 8), 'the element type 8 is none of'],
      [tensor([1], 14), 'the element type 14 is none of'],
      [tensor([1], -1), 't.pb: byte 3: data_type: -1 is negative'],
      [tensor([-1], 1, bytes4), 't.pb: byte 1: dims[0]: -1 is negative'],
      [tensor([1, -(2n ** 63n)], 1, bytes4), 'byte 3: dims[1]: -9223372036854775808 is beyond the integers'],
      [tensor([2n ** 63n - 1n], 1, bytes4), 'byte 1: dims[0]: 9223372036854775807 is beyond the integers'],
      [
        tensor([2 ** 40, 2 ** 40], 1, bytes4),
        'byte 0: dims: a tensor of shape [1099511627776,1099511627776] is too large',
      ],
      [tensor(Array(65).fill(1), 1, bytes4), 'byte 129: dims: there are more than 64'],
      [join(message(1, varints(...Array(65).fill(1))), int(2, 1)), 'byte 66: dims: there are more than 64'],
      [tensor([2 ** 40], 1, bytes4), 'byte 0: raw_data: it has 4 bytes and the shape needs 4398046511104'],
      [tensor([0], 1, bytes4), 'raw_data: it has 4 bytes and the shape needs 0'],
      [tensor([1], 1), 'byte 0: the tensor has no data'],
      [tensor([1], 1, message(4)), 'the tensor has no data'],
      [tensor([2 ** 40], 1, message(4, floats(1))), 'float_data: it has 1 values and the shape needs 1099511627776'],
      [tensor([2], 1, message(4, floats(1, 2, 3))), 'float_data: it has 3 values and the shape needs 2'],
      [tensor([1], 7, message(7, varints(1, 2))), 'int64_data: it has 2 values and the shape needs 1'],
      [tensor([1], 1, message(4, new Uint8Array(5))), 'byte 4: float_data: its 5 bytes are not a multiple of 4'],
      [tensor([1], 11, message(10, new Uint8Array(4))), 'double_data: its 4 bytes are not a multiple of 8'],
      [tensor([1], 1, int(4, 5)), 'byte 4: float_data: the field is encoded as varint and not as bytes'],
      [tensor([1], 7, float(7, 5)), 'int64_data: the field is encoded as fixed32 and not as bytes'],
      [
        tensor([1], 1, message(5, varints(1))),
        'int32_data: it cannot hold F32, only I32, I16, I8, U16, U8, BOOL, F16, BF16',
      ],
      [tensor([1], 7, message(5, varints(1))), 'int32_data: it cannot hold I64'],
      [tensor([1], 7, message(11, varints(1))), 'uint64_data: it cannot hold I64, only U32, U64'],
      [tensor([1], 6, message(5, varints(2 ** 31))), 't.pb: byte 6: int32_data: 2147483648 is no I32'],
      [tensor([2], 2, message(5, varints(1, 256))), 'byte 7: int32_data: 256 is no U8'],
      [tensor([1], 3, message(5, varints(-129))), 'int32_data: -129 is no I8'],
      [tensor([1], 10, int(5, -1)), 'byte 5: int32_data: -1 is no F16'],
      [tensor([1], 9, int(5, 2)), 'int32_data: 2 is no BOOL'],
      [tensor([1], 9, message(9, Uint8Array.of(2))), 'a BOOL is neither 0 nor 1'],
      [tensor([1], 12, int(11, 2 ** 32)), 'byte 5: uint64_data: the value has more than 32 bits'],
      [tensor([1], 7, message(7, new Uint8Array(1).fill(128))), 'int64_data: it has 0 values and the shape needs 1'],
      [
        tensor([1], 7, message(7, Uint8Array.of(5, 128))),
        /byte 7: int64_data: a number that begins at byte 7 would go past byte 8/,
      ],
      [
        tensor([1], 7, message(7, new Uint8Array(10).fill(255), varints(2))),
        'int64_data: the number has more than 64 bits',
      ],
      [tensor([1], 1, bytes4, float(4, 1)), 'the data stand in several fields at once'],
      [tensor([1], 7, message(7, varints(1)), message(4, floats(1))), 'the data stand in several fields at once'],
      [tensor([1], 1, bytes4, bytes4), 'byte 10: raw_data: the field stands twice'],
      [tensor([1], 1, message(3, int(1, 0)), bytes4), 'segment: tensors in segments are not read'],
      [tensor([1], 1, int(14, 2), bytes4), 'data_location: 2 is no place for data'],
      [tensor([1], 1, int(14, 1), bytes4), 'the data stand in another file, and here too'],
      [tensor([1], 1, int(14, 1)), 'the data stand in another file, which is read for models only'],
      [
        tensor([1], 1, message(13, text(1, 'a')), message(13, text(1, 'a')), bytes4, int(14, 1)),
        /another file, and here too/,
      ],
      [
        tensor([1], 1, message(13, text(1, 'a')), message(13, text(1, 'a')), int(14, 1)),
        'external_data: "a" stands twice',
      ],
    ];
    for (const [bytes, expected] of cases) expect.soft(messageOf(() => decode(bytes))).toMatch(expected);
    expect(cases.length).toBe(44);
  });
});
