// Reads and checks the header of a safetensors file: a 64-bit length, then JSON of one fixed form. The JSON is scanned by
// hand because JSON.parse keeps the last of two equal keys and forgets where anything stood. After `parseHeader` every
// size has been compared with the length of the file, so that nothing a file says is allocated unchecked.

import { LanewiseError } from '../errors.ts';
import { quoteName } from './file-error.ts';
import { isSafetensorsDType, SAFETENSORS_BYTES, type SafetensorsDType } from './safetensors-dtype.ts';

/** The limit of the reference implementation. */
export const MAX_HEADER_BYTES = 100_000_000;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Where the data stands, counted from `dataStart`. */
  readonly begin: number;
  readonly end: number;
  /** Where in the file the entry stands, for errors. */
  readonly byte: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly TensorEntry[];
  /** Has no prototype, so that any name is safe to look up. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The byte of the file at which the data begin. */
  readonly dataStart: number;
}

/** The header's length in bytes, from the first 8 bytes of a file. */
export function headerLength(first: Uint8Array, fileBytes: number, fileName: string): number {
  const fail = (reason: string) => new LanewiseError('file', `${fileName} is not a whole safetensors file: ${reason}`);
  if (fileBytes === 0) throw fail('it is empty');
  if (fileBytes < 8) throw fail(`it ends at byte ${fileBytes}, within the 8 bytes of the header's length`);
  const view = new DataView(first.buffer, first.byteOffset, 8);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  const claim = `bytes 0 to 7 announce a header of ${length} bytes`;
  if (length > MAX_HEADER_BYTES) throw fail(`${claim}, more than the ${MAX_HEADER_BYTES} allowed`);
  if (length > fileBytes - 8) throw fail(`${claim}, but the file ends at byte ${fileBytes}`);
  return length;
}

/** `header` is the JSON alone: the bytes from 8 to `8 + header.length` of a file of `fileBytes` bytes. */
export function parseHeader(header: Uint8Array, fileBytes: number, fileName: string): SafetensorsHeader {
  const scanner = new Scanner(header, fileName);
  const entries: TensorEntry[] = [];
  const metadata: Record<string, string> = Object.create(null);
  if (header[0] !== OPEN_BRACE) scanner.fail('the header does not begin with {', 0);
  scanner.object((name, at) => {
    if (name !== '__metadata__') {
      entries.push(readEntry(scanner, name, at));
      return;
    }
    scanner.object((key) => {
      metadata[key] = scanner.string('a metadata value in double quotes');
    });
  });
  scanner.end();
  const dataStart = 8 + header.length;
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, dataStart, fileBytes, fileName);
  return { entries, metadata, dataStart };
}

function readEntry(scanner: Scanner, name: string, at: number): TensorEntry {
  const title = `tensor ${quoteName(name)}`;
  let dtype: SafetensorsDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((key, keyAt) => {
    if (key === 'dtype') {
      const found = scanner.string('a dtype in double quotes');
      if (!isSafetensorsDType(found)) {
        const known = Object.keys(SAFETENSORS_BYTES).join(', ');
        scanner.fail(`${title} has dtype ${quoteName(found)}; the dtypes read are ${known}`, keyAt);
      }
      dtype = found;
    } else if (key === 'shape') shape = scanner.integers();
    else if (key === 'data_offsets') offsets = scanner.integers();
    else scanner.fail(`${title} has the unknown property ${quoteName(key)}`, keyAt);
  });
  if (!dtype || !shape || !offsets) {
    scanner.fail(`${title} has no ${dtype ? (shape ? 'data_offsets' : 'shape') : 'dtype'}`, at);
  }
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin === undefined || end === undefined || end < begin) {
    scanner.fail(`the data_offsets of ${title} are not a begin and an end: ${quoteName(offsets.join(', '))}`, at);
  }
  // Overflow is harmless: such a product is no size that offsets can have. Zero comes first lest it become NaN.
  const bytes = shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, SAFETENSORS_BYTES[dtype]);
  if (bytes !== end - begin) {
    const needs = `${dtype} of shape [${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', ...' : ''}] needs ${bytes}`;
    scanner.fail(`${title} occupies ${end - begin} bytes but ${needs}`, at);
  }
  return { name, dtype, shape, begin, end, byte: 8 + at };
}

