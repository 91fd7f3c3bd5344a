// Which module of a state dict belongs to which layer: by the names that the user gives, by equal names, or in the order of
// the layers, each kind of module for itself.

import { LanewiseError } from '../errors.ts';
import type { Module } from './modules.ts';

/** Shapes of a state dict's tensors, by module and name in the module. */
export type StateModules = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/** Names of modules by those of layers. */
export type ModuleNames = Readonly<Record<string, string>>;

/** Counts the batches that batch norm has seen; nothing here depends on it. */
export const BATCHES_KEY = 'num_batches_tracked';

export const tensorName = (module: string, key: string): string => (module === '' ? key : `${module}.${key}`);

export function groupByModule(shapes: Iterable<readonly [string, readonly number[]]>): StateModules {
  const modules = new Map<string, Map<string, readonly number[]>>();
  for (const [name, shape] of shapes) {
    const dot = name.lastIndexOf('.');
    const module = dot < 0 ? '' : name.slice(0, dot);
    const tensors = modules.get(module) ?? new Map<string, readonly number[]>();
    tensors.set(name.slice(dot + 1), shape);
    modules.set(module, tensors);
  }
  return modules;
}

/** Pairs of a layer's module and its name in the state dict, `source`. */
export function matchModules(
  own: readonly Module[],
  state: StateModules,
  names: ModuleNames | undefined,
  source: string,
): [Module, string][] {
  if (names) return byNames(own, names);
  if (own.every(({ layer }) => state.has(layer))) {
    checkNothingLeft(own, [...state.keys()], source);
    return own.map((module) => [module, module.layer]);
  }
  return inOrder(own, state, source);
}

function byNames(own: readonly Module[], names: ModuleNames): [Module, string][] {
  const byLayer = new Map(own.map((module) => [module.layer, module]));
  return Object.entries(names).map(([layer, name]) => {
    const module = byLayer.get(layer);
    if (!module) {
      const known = own.map((each) => each.layer).join(', ');
      throw new LanewiseError('option', `names: no layer ${layer} with weights (they are ${known})`);
    }
    return [module, name];
  });
}

function checkNothingLeft(own: readonly Module[], modules: readonly string[], source: string): void {
  const known = new Set(own.map(({ layer }) => layer));
  const stray = modules.find((module) => !known.has(module));
  if (stray !== undefined) throw new LanewiseError('file', `${source}: the model has no layer for module ${stray}`);
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Modules of one kind can stand for one another as far as shapes allow. */
function kindOf(shapes: Shapes): string {
  const weight = shapes.get('weight');
  if (shapes.has('running_mean')) return 'norms with running statistics';
  if (weight && weight.join() === shapes.get('bias')?.join()) return 'norms';
  if (weight?.length === 1) return 'slopes';
  return weight ? `weights with ${weight.length} axes` : 'other tensors';
}

function inOrder(own: readonly Module[], state: StateModules, source: string): [Module, string][] {
  const ownShapes = (module: Module) => new Map(module.tensors.map(({ key, shape }) => [key, shape]));
  const ownKinds = groupBy(own, (module) => kindOf(ownShapes(module)));
  const names = [...state.keys()].sort(comparePaths);
  const kinds = groupBy(names, (name) => kindOf(state.get(name) as Shapes));
  const pairs = new Map<Module, string>();
  for (const kind of new Set([...ownKinds.keys(), ...kinds.keys()])) {
    const modules = ownKinds.get(kind) ?? [];
    const candidates = kinds.get(kind) ?? [];
    if (modules.length !== candidates.length) {
      const layers = modules.map(({ layer }) => layer);
      const counts = `${candidates.length} modules of ${kind} (${listed(candidates)}), the model ${layers.length} (${listed(layers)})`;
      throw new LanewiseError(
        'file',
        `${source}: has ${counts}; give names, from layers to modules, to load some of them`,
      );
    }
    modules.forEach((module, i) => {
      pairs.set(module, candidates[i] as string);
    });
  }
  return own.map((module) => [module, pairs.get(module) as string]);
}

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : names.length > 6 ? `${names.slice(0, 6).join(', ')}, ...` : names.join(', ');

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return groups;
}

/** Module paths in the order in which PyTorch numbers them: layer2 before layer10. */
export function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split(/(\d+)|\./), b.split(/(\d+)|\./)].map((parts) => parts.filter((part) => part));
  for (let i = 0; i < Math.max(left!.length, right!.length); i++) {
    const [x, y] = [left![i], right![i]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const [m, n] = [Number(x), Number(y)];
    return (Number.isNaN(m) || Number.isNaN(n) ? 0 : m - n) || (x < y ? -1 : 1);
  }
  return 0;
}
