// A place in a protobuf message and the primitives that stand there: varints, lengths, fixed sizes. Whatever reads on checks
// first that it stays within the message, and every error names the byte and the path of the field.

import { LanewiseError } from '../errors.ts';

export interface WireFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Messages, strings and list values read so far. */
  parts: number;
}

/** Where bytes stand in the file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export class WireCursor {
  protected readonly file: WireFile;
  protected readonly depth: number;
  protected at: number;
  protected end: number;
  /** Where the tag of the field that is being read stands. */
  protected fieldAt: number;
  /** The halves of the last varint, as unsigned 32-bit numbers. */
  protected low = 0;
  protected high = 0;
  readonly #parent: WireCursor | undefined;
  readonly #label: string;
  readonly #start: number;

  constructor(file: WireFile, parent: WireCursor | undefined, label: string, { start, end }: Span) {
    this.file = file;
    this.depth = parent ? parent.depth + 1 : 0;
    this.at = start;
    this.end = end;
    this.fieldAt = start;
    this.#parent = parent;
    this.#label = label;
    this.#start = start;
  }

  /** `name` is the field within this message; empty when the error is about the whole message. */
  fail(reason: string, name = '', at = this.fieldAt): never {
    const path = [...this.#path(), name].filter((part) => part !== '').join('.');
    throw new LanewiseError('file', `${this.file.name}: byte ${at}: ${path === '' ? '' : `${path}: `}${reason}`);
  }

  /** For what is found wrong once all fields are read. */
  failWhole(reason: string, name = ''): never {
    return this.fail(reason, name, this.#start);
  }

  /** Reads a varint into `low` and `high`. */
  protected varint(name: string): void {
    const { bytes } = this.file;
    const start = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.at === this.end) this.#cut(name, `a number that begins at byte ${start}`);
      const byte = bytes[this.at++]!;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else {
        if (byte > 1) this.fail('the number has more than 64 bits', name, start);
        high |= byte << 31;
      }
      if (byte < 128) break;
    }
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** Reads the length of what follows and returns where it ends. */
  protected length(name: string): number {
    this.varint(name);
    const length = this.high * 2 ** 32 + this.low;
    if (length > this.end - this.at) this.#cut(name, `its ${length} bytes`);
    return this.at + length;
  }

  /** Moves past `count` bytes and returns where they begin. */
  protected take(count: number, name: string): number {
    if (count > this.end - this.at) this.#cut(name, `its ${count} bytes`);
    this.at += count;
    return this.at - count;
  }

  #path(): string[] {
    return this.#parent ? [...this.#parent.#path(), this.#label] : [];
  }

  #cut(name: string, what: string): never {
    const path = this.#path().join('.') || 'the file';
    return this.fail(`${what} would go past byte ${this.end}, where ${path} ends`, name);
  }
}