/** The data must be tiled by the tensors: no byte in two of them, none in no tensor. */
function checkCoverage(entries: readonly TensorEntry[], dataStart: number, fileBytes: number, fileName: string): void {
  const dataBytes = fileBytes - dataStart;
  const fail = (reason: string, byte: number) => {
    throw new LanewiseError('file', `${fileName}: ${reason} (byte ${byte})`);
  };
  let covered = 0;
  let previous = 'the header';
  for (const { name, begin, end, byte } of entries) {
    const title = `tensor ${quoteName(name)}`;
    if (begin > covered) fail(`${begin - covered} bytes between ${previous} and ${title} belong to no tensor`, byte);
    if (begin < covered) fail(`${title} overlaps ${previous}: it begins at ${begin}, before ${covered}`, byte);
    if (end > dataBytes) {
      const excess = end - dataBytes;
      fail(`${title} ends ${excess} bytes behind the end of the file, which is truncated or was written wrongly`, byte);
    }
    covered = end;
    previous = title;
  }
  if (covered !== dataBytes) fail(`the file has ${dataBytes - covered} bytes after ${previous}`, dataStart + covered);
}

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Steps through the JSON bytes; every method begins at the next token and stops behind what it read. */
class Scanner {
  readonly #bytes: Uint8Array;
  readonly #fileName: string;
  #at = 0;

  constructor(bytes: Uint8Array, fileName: string) {
    this.#bytes = bytes;
    this.#fileName = fileName;
  }

  /** `at` counts from the start of the header, 8 bytes into the file. */
  fail(reason: string, at: number): never {
    throw new LanewiseError('file', `${this.#fileName}: ${reason} (byte ${8 + at})`);
  }

  /** Calls `member` behind the colon of each member; it must read the value. */
  object(member: (key: string, at: number) => void): void {
    const seen = new Set<string>();
    this.#expect(OPEN_BRACE, '{');
    if (this.#take(CLOSE_BRACE)) return;
    do {
      const at = this.#next();
      const key = this.string('a name in double quotes');
      if (seen.has(key)) this.fail(`the name ${quoteName(key)} stands twice`, at);
      seen.add(key);
      this.#expect(COLON, ':');
      member(key, at);
    } while (this.#take(COMMA));
    this.#expect(CLOSE_BRACE, ', or }');
  }

  integers(): number[] {
    const values: number[] = [];
    this.#expect(OPEN_BRACKET, '[');
    if (this.#take(CLOSE_BRACKET)) return values;
    do values.push(this.#integer());
    while (this.#take(COMMA));
    this.#expect(CLOSE_BRACKET, ', or ]');
    return values;
  }

  string(what: string): string {
    const start = this.#next();
    if (this.#bytes[start] !== QUOTE) this.fail(`expected ${what}`, start);
    let end = start + 1;
    let escaped = false;
    for (; this.#bytes[end] !== QUOTE; end++) {
      const byte = this.#bytes[end];
      if (byte === undefined) this.fail('the header ends within a string that begins here', start);
      if (byte < 0x20) this.fail('a control character stands in a string', end);
      if (byte !== BACKSLASH) continue;
      escaped = true;
      end++;
    }
    this.#at = end + 1;
    let text: string;
    try {
      text = utf8.decode(this.#bytes.subarray(start + 1, end));
    } catch {
      this.fail('a string is not valid UTF-8', start);
    }
    if (!escaped) return text;
    try {
      text = JSON.parse(`"${text}"`);
    } catch {
      this.fail('a string has an invalid escape', start);
    }
    if (/\p{Surrogate}/u.test(text)) this.fail('a string has half a surrogate pair', start);
    return text;
  }

  end(): void {
    if (this.#next() < this.#bytes.length) this.fail('something follows the end of the header', this.#at);
  }

  #integer(): number {
    const start = this.#next();
    let end = start;
    while (this.#isDigit(end)) end++;
    const digits = String.fromCharCode(...this.#bytes.subarray(start, Math.min(end, start + 17)));
    const tail = String.fromCharCode(this.#bytes[end] ?? 0);
    const value = Number(digits);
    if (end === start || tail === '.' || tail === 'e' || tail === 'E' || (end - start > 1 && digits[0] === '0')) {
      this.fail('expected an integer that is not negative', start);
    }
    if (end - start > 16 || !Number.isSafeInteger(value)) this.fail('an integer is too large', start);
    this.#at = end;
    return value;
  }

  #isDigit(at: number): boolean {
    const byte = this.#bytes[at] ?? 0;
    return byte >= 0x30 && byte <= 0x39;
  }

  /** Skips white space. */
  #next(): number {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return this.#at;
      this.#at++;
    }
  }

  #take(byte: number): boolean {
    if (this.#bytes[this.#next()] !== byte) return false;
    this.#at++;
    return true;
  }

  #expect(byte: number, what: string): void {
    if (!this.#take(byte)) this.fail(`expected ${what}`, this.#at);
  }
}
