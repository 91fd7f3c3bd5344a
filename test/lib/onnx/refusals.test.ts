// The reader believes nothing: every way in which the messages of a model can be wrong is refused with a sentence that
// names the file, the byte and the field.

import { describe, expect, it } from 'vitest';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import {
  float,
  int,
  join,
  message,
  messageOf,
  model,
  modelOf,
  node,
  OPSET_17,
  tag,
  tensor,
  text,
  value,
} from './protobuf.ts';

const refusal = (bytes: Uint8Array): string => messageOf(() => decodeOnnx(bytes, 'm.onnx'));
const attribute = (...parts: readonly Uint8Array[]): Uint8Array =>
  modelOf(node('Op', ['x'], ['y'], message(5, text(1, 'a'), ...parts)));
const typed = (...parts: readonly Uint8Array[]): Uint8Array => model(message(11, text(1, 'x'), message(2, ...parts)));
const dim = (...parts: readonly Uint8Array[]): Uint8Array =>
  typed(message(1, int(1, 1), message(2, message(1, ...parts))));

/** A graph within a graph, so many times. */
function nested(levels: number): Uint8Array {
  let graph = message(1, node('Relu', ['x'], ['y']));
  for (let i = 0; i < levels; i++) {
    graph = message(1, node('If', ['x'], [`y${i}`], message(5, text(1, 'then_branch'), message(6, graph), int(20, 5))));
  }
  return model(graph);
}

