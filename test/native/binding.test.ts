// The addon's functions refuse what they should, each with a sentence, and nothing is lost or written on the way.

import { describe, expect, it } from 'vitest';
import type { NativeBinding, NativeExecutable, NativeStore } from '../../lib/backend/native-binding.ts';
import { encodePlan } from '../../lib/plan/encode.ts';
import { loaded, longPlan, smallPlan, unavailable } from './fixtures.ts';

describe.skipIf(unavailable)(`native binding${unavailable ? ` (${unavailable})` : ''}`, () => {
  const binding = loaded.binding as NativeBinding;
  const options = { isa: 'portable', threads: 2 } as const;
  const store = unavailable ? ({} as NativeStore) : binding.createStore(256);
  const executable = unavailable ? ({} as NativeExecutable) : binding.compile(store, encodePlan(smallPlan), options);
  const input = Float32Array.from({ length: 16 }, (_, i) => i - 8);
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;

  it('copies in, runs, copies out', async () => {
    const output = new Float32Array(16);
    binding.write(executable, 0, input);
    expect(await binding.run(executable)).toBe(true);
    binding.read(executable, 1, output);
    expect(output).toEqual(input.map((x) => Math.max(x, 0)));
  });

  it('stops at a guard and executes nothing after it', async () => {
    const marks = new Float32Array(16);
    binding.write(executable, 2, marks);
    binding.write(executable, 0, input.with(3, Number.NaN));
    expect(await binding.run(executable)).toBe(false);
    binding.read(executable, 2, marks);
    expect(marks).toEqual(new Float32Array(16));
    expect(binding.profile(executable)[2]).toBe(0);
    binding.write(executable, 0, input);
    expect(await binding.run(executable)).toBe(true);
    binding.read(executable, 2, marks);
    expect(marks).toEqual(new Float32Array(16).fill(1));
  });

  it('says how long each op took, and how much scratch memory there is', async () => {
    await binding.run(executable);
    const profile = binding.profile(executable);
    expect(profile).toBeInstanceOf(Float64Array);
    expect(profile.length).toBe(3);
    expect(profile.every((nanoseconds) => nanoseconds > 0 && nanoseconds < 1e9)).toBe(true);
    expect(binding.workspaceBytes(executable)).toBe(0);
  });

  it('starts stores with zeros and keeps what is written at an offset', () => {
    const fresh = binding.createStore(4096);
    const bytes = new Uint8Array(4096).fill(7);
    binding.readStore(fresh, 0, bytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    binding.writeStore(fresh, 100, Int32Array.of(1, 2, 3));
    const back = new Int32Array(3);
    binding.readStore(fresh, 100, back);
    expect(back).toEqual(Int32Array.of(1, 2, 3));
    binding.writeStore(fresh, 4096, new Float32Array(0));
    expect(() => binding.createStore(0)).not.toThrow();
  });

  const detached = new Float32Array(16);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const resizable = new ArrayBuffer(64, { maxByteLength: 128 });
  const shrunk = new ArrayBuffer(64, { maxByteLength: 128 });
  const outside = new Float32Array(shrunk, 0, 16);
  shrunk.resize(8);
  const disguised = new ArrayBuffer(64, { maxByteLength: 128 });
  Object.defineProperty(disguised, 'resizable', { value: false });

  it.each<[string, unknown, RegExp]>([
    ['a detached buffer', detached, /detached ArrayBuffer/],
    ['a fixed view of a resizable buffer', new Float32Array(resizable, 0, 16), /resizable ArrayBuffer; pass a copy/],
    ['a length-tracking view', new Float32Array(resizable), /resizable ArrayBuffer/],
    ['a view that is out of bounds', outside, /resizable ArrayBuffer/],
    ['a resizable buffer that denies it', new Float32Array(disguised), /resizable ArrayBuffer/],
    ['a shared buffer', new Float32Array(new SharedArrayBuffer(64)), /SharedArrayBuffer/],
    ['another element type', new Int32Array(16), /needs a Float32Array, not a Int32Array/],
    ['doubles', new Float64Array(16), /must be a Float32Array, Uint8Array or Int32Array/],
    ['a short array', new Float32Array(15), /16 elements, the array 15/],
    ['a long array', new Float32Array(17), /16 elements, the array 17/],
    ['an array', Array(16).fill(0), /must be a Float32Array/],
    ['a buffer', new ArrayBuffer(64), /must be a Float32Array/],
    ['a DataView', new DataView(new ArrayBuffer(64)), /must be a Float32Array/],
    ['nothing', undefined, /must be a Float32Array/],
  ])('refuses %s', (_, array, sentence) => {
    expect(() => binding.write(executable, 0, wrong(array))).toThrow(sentence);
    expect(() => binding.read(executable, 0, wrong(array))).toThrow(sentence);
  });

  it.each([-1, 3, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '0', undefined])('refuses tensor %s', (index) => {
    expect(() => binding.write(executable, wrong(index), input)).toThrow(/tensor must be a whole number from 0 to 2/);
  });

  it.each([-1, 257, 1.5, Number.NaN, 1e300, '0'])('refuses byte offset %s', (offset) => {
    expect(() => binding.writeStore(store, wrong(offset), input)).toThrow(/byteOffset must be a whole number/);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 52, Number.POSITIVE_INFINITY, '64'])('refuses a store of %s bytes', (bytes) => {
    expect(() => binding.createStore(wrong(bytes))).toThrow(/bytes must be a whole number/);
  });

  it('refuses what ends outside a store', () => {
    expect(() => binding.writeStore(store, 200, input)).toThrow('64 bytes at 200 do not lie inside the store of 256');
    expect(() => binding.readStore(store, 256, input)).toThrow(/do not lie inside/);
  });

  it('refuses objects that are not its own', () => {
    const impostors = [undefined, null, 1, {}, binding, Object.create(store as object), { ...store }, executable];
    for (const impostor of impostors) expect(() => binding.writeStore(wrong(impostor), 0, input)).toThrow(TypeError);
    for (const impostor of [undefined, {}, store]) {
      expect(() => binding.run(wrong(impostor))).toThrow(/executable expected/);
      expect(() => binding.profile(wrong(impostor))).toThrow(/executable expected/);
      expect(() => binding.workspaceBytes(wrong(impostor))).toThrow(/executable expected/);
    }
  });

  it('refuses wrong options of a plan and passes on what a getter throws', () => {
    const words = encodePlan(smallPlan);
    const compile = (given: unknown) => () => binding.compile(store, words, wrong(given));
    expect(compile(undefined)).toThrow(/options expected/);
    expect(compile({ isa: 'mmx', threads: 1 })).toThrow(/instruction set mmx is not usable here/);
    expect(compile({ isa: 7, threads: 1 })).toThrow(/isa must be a string/);
    for (const threads of [0, -1, 1.5, Number.NaN, 1025, '2', undefined]) {
      expect(compile({ isa: 'portable', threads })).toThrow(/threads must be a whole number from 1 to 1024/);
    }
    const thrower = {
      get isa() {
        throw new RangeError('from the getter');
      },
    };
    expect(compile(thrower)).toThrow(new RangeError('from the getter'));
    expect(() => binding.compile(store, wrong(new Float32Array(words)), options)).toThrow(/must be an Int32Array/);
  });

  it('refuses what a run in flight may touch, and nothing else', async () => {
    const other = binding.compile(binding.createStore(64), encodePlan(smallPlan), options);
    const tensors = smallPlan.tensors.map((tensor, i) => (i === 2 ? { ...tensor, region: 'store' as const } : tensor));
    const sharing = binding.compile(store, encodePlan({ ...smallPlan, tensors, storeBytes: 256 }), options);
    const busy = binding.compile(store, encodePlan(longPlan(256, 20)), options);
    const first = binding.run(busy);
    await expect(binding.run(busy)).rejects.toThrow('run: a run on the same store is still in flight; await it first');
    await expect(binding.run(executable)).rejects.toThrow(/still in flight/);
    const target = new Float32Array(16);
    const matrix = new Float32Array(256 * 256);
    for (const attempt of [
      () => binding.read(busy, 0, matrix),
      () => binding.write(busy, 0, matrix),
      () => binding.profile(busy),
      () => binding.read(sharing, 2, target),
      () => binding.write(sharing, 2, target),
      () => binding.readStore(store, 0, target),
      () => binding.writeStore(store, 0, target),
    ]) {
      expect(attempt).toThrow(/still in flight/);
    }
    // The next run's inputs, and what the last one gave.
    binding.write(executable, 0, input.toReversed());
    binding.read(executable, 0, target);
    expect(target).toEqual(input.toReversed());
    expect(binding.profile(executable).length).toBe(3);
    binding.write(other, 0, input);
    expect(await binding.run(other)).toBe(true);
    expect(await first).toBe(true);
    expect(await binding.run(executable)).toBe(true);
  });

  it('measures the machine', () => {
    const { isaLevels, threads, affinity, quota } = binding.info();
    expect(isaLevels[0]).toBe('portable');
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(affinity);
    if (quota !== null) expect(quota).toBeGreaterThan(0);
    expect(binding.measure('fma', isaLevels.at(-1) ?? 'portable', 1)).toBeGreaterThan(1e8);
    expect(binding.measure('read', 'portable', 1)).toBeGreaterThan(1e7);
    expect(() => binding.measure(wrong('write'), 'portable', 1)).toThrow(/'fma' or 'read'/);
    expect(() => binding.measure('fma', wrong('mmx'), 1)).toThrow(/mmx is not usable/);
    expect(() => binding.measure('fma', 'portable', 0)).toThrow(/threads must be/);
  });
});
