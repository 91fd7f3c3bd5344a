// Reads the messages of an ONNX file, from the model down to the attribute. Refused is what would be lost unnoticed: local
// functions, sparse tensors, values that are no tensors. Whether the graph makes sense is for validate.ts to say.

import { quoteName } from '../io/file-error.ts';
import {
  ATTRIBUTE_TYPES,
  MAX_RANK,
  type OnnxAttribute,
  type OnnxDim,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxOpset,
  type OnnxTensor,
  type OnnxTensorType,
  type OnnxValue,
} from './model.ts';
import { dtypeOf, type ExternalTensor, readEntry, readTensor, toMap } from './read-tensor.ts';
import { WireReader } from './wire-reader.ts';

/** A model, and its tensors that are to be filled from other files before it is used. */
export interface DecodedModel {
  readonly model: OnnxModel;
  readonly external: readonly ExternalTensor[];
}

/** Reads a whole file that is already in memory; tensors are copies. `fileName` is for errors. */
export function decodeOnnx(bytes: Uint8Array, fileName: string): DecodedModel {
  const external: ExternalTensor[] = [];
  return { model: readModel(WireReader.ofFile(bytes, fileName), external), external };
}

function readModel(wire: WireReader, external: ExternalTensor[]): OnnxModel {
  let irVersion: number | undefined;
  let graph: OnnxGraph | undefined;
  let modelVersion = 0;
  const texts = { producerName: '', producerVersion: '', domain: '', docString: '' };
  const opsets: OnnxOpset[] = [];
  const metadata: (readonly [string, string])[] = [];
  while (wire.next()) {
    if (wire.field === 1) irVersion = wire.size('ir_version');
    else if (wire.field === 2) texts.producerName = wire.string('producer_name');
    else if (wire.field === 3) texts.producerVersion = wire.string('producer_version');
    else if (wire.field === 4) texts.domain = wire.string('domain');
    else if (wire.field === 5) modelVersion = wire.int('model_version');
    else if (wire.field === 6) texts.docString = wire.string('doc_string');
    else if (wire.field === 7) graph = wire.message('graph', (inner) => readGraph(inner, external));
    else if (wire.field === 8) wire.messages('opset_import', opsets, readOpset);
    else if (wire.field === 14) wire.messages('metadata_props', metadata, readEntry);
    else if (wire.field === 25)
      wire.fail('functions that a model defines itself are not read; inline them', 'functions');
    else wire.skip();
  }
  if (irVersion === undefined) return wire.failWhole('is missing', 'ir_version');
  if (!graph) return wire.failWhole('is missing', 'graph');
  return { irVersion, opsets, ...texts, modelVersion, graph, metadata: toMap(metadata, wire, 'metadata_props') };
}

function readOpset(wire: WireReader): OnnxOpset {
  let domain = '';
  let version: number | undefined;
  while (wire.next()) {
    if (wire.field === 1) domain = wire.string('domain');
    else if (wire.field === 2) version = wire.size('version');
    else wire.skip();
  }
  if (version === undefined) return wire.failWhole('is missing', 'version');
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}

function readGraph(wire: WireReader, external: ExternalTensor[]): OnnxGraph {
  let name = '';
  let docString = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const values: OnnxValue[] = [];
  while (wire.next()) {
    if (wire.field === 1) wire.messages('node', nodes, (inner) => readNode(inner, external));
    else if (wire.field === 2) name = wire.string('name');
    else if (wire.field === 5) wire.messages('initializer', initializers, (inner) => readTensor(inner, external));
    else if (wire.field === 10) docString = wire.string('doc_string');
    else if (wire.field === 11) wire.messages('input', inputs, readValue);
    else if (wire.field === 12) wire.messages('output', outputs, readValue);
    else if (wire.field === 13) wire.messages('value_info', values, readValue);
    else if (wire.field === 15) wire.fail('sparse tensors are not read', 'sparse_initializer');
    else wire.skip();
  }
  return { name, docString, nodes, initializers, inputs, outputs, values };
}

