// Reads protobuf's wire format: tagged fields in any order, lengths before contents. Nothing a file says is believed:
// every length is compared with what encloses it before anything is made of it, and every error names the byte and the
// field, as in `m.onnx: byte 1234: graph.node[3].name: ...`. Unknown fields are skipped, groups (which ONNX has not) refused.

import { LanewiseError } from '../errors.ts';
import { type Span, WireCursor } from './wire-cursor.ts';

export type WireType = 'varint' | 'fixed32' | 'fixed64' | 'bytes';

/** By the number in the tag; 3 and 4 are groups, 6 and 7 do not exist. */
const WIRE_TYPES: readonly (WireType | undefined)[] = ['varint', 'fixed64', 'bytes', undefined, undefined, 'fixed32'];

/** A subgraph takes three messages (node, attribute, graph): 20 subgraphs within each other. Guards the call stack. */
const MAX_DEPTH = 64;

/** Messages, strings and list values in one file, tensor data aside. Two bytes can make an object: guards the memory. */
const MAX_PARTS = 1_000_000;

const MAX_STRING_BYTES = 1 << 24;

/**
 * One message. `next` moves to its next field, whose number is then `field`; exactly one of the other methods must take
 * its value. Methods that return a value refuse a field that stands twice; those that take a list add to it.
 */
export class WireReader extends WireCursor {
  #wire: WireType = 'varint';
  #seen = 0;
  field = 0;

