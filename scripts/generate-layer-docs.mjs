// Writes docs/layers.md: every layer with formula, options, ops, gradient ops, ONNX and PyTorch counterpart, then losses,
// optimizers and schedules. Texts come from the docstrings, ops and nodes from a small case of each layer that is built (the
// library in dist/). What has no formula or says nothing of PyTorch or ONNX makes this fail with its name: a docstring
// that has nothing to name says "No counterpart in PyTorch" or "No node in ONNX".
// Usage: node scripts/generate-layer-docs.mjs [--check]   (--check writes nothing and fails when the page is stale)

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { emittedBy } from './layer-docs/emitted.mjs';
import { samplesOf } from './layer-docs/samples.mjs';
import { Sources } from './layer-docs/sources.mjs';

const pageUrl = new URL('../docs/layers.md', import.meta.url);
const libUrl = new URL('../lib/', import.meta.url);

/** Layers by the files of lib/nn that they are in. */
const FAMILIES = {
  Convolutions: ['conv2d', 'conv-transpose', 'separable-conv'],
  'Fully connected': ['linear', 'bias'],
  Activations: ['activation'],
  Normalisations: ['normalization'],
  Poolings: ['pooling', 'global-pooling'],
  Regularisations: ['regularization'],
  'Joining and arithmetic': ['merge', 'residual', 'branches'],
  Reductions: ['reduction'],
  'Shape and size': ['structure', 'padding', 'resizing'],
  'Values without an input': ['constant'],
  'Imported files': ['onnx'],
};

/** What is not a layer: files of lib/, the type that its functions return, and where PyTorch has its counterparts. */
const OTHERS = {
  Losses: { folder: 'nn/loss/', result: 'Loss', module: 'torch.nn' },
  Optimizers: { folder: 'optim/', result: 'Optimizer', module: 'torch.optim' },
  'Learning-rate schedules': { folder: 'optim/', result: 'LearningRate', module: 'torch.optim.lr_scheduler' },
};

const INTRO = `<!-- Generated from the docstrings of lib/ by scripts/generate-layer-docs.mjs: do not edit. -->
# Layers

Every layer with its formula, options and gradient, and what it is called elsewhere; then losses, optimizers and schedules.
\`x\` is the input, \`y\` the result; shapes begin with the batch \`n\` and end with the channels \`c\`. Every layer takes the option
\`name?: string\` too, its name in summaries, errors and files. Options with a \`?\` may be left out.

The tables say what a small case of the layer becomes. *Ops* are what it emits for training, *gradient* what differentiation adds
for the gradients of its inputs and parameters: none where a gradient is passed on as it is (\`add\`) or there is nothing to pass it
to (\`constant\`). \`lib/ops\` has each op's contract; \`unary(gelu)\` is the function \`gelu\` of the op \`unary\`. Fusion joins some of
them afterwards. *Other cases* are other options, such as a \`paddingMode\`, and inputs that are broadcast. *ONNX* are the nodes that
\`exportOnnx\` writes, *PyTorch* is what has the same semantics there.
`;

const problems = [];
const codes = (names) => (names.length === 0 ? 'none' : names.map((name) => `\`${name}\``).join(', '));
const anchor = (title) => `#${title.toLowerCase().replaceAll(' ', '-')}`;
const sourceFiles = (folder) =>
  readdirSync(new URL(folder, libUrl))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [folder + basename(file, '.ts'), readFileSync(new URL(folder + file, libUrl), 'utf8')]);