describe('decodeOnnx', () => {
  it('names the byte and the field of every error', () => {
    const cases: [bytes: Uint8Array, message: string | RegExp][] = [
      // The wire format.
      [new Uint8Array(0), 'm.onnx: byte 0: the file is empty'],
      [
        Uint8Array.of(0x08),
        'm.onnx: byte 0: ir_version: a number that begins at byte 1 would go past byte 1, where the file ends',
      ],
      [Uint8Array.of(0x80), 'byte 0: a number that begins at byte 0 would go past byte 1'],
      [Uint8Array.of(0x00, 0x01), 'byte 0: no field can have this tag'],
      [join(new Uint8Array(5).fill(0xff), Uint8Array.of(0x0f)), 'byte 0: no field can have this tag'],
      [tag(1, 3), 'byte 0: field 1 has wire type 3, which ONNX does not use'],
      [join(tag(99, 3), tag(99, 4)), 'field 99 has wire type 3'],
      [tag(1, 4), 'field 1 has wire type 4'],
      [tag(1, 6), 'field 1 has wire type 6'],
      [tag(1, 7), 'field 1 has wire type 7'],
      [join(tag(99, 5), new Uint8Array(3)), 'byte 0: field 99: its 4 bytes would go past byte 5, where the file ends'],
      [join(tag(99, 1), new Uint8Array(7)), 'field 99: its 8 bytes would go past byte 9'],
      [join(tag(99, 2), Uint8Array.of(1)), 'field 99: its 1 bytes would go past byte 3'],
      [
        join(tag(7, 2), new Uint8Array(9).fill(255), Uint8Array.of(1)),
        'graph: its 18446744073709552000 bytes would go past',
      ],
      [
        join(int(1, 8), tag(7, 2), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 7)),
        'byte 2: graph: its 2147483647 bytes would go past byte 8',
      ],
      [
        join(tag(1, 0), new Uint8Array(9).fill(255), Uint8Array.of(2)),
        'byte 1: ir_version: the number has more than 64 bits',
      ],
      [join(tag(1, 0), new Uint8Array(10).fill(128), Uint8Array.of(0)), 'ir_version: the number has more than 64 bits'],
      [int(1, 2 ** 53), 'byte 1: ir_version: 9007199254740992 is beyond the integers that are exact here (2^53)'],
      [int(1, -1), 'byte 1: ir_version: -1 is negative'],
      [int(5, -(2n ** 63n)), 'byte 1: model_version: -9223372036854775808 is beyond the integers'],
      [join(int(1, 8), int(1, 8)), 'byte 2: ir_version: the field stands twice'],
      [float(1, 8), 'byte 0: ir_version: the field is encoded as fixed32 and not as varint'],
      [int(7, 8), 'byte 0: graph: the field is encoded as varint and not as bytes'],
      [int(2, 8), 'producer_name: the field is encoded as varint and not as bytes'],
      [message(2, Uint8Array.of(0xc3, 0x28)), 'byte 0: producer_name: the string is not valid UTF-8'],
      [message(2, Uint8Array.of(0xed, 0xa0, 0x80)), 'producer_name: the string is not valid UTF-8'],
      [message(2, new Uint8Array(2 ** 24 + 1)), 'producer_name: the string is longer than 16777216 bytes'],
      // An inner message that claims bytes of the outer one.
      [
        join(int(1, 8), message(7, tag(1, 2), Uint8Array.of(9)), OPSET_17),
        'byte 4: graph.node[0]: its 9 bytes would go past byte 6, where graph ends',
      ],
      [
        model(message(1, tag(4, 2), Uint8Array.of(1)), message(2)),
        'byte 6: graph.node[0].op_type: its 1 bytes would go past byte 8, where graph.node[0] ends',
      ],
      // Models.
      [message(7), 'm.onnx: byte 0: ir_version: is missing'],
      [int(1, 8), 'm.onnx: byte 0: graph: is missing'],
      [join(int(1, 8), message(8, text(1, 'd'))), 'byte 4: opset_import[0].version: is missing'],
      [message(14, int(1, 1)), 'byte 2: metadata_props[0].key: the field is encoded as varint'],
      [join(model(), message(14, text(1, 'k')), message(14, text(1, 'k'))), 'byte 0: metadata_props: "k" stands twice'],
      [
        join(model(), message(25, text(1, 'f'))),
        'byte 10: functions: functions that a model defines itself are not read; inline them',
      ],
      // Graphs and nodes.
      [model(message(15)), 'graph.sparse_initializer: sparse tensors are not read'],
      [model(message(1, text(1, 'x'))), 'byte 6: graph.node[0].op_type: is missing'],
      [
        modelOf(node('A', ['x'], ['z']), node('B', ['x'], ['y'], message(5, int(20, 1)))),
        'graph.node[1].attribute[0].name: is missing',
      ],
      [
        modelOf(node('A', ['x'], ['y'], message(5, text(1, 'a'), int(20, 2)), message(5, text(1, 'a'), int(20, 2)))),
        'graph.node[0].attribute: "a" stands twice',
      ],
      [
        modelOf(node('A', [], [], message(1, Uint8Array.of(255)))),
        'graph.node[0].input[0]: the string is not valid UTF-8',
      ],
      // Attributes.
      [attribute(), 'graph.node[0].attribute[0].type: the attribute "a" has the type 0, which is not read'],
      [attribute(int(20, 11)), 'has the type 11, which is not read'],
      [attribute(int(20, 2 ** 40)), 'has the type 1099511627776, which is not read'],
      [attribute(int(20, 4)), 'the attribute "a" should be a tensor and has none'],
      [attribute(int(20, 5)), 'the attribute "a" should be a graph and has none'],
      [attribute(int(20, 2), float(2, 1)), 'the attribute "a" should be of type int and has a value of another type'],
      [
        attribute(int(20, 1), float(2, 1), int(3, 1)),
        'the attribute "a" should be of type float and has a value of another type',
      ],
      [attribute(int(20, 2), int(3, 1), int(3, 1)), 'attribute[0].i: the field stands twice'],
      [attribute(int(20, 2), int(3, 2 ** 53)), 'attribute[0].i: 9007199254740992 is beyond the integers'],
      [
        attribute(int(20, 7), int(8, 0), int(8, 2n ** 63n - 2n)),
        'attribute[0].ints[1]: 9223372036854775806 is beyond the integers',
      ],
      [attribute(int(20, 6), message(7, new Uint8Array(6))), 'attribute[0].floats[1]: its 4 bytes would go past'],
      [attribute(int(20, 3), message(4, Uint8Array.of(0xff))), 'attribute[0].s: the string is not valid UTF-8'],
      [
        attribute(text(21, 'b')),
        'attribute[0].ref_attr_name: stands for an attribute of a function; functions are not read',
      ],
      [attribute(int(20, 4), message(5, tensor([-1], 1))), 'attribute[0].t.dims[0]: -1 is negative'],
      [
        attribute(int(20, 9), message(10, tensor([0], 1)), message(10, tensor([1], 1))),
        'attribute[0].tensors[1]: the tensor has no data',
      ],
      // Values.
      [model(message(11)), 'byte 6: graph.input[0].name: is missing'],
      [typed(message(4)), "graph.input[0].type: field 4 is not a tensor's type; only tensors are read"],
      [typed(message(9)), "graph.input[0].type: field 9 is not a tensor's type; only tensors are read"],
      [typed(message(1)), 'graph.input[0].type.tensor_type.elem_type: the element type 0 is none of 1 (F32)'],
      [typed(message(1, int(1, 17))), 'type.tensor_type.elem_type: the element type 17 is none of'],
      [typed(message(1, int(1, 2n ** 63n))), 'elem_type: -9223372036854775808 is beyond the integers'],
      [dim(int(1, -1)), 'graph.input[0].type.tensor_type.shape.dim[0].dim_value: -1 is negative'],
      [dim(int(1, 2n ** 62n)), 'shape.dim[0].dim_value: 4611686018427387904 is beyond the integers'],
      [dim(int(1, 3), text(2, 'n')), 'shape.dim[0]: has both a size and a name'],
      [typed(message(1, int(1, 1), message(2, ...Array(65).fill(message(1))))), 'shape.dim: there are more than 64'],
      // Quantities that would exhaust the stack or the memory.
      [nested(21), 'messages are nested more than 64 deep'],
      [nested(1000), 'messages are nested more than 64 deep'],
    ];
    for (const [bytes, expected] of cases) expect.soft(refusal(bytes)).toMatch(expected);
    expect(cases.length).toBe(67);
  });

  it('reads 20 graphs within each other', () => {
    expect(refusal(nested(20))).toBe('no error');
    expect(refusal(modelOf(node('Relu', ['x'], ['y'])))).toBe('no error');
    expect(refusal(model(message(11, value('x'))))).toBe('no error');
  });

  it('stops at a million parts, whatever they are', () => {
    const many = (part: Uint8Array) => new Uint8Array(Buffer.alloc(1_000_000 * part.length, part));
    expect(refusal(modelOf(join(text(4, 'A'), many(text(1, '')))))).toMatch(
      /graph\.node\[0\]\.input\[\d+\]: the file has more than 1000000 parts/,
    );
    const ints = attribute(int(20, 7), message(8, new Uint8Array(1_000_000)));
    expect(refusal(ints)).toMatch(/attribute\[0\]\.ints: the file has more than 1000000 parts/);
    const loose = many(int(5, 0));
    expect(refusal(model(message(5, tensor([1_000_000], 2, loose))))).toMatch(
      /int32_data: the file has more than 1000000/,
    );
  });
});
