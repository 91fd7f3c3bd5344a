// The reader believes nothing: every way in which a safetensors file can be wrong is refused with a sentence that names
// the file and the byte, before anything is allocated. What the writer wrote comes back bit for bit.

import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';
import { writeFileAtomically } from '../../../lib/io/atomic-file.ts';
import { decodeSafetensors, encodeSafetensors, readSafetensors } from '../../../lib/io/safetensors.ts';
import { SAFETENSORS_BYTES, type SafetensorsTensor } from '../../../lib/io/safetensors-dtype.ts';

const f32 = (shape: number[], ...values: number[]): SafetensorsTensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});
const join1 = (chunks: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));
const encode = (tensors: Record<string, SafetensorsTensor>, metadata?: Record<string, string>): Uint8Array =>
  join1(encodeSafetensors(new Map(Object.entries(tensors)), metadata));

/** A file with any header text and so many bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? Buffer.from(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function messageOf(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, 'm.safetensors');
  } catch (error) {
    expect(error).toBeInstanceOf(LanewiseError);
    expect((error as LanewiseError).code).toBe('file');
    return (error as Error).message;
  }
  return 'no error';
}

const entry = (begin: number, end: number, shape = `[${(end - begin) / 4}]`): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe('encodeSafetensors', () => {
  it('writes equal bytes for equal content in any order, sorted and aligned', () => {
    const a: SafetensorsTensor = { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) };
    const b = f32([2], 1, 2);
    const c: SafetensorsTensor = { dtype: 'F64', shape: [], data: Float64Array.of(1) };
    const one = encode({ a, b, c }, { x: '1', y: '2' });
    expect(encode({ c, b, a }, { y: '2', x: '1' })).toEqual(one);
    const length = Number(new DataView(one.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(
      Buffer.from(one.subarray(8, 8 + length))
        .toString()
        .trimEnd(),
    ).toBe(
      '{"__metadata__":{"x":"1","y":"2"},' +
        '"c":{"dtype":"F64","shape":[],"data_offsets":[0,8]},' +
        '"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},' +
        '"a":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}',
    );
  });

  it('sorts names by their UTF-8 bytes, as other implementations do', () => {
    const names = ['\u{1f600}', '\uffee', 'z', 'é', 'Z'];
    const { tensors } = decodeSafetensors(encode(Object.fromEntries(names.map((name) => [name, f32([1], 0)]))), 'x');
    expect([...tensors.keys()]).toEqual(['Z', 'z', 'é', '\uffee', '\u{1f600}']);
  });

  it('shares memory with F32 tensors and with views of a larger buffer', () => {
    const data = new Float32Array(new Float32Array([9, 1, 2, 9]).buffer, 4, 2);
    const chunks = encodeSafetensors(new Map([['a', { dtype: 'F32', shape: [2], data }]]));
    expect(chunks[1]?.buffer).toBe(data.buffer);
    expect(decodeSafetensors(join1(chunks), 'x').tensors.get('a')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('refuses tensors that do not fit together', () => {
    const cases: [SafetensorsTensor, RegExp][] = [
      [f32([3], 1, 2), /tensor "a" of shape \[3\] needs 3 values and has 2/],
      [f32([-1], 1), /tensor "a" has the shape \[-1\]/],
      [f32([1.5], 1), /tensor "a" has the shape \[1.5\]/],
      [
        { dtype: 'F32', shape: [1], data: Float64Array.of(1) as unknown as Float32Array<ArrayBuffer> },
        /a Float32Array/,
      ],
      [{ dtype: 'F8' as 'F32', shape: [1], data: Float32Array.of(1) }, /unknown dtype "F8"/],
    ];
    for (const [tensor, message] of cases) expect(() => encode({ a: tensor })).toThrow(message);
    expect(() => encode({ __metadata__: f32([0]) })).toThrow(/keeps for itself/);
    expect(() => encode({ '\ud800': f32([0]) })).toThrow(/half a surrogate pair/);
    expect(() => encode({}, { a: 'x'.repeat(100_000_001) })).toThrow(/exceeds the 100000000 that readers accept/);
  });
});

describe('round trips', () => {
  it('keep every bit of every dtype', () => {
    const raw = Uint8Array.from({ length: 64 }, (_, i) => i * 37 + 129);
    const tensors: Record<string, SafetensorsTensor> = {
      f64: { dtype: 'F64', shape: [8], data: new Float64Array(raw.slice().buffer) },
      i64: { dtype: 'I64', shape: [2, 4], data: new BigInt64Array(raw.slice().buffer) },
      u64: { dtype: 'U64', shape: [8], data: new BigUint64Array(raw.slice().buffer) },
      f32: { dtype: 'F32', shape: [16, 1], data: new Float32Array(raw.slice().buffer) },
      i32: { dtype: 'I32', shape: [16], data: new Int32Array(raw.slice().buffer) },
      u32: { dtype: 'U32', shape: [16], data: new Uint32Array(raw.slice().buffer) },
      i16: { dtype: 'I16', shape: [32], data: new Int16Array(raw.slice().buffer) },
      u16: { dtype: 'U16', shape: [32], data: new Uint16Array(raw.slice().buffer) },
      i8: { dtype: 'I8', shape: [64], data: new Int8Array(raw.slice().buffer) },
      u8: { dtype: 'U8', shape: [4, 4, 4], data: raw.slice() },
      bool: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
      scalar: f32([], 7),
      empty: f32([0, 3]),
      ['__proto__']: f32([1], 5),
    };
    const metadata = { constructor: 'c', 'käse "\\\n\u0001': '\u{1f9c0}\u2028' };
    const decoded = decodeSafetensors(encode(tensors, metadata), 'x');
    expect(new Map([...decoded.tensors].sort())).toEqual(new Map(Object.entries(tensors).sort()));
    expect({ ...decoded.metadata }).toEqual(metadata);
    expect('toString' in decoded.metadata).toBe(false);
  });

  it('keep NaN payloads, the sign of zero and denormals of F32', () => {
    const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x7f800001, 0x80000000, 1, 0x807fffff, 0x7f800000, 0xff800000);
    const data = new Float32Array(bits.slice().buffer);
    const { tensors } = decodeSafetensors(encode({ a: { dtype: 'F32', shape: [8], data } }), 'x');
    const back = tensors.get('a')?.data as Float32Array;
    expect(new Uint32Array(back.buffer)).toEqual(bits);
  });

  it('keep all 65536 F16 and BF16 values', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const dtype of ['F16', 'BF16'] as const) {
      const bytes = file(`{"a":{"dtype":"${dtype}","shape":[65536],"data_offsets":[0,131072]}}`, 131072);
      bytes.set(new Uint8Array(all.buffer), bytes.length - 131072);
      const { tensors } = decodeSafetensors(bytes, 'x');
      const values = tensors.get('a')?.data as Float32Array;
      for (let i = 0; i < 65536; i++) {
        const [exponentBits, fractionBits, bias] = dtype === 'F16' ? [5, 10, 15] : [8, 7, 127];
        const exponent = (i >> fractionBits) & (2 ** exponentBits - 1);
        const fraction = (i & (2 ** fractionBits - 1)) / 2 ** fractionBits;
        let value = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
        if (exponent === 2 ** exponentBits - 1) value = fraction === 0 ? Infinity : Number.NaN;
        if (!Object.is(values[i], i < 32768 ? value : -value)) expect([i, values[i]]).toEqual([i, value]);
      }
      const again = join1(encodeSafetensors(tensors)).slice(-131072);
      expect(Buffer.compare(again, Buffer.from(all.buffer))).toBe(0);
    }
  });

  it('round to the nearest F16 and BF16, ties to even', () => {
    const rounded = (dtype: 'F16' | 'BF16', value: number): number => {
      const tensor: SafetensorsTensor = { dtype, shape: [1], data: Float32Array.of(value) };
      return decodeSafetensors(encode({ a: tensor }), 'x').tensors.get('a')?.data[0] as number;
    };
    const cases: ['F16' | 'BF16', number, number][] = [
      ['F16', 1 + 2 ** -11, 1],
      ['F16', 1 + 3 * 2 ** -11, 1 + 2 ** -9],
      ['F16', 1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
      ['F16', 65519.996, 65504],
      ['F16', 65520, Infinity],
      ['F16', -1e30, -Infinity],
      ['F16', 2 ** -25, 0],
      ['F16', -(2 ** -25) * 1.001, -(2 ** -24)],
      ['F16', 3 * 2 ** -25, 2 ** -23],
      ['F16', 2 ** -14 - 2 ** -26, 2 ** -14],
      ['BF16', 1 + 2 ** -8, 1],
      ['BF16', 1 + 3 * 2 ** -8, 1 + 2 ** -6],
      ['BF16', 3.4028235e38, Infinity],
      ['BF16', -(2 ** -149), -0],
    ];
    for (const [dtype, value, expected] of cases)
      expect([dtype, value, rounded(dtype, value)]).toEqual([dtype, value, expected]);
    const payload = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    for (const dtype of ['F16', 'BF16'] as const) {
      const decoded = decodeSafetensors(encode({ a: { dtype, shape: [1], data: payload } }), 'x');
      expect(decoded.tensors.get('a')?.data[0]).toBeNaN();
    }
  });
});

describe('decodeSafetensors', () => {
  it('accepts what other writers produce: white space, any order of entries, escapes, data that is not aligned', () => {
    const header =
      ' \t\r\n"b" : { "shape" : [ 1 ] , "data_offsets":[4,8],"dtype":"F32"},"__metadata__":{},\n"\\u0061\\ud83d\\ude00":' +
      '{"dtype":"F32","shape":[],"data_offsets":[0,4]}} ';
    for (const padding of ['', ' ', '  ', '   ']) {
      const bytes = file(`{${header}${padding}`, 8);
      bytes.set(new Uint8Array(Float32Array.of(1, 2).buffer), bytes.length - 8);
      const { tensors } = decodeSafetensors(bytes, 'x');
      expect([...tensors.keys()]).toEqual(['a\u{1f600}', 'b']);
      expect(tensors.get('b')?.data).toEqual(Float32Array.of(2));
    }
    expect(decodeSafetensors(file('{}'), 'x').tensors.size).toBe(0);
  });

  it('returns copies', () => {
    const bytes = encode({ a: f32([1], 1) });
    const { tensors } = decodeSafetensors(bytes, 'x');
    bytes.fill(0);
    expect(tensors.get('a')?.data[0]).toBe(1);
  });

  it('names the file and the byte of every error', () => {
    const cases: [bytes: Uint8Array, message: RegExp | string][] = [
      [new Uint8Array(0), 'm.safetensors is not a whole safetensors file: it is empty'],
      [new Uint8Array(5), /it ends at byte 5, within the 8 bytes of the header's length/],
      [file('{}').fill(255, 0, 8), /bytes 0 to 7 announce a header of 18446744073709552000 bytes, more than the 1000/],
      [file('{}').fill(3, 0, 1), /bytes 0 to 7 announce a header of 3 bytes, but the file ends at byte 10/],
      [file(''), 'm.safetensors: the header does not begin with { (byte 8)'],
      [file(' {}'), /the header does not begin with \{ \(byte 8\)/],
      [file('\ufeff{}'), /the header does not begin with \{ \(byte 8\)/],
      [file('[]'), /the header does not begin with \{/],
      [file('{'), /expected a name in double quotes \(byte 9\)/],
      [file('{}}'), /something follows the end of the header \(byte 10\)/],
      [file('{}\0'), /something follows the end of the header \(byte 10\)/],
      [file('{"a'), /the header ends within a string that begins here \(byte 9\)/],
      [file('{"a\\'), /the header ends within a string/],
      [file('{"a"}'), /expected : \(byte 12\)/],
      [file('{"a":1}'), /expected \{ \(byte 13\)/],
      [file('{"a":{}}'), 'm.safetensors: tensor "a" has no dtype (byte 9)'],
      [file('{"a":{"dtype":"F32"}}'), /tensor "a" has no shape \(byte 9\)/],
      [file('{"a":{"dtype":"F32","shape":[]}}'), /tensor "a" has no data_offsets \(byte 9\)/],
      [file('{"a":{"dtype":"F8_E4M3"}}'), /tensor "a" has dtype "F8_E4M3"; the dtypes read are F64, .* \(byte 14\)/],
      [file('{"a":{"dtype":"toString"}}'), /dtype "toString"/],
      [file('{"a":{"dtype":3}}'), /expected a dtype in double quotes \(byte 22\)/],
      [file('{"a":{"more":3}}'), /tensor "a" has the unknown property "more" \(byte 14\)/],
      [file('{"a":{"shape":{}}}'), /expected \[ \(byte 22\)/],
      [file('{"a":{"shape":[1 2]}}'), /expected , or \] \(byte 25\)/],
      [file('{"a":{"shape":[-1]}}'), /expected an integer that is not negative \(byte 23\)/],
      [file('{"a":{"shape":[1.0]}}'), /expected an integer that is not negative \(byte 23\)/],
      [file('{"a":{"shape":[1e3]}}'), /expected an integer that is not negative/],
      [file('{"a":{"shape":[01]}}'), /expected an integer that is not negative/],
      [file('{"a":{"shape":["1"]}}'), /expected an integer that is not negative/],
      [file('{"a":{"shape":[1,]}}'), /expected an integer that is not negative \(byte 25\)/],
      [file('{"a":{"shape":[9007199254740992]}}'), /an integer is too large \(byte 23\)/],
      [file(`{"a":{"shape":[${'9'.repeat(1000)}]}}`), /an integer is too large \(byte 23\)/],
      [file('{"a":null}'), /expected \{/],
      [file('{"__metadata__":null}'), /expected \{/],
      [file('{"__metadata__":{"a":1}}'), /expected a metadata value in double quotes \(byte 29\)/],
      [file('{"__metadata__":{"a":{}}}'), /expected a metadata value in double quotes/],
      [file('{"__metadata__":{"a":"1","\\u0061":"2"}}'), /the name "a" stands twice \(byte 33\)/],
      [file('{"__metadata__":{},"__metadata__":{}}'), /the name "__metadata__" stands twice \(byte 27\)/],
      [file(`{"a":${entry(0, 4)},"a":${entry(4, 8)}}`, 8), /the name "a" stands twice \(byte 62\)/],
      [file('{"a":{"dtype":"F32","dtype":"F32"}}'), /the name "dtype" stands twice \(byte 28\)/],
      [file('{"\u0001":{}}'), /a control character stands in a string \(byte 10\)/],
      [file('{"\\x":{}}'), /a string has an invalid escape \(byte 9\)/],
      [file('{"\\ud800":{}}'), /a string has half a surrogate pair \(byte 9\)/],
      [file(Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22)), /a string is not valid UTF-8 \(byte 9\)/],
      [file(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22)), /a string is not valid UTF-8/],
      [
        file(`{"a":${entry(4, 0, '[1]')}}`, 4),
        /the data_offsets of tensor "a" are not a begin and an end: "4, 0" \(byte 9\)/,
      ],
      [file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}'), /not a begin and an end: "0"/],
      [file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}'), /not a begin and an end/],
      [file(`{"a":${entry(0, 4, '[2]')}}`, 4), /tensor "a" occupies 4 bytes but F32 of shape \[2\] needs 8 \(byte 9\)/],
      [file(`{"a":${entry(0, 4, '[9007199254740991,9007199254740991]')}}`, 4), /tensor "a" occupies 4 bytes but F32/],
      [file(`{"a":${entry(0, 4, `[${Array(400).fill('9007199254740991')}]`)}}`, 4), /\.\.\.\] needs Infinity/],
      [file(`{"a":${entry(0, 4)}}`, 5), /the file has 1 bytes after tensor "a"/],
      [file('{}', 1), 'm.safetensors: the file has 1 bytes after the header (byte 10)'],
      [file(`{"a":${entry(0, 8)}}`, 5), /tensor "a" ends 3 bytes behind the end of the file/],
      [file(`{"a":${entry(0, 2 ** 52)}}`, 5), /tensor "a" ends 4503599627370491 bytes behind the end of the file/],
      [file(`{"a":${entry(4, 8)}}`, 8), /4 bytes between the header and tensor "a" belong to no tensor \(byte 9\)/],
      [file(`{"b":${entry(8, 12)},"a":${entry(0, 4)}}`, 12), /4 bytes between tensor "a" and tensor "b" belong to no/],
      [
        file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12),
        /tensor "b" overlaps tensor "a": it begins at 4, before 8/,
      ],
      [file(`{"a":${entry(0, 8)},"b":${entry(0, 8)}}`, 8), /tensor "b" overlaps tensor "a"/],
      [file(`{"a":${entry(0, 8)},"b":${entry(4, 4)}}`, 8), /tensor "b" overlaps tensor "a"/],
      [file(`{"${'n'.repeat(500)}":{}}`), /^m.safetensors: tensor "n{77}\.\.\." has no dtype \(byte 9\)$/],
    ];
    for (const [bytes, message] of cases) expect.soft(messageOf(bytes)).toMatch(message);
    expect(cases.length).toBe(61);
  });

  it('refuses a header of more than 100 MB and survives deep nesting and a million entries', () => {
    const huge = new Uint8Array(8);
    new DataView(huge.buffer).setUint32(0, 100_000_001, true);
    expect(messageOf(huge)).toMatch(/announce a header of 100000001 bytes, more than the 100000000 allowed/);
    expect(messageOf(file('{"a":'.repeat(200_000)))).toMatch(/unknown property "a"/);
    expect(messageOf(file(`{"a":{"shape":${'['.repeat(1_000_000)}`))).toMatch(/expected an integer/);
    const empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
    const many = file(`{${Array.from({ length: 100_000 }, (_, i) => `"${i}":${empty}`)}}`);
    expect(decodeSafetensors(many, 'x').tensors.size).toBe(100_000);
  });

  it('refuses a file that is cut at any byte', () => {
    const bytes = encode(
      { a: f32([2, 2], 1, 2, 3, 4), b: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) } },
      { k: 'v' },
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(messageOf(bytes.subarray(0, length))).toMatch(/^m.safetensors.*(is empty|ends at byte|behind the end)/);
    }
  });

  it('never crashes on a file with one wrong bit or byte', () => {
    const bytes = encode(
      { a: f32([2], 1, 2), b: { dtype: 'I64', shape: [1], data: BigInt64Array.of(5n) } },
      { k: 'v' },
    );
    const headerEnd = bytes.length - 16;
    let accepted = 0;
    for (let at = 0; at < headerEnd; at++) {
      for (const value of [...Array.from({ length: 8 }, (_, bit) => bytes[at]! ^ (1 << bit)), 0, 0x22, 0x7d, 0xff]) {
        const wrong = bytes.slice();
        wrong[at] = value;
        if (messageOf(wrong) === 'no error') accepted++;
      }
    }
    // Letters of names and of the metadata, a dtype of equal size, and values that did not change.
    expect(accepted).toBeLessThan(100);
  });

  it('knows the size of every dtype it can hold', () => {
    for (const [dtype, size] of Object.entries(SAFETENSORS_BYTES)) {
      const { tensors } = decodeSafetensors(
        file(`{"a":{"dtype":"${dtype}","shape":[3],"data_offsets":[0,${3 * size}]}}`, 3 * size),
        'x',
      );
      expect(tensors.get('a')?.data.length).toBe(3);
    }
  });
});

describe('readSafetensors', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lanewise-safetensors-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads what decodeSafetensors reads, tensors of several slices too', async () => {
    const path = join(folder, 'a.safetensors');
    const data = Float32Array.from({ length: 5_000_001 }, (_, i) => i);
    const tensors = { large: { dtype: 'F32', shape: [5_000_001], data }, small: f32([1], 3) } as const;
    const bytes = encode(tensors, { k: 'v' });
    await writeFileAtomically(path, [bytes]);
    const read = await readSafetensors(path);
    expect(Buffer.compare(join1(encodeSafetensors(read.tensors, read.metadata)), bytes)).toBe(0);
  });

  it('says why a file cannot be read', async () => {
    const path = join(folder, 'cut.safetensors');
    writeFileSync(path, encode({ a: f32([2], 1, 2) }));
    truncateSync(path, 60);
    await expect(readSafetensors(path)).rejects.toThrow(
      /cut.safetensors is not a whole safetensors file: .* but the file ends at byte 60$/,
    );
    await expect(readSafetensors(folder)).rejects.toThrow(/^cannot read .*: it is a folder$/);
    await expect(readSafetensors(join(folder, 'no'))).rejects.toThrow(
      /^cannot read .*no: it does not exist \(ENOENT\)$/,
    );
    await expect(readSafetensors(join(path, 'x'))).rejects.toThrow(/a part of the path is a file/);
    await expect(readSafetensors('/dev/null')).rejects.toThrow(/it is not a regular file/);
    await expect(readSafetensors(folder)).rejects.toBeInstanceOf(LanewiseError);
    expect(readdirSync(folder)).toContain('cut.safetensors');
  });

  it('survives a sparse file that claims more than the memory', async () => {
    const path = join(folder, 'sparse.safetensors');
    const size = 2 ** 43;
    writeFileSync(path, file(`{"a":${entry(0, size)}}`));
    try {
      truncateSync(path, file(`{"a":${entry(0, size)}}`).length + size);
    } catch {
      return; // this file system has no files of such a size
    }
    await expect(readSafetensors(path)).rejects.toThrow(/there is no memory for the 8796093022208 bytes of tensor "a"/);
  });
});
