// How the tests run: `npx vitest run [path]`. The tests read lib/*.ts directly; those that spawn the command line or the
// packed tarball use dist, so run `npm run build` (or `npm test`) before trusting them.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A fork per file: a crash in native code takes down one file, and the pool of native threads starts fresh.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
