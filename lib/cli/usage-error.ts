// A command line that cannot be understood: exit code 2, and the nearest word that would have been right.

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** ` Did you mean 'x'?` for the candidate that a slip of the fingers leads to `word` from, else nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    // A word that begins a candidate is a shortened one: 'tfjs', 'type', 'nat'.
    const shortened = word.length >= 3 && candidate.startsWith(word.toLowerCase()) ? Math.min(1, distance) : distance;
    if (shortened < least && shortened < candidate.length) {
      least = shortened;
      nearest = candidate;
    }
  }
  return nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => {
    const row = new Array<number>(b.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}