const spansOf = (doc) => [...doc.join(' ').matchAll(/`([^`]+)`/g)].map(([, code]) => code);

/** What the docstring says that PyTorch calls it, with its module; empty where it says that there is nothing. */
function pytorchNames({ name, doc }, module) {
  const text = doc.join(' ');
  const groups = [...text.matchAll(/PyTorch's ((?:`[^`]+`(?:, | and | or |, and )?)+)/g)];
  const named = groups.flatMap(([, list]) => [...list.matchAll(/`([^`]+)`/g)].map(([, one]) => one));
  const qualified = [...text.matchAll(/(?<![\w`.])torch(?:vision)?(?:\.\w+)+/g)].map(([one]) => one);
  const full = (one) => (/[^\w]/.test(one) ? one : `${/^[A-Z]/.test(one) ? module : 'torch'}.${one}`);
  const names = [...named.map(full), ...qualified];
  if (names.length === 0 && !text.includes('No counterpart in PyTorch'))
    problems.push(`${name}: names nothing of PyTorch`);
  return [...new Set(names)];
}

/** The formula of a layer: a code span of its own docstring that begins with y, or that of the layer it refers to. */
function layerFormula(entry, layers, seen = []) {
  const own = spansOf(entry.doc).find((code) => /^y(\[.*\]|_k)? = |^y\[/.test(code));
  if (own !== undefined) return { formula: own, of: entry };
  const others = spansOf(entry.doc).map((code) => layers.get(code));
  const other = others.find((one) => one && one !== entry && !seen.includes(one) && one.family === entry.family);
  return other && layerFormula(other, layers, [...seen, entry]);
}

/** Code spans that name what has a section become links to it; angle brackets outside of code would be tags. */
function linked(paragraph, own, sections) {
  return paragraph
    .split(/(`[^`]+`)/)
    .map((part) => {
      if (!part.startsWith('`')) return part.replaceAll('<', '&lt;').replaceAll('*', '\\*');
      const name = part.slice(1, -1);
      return name !== own && sections.has(name) ? `[${part}](${anchor(name)})` : part;
    })
    .join('');
}

function optionLines(sources, entry, sections, types) {
  return sources
    .options(entry)
    .filter(({ name }) => name !== 'name')
    .map(({ name, optional, type, doc }) => {
      for (const [word] of type.matchAll(/\b[A-Z]\w+/g)) types.add(word);
      return `- \`${name}${optional ? '?' : ''}: ${type}\`${doc === '' ? '' : `: ${linked(doc, entry.name, sections)}`}\n`;
    })
    .join('');
}

/** Heading, signature, text and options: what a layer has in common with a loss. */
function opening(sources, entry, sections, types, reference = '') {
  const text = entry.doc.map((paragraph) => linked(paragraph, entry.name, sections)).join('\n\n');
  const options = optionLines(sources, entry, sections, types);
  return `### ${entry.name}\n\n\`${sources.signature(entry)}\`\n\n${text}\n\n${reference}${options === '' ? '' : `Options:\n\n${options}\n`}`;
}

const also = (names) => (names.length === 0 ? '' : `; in other cases also ${codes(names)}`);

async function layerSection(lw, sources, entry, { sections, layers, samples, types }) {
  const sample = samples[entry.name];
  if (!sample) {
    problems.push(`${entry.name}: has no sample in scripts/layer-docs/samples.mjs`);
    return '';
  }
  const found = layerFormula(entry, layers);
  if (!found) problems.push(`${entry.name}: has no formula \`y = ...\` and refers to no layer with one`);
  const reference =
    found && found.of !== entry
      ? `Formula of [\`${found.of.name}\`](${anchor(found.of.name)}): \`${found.formula}\`\n\n`
      : '';
  const cells = typeof sample === 'string' ? [sample, sample, sample] : await emittedCells(lw, entry, sample);
  const row = [...cells, codes(pytorchNames(entry, 'torch.nn'))].join(' | ');
  return `${opening(sources, entry, sections, types, reference)}| ops | gradient | ONNX | PyTorch |\n|---|---|---|---|\n| ${row} |\n\n`;
}

