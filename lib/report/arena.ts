// The picture of the arena: memory offset downwards, op index to the right, one letter per tensor from the op that
// writes it to the last op that reads it. Two letters never meet in one cell of memory and time; where tensors are
// smaller than a cell of the picture, the largest of them is drawn and the others are only in the list.

import type { ArenaReport, ArenaTensor } from '../train/inspect.ts';
import { formatTable } from './table.ts';
import { formatBytes } from './units.ts';

export interface ArenaPictureOptions {
  /** Columns of the picture at most; each stands for one or more ops. */
  readonly width?: number;
  /** Lines of the picture at most; each stands for an equal piece of the arena. */
  readonly height?: number;
  /** Largest tensors listed under the picture. */
  readonly list?: number;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function formatArena(arena: ArenaReport, options: ArenaPictureOptions = {}): string {
  const opCount = arena.ops.length;
  const columns = Math.max(1, Math.min(options.width ?? 96, opCount));
  const lines = Math.max(1, Math.min(options.height ?? 24, arena.arenaBytes));
  const opsPerColumn = opCount / columns;
  const bytesPerLine = arena.arenaBytes / lines;
  const bySize = [...arena.tensors].sort((a, b) => b.bytes - a.bytes || a.offset - b.offset);
  const picture = Array.from({ length: lines }, () => new Array<string>(columns).fill('.'));
  // Smallest first, so that the largest tensor of a cell has the last word.
  for (let index = bySize.length - 1; index >= 0; index--) {
    const tensor = bySize[index] as ArenaTensor;
    const top = Math.floor(tensor.offset / bytesPerLine);
    const bottom = Math.min(lines - 1, Math.ceil((tensor.offset + tensor.bytes) / bytesPerLine) - 1);
    const left = Math.floor(tensor.firstOp / opsPerColumn);
    const right = Math.min(columns - 1, Math.floor(tensor.lastOp / opsPerColumn));
    const letter = LETTERS[index % LETTERS.length] as string;
    for (let y = Math.max(0, top); y <= bottom; y++) picture[y]?.fill(letter, Math.max(0, left), right + 1);
  }
  const times = (arena.withoutReuseBytes / Math.max(1, arena.arenaBytes)).toFixed(1);
  const head = [
    `arena: ${formatBytes(arena.arenaBytes)} for ${arena.tensors.length} tensors of ${formatBytes(arena.withoutReuseBytes)} (${times} times as much)`,
    `kept: ${formatBytes(arena.storeBytes)} of parameters and optimizer slots; scratch: ${formatBytes(arena.workspaceBytes)}`,
  ];
  const gutter = Math.max(...picture.map((_, line) => formatBytes(line * bytesPerLine).length));
  const body = picture.map((cells, line) => `${formatBytes(line * bytesPerLine).padStart(gutter)} |${cells.join('')}|`);
  const last = `op ${Math.max(0, opCount - 1)}`;
  const axis = `${' '.repeat(gutter)}  op 0${last.padStart(Math.max(last.length + 2, columns - 4))}`;
  const listed = bySize.slice(0, options.list ?? 12);
  const list = formatTable(
    [
      { title: '' },
      { title: 'tensor' },
      { title: 'size', align: 'right' },
      { title: 'offset', align: 'right' },
      { title: 'ops', align: 'right' },
    ],
    listed.map((tensor, index) => [
      LETTERS[index % LETTERS.length] as string,
      tensor.name,
      formatBytes(tensor.bytes),
      formatBytes(tensor.offset),
      `${tensor.firstOp}-${tensor.lastOp}`,
    ]),
  );
  return [...head, '', ...body, axis, '', list].join('\n');
}
