// Safetensors files are written deterministically and come back bit for bit, from memory and from the disk. What the
// reader refuses is in safetensors-refusals.test.ts.

import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';
import { writeFileAtomically } from '../../../lib/io/atomic-file.ts';
import { decodeSafetensors, encodeSafetensors, readSafetensors } from '../../../lib/io/safetensors.ts';
import type { SafetensorsTensor } from '../../../lib/io/safetensors-dtype.ts';
import { concatenated, encode, entry, f32, file } from './safetensors-samples.ts';

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
    expect(decodeSafetensors(concatenated(chunks), 'x').tensors.get('a')?.data).toEqual(Float32Array.of(1, 2));
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
      const again = concatenated(encodeSafetensors(tensors)).slice(-131072);
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
    expect(Buffer.compare(concatenated(encodeSafetensors(read.tensors, read.metadata)), bytes)).toBe(0);
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