  static ofFile(bytes: Uint8Array, name: string): WireReader {
    if (bytes.length === 0) throw new LanewiseError('file', `${name}: byte 0: the file is empty`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new WireReader({ name, bytes, view, parts: 0 }, undefined, '', { start: 0, end: bytes.length });
  }

  next(): boolean {
    if (this.at === this.end) return false;
    this.fieldAt = this.at;
    this.varint('');
    const wire = WIRE_TYPES[this.low & 7];
    this.field = this.low >>> 3;
    if (this.high !== 0 || this.field === 0) this.fail('no field can have this tag');
    if (!wire) this.fail(`field ${this.field} has wire type ${this.low & 7}, which ONNX does not use`);
    this.#wire = wire;
    return true;
  }

  skip(): void {
    const name = `field ${this.field}`;
    if (this.#wire === 'varint') this.varint(name);
    else if (this.#wire === 'bytes') this.at = this.length(name);
    else this.take(this.#wire === 'fixed32' ? 4 : 8, name);
  }

  /** An int64 that a number holds exactly. */
  int(name: string): number {
    this.#once(name, 'varint');
    return this.#int64(name);
  }

  /** An int64 that is a count, a size or a version. */
  size(name: string): number {
    this.#once(name, 'varint');
    return this.#size(name);
  }

  sizes(name: string, list: number[], most: number): void {
    this.#scalars(name, 'varint', () => {
      if (list.length === most) this.fail(`there are more than ${most}`, name, this.at);
      list.push(this.#size(`${name}[${list.length}]`));
    });
  }

  /** An int64 of an attribute: its two extremes, which mean "up to the end" in slices, become infinite. */
  endlessInt(name: string): number {
    this.#once(name, 'varint');
    return this.#endless(name);
  }

  endlessInts(name: string, list: number[]): void {
    this.#scalars(name, 'varint', () => list.push(this.#endless(`${name}[${list.length}]`)));
  }

  float(name: string): number {
    this.#once(name, 'fixed32');
    return this.#float(name);
  }

  floats(name: string, list: number[]): void {
    this.#scalars(name, 'fixed32', () => list.push(this.#float(`${name}[${list.length}]`)));
  }

  string(name: string): string {
    this.#once(name, 'bytes');
    return this.#string(name);
  }

  strings(name: string, list: string[]): void {
    const label = `${name}[${list.length}]`;
    this.#expect('bytes', label);
    list.push(this.#string(label));
  }

  message<T>(name: string, read: (inner: WireReader) => T): T {
    this.#once(name, 'bytes');
    return this.#message(name, read);
  }

  messages<T>(name: string, list: T[], read: (inner: WireReader) => T): void {
    const label = `${name}[${list.length}]`;
    this.#expect('bytes', label);
    list.push(this.#message(label, read));
  }

  /** Where the contents of a bytes field stand. */
  span(name: string): Span {
    this.#once(name, 'bytes');
    const end = this.length(name);
    const start = this.at;
    this.at = end;
    return { start, end };
  }

  /** A repeated scalar of a tensor, packed or not: where its values stand, to be decoded when their number is known. */
  spans(name: string, wire: WireType, list: Span[]): void {
    const start = this.at;
    this.#part(name);
    if (this.#wire === wire) {
      this.skip();
      list.push({ start, end: this.at });
    } else {
      this.#expect('bytes', name);
      const end = this.length(name);
      const size = wire === 'fixed32' ? 4 : wire === 'fixed64' ? 8 : 1;
      if ((end - this.at) % size !== 0) this.fail(`its ${end - this.at} bytes are not a multiple of ${size}`, name);
      list.push({ start: this.at, end });
      this.at = end;
    }
  }

  copy({ start, end }: Span, target: Uint8Array, offset: number): void {
    target.set(this.file.bytes.subarray(start, end), offset);
  }

  /** How many varints end within the span. */
  countVarints({ start, end }: Span): number {
    let count = 0;
    for (let at = start; at < end; at++) if (this.file.bytes[at]! < 128) count++;
    return count;
  }

  /** Calls `use` with the halves, unsigned, and the position of each varint of the span. */
  varints(name: string, span: Span, use: (low: number, high: number, at: number) => void): void {
    const inner = new WireReader(this.file, this, name, span);
    while (inner.at < inner.end) {
      const at = inner.at;
      inner.fieldAt = at;
      inner.varint('');
      use(inner.low, inner.high, at);
    }
  }

  #message<T>(label: string, read: (inner: WireReader) => T): T {
    this.#part(label);
    if (this.depth === MAX_DEPTH) this.fail(`messages are nested more than ${MAX_DEPTH} deep`, label);
    const end = this.length(label);
    const result = read(new WireReader(this.file, this, label, { start: this.at, end }));
    this.at = end;
    return result;
  }

  #scalars(name: string, wire: WireType, read: () => void): void {
    if (this.#wire === wire) {
      this.#part(name);
      read();
      return;
    }
    this.#expect('bytes', name);
    const outerEnd = this.end;
    this.end = this.length(name);
    while (this.at < this.end) {
      this.#part(name);
      read();
    }
    this.end = outerEnd;
  }

  #string(name: string): string {
    this.#part(name);
    const end = this.length(name);
    const start = this.at;
    if (end - start > MAX_STRING_BYTES) this.fail(`the string is longer than ${MAX_STRING_BYTES} bytes`, name);
    this.at = end;
    try {
      return utf8.decode(this.file.bytes.subarray(start, end));
    } catch {
      return this.fail('the string is not valid UTF-8', name);
    }
  }

  #int64(name: string): number {
    const at = this.at;
    this.varint(name);
    const value = (this.high | 0) * 2 ** 32 + this.low;
    if (!Number.isSafeInteger(value)) {
      const exact = (BigInt(this.high | 0) << 32n) | BigInt(this.low);
      this.fail(`${exact} is beyond the integers that are exact here (2^53)`, name, at);
    }
    return value;
  }

  #size(name: string): number {
    const at = this.at;
    const value = this.#int64(name);
    if (value < 0) this.fail(`${value} is negative`, name, at);
    return value;
  }

  #endless(name: string): number {
    const at = this.at;
    this.varint(name);
    if (this.high === 0x7fffffff && this.low === 0xffffffff) return Infinity;
    if (this.high === 0x80000000 && this.low === 0) return -Infinity;
    this.at = at;
    return this.#int64(name);
  }

  #float(name: string): number {
    return this.file.view.getFloat32(this.take(4, name), true);
  }

  #expect(wire: WireType, name: string): void {
    if (this.#wire !== wire) this.fail(`the field is encoded as ${this.#wire} and not as ${wire}`, name);
  }

  /** Protobuf lets the last of two equal fields win; no writer of ONNX repeats one. Field numbers stay below 32. */
  #once(name: string, wire: WireType): void {
    this.#expect(wire, name);
    const bit = 1 << this.field;
    if (this.#seen & bit) this.fail('the field stands twice', name);
    this.#seen |= bit;
  }

  #part(name: string): void {
    if (++this.file.parts > MAX_PARTS) this.fail(`the file has more than ${MAX_PARTS} parts`, name);
  }
}

// A byte order mark is a character like any other: names must stay different that are different in the file.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
