// Holds the rules of docs/design.md on who may see whom, for both languages, and the habits that keep files findable and
// short. A rule is changed here and in docs/design.md together.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

function filesIn(folder: string, endings: RegExp): SourceFile[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

const TYPESCRIPT = /\.(ts|mjs|js|cjs)$/;
const CPP = /\.(cpp|h|inl)$/;
const lib = filesIn('lib', TYPESCRIPT);
const native = filesIn('native', CPP);
const everything = [
  ...lib,
  ...native,
  ...['test', 'bench', 'scripts'].flatMap((folder) => filesIn(folder, TYPESCRIPT)),
];

/** The folder below `lib/` or `native/`; empty for files that are directly in it. */
const layerOf = (path: string): string => (path.split('/').length > 2 ? (path.split('/')[1] as string) : '');

describe('lib', () => {
  /** What each folder may import at run time, besides itself and the files directly in lib/. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    ops: [],
    graph: ['ops'],
    plan: ['ops', 'graph'],
    backend: ['ops', 'graph', 'plan'],
    nn: ['ops', 'graph', 'onnx'],
    optim: ['ops', 'graph'],
    io: ['graph', 'nn'],
    onnx: ['io', 'ops', 'graph'],
    data: [],
    report: [],
    models: ['nn', 'optim', 'data'],
    train: ['ops', 'graph', 'plan', 'backend', 'nn', 'optim', 'io', 'onnx', 'data'],
    torch: ['ops', 'nn', 'io', 'train'],
    cli: ['ops', 'graph', 'plan', 'backend', 'nn', 'optim', 'io', 'data', 'report', 'models', 'train'],
  };
  /** Files directly in lib/ that any folder may import; they import nothing themselves. */
  const leaves = ['errors.ts', 'options.ts', 'random.ts'];
  /** Folders that may take types, and only types, from anywhere. */
  const typesFromAnywhere = ['data', 'report'];

  interface Import {
    readonly from: string;
    readonly target: string;
    readonly typeOnly: boolean;
  }

  const imports: Import[] = lib.flatMap(({ path, text }) => {
    const resolved = (specifier: string | undefined) => posix.join(dirname(path), specifier ?? '');
    const stated = [...text.matchAll(/^(?:import|export)\s+(type\s)?([^;'"]*?from\s+)?['"](\.[^'"]+)['"]/gm)].map(
      ([, type, clause, specifier]) => ({
        from: path,
        target: resolved(specifier),
        typeOnly: type !== undefined || onlyTypes(clause ?? ''),
      }),
    );
    const computed = [...text.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]/g)].map(([, specifier]) => ({
      from: path,
      target: resolved(specifier),
      typeOnly: false,
    }));
    return [...stated, ...computed];
  });

  /** `{ type A, type B } from` */
  function onlyTypes(clause: string): boolean {
    const names = /^\{([^}]*)\}/.exec(clause.trim())?.[1];
    return names?.split(',').every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
  }

  it('has a rule for every folder', () => {
    const folders = new Set(lib.map(({ path }) => layerOf(path)).filter((layer) => layer !== ''));
    expect(Object.keys(allowed)).toEqual(expect.arrayContaining([...folders]));
    expect(imports.length).toBeGreaterThan(lib.length);
  });

  it('imports along the layers only', () => {
    const wrong = imports.filter(({ from, target, typeOnly }) => {
      const layer = layerOf(from);
      const targetLayer = layerOf(target);
      if (layer === '') return leaves.includes(basename(from)) && !leaves.includes(basename(target));
      if (targetLayer === '') return !leaves.includes(basename(target)) && layer !== 'cli';
      if (targetLayer === layer || (typeOnly && typesFromAnywhere.includes(layer))) return false;
      return !allowed[layer]?.includes(targetLayer);
    });
    expect(wrong).toEqual([]);
  });

  it('has no import cycle', () => {
    const edges = new Map<string, string[]>(lib.map(({ path }) => [path, []]));
    for (const { from, target, typeOnly } of imports) if (!typeOnly) edges.get(from)?.push(target);
    const finished = new Set<string>();
    const visit = (path: string, trail: readonly string[]): string[] => {
      if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
      if (finished.has(path)) return [];
      for (const target of edges.get(path) ?? []) {
        const cycle = visit(target, [...trail, path]);
        if (cycle.length > 0) return cycle;
      }
      finished.add(path);
      return [];
    };
    for (const { path } of lib) expect(visit(path, [])).toEqual([]);
  });

  it('loads a native binary in one file', () => {
    const loading = lib.filter(({ text }) => /\bcreateRequire\(|\bdlopen\(/.test(text)).map(({ path }) => path);
    expect(loading.filter((path) => path !== 'lib/backend/native-loader.ts')).toEqual([]);
  });

  it('differentiates and plans by what ops declare, not by their names', () => {
    const names = new Set(
      lib
        .filter(({ path }) => layerOf(path) === 'ops')
        .flatMap(({ text }) => [...text.matchAll(/^ {2}name: '(\w+)',$/gm)].map((match) => match[1])),
    );
    expect(names.size).toBeGreaterThan(10);
    const branching = lib
      .filter(({ path }) => layerOf(path) === 'graph' || layerOf(path) === 'plan')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/'(\w+)'/g)].filter((match) => names.has(match[1])).map((match) => `${path}: ${match[0]}`),
      );
    expect(branching).toEqual([]);
  });
});

