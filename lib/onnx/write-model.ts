// Writes a model as the bytes of an ONNX file: fields in the order of their numbers, tensors as raw data. Equal models
// give equal bytes.

import { LanewiseError } from '../errors.ts';
import { quoteName } from '../io/file-error.ts';
import { SAFETENSORS_ARRAYS, tensorToBytes } from '../io/safetensors-dtype.ts';
import {
  ATTRIBUTE_TYPES,
  ELEMENT_TYPES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxTensorType,
  type OnnxValue,
} from './model.ts';
import { WireWriter } from './wire-writer.ts';

/** The file's content in pieces, to be written one after the other; large tensors are shared and not copied. */
export function encodeOnnx(model: OnnxModel): readonly Uint8Array[] {
  const wire = new WireWriter();
  wire.int(1, model.irVersion);
  writeText(wire, 2, model.producerName);
  writeText(wire, 3, model.producerVersion);
  writeText(wire, 4, model.domain);
  if (model.modelVersion !== 0) wire.int(5, model.modelVersion);
  writeText(wire, 6, model.docString);
  wire.message(7, (inner) => writeGraph(inner, model.graph));
  for (const { domain, version } of model.opsets) {
    wire.message(8, (inner) => {
      inner.string(1, domain);
      inner.int(2, version);
    });
  }
  for (const [key, value] of model.metadata) {
    wire.message(14, (inner) => {
      inner.string(1, key);
      inner.string(2, value);
    });
  }
  return wire.chunks();
}

function writeText(wire: WireWriter, field: number, text: string): void {
  if (text !== '') wire.string(field, text);
}

function writeGraph(wire: WireWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) wire.message(1, (inner) => writeNode(inner, node));
  writeText(wire, 2, graph.name);
  for (const tensor of graph.initializers) wire.message(5, (inner) => writeTensor(inner, tensor));
  writeText(wire, 10, graph.docString);
  for (const value of graph.inputs) wire.message(11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) wire.message(12, (inner) => writeValue(inner, value));
  for (const value of graph.values) wire.message(13, (inner) => writeValue(inner, value));
}

function writeNode(wire: WireWriter, node: OnnxNode): void {
  for (const input of node.inputs) wire.string(1, input);
  for (const output of node.outputs) wire.string(2, output);
  writeText(wire, 3, node.name);
  wire.string(4, node.opType);
  for (const [name, attribute] of node.attributes) wire.message(5, (inner) => writeAttribute(inner, name, attribute));
  writeText(wire, 6, node.docString);
  writeText(wire, 7, node.domain);
}

function writeAttribute(wire: WireWriter, name: string, attribute: OnnxAttribute): void {
  wire.string(1, name);
  const code = ATTRIBUTE_TYPES.indexOf(attribute.type);
  const field = code + 1;
  const { type, value } = attribute;
  if (type === 'float') wire.float(field, value);
  else if (type === 'int') wire.int(field, value);
  else if (type === 'string') wire.string(field, value);
  else if (type === 'tensor') wire.message(field, (inner) => writeTensor(inner, value));
  else if (type === 'graph') wire.message(field, (inner) => writeGraph(inner, value));
  else if (type === 'floats') for (const item of value) wire.float(field, item);
  else if (type === 'ints') for (const item of value) wire.int(field, item);
  else if (type === 'strings') for (const item of value) wire.string(field, item);
  else if (type === 'tensors') for (const item of value) wire.message(field, (inner) => writeTensor(inner, item));
  else for (const item of value) wire.message(field, (inner) => writeGraph(inner, item));
  wire.int(20, code);
}

function writeTensor(wire: WireWriter, tensor: OnnxTensor): void {
  checkTensor(tensor);
  for (const dim of tensor.shape) wire.int(1, dim);
  wire.int(2, ELEMENT_TYPES[tensor.dtype]);
  writeText(wire, 8, tensor.name);
  wire.bytes(9, tensorToBytes(tensor));
}

function checkTensor({ name, dtype, shape, data }: OnnxTensor): void {
  const fail = (reason: string) => {
    throw new LanewiseError('shape', `onnx: tensor ${quoteName(name)} ${reason}`);
  };
  if (!(data instanceof SAFETENSORS_ARRAYS[dtype])) fail(`of dtype ${dtype} needs a ${SAFETENSORS_ARRAYS[dtype].name}`);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) fail(`has the shape [${shape}]`);
  // Zero comes first lest infinity times zero become NaN.
  const count = shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, 1);
  if (count !== data.length) fail(`of shape [${shape}] needs ${count} values and has ${data.length}`);
}

function writeValue(wire: WireWriter, { name, type }: OnnxValue): void {
  wire.string(1, name);
  if (type) wire.message(2, (inner) => inner.message(1, (tensor) => writeTensorType(tensor, type)));
}

function writeTensorType(wire: WireWriter, { dtype, shape }: OnnxTensorType): void {
  wire.int(1, ELEMENT_TYPES[dtype]);
  if (!shape) return;
  wire.message(2, (inner) => {
    for (const dim of shape) {
      inner.message(1, (size) => {
        if (typeof dim === 'number') size.int(1, dim);
        else if (dim !== undefined) size.string(2, dim);
      });
    }
  });
}
