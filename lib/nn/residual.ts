// The residual connection: a body of layers whose result is added to its input.

import type { GraphTensor } from '../graph/graph.ts';
import { add } from '../ops/add.ts';
import { fail, onlyKnown } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

/**
 * `y = body(x) + shortcut(x)` (He et al. 2015). Without `shortcut` the input itself is added; give one, such as a strided
 * 1x1 convolution, where the body changes the shape. An activation after the sum is a layer of its own. No
 * counterpart in PyTorch, where it is written out.
 */
export function residual(body: readonly Layer[], shortcut: readonly Layer[] = [], options: LayerOptions = {}): Layer {
  const layer = options?.name ?? 'residual';
  onlyKnown(layer, options, ['name']);
  if (!Array.isArray(body) || body.length === 0) fail(layer, 'body must be a list of layers');
  if (!Array.isArray(shortcut)) fail(layer, 'shortcut must be a list of layers');
  return defineLayer('residual', { ...options, body, shortcut }, (builder, x) => {
    const main = builder.applyAll(body, x);
    const side = builder.applyAll(shortcut, x);
    if (main.shape.join() !== side.shape.join()) {
      const fix = 'give the shortcut layers that make them equal, such as a strided 1x1 conv2d';
      fail(builder.graph.layer, `body gives [${main.shape}] and shortcut [${side.shape}]; ${fix}`);
    }
    return builder.graph.emit(add, [main, side], { activation: 0, slope: 0 })[0] as GraphTensor;
  });
}
