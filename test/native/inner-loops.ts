// Reads what objdump shows of the object file of one instruction set and finds the code that kernels spend their time in: the
// innermost loops with multiply-adds, and functions that have these outside of loops (transforms, called once a vector).
// A stack access with a vector register in there is a spill.

export interface HotCode {
  /** The function, mangled: template arguments are in it (`gemm_tileILi14ELi2ELb0EE` is gemm_tile<14, 2, false>). */
  readonly symbol: string;
  readonly kind: 'loop' | 'function';
  readonly instructions: number;
  /** Fused multiply-adds of whole vectors. */
  readonly fmas: number;
  /** Loads and stores between vector registers and the stack. */
  readonly spills: number;
  /** Those of them that store. */
  readonly stores: number;
}

interface Syntax {
  /** Jumps; those within a function name an address of it. */
  readonly jump: RegExp;
  readonly fma: RegExp;
  readonly vectorRegister: RegExp;
  /** The function uses its frame pointer as such, rather than as one more register. */
  readonly setsFramePointer: RegExp;
  readonly store: RegExp;
  readonly stackPointer: RegExp;
  readonly framePointer: RegExp;
}

const X86: Syntax = {
  jump: /^j\w+\s/,
  fma: /^vfn?m(add|sub)\d+ps\s/,
  vectorRegister: /%[xyz]mm\d/,
  setsFramePointer: /^mov\s+%rsp,%rbp$/,
  store: /\)$/,
  stackPointer: /\(%rsp[,)]/,
  framePointer: /\(%rbp[,)]/,
};

const ARM64: Syntax = {
  jump: /^(b|b\.\w+|b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|any|none)|cbn?z|tbn?z)\s/,
  fma: /^fml[as]\s+v\d+\.4s/,
  vectorRegister: /\s[qdsv]\d+[.,]/,
  setsFramePointer: /^(mov\s+x29, sp|add\s+x29, sp,.*)$/,
  store: /^st[rpu]/,
  stackPointer: /\[sp[,\]]/,
  framePointer: /\[x29[,\]]/,
};

interface Line {
  readonly address: number;
  readonly code: string;
}

/** Symbol -> its instructions, without those that only align the next one. */
function functionsIn(disassembly: string): Map<string, Line[]> {
  const functions = new Map<string, Line[]>();
  let lines: Line[] = [];
  for (const line of disassembly.split('\n')) {
    const symbol = /^[0-9a-f]+ <(.+)>:$/.exec(line)?.[1];
    const [, address, code] = /^\s*([0-9a-f]+):\t([a-z].*)$/.exec(line) ?? [];
    if (symbol !== undefined) {
      lines = [];
      functions.set(symbol, lines);
    } else if (address !== undefined && code !== undefined && !/\bnop/.test(code)) {
      lines.push({ address: Number.parseInt(address, 16), code: code.replace(/\s*\/\/.*$/, '').trim() });
    }
  }
  return functions;
}

/** First and last line of every loop that has no other loop inside: jumps back to an earlier instruction. */
function innermostLoops(lines: readonly Line[], syntax: Syntax): [first: number, last: number][] {
  const loops = lines.flatMap(({ code }, last): [number, number][] => {
    const named = syntax.jump.test(code) ? /\s([0-9a-f]+) <[^>]+>$/.exec(code)?.[1] : undefined;
    if (named === undefined) return [];
    const target = Number.parseInt(named, 16);
    // Where the target aligns what follows, that is where the loop begins.
    const first = lines.findIndex(({ address }) => address >= target);
    const isHere = target >= (lines[0]?.address ?? 0);
    return isHere && first < last ? [[first, last]] : [];
  });
  return loops.filter(
    (loop) =>
      !loops.some((other) => other !== loop && other[0] >= loop[0] && other[1] <= loop[1] && !same(other, loop)),
  );
}

const same = (a: readonly number[], b: readonly number[]) => a[0] === b[0] && a[1] === b[1];

/** All hot code of functions whose symbol matches. */
export function hotCode(disassembly: string, machine: 'x86' | 'arm64', symbols: RegExp): HotCode[] {
  const syntax = machine === 'x86' ? X86 : ARM64;
  return [...functionsIn(disassembly)].flatMap(([symbol, lines]) => {
    if (!symbols.test(symbol)) return [];
    const all = lines.map(({ code }) => code);
    const hasFrame = all.some((code) => syntax.setsFramePointer.test(code));
    const onStack = (code: string) =>
      syntax.vectorRegister.test(code) &&
      (syntax.stackPointer.test(code) || (hasFrame && syntax.framePointer.test(code)));
    const measured = (kind: HotCode['kind'], body: readonly Line[]): HotCode => {
      const code = body.map((line) => line.code);
      const count = (test: (code: string) => boolean) => code.filter(test).length;
      return {
        symbol,
        kind,
        instructions: code.length,
        fmas: count((line) => syntax.fma.test(line)),
        spills: count(onStack),
        stores: count((line) => onStack(line) && syntax.store.test(line)),
      };
    };
    const loops = innermostLoops(lines, syntax)
      .map(([first, last]) => measured('loop', lines.slice(first, last + 1)))
      .filter(({ fmas }) => fmas > 0);
    return loops.length > 0 ? loops : [measured('function', lines)].filter(({ fmas }) => fmas > 0);
  });
}
