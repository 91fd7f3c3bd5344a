// The reader believes nothing: every way in which a safetensors file can be wrong is refused with a sentence that names
// the file and the byte, before anything is allocated.

import { describe, expect, it } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';
import { decodeSafetensors } from '../../../lib/io/safetensors.ts';
import { SAFETENSORS_BYTES } from '../../../lib/io/safetensors-dtype.ts';
import { encode, entry, f32, file } from './safetensors-samples.ts';

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
