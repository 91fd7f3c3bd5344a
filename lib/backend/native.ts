// The native backend: plans run in C++, each as one asynchronous job on the process-wide thread pool.

import { LanewiseError } from '../errors.ts';
import type { TypedArray } from '../ops/op.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Plan } from '../plan/plan.ts';
import type { Backend, BackendOptions, Executable, Store } from './backend.ts';
import type { IsaLevel, MachineInfo, NativeBinding, NativeExecutable, NativeStore } from './native-binding.ts';

/** As in native/runtime/parallel.h. */
const MAX_THREADS = 1024;

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

class AddonStore implements Store {
  readonly native: NativeStore;
  readonly #binding: NativeBinding;

  constructor(binding: NativeBinding, bytes: number) {
    this.#binding = binding;
    this.native = binding.createStore(bytes);
  }

  write(byteOffset: number, source: TypedArray): void {
    this.#binding.writeStore(this.native, byteOffset, source);
  }

  read(byteOffset: number, target: TypedArray): void {
    this.#binding.readStore(this.native, byteOffset, target);
  }
}

class AddonExecutable implements Executable {
  readonly workspaceBytes: number;
  readonly #binding: NativeBinding;
  readonly #native: NativeExecutable;

  constructor(binding: NativeBinding, native: NativeExecutable) {
    this.#binding = binding;
    this.#native = native;
    this.workspaceBytes = binding.workspaceBytes(native);
  }

  write(tensor: number, source: TypedArray): void {
    this.#binding.write(this.#native, tensor, source);
  }

  read(tensor: number, target: TypedArray): void {
    this.#binding.read(this.#native, tensor, target);
  }

  async run(): Promise<boolean> {
    try {
      return await this.#binding.run(this.#native);
    } catch (error) {
      throw new LanewiseError('state', message(error), { cause: error });
    }
  }

  profile(): Float64Array {
    return this.#binding.profile(this.#native);
  }
}

/** The backend over a loaded addon. Options that are not given come from `LANEWISE_ISA` and `LANEWISE_THREADS`, then from
 * the machine: its best instruction set, and the cores that affinity and the container's quota leave. */
export function createNativeBackend(
  binding: NativeBinding,
  options: Pick<BackendOptions, 'threads' | 'isa'> = {},
): Backend {
  const info = binding.info();
  const isa = chooseIsa(info, options.isa, process.env);
  const threads = chooseThreads(info, options.threads, process.env);
  return {
    name: 'native',
    isa,
    threads,
    createStore: (bytes) => new AddonStore(binding, bytes),
    compile(plan: Plan, store: Store): Executable {
      const words = encodePlan(plan);
      try {
        return new AddonExecutable(binding, binding.compile((store as AddonStore).native, words, { isa, threads }));
      } catch (error) {
        throw new LanewiseError('native', message(error), { cause: error });
      }
    },
  };
}

/** The instruction set to use; an empty variable counts as unset. */
export function chooseIsa(info: MachineInfo, option: string | undefined, environment: NodeJS.ProcessEnv): IsaLevel {
  const { LANEWISE_ISA: variable } = environment;
  const wanted = option ?? (variable || info.isaLevels.at(-1));
  const level = info.isaLevels.find((name) => name === wanted);
  if (level) return level;
  const source = option === undefined ? 'LANEWISE_ISA' : 'isa';
  throw new LanewiseError('option', `${source} '${wanted}' is not usable here; there is ${info.isaLevels.join(', ')}`);
}

const wholeNumber = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN);

/** The number of threads to use; an empty variable counts as unset. */
export function chooseThreads(info: MachineInfo, option: number | undefined, environment: NodeJS.ProcessEnv): number {
  const { LANEWISE_THREADS: variable } = environment;
  const wanted = option ?? (variable ? wholeNumber(variable) : info.threads);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_THREADS) return wanted;
  const [source, given] = option === undefined ? ['LANEWISE_THREADS', `'${variable}'`] : ['threads', `${option}`];
  throw new LanewiseError('option', `${source} must be a whole number from 1 to ${MAX_THREADS}, not ${given}`);
}
