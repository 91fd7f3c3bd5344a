// Broken files by the thousand, from a model that has one of everything: each is refused with an error of a file or is
// another model; none crashes, hangs or takes memory out of proportion.

import { describe, expect, it } from 'vitest';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { validateOnnx } from '../../../lib/onnx/validate.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import { randomBits } from '../../../lib/random.ts';
import { messageOf } from './protobuf.ts';
import { SAMPLE } from './sample-model.ts';

const sample = new Uint8Array(Buffer.concat(encodeOnnx(SAMPLE)));

function verdict(bytes: Uint8Array): string {
  return messageOf(() => {
    const { model, external } = decodeOnnx(bytes, 'm.onnx');
    validateOnnx(model, 'm.onnx');
    if (external.length > 0) external[0]?.fail('is elsewhere');
  });
}

/** The longest verdict in milliseconds of the processor (others may stop this process), and how many files were accepted. */
function tryAll(count: number, make: (index: number) => Uint8Array): { accepted: number; slowestMs: number } {
  let accepted = 0;
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const bytes = make(i);
    const start = process.cpuUsage();
    const message = verdict(bytes);
    slowestMs = Math.max(slowestMs, process.cpuUsage(start).user / 1000);
    if (message === 'no error') accepted++;
    else expect(message).toMatch(/^m\.onnx: (byte \d+: |node \d+ |the |initializer |")/);
  }
  return { accepted, slowestMs };
}

describe('a broken file', () => {
  it('is refused when it is cut at any byte, but for the ends of fields behind the last that is needed', () => {
    expect(verdict(sample)).toBe('no error');
    const whole: number[] = [];
    for (let length = 0; length < sample.length; length++) {
      if (verdict(sample.subarray(0, length)) === 'no error') whole.push(sample.length - length);
    }
    // The two entries of the metadata have 16 and 6 bytes; the model stands without them.
    expect(whole).toEqual([22, 6]);
    expect(sample.length).toBeGreaterThan(2000);
  });

  it('is refused or read with any one bit wrong', () => {
    const { accepted, slowestMs } = tryAll(sample.length * 8, (bit) => {
      const bytes = sample.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      return bytes;
    });
    // Of 25,000: the data of tensors, letters of names that nothing refers to, values of attributes.
    expect(accepted).toBeGreaterThan(1000);
    expect(accepted).toBeLessThan(sample.length * 6);
    expect(slowestMs).toBeLessThan(2000);
  });

  it('is refused or read with many bits or bytes wrong, and takes little memory', () => {
    const before = process.memoryUsage().rss;
    const { slowestMs } = tryAll(20_000, (index) => {
      const bytes = sample.slice();
      const random = (draw: number) => randomBits(index + 1, draw);
      const faults = 1 + (random(0) % 8);
      for (let fault = 0; fault < faults; fault++) {
        // Tensor data are no structure: half of the faults hit the first third, where nodes and attributes are.
        const range = fault % 2 === 0 ? sample.length : Math.floor(sample.length / 3);
        const at = random(3 * fault + 1) % range;
        const kind = random(3 * fault + 2) % 4;
        if (kind === 0) bytes[at] = 255;
        else if (kind === 1) bytes[at] = random(3 * fault + 3) & 255;
        else if (kind === 2) bytes.copyWithin(at, random(3 * fault + 3) % sample.length, at + 8);
        else bytes[at]! ^= 1 << (random(3 * fault + 3) & 7);
      }
      return bytes;
    });
    expect(slowestMs).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
  });

  it('is refused when it is noise', () => {
    const { accepted } = tryAll(5000, (index) =>
      Uint8Array.from({ length: 1 + (randomBits(9, index) % 300) }, (_, at) => randomBits(index, at) & 255),
    );
    expect(accepted).toBe(0);
  });
});