async function emittedCells(lw, { name, doc }, sample) {
  const { usual, more } = await emittedBy(lw, name, sample);
  if (usual.onnx.length === 0 && !doc.join(' ').includes('No node in ONNX')) {
    problems.push(`${name}: the export writes no node, which the docstring does not say`);
  }
  const inference = usual.inference.join() === usual.forward.join() ? '' : `; in inference ${codes(usual.inference)}`;
  return [
    `${codes(usual.forward)}${inference}${also(more('forward'))}`,
    `${codes(usual.gradient)}${also(more('gradient'))}`,
    `${codes(usual.onnx)}${also(more('onnx'))}`,
  ];
}

function otherSection(sources, entry, module, { sections, types }) {
  if (!spansOf(entry.doc).some((code) => / [-+*/=] |\^|\(/.test(code))) problems.push(`${entry.name}: has no formula`);
  return `${opening(sources, entry, sections, types)}PyTorch: ${codes(pytorchNames(entry, module))}\n\n`;
}

function typeLines(sources, names, sections) {
  const lines = [];
  const pending = [...names].sort();
  for (const name of pending) {
    const alias = sources.alias(name);
    if (!alias) continue;
    for (const [word] of alias.type.matchAll(/\b[A-Z]\w+/g)) if (!pending.includes(word)) pending.push(word);
    lines.push(`- \`${name}\` = \`${alias.type}\`: ${linked(alias.doc, name, sections)}\n`);
  }
  return lines.sort().join('');
}

async function generatePage() {
  const lw = await import('../dist/index.js');
  const { layerTypes } = await import('../dist/nn/registry.js');
  const samples = samplesOf(lw);
  const sources = new Sources();
  for (const folder of ['nn/', 'nn/loss/', 'optim/'])
    for (const [file, text] of sourceFiles(folder)) sources.add(file, text);

  const familyOf = new Map(
    Object.entries(FAMILIES).flatMap(([family, files]) => files.map((file) => [`nn/${file}`, family])),
  );
  const layers = new Map();
  for (const type of layerTypes()) {
    const entry = sources.functions.get(type);
    const family = entry && familyOf.get(entry.file);
    if (family) layers.set(type, { ...entry, family });
    else problems.push(`${type}: ${entry ? `${entry.file}.ts is in no family` : 'has no docstring'}`);
  }
  const others = Object.entries(OTHERS).map(([title, { folder, result, module }]) => {
    const entries = [...sources.functions.values()].filter(
      (entry) => entry.file.startsWith(folder) && entry.result === result && entry.name in lw,
    );
    return { title, entries, module };
  });
  const listed = [
    ...Object.keys(FAMILIES).map((title) => ({
      title,
      entries: FAMILIES[title].flatMap((file) => [...layers.values()].filter((entry) => entry.file === `nn/${file}`)),
    })),
    ...others,
  ];
  const sections = new Set(listed.flatMap(({ entries }) => entries.map(({ name }) => name)));
  const context = { sections, layers, samples, types: new Set() };

  let body = '';
  for (const { title, entries, module } of listed) {
    body += `## ${title}\n\n`;
    for (const entry of entries) {
      body += module ? otherSection(sources, entry, module, context) : await layerSection(lw, sources, entry, context);
    }
  }
  const contents = listed.map(({ title, entries }) => {
    const links = entries.map(({ name }) => `[${name}](${anchor(name)})`);
    return `- **[${title}](${anchor(title)})**: ${links.join(', ')}\n`;
  });
  const types = typeLines(sources, context.types, sections);
  return `${INTRO}\n${contents.join('')}- [Types of options](#types-of-options)\n\n${body}## Types of options\n\n${types}`;
}

const page = await generatePage();
if (problems.length > 0) {
  console.error(`docs/layers.md cannot be generated:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  process.exitCode = 1;
} else if (!existsSync(pageUrl) || readFileSync(pageUrl, 'utf8') !== page) {
  if (process.argv.includes('--check')) {
    console.error('docs/layers.md is stale: run npm run generate');
    process.exitCode = 1;
  } else {
    writeFileSync(pageUrl, page);
    console.log('docs/layers.md written');
  }
}
