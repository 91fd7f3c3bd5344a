// What a layer becomes: the ops that it emits in training and in inference, those that differentiation adds for it, and the
// nodes of the ONNX file of a model that consists of it.

const unique = (names) => [...new Set(names)];

/** Names of ops, those that are many functions with the function. */
async function namesOf(nodes) {
  const { unaryName } = await import('../../dist/ops/unary-functions.js');
  const { BINARY_NAMES } = await import('../../dist/ops/binary-functions.js');
  const { REDUCE_NAMES } = await import('../../dist/ops/reduction-order.js');
  const functions = {
    unary: unaryName,
    unary_dx: unaryName,
    binary: (kind) => BINARY_NAMES[kind],
    reduce: (kind) => REDUCE_NAMES[kind],
  };
  return unique(
    nodes.map(({ op, attrs }) => (functions[op.name] ? `${op.name}(${functions[op.name](attrs.kind)})` : op.name)),
  );
}

/** Ops of `layer` on inputs that have gradients, which a bias before each sees to. */
async function opsOf(lw, layer, shapes, mode) {
  const { Builder } = await import('../../dist/nn/builder.js');
  const { differentiate } = await import('../../dist/graph/differentiate.js');
  const builder = new Builder(mode);
  const { graph } = builder;
  const around = new Set(['loss']);
  const inputs = shapes.map((shape, i) => {
    const raw = graph.tensor('input', `inputs/${i}`, { shape: [2, ...shape], dtype: 'f32' });
    around.add(`before_${i}`);
    return builder.apply(lw.bias({ name: `before_${i}` }), raw);
  });
  const first = graph.nodes.length;
  const y = builder.apply(layer, ...inputs);
  const forward = graph.nodes.slice(first);
  if (mode === 'inference') return { forward: await namesOf(forward), gradient: [] };
  graph.layer = 'loss';
  const { ops } = lw;
  const sum = builder.emit(ops.reduce, [y], ops.reduceAttrs('sum', [...y.shape.keys()]));
  const loss = builder.emit(ops.reshape, [sum], ops.reshapeTo([1]));
  const afterwards = graph.nodes.length;
  builder.emitDeferred();
  const deferred = graph.nodes.slice(afterwards);
  const backward = graph.nodes.length;
  differentiate(graph, loss);
  const gradient = graph.nodes.slice(backward).filter((node) => !around.has(node.layer));
  return { forward: await namesOf([...forward, ...deferred]), gradient: await namesOf(gradient) };
}

/** Types of the nodes in the ONNX file of `layer` alone. */
async function onnxNodesOf(lw, layer, shapes) {
  const { readOnnxBytes } = await import('../../dist/onnx/onnx-file.js');
  const inputs = shapes.map((shape, i) => lw.input({ shape, name: `x${i}` }));
  const nodesOf = (model) => readOnnxBytes(lw.onnxBytes(model), layer.type).graph.nodes.map(({ opType }) => opType);
  if (inputs.length > 0) return unique(nodesOf(lw.model({ inputs, outputs: layer(...inputs) })));
  // What has no input is seen beside one, from which the node that joins them is taken off.
  const value = layer();
  const x = lw.input({ shape: value.shape });
  const nodes = nodesOf(lw.model({ inputs: x, outputs: lw.add()(x, value) }));
  return unique(nodes.filter((type) => type !== 'Add'));
}

/** Of the usual case, and what the others add. */
export async function emittedBy(lw, type, cases) {
  const { layersFromConfig } = await import('../../dist/nn/registry.js');
  const kinds = [];
  for (const { shapes, options } of cases) {
    const [layer] = layersFromConfig([{ type, ...options }]);
    const training = await opsOf(lw, layer, shapes, 'training');
    const inference = await opsOf(lw, layer, shapes, 'inference');
    const onnx = await onnxNodesOf(lw, layer, shapes);
    kinds.push({ ...training, inference: inference.forward, onnx });
  }
  const [usual] = kinds;
  const more = (key) => unique(kinds.flatMap((kind) => kind[key])).filter((name) => !usual[key].includes(name));
  return { usual, more };
}
