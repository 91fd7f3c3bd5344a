// Where a command writes, so that tests can read it. Results, progress and the JSON object go to `out`; warnings and
// errors to `error`.

export interface Terminal {
  readonly out: TextStream;
  readonly error: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export function printLine(stream: TextStream, line: string): void {
  stream.write(`${line}\n`);
}