describe('native', () => {
  interface Include {
    readonly from: string;
    readonly header: string;
    /** Relative to the repository; undefined for system headers. */
    readonly target: string | undefined;
  }

  const includes: Include[] = native.flatMap(({ path, text }) =>
    [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]/gm)].map((match) => ({
      from: path,
      header: match[2] as string,
      target: match[1] === '"' ? posix.join(dirname(path), match[2] as string) : undefined,
    })),
  );

  /** Which of the repository's headers each folder may include, besides its own. */
  const allowed: Readonly<Record<string, RegExp>> = {
    // addon.cpp and its parts
    '': /^native\/(addon\w*\.h|runtime\/\w+\.h)$/,
    generated: /^native\/ops\/op\.h$/,
    isa: /^native\/kernels\//,
    kernels: /^native\/kernels\//,
    ops: /^native\/(kernels\/\w+\.h|generated\/op_table\.h|runtime\/parallel\.h)$/,
    runtime: /^native\/(kernels\/\w+\.h|generated\/op_table\.h|ops\/op\.h)$/,
    test: /^native\//,
  };

  it('includes along the layers only', () => {
    const wrong = includes.filter(({ from, target }) => {
      if (target === undefined || layerOf(from) === layerOf(target)) return false;
      return !allowed[layerOf(from)]?.test(target);
    });
    expect(wrong).toEqual([]);
    expect(includes.length).toBeGreaterThan(50);
  });

  it('sees Node-API in the addon alone', () => {
    const users = includes.filter(({ header }) => /^(napi|node_api|node|v8|uv)\b.*\.h$/.test(header));
    expect(users.map(({ from }) => from).filter((path) => !/^native\/addon\w*\.(cpp|h)$/.test(path))).toEqual([]);
  });

  it('has intrinsics in isa/ alone and no instruction set inside a kernel', () => {
    const headers = includes.filter(({ header }) => /^(\w*intrin|arm_\w+|cpuid)\.h$/.test(header));
    expect(headers.map(({ from }) => from).filter((path) => layerOf(path) !== 'isa')).toEqual([]);
    const called = native.filter(
      ({ path, text }) => layerOf(path) !== 'isa' && /\b_mm(256|512)?_\w+\(|\bv\w+q_f32\(/.test(text),
    );
    expect(called.map(({ path }) => path)).toEqual([]);
    const asking = native.filter(
      ({ path, text }) => layerOf(path) === 'kernels' && /__(AVX|SSE|FMA|ARM|aarch64|x86_64)/.test(text),
    );
    expect(asking.map(({ path }) => path)).toEqual([]);
  });

  it('is compiled without flags that leak an instruction set or relax arithmetic', () => {
    expect(readFileSync(join(root, 'native/build.json'), 'utf8')).not.toMatch(
      /"-m(?!acosx)|-ffast-math|-Ofast|-funsafe/,
    );
  });
});

describe('files', () => {
  const MOST_LINES = 320;
  /** Longer for a reason, and how long at most. */
  const longer: Readonly<Record<string, number>> = {
    'native/generated/op_table.h': Infinity, // generated
  };

  it('are short', () => {
    const tooLong = everything
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (longer[path] ?? MOST_LINES));
    expect(tooLong).toEqual([]);
  });

  it('open with a comment', () => {
    const silent = everything.filter(({ text }) => !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('are named after what they do', () => {
    const vague = everything.filter(({ path }) => /(^|[-_./])(utils?|helpers?|common|misc)[-_.]/i.test(basename(path)));
    expect(vague.map(({ path }) => path)).toEqual([]);
  });

  it('export by name', () => {
    const unnamed = everything.filter(({ text }) => /^export\s+default\b|^export\s*\{[^}]*\bas default\b/m.test(text));
    expect(unnamed.map(({ path }) => path)).toEqual([]);
  });
});
