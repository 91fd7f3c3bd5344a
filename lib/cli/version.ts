// The package's folder and version, from its package.json.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder with package.json: two above this file, both in `lib/` and in `dist/`. */
export const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(`${packageFolder}package.json`, 'utf8')) as { version: string };
  return version;
}
