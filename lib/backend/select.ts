// Which backend runs: the native addon where it loads, TypeScript everywhere else.

import { LanewiseError } from '../errors.ts';
import { isBuiltIn } from '../ops/custom-op.ts';
import type { OpDefinition } from '../ops/op.ts';
import { integer } from '../options.ts';
import type { Backend, BackendOptions } from './backend.ts';
import { createNativeBackend } from './native.ts';
import { loadNative } from './native-loader.ts';
import { typescriptBackend } from './typescript.ts';

/** More threads than any machine has cores are a mistake. */
const MAX_THREADS = 1024;
const CHOICES = ['auto', 'native', 'typescript'];

const warned = new Set<string>();

/** The backend that `options` asks for. `ops` are those it will run, as far as some may be the user's own: those decide 'auto'
 * for TypeScript. */
export function selectBackend(options: BackendOptions = {}, ops: Iterable<OpDefinition> = []): Backend {
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
  const required = backend === 'native' || process.env['LANEWISE_NATIVE'] === 'required';
  const own = [...ops].find((op) => !isBuiltIn(op));
  if (own && required)
    throw new LanewiseError('native', `op ${own.name} has no native code; use backend: 'typescript' or 'auto'`);
  if (own) {
    warnOnce(`op ${own.name} has no native code, so the slower TypeScript backend runs`);
    return typescriptBackend;
  }
  const loaded = loadNative();
  if (loaded.binding) return createNativeBackend(loaded.binding, { threads, isa });
  const reasons = loaded.attempts.map(({ path, error }) => `${path}: ${error}`).join('; ');
  if (required) {
    throw new LanewiseError('native', `no native binary could be loaded (${reasons}); run 'npx lanewise doctor'`);
  }
  warnOnce(`no native binary loads, so the slower TypeScript backend runs; 'npx lanewise doctor' says why`);
  return typescriptBackend;
}

function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  process.emitWarning(`lanewise: ${message}`);
}
