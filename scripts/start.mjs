// @ts-check
// `npm start`: builds what is out of date, then trains LeNet-5 on the embedded digits with a live progress display, in
// well under a minute on two cores. Arguments are passed on and win over these: `npm start -- --epochs 5`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit', cwd: root });
if (built.status !== 0) process.exit(built.status ?? 1);

const options = ['--data', 'digits', '--model', 'lenet5', '--epochs', '5', '--seed', '1', '--out', 'runs/start'];
// In this process, so that a signal reaches the training once and its exit code is this one's.
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
process.argv = [process.execPath, main, 'train', ...options, ...process.argv.slice(2)];
await import(main);
