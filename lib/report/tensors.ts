// The tensors of a file that is no model of lanewise: what another library saved.

import { formatTable } from './table.ts';

export interface FileTensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

export function formatTensors(tensors: readonly FileTensorRow[]): string {
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  const grouped = (value: number): string => value.toLocaleString('en-US');
  const total = tensors.reduce((sum, { shape }) => sum + count(shape), 0);
  return formatTable(
    [{ title: 'tensor' }, { title: 'dtype' }, { title: 'shape' }, { title: 'values', align: 'right' }],
    [
      ...tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`, grouped(count(shape))]),
      'rule',
      ['total', '', '', grouped(total)],
    ],
  );
}
