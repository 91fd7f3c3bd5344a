// Runs a command in this process and keeps what it printed.
import { run } from '../../lib/cli/run.ts';

export interface Recorded {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  /** The last line of the output, parsed. */
  json(): Record<string, unknown>;
}

export async function lanewise(...args: readonly string[]): Promise<Recorded> {
  return record(args, {});
}

export async function record(
  args: readonly string[],
  terminal: { readonly isTTY?: boolean; readonly columns?: number; readonly environment?: Record<string, string> },
): Promise<Recorded> {
  let out = '';
  let error = '';
  const { environment = {}, ...size } = terminal;
  const code = await run(args, {
    out: {
      write: (text) => {
        out += text;
      },
      ...size,
    },
    error: {
      write: (text) => {
        error += text;
      },
    },
    environment,
  });
  return {
    code,
    out,
    error,
    json: () => JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>,
  };
}
