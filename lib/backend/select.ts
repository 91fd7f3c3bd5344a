// Which backend runs: the native addon where it loads, TypeScript everywhere else.

import { LanewiseError } from '../errors.ts';
import { integer } from '../options.ts';
import type { Backend, BackendOptions } from './backend.ts';
import { createNativeBackend } from './native.ts';
import { loadNative } from './native-loader.ts';
import { typescriptBackend } from './typescript.ts';

/** More threads than any machine has cores are a mistake. */
const MAX_THREADS = 1024;
const CHOICES = ['auto', 'native', 'typescript'];

let warned = false;

export function selectBackend(options: BackendOptions = {}): Backend {
  const { backend = 'auto', threads, isa } = options;
  if (!CHOICES.includes(backend)) {
    throw new LanewiseError(
      'option',
      `backend must be 'auto', 'native' or 'typescript', not ${JSON.stringify(backend)}`,
    );
  }
  if (threads !== undefined && integer('backend', 'threads', threads, 1) > MAX_THREADS) {
    throw new LanewiseError('option', `backend: threads must be at most ${MAX_THREADS}, not ${threads}`);
  }
  if (backend === 'typescript') return typescriptBackend;
  const loaded = loadNative();
  if (loaded.binding) return createNativeBackend(loaded.binding, { threads, isa });
  const reasons = loaded.attempts.map(({ path, error }) => `${path}: ${error}`).join('; ');
  if (backend === 'native' || process.env['LANEWISE_NATIVE'] === 'required') {
    throw new LanewiseError('native', `no native binary could be loaded (${reasons}); run 'npx lanewise doctor'`);
  }
  if (!warned) {
    warned = true;
    process.emitWarning(
      `lanewise: no native binary loads, so the slower TypeScript backend runs; 'npx lanewise doctor' says why`,
    );
  }
  return typescriptBackend;
}