function readNode(wire: WireReader, external: ExternalTensor[]): OnnxNode {
  const texts = { name: '', docString: '', opType: '', domain: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const named: (readonly [string, OnnxAttribute])[] = [];
  while (wire.next()) {
    if (wire.field === 1) wire.strings('input', inputs);
    else if (wire.field === 2) wire.strings('output', outputs);
    else if (wire.field === 3) texts.name = wire.string('name');
    else if (wire.field === 4) texts.opType = wire.string('op_type');
    else if (wire.field === 5) wire.messages('attribute', named, (inner) => readAttribute(inner, external));
    else if (wire.field === 6) texts.docString = wire.string('doc_string');
    else if (wire.field === 7) texts.domain = wire.string('domain');
    else wire.skip();
  }
  if (texts.opType === '') wire.failWhole('is missing', 'op_type');
  if (texts.domain === 'ai.onnx') texts.domain = '';
  return { ...texts, inputs, outputs, attributes: toMap(named, wire, 'attribute') };
}

/** What a type without any value means: writers of protobuf 3 omit zeros and empty lists. */
const DEFAULTS: Readonly<Partial<Record<OnnxAttribute['type'], () => unknown>>> = {
  float: () => 0,
  int: () => 0,
  string: () => '',
  floats: () => [],
  ints: () => [],
  strings: () => [],
  tensors: () => [],
  graphs: () => [],
};

function readAttribute(wire: WireReader, external: ExternalTensor[]): readonly [string, OnnxAttribute] {
  let name = '';
  let code = 0;
  /** By field number. */
  const found = new Map<number, unknown>();
  const list = <T>(): T[] => {
    const values = (found.get(wire.field) as T[] | undefined) ?? [];
    found.set(wire.field, values);
    return values;
  };
  while (wire.next()) {
    if (wire.field === 1) name = wire.string('name');
    else if (wire.field === 2) found.set(2, wire.float('f'));
    else if (wire.field === 3) found.set(3, wire.endlessInt('i'));
    else if (wire.field === 4) found.set(4, wire.string('s'));
    else if (wire.field === 5)
      found.set(
        5,
        wire.message('t', (inner) => readTensor(inner, external)),
      );
    else if (wire.field === 6)
      found.set(
        6,
        wire.message('g', (inner) => readGraph(inner, external)),
      );
    else if (wire.field === 7) wire.floats('floats', list());
    else if (wire.field === 8) wire.endlessInts('ints', list());
    else if (wire.field === 9) wire.strings('strings', list());
    else if (wire.field === 10) wire.messages('tensors', list<OnnxTensor>(), (inner) => readTensor(inner, external));
    else if (wire.field === 11) wire.messages('graphs', list<OnnxGraph>(), (inner) => readGraph(inner, external));
    else if (wire.field === 20) code = wire.size('type');
    else if (wire.field === 21)
      wire.fail('stands for an attribute of a function; functions are not read', 'ref_attr_name');
    else wire.skip();
  }
  if (name === '') wire.failWhole('is missing', 'name');
  const title = `the attribute ${quoteName(name)}`;
  const type = ATTRIBUTE_TYPES[code];
  if (!type) return wire.failWhole(`${title} has the type ${code}, which is not read`, 'type');
  const value = found.get(code + 1) ?? DEFAULTS[type]?.();
  found.delete(code + 1);
  if (value === undefined) wire.failWhole(`${title} should be a ${type} and has none`);
  if (found.size > 0) wire.failWhole(`${title} should be of type ${type} and has a value of another type`);
  return [name, { type, value } as OnnxAttribute];
}

function readValue(wire: WireReader): OnnxValue {
  let name = '';
  let type: OnnxTensorType | undefined;
  while (wire.next()) {
    if (wire.field === 1) name = wire.string('name');
    else if (wire.field === 2) type = wire.message('type', readType);
    else wire.skip();
  }
  if (name === '') wire.failWhole('is missing', 'name');
  return { name, type };
}

/** Other fields of a TypeProto: sequences, maps, optional and sparse values; 6 is only a note. */
function readType(wire: WireReader): OnnxTensorType | undefined {
  let type: OnnxTensorType | undefined;
  while (wire.next()) {
    if (wire.field === 1) type = wire.message('tensor_type', readTensorType);
    else if (wire.field === 6) wire.skip();
    else wire.fail(`field ${wire.field} is not a tensor's type; only tensors are read`);
  }
  return type;
}

function readTensorType(wire: WireReader): OnnxTensorType {
  let code = 0;
  let shape: OnnxDim[] | undefined;
  while (wire.next()) {
    if (wire.field === 1) code = wire.size('elem_type');
    else if (wire.field === 2) shape = wire.message('shape', readShape);
    else wire.skip();
  }
  return { dtype: dtypeOf(code, wire, 'elem_type'), shape };
}

function readShape(wire: WireReader): OnnxDim[] {
  const shape: OnnxDim[] = [];
  while (wire.next()) {
    if (shape.length === MAX_RANK) wire.fail(`there are more than ${MAX_RANK}`, 'dim');
    if (wire.field === 1) wire.messages('dim', shape, readDim);
    else wire.skip();
  }
  return shape;
}

function readDim(wire: WireReader): OnnxDim {
  let value: number | undefined;
  let param = '';
  while (wire.next()) {
    if (wire.field === 1) value = wire.size('dim_value');
    else if (wire.field === 2) param = wire.string('dim_param');
    else wire.skip();
  }
  if (value !== undefined && param !== '') wire.failWhole('has both a size and a name');
  return value ?? (param === '' ? undefined : param);
}
