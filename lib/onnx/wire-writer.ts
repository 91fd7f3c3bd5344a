// Writes protobuf's wire format as the reference implementation does for ONNX: fields in the order of the calls, lists
// unpacked. Large contents are not copied; a message is the list of its pieces.

import { LanewiseError } from '../errors.ts';
import { quoteName } from '../io/file-error.ts';

export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes that are not yet in a chunk. */
  #loose: number[] = [];
  #length = 0;

  /** The pieces of the message, in order. */
  chunks(): readonly Uint8Array[] {
    this.#flush();
    return this.#chunks;
  }

  get length(): number {
    return this.#length + this.#loose.length;
  }

  /** An int64; the infinities are its extremes. */
  int(field: number, value: number): void {
    this.#varint(field * 8);
    if (value === Infinity) this.#halves(0xffffffff, 0x7fffffff);
    else if (value === -Infinity) this.#halves(0, 0x80000000);
    else this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + 5);
    this.#loose.push(...new Uint8Array(Float32Array.of(value).buffer));
  }

  string(field: number, text: string): void {
    if (/\p{Surrogate}/u.test(text)) {
      throw new LanewiseError('option', `onnx: ${quoteName(text)} has half a surrogate pair and cannot be UTF-8`);
    }
    this.bytes(field, Buffer.from(text, 'utf8'));
  }

  /** Shares the memory of `bytes`. */
  bytes(field: number, bytes: Uint8Array): void {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#append(bytes);
  }

  message(field: number, write: (inner: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.#varint(field * 8 + 2);
    this.#varint(inner.length);
    for (const chunk of inner.chunks()) this.#append(chunk);
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length < 64) {
      this.#loose.push(...bytes);
      return;
    }
    this.#flush();
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  #flush(): void {
    if (this.#loose.length === 0) return;
    this.#chunks.push(Uint8Array.from(this.#loose));
    this.#length += this.#loose.length;
    this.#loose = [];
  }

  #varint(value: number): void {
    if (!Number.isSafeInteger(value)) throw new LanewiseError('option', `onnx: ${value} is not an exact integer`);
    const high = Math.floor(value / 2 ** 32);
    this.#halves(value - high * 2 ** 32, high);
  }

  #halves(low: number, high: number): void {
    let lower = low >>> 0;
    let upper = high >>> 0;
    while (upper > 0 || lower > 127) {
      this.#loose.push((lower & 127) | 128);
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    this.#loose.push(lower);
  }
}
