// Writes native/generated/op_table.h from the compiled op table (dist/ops/index.js): C++'s opcodes, attribute structs
// and list of implementations. The header is committed, so building the addon does not need TypeScript.
// Usage: node scripts/generate-op-table.mjs [--check]   (--check writes nothing and fails when the header is stale)

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const headerUrl = new URL('../native/generated/op_table.h', import.meta.url);

const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const pascalCase = (name) => name.replace(/(^|_)([a-z])/g, (_, _start, letter) => letter.toUpperCase());
const bits = (indices) => `0x${indices.reduce((mask, index) => mask | (1 << index), 0).toString(16)}`;
const indicesOf = (names, test) => names.flatMap((name, index) => (test(name) ? [index] : []));

function attrStruct(op) {
  const fields = Object.entries(op.attrs);
  if (fields.length === 0) return '';
  const field = ([name, kind]) => `  ${kind === 'f32' ? 'float' : 'int32_t'} ${snakeCase(name)};\n`;
  return `struct ${pascalCase(op.name)}Attrs {\n${fields.map(field).join('')}};\n\n`;
}

function tableEntry(op) {
  const optional = indicesOf(op.inputs, (name) => name.endsWith('?'));
  const required = indicesOf(op.inputs, (name) => !name.endsWith('?'));
  const counts = [(required.at(-1) ?? -1) + 1, op.inputs.length, op.outputs.length, Object.keys(op.attrs).length];
  const [input, output] = op.inPlace ?? [-1, -1];
  const impl = op.view ? 'nullptr' : `&${op.name}_impl`;
  return `    {"${op.name}", ${[...counts, impl, bits(optional), bits(op.mutates ?? []), input, output].join(', ')}},\n`;
}

/** The header for `table`; `hash` as computed by lib/plan/op-table-hash.ts. */
export function generateHeader(table, hash) {
  const code = table.map((op, index) => `  k${pascalCase(op.name)} = ${index},\n`);
  const impls = table.filter((op) => !op.view).map((op) => `extern const OpImpl ${op.name}_impl;\n`);
  return `// The op table as C++ sees it. Generated from lib/ops by scripts/generate-op-table.mjs: do not edit.
// An attribute struct is exactly the words that a plan carries for the op, in order.
#pragma once

#include <cstdint>

#include "../ops/op.h"

// clang-format off
namespace lanewise {

inline constexpr uint32_t kOpTableHash = 0x${hash.toString(16).padStart(8, '0')}u;

enum class OpCode : int32_t {
${code.join('')}};

${table.map(attrStruct).join('')}${impls.join('')}
struct OpEntry {
  const char* name;
  int min_inputs;
  int max_inputs;
  int n_outputs;
  int n_attrs;
  const OpImpl* impl;         // nullptr: a view, which no plan contains
  uint32_t optional_inputs;   // bit per input
  uint32_t mutated_inputs;    // bit per input
  int in_place_input;         // -1: none
  int in_place_output;
};

inline constexpr OpEntry kOpTable[] = {
${table.map(tableEntry).join('')}};

inline constexpr int kOpCount = ${table.length};

}  // namespace lanewise
// clang-format on
`;
}

async function main() {
  const { opTable } = await import('../dist/ops/index.js');
  const { opTableHash } = await import('../dist/plan/op-table-hash.js');
  const header = generateHeader(opTable, opTableHash());
  const current = existsSync(headerUrl) && readFileSync(headerUrl, 'utf8') === header;
  if (current) return;
  if (process.argv.includes('--check')) {
    console.error('native/generated/op_table.h is stale: run node scripts/generate-op-table.mjs');
    process.exitCode = 1;
    return;
  }
  writeFileSync(headerUrl, header);
  console.log('native/generated/op_table.h written');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
