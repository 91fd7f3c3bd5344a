// `lanewise build`: compiles the native addon from the sources in the package, for platforms without a prebuilt binary.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LanewiseError } from '../errors.ts';
import { defineCommand } from './command.ts';
import { printLine } from './terminal.ts';
import { packageFolder } from './version.ts';

export const build = defineCommand({
  name: 'build',
  summary: 'compiles the native backend from the sources in the package',
  options: {},
  notes: [
    'Needs a C++20 compiler, make and python3, and the packages node-gyp, node-addon-api and node-api-headers beside',
    'lanewise: npm install --save-dev node-gyp node-addon-api node-api-headers. Nothing is downloaded.',
  ].join('\n'),
  run: async (_, terminal) => {
    const script = join(packageFolder, 'scripts/build-native.mjs');
    if (!existsSync(script)) throw new LanewiseError('file', `${script}: is missing; install lanewise again`);
    const code = await new Promise<number>((resolve, reject) => {
      const child = spawn(process.execPath, [script, '--required'], { cwd: packageFolder, stdio: 'inherit' });
      child.on('error', reject);
      child.on('close', (status) => resolve(status ?? 1));
    });
    if (code === 0) printLine(terminal.out, "lanewise: the native backend is built; 'lanewise doctor' shows it");
    else
      printLine(
        terminal.error,
        "lanewise: the native backend was not built; 'lanewise build --help' says what is needed",
      );
    return code === 0 ? 0 : 1;
  },
});
