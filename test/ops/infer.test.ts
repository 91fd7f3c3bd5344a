// What ops say about inputs that do not fit: one sentence that starts with the op's name, tells the fault and the fix,
// and ends with the shapes.

import { describe, expect, it } from 'vitest';
import { LanewiseError } from '../../lib/errors.ts';
import * as ops from '../../lib/ops/index.ts';
import type { DType, TensorSpec } from '../../lib/ops/op.ts';
import { allCases } from './cases/index.ts';
import { faults as activationFaults } from './faults/activation.ts';
import { faults as arithmeticFaults } from './faults/arithmetic.ts';
import type { Given } from './faults/fault.ts';
import { faults as matrixFaults } from './faults/matrix.ts';
import { faults as normalizationFaults } from './faults/normalization.ts';
import { faults as otherFaults } from './faults/other.ts';
import { faults as poolingFaults } from './faults/pooling.ts';
import { faults as structureFaults } from './faults/structure.ts';

const specs = (inputs: readonly Given[]): (TensorSpec | undefined)[] =>
  inputs.map((given) => (given && 'dtype' in given ? given : given && { shape: given, dtype: 'f32' }));

const faults = [
  ...matrixFaults,
  ...activationFaults,
  ...otherFaults,
  ...poolingFaults,
  ...normalizationFaults,
  ...otherFaults,
  ...structureFaults,
  ...arithmeticFaults,
];

describe('infer refuses', () => {
  it.each(faults.map(([op, inputs, attrs, message]) => [message, op, inputs, attrs] as const))(
    '%s',
    (message, op, inputs, attrs) => {
      let thrown: unknown;
      try {
        op.infer(specs(inputs), attrs);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(LanewiseError);
      expect((thrown as LanewiseError).message).toBe(message);
      const subject = /^\w+: (\w+(?: \* \w+)?) must be /.exec(message)?.[1];
      const aboutOption = subject !== undefined && !op.inputs.includes(subject);
      expect((thrown as LanewiseError).code).toBe(aboutOption ? 'option' : 'shape');
    },
  );
});

const ARRAYS: Readonly<Record<DType, DType>> = { f32: 'u8', i32: 'f32', u8: 'i32' };

describe.each(ops.opTable.filter((op) => op.inputs.length > 0).map((op) => [op.name, op] as const))(
  '%s',
  (name, op) => {
    const opCase = allCases.find((candidate) => candidate.op === op);
    const message = (change: (inputs: (TensorSpec | undefined)[]) => void): string => {
      const inputs = [...(opCase?.inputs ?? [])];
      change(inputs);
      try {
        op.infer(inputs, opCase?.attrs ?? {});
      } catch (error) {
        return (error as Error).message;
      }
      return 'accepted';
    };

    it('refuses every input that is missing, of another type, or empty, naming it', () => {
      op.inputs.forEach((input, index) => {
        const word = input.replace('?', '');
        const original = opCase?.inputs[index];
        if (!input.endsWith('?')) {
          expect(
            message((inputs) => {
              inputs[index] = undefined;
            }),
          ).toMatch(new RegExp(`^${name}: needs the input ${word}`));
        }
        if (!original) return;
        const { shape, dtype } = original;
        expect(
          message((inputs) => {
            inputs[index] = { shape, dtype: ARRAYS[dtype] };
          }),
        ).toMatch(new RegExp(`^${name}: ${word} must be `));
        expect(
          message((inputs) => {
            inputs[index] = { shape: shape.map(() => 0), dtype };
          }),
        ).toMatch(new RegExp(`^${name}: ${word} has a dim`));
      });
    });
  },
);
