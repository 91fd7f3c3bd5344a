// Numbers and progress lines as a person or a log sees them.
import { describe, expect, it } from 'vitest';
import { formatEpochLine, formatProgressBar, formatProgressLine, type Progress } from '../../../lib/report/progress.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatLoss,
  formatPercent,
} from '../../../lib/report/units.ts';

describe('units', () => {
  it.each([
    [0, '0', '0 B', '0.0 us'],
    [999, '999', '999 B', '16:39'],
    [1023, '1.0 k', '1023 B', '17:03'],
    [1024, '1.0 k', '1.0 KiB', '17:04'],
    [3_692_640, '3.7 M', '3.5 MiB', '1025:44:00'],
    [Number.NaN, 'NaN', 'NaN', '-'],
    [Number.POSITIVE_INFINITY, 'Infinity', 'Infinity', '-'],
  ])('%d', (value, count, bytes, duration) => {
    expect([formatCount(value), formatBytes(value), formatDuration(value)]).toEqual([count, bytes, duration]);
  });

  it('times below a minute', () => {
    expect([0.00005, 0.0123, 1, 59.94, 59.96, 3725].map(formatDuration)).toEqual([
      '50.0 us',
      '12.3 ms',
      '1.0 s',
      '59.9 s',
      '1:00',
      '1:02:05',
    ]);
  });

  it('integers, shares and losses', () => {
    expect([1, 1234, 61706.4, 1e9, Number.NaN].map(formatInteger)).toEqual([
      '1',
      '1,234',
      '61,706',
      '1,000,000,000',
      'NaN',
    ]);
    expect([0.99125, 0, undefined, Number.NaN].map(formatPercent)).toEqual(['99.13 %', '0.00 %', '-', '-']);
    expect([2.30254, 0, 1e-5, 1e7, Number.NaN, undefined].map(formatLoss)).toEqual([
      '2.3025',
      '0.0000',
      '1.00e-5',
      '1.00e+7',
      'NaN',
      '-',
    ]);
  });
});

const progress: Progress = {
  epoch: 2,
  epochs: 10,
  epochStep: 470,
  stepsPerEpoch: 938,
  loss: 0.12345,
  accuracy: 0.9612,
  imagesPerSecond: 21345.6,
  etaSeconds: 83,
};

describe('progress', () => {
  it('draws a bar', () => {
    expect(formatProgressBar(progress, 120)).toBe(
      'epoch  2/10 [==============>               ]  50 %  loss 0.1235  accuracy 96.12 %  21,346 images/s  ETA 1:23',
    );
  });

  it('never exceeds the width of the terminal', () => {
    for (let columns = 0; columns < 140; columns++) {
      expect(formatProgressBar(progress, columns).length).toBeLessThanOrEqual(columns);
    }
  });

  it('is empty at the start and full at the end', () => {
    expect(formatProgressBar({ ...progress, epochStep: 0 }, 120)).toContain(`[${' '.repeat(30)}]   0 %`);
    expect(formatProgressBar({ ...progress, epochStep: 938 }, 120)).toContain(`[${'='.repeat(30)}] 100 %`);
  });

  it('prints plain lines', () => {
    expect(formatProgressLine({ ...progress, etaSeconds: undefined, accuracy: undefined })).toBe(
      'epoch  2/10  step 470/938  loss 0.1235  21,346 images/s  ETA -',
    );
    expect(
      formatEpochLine({
        epoch: 2,
        epochs: 10,
        trainLoss: 0.1,
        trainAccuracy: 0.97,
        testLoss: 0.08,
        testAccuracy: 0.98,
        imagesPerSecond: 20000,
        seconds: 3.21,
      }),
    ).toBe(
      'epoch  2/10  loss 0.1000  accuracy 97.00 %  test loss 0.0800  test accuracy 98.00 %  20,000 images/s  3.2 s',
    );
  });
});
