// The promise of an atomic write: whatever goes wrong, the old file is intact, no temporary file is left, and the error
// is one sentence with the path and the reason.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';
import { writeFileAtomically } from '../../../lib/io/atomic-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanewise-atomic-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fresh = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const messageOf = (path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> =>
  writeFileAtomically(path, chunks).then(
    () => 'no error',
    (error: unknown) => {
      expect(error).toBeInstanceOf(LanewiseError);
      expect((error as LanewiseError).code).toBe('file');
      return (error as Error).message;
    },
  );

describe('writeFileAtomically', () => {
  it('writes several chunks, empty ones and ones of many slices, and leaves nothing else in the folder', async () => {
    const path = join(fresh('chunks'), 'a.bin');
    const large = new Uint8Array((20 << 20) + 3).map((_, i) => i * 7);
    await writeFileAtomically(path, [bytes('head'), new Uint8Array(0), large, bytes('tail')]);
    expect(Buffer.compare(readFileSync(path), Buffer.concat([bytes('head'), large, bytes('tail')]))).toBe(0);
    expect(readdirSync(join(path, '..'))).toEqual(['a.bin']);
  });

  it('takes an asynchronous source and writes an empty file for no chunks', async () => {
    const path = join(fresh('async'), 'a.bin');
    await writeFileAtomically(
      path,
      (async function* () {
        yield bytes('one');
        await null;
        yield bytes('two');
      })(),
    );
    expect(readFileSync(path, 'utf8')).toBe('onetwo');
    await writeFileAtomically(path, []);
    expect(statSync(path).size).toBe(0);
  });

  it('keeps the old file, and no temporary one, when the source fails half way', async () => {
    const path = join(fresh('failing'), 'a.bin');
    await writeFileAtomically(path, [bytes('old')]);
    const failing = (function* () {
      yield bytes('new');
      throw new Error('the source broke');
    })();
    expect(await messageOf(path, failing)).toBe(
      `cannot write ${path} (the file that was there is unchanged): the source broke`,
    );
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(join(path, '..'))).toEqual(['a.bin']);
  });

  it('lets many writers of one file finish, each with a whole file', async () => {
    const path = join(fresh('many'), 'a.bin');
    const contents = Array.from({ length: 12 }, (_, i) => String(i).repeat(50_000 + i));
    await Promise.all(contents.map((text) => writeFileAtomically(path, [bytes(text)])));
    expect(contents).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(join(path, '..'))).toEqual(['a.bin']);
  });

  it('says why a path cannot be written', async () => {
    const place = fresh('refused');
    const file = join(place, 'file');
    writeFileSync(file, 'x');
    const cases: [path: string, message: RegExp][] = [
      [place, /^cannot write .*refused: it is a folder; name a file in it$/],
      [join(file, 'below'), /^cannot write .*below: a part of the path is a file, not a folder \(ENOTDIR\)$/],
      [join(place, 'missing', 'a'), /^cannot write .*a: the folder .*missing does not exist \(ENOENT\)$/],
      [join(place, 'n'.repeat(300)), /^cannot write .*: the name is too long \(ENAMETOOLONG\)$/],
      ['/dev/null', /^cannot write \/dev\/null: it is not a regular file$/],
    ];
    if (process.platform === 'linux')
      cases.push(['/proc/model', /^cannot write \/proc\/model: .*\((ENOENT|EACCES)\)$/]);
    for (const [path, message] of cases) expect(await messageOf(path, [bytes('y')])).toMatch(message);
    expect(readdirSync(place)).toEqual(['file']);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('writes a file whose name is as long as names may be', async () => {
    const path = join(fresh('long'), 'n'.repeat(255));
    await writeFileAtomically(path, [bytes('x')]);
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('replaces the file that a link leads to and keeps the link and the mode', async () => {
    const place = fresh('link');
    const real = join(place, 'real');
    writeFileSync(real, 'old');
    chmodSync(real, 0o600);
    symlinkSync('real', join(place, 'link'));
    await writeFileAtomically(join(place, 'link'), [bytes('new')]);
    expect(readFileSync(real, 'utf8')).toBe('new');
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect(readdirSync(place).sort()).toEqual(['link', 'real']);
  });

  it('removes what a killed writer of the same file left an hour ago, and nothing else', async () => {
    const place = fresh('stale');
    const hourAgo = Date.now() / 1000 - 3700;
    for (const name of ['.a.0123456789ab.tmp', '.b.0123456789ab.tmp', '.a.notes.tmp', 'a.old']) {
      writeFileSync(join(place, name), 'x');
      utimesSync(join(place, name), hourAgo, hourAgo);
    }
    writeFileSync(join(place, '.a.ba9876543210.tmp'), 'of a writer at work');
    await writeFileAtomically(join(place, 'a'), [bytes('x')]);
    const kept = ['.a.ba9876543210.tmp', '.a.notes.tmp', '.b.0123456789ab.tmp', 'a', 'a.old'];
    expect(readdirSync(place).sort()).toEqual(kept);
  });
});
