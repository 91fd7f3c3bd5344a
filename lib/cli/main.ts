#!/usr/bin/env node
// The `lanewise` command. All it adds to `run` is the process: its streams, its arguments and its exit code.

import { run } from './run.ts';

// A reader that goes away (`| head`) must not end a training run; what it would have read is lost, no more.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// The exit code is set, not forced: output that is still on its way to a pipe gets there.
process.exitCode = await run(process.argv.slice(2), {
  out: process.stdout,
  error: process.stderr,
  environment: process.env,
});
