// Aligned text tables: the one place where columns are padded. Widths count code points, so names with accents or
// symbols stay aligned on a terminal.

export interface Column {
  readonly title: string;
  /** Numbers read best right-aligned; names left-aligned, the default. */
  readonly align?: 'left' | 'right';
}

/** A row of cells, or `'rule'` for a horizontal line. */
export type TableRow = readonly string[] | 'rule';

const width = (text: string): number => [...text].length;

/** The table with a line under its titles, rows joined by newlines, no trailing spaces and no final newline. */
export function formatTable(columns: readonly Column[], rows: readonly TableRow[]): string {
  const widths = columns.map((column, index) =>
    rows.reduce(
      (widest, row) => (row === 'rule' ? widest : Math.max(widest, width(row[index] ?? ''))),
      width(column.title),
    ),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat((widths[index] ?? 0) - width(cell));
        return column.align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((size) => '-'.repeat(size)).join('  ');
  return [
    line(columns.map((column) => column.title)),
    rule,
    ...rows.map((row) => (row === 'rule' ? rule : line(row))),
  ].join('\n');
}
