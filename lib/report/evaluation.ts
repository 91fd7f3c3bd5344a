// Tables about a classifier's answers, all taken from its confusion counts: `confusion[actual][predicted]`.

import { formatTable } from './table.ts';
import { formatInteger, formatPercent } from './units.ts';

/** Per class: how many there are, how many were found (accuracy), how many of the answers were right (precision), and
 * what it was most often taken for. */
export function formatPerClass(confusion: readonly ArrayLike<number>[], classes: readonly string[]): string {
  const k = classes.length;
  const at = (actual: number, predicted: number): number => confusion[actual]?.[predicted] ?? 0;
  const rows = classes.map((name, actual) => {
    let count = 0;
    let answers = 0;
    let rival = -1;
    for (let other = 0; other < k; other++) {
      count += at(actual, other);
      answers += at(other, actual);
      if (other !== actual && at(actual, other) > (rival < 0 ? 0 : at(actual, rival))) rival = other;
    }
    const found = at(actual, actual);
    return {
      count,
      found,
      cells: [
        name,
        formatInteger(count),
        formatPercent(found / count),
        formatPercent(found / answers),
        rival < 0 ? '' : `${classes[rival]} (${formatInteger(at(actual, rival))})`,
      ],
    };
  });
  const count = rows.reduce((sum, row) => sum + row.count, 0);
  const found = rows.reduce((sum, row) => sum + row.found, 0);
  return formatTable(
    [
      { title: 'class' },
      { title: 'images', align: 'right' },
      { title: 'accuracy', align: 'right' },
      { title: 'precision', align: 'right' },
      { title: 'most often taken for' },
    ],
    [...rows.map((row) => row.cells), 'rule', ['all', formatInteger(count), formatPercent(found / count), '', '']],
  );
}

/** The confusion matrix; a row is what an image shows, a column what it was taken for. */
export function formatConfusion(confusion: readonly ArrayLike<number>[], classes: readonly string[]): string {
  return formatTable(
    [{ title: 'actual \\ predicted' }, ...classes.map((title) => ({ title, align: 'right' }) as const)],
    classes.map((name, actual) => [
      name,
      ...classes.map((_, predicted) => {
        const count = confusion[actual]?.[predicted] ?? 0;
        return count === 0 ? '.' : formatInteger(count);
      }),
    ]),
  );
}
