// Reads what docs/layers.md needs from TypeScript sources: exported functions with their docstrings, option interfaces with
// the docstrings of their members, type aliases. The sources follow one style, enforced by biome, so patterns suffice; what
// they do not find makes the generator fail by name.

/** The text of a docstring without its frame: one line a paragraph. */
function unframed(comment = '') {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trim());
  return lines
    .join('\n')
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replace(/\n(- )?/g, ' '));
}

const oneLine = (code) =>
  code
    .replace(/\s+/g, ' ')
    .replace(/([<([]) /g, '$1')
    .replace(/,? ([>)\]])/g, '$1')
    .replace(/readonly (?=\w+\??:)/g, '')
    .trim();

/** Splits at commas outside of brackets and quotes. */
function splitTop(text) {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    if ('<([{'.includes(letter)) depth++;
    if ('>)]}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

const DOC = String.raw`\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*`;
const FUNCTION = new RegExp(String.raw`${DOC}export (?:const|function) (\w+)(?: = )?\(`, 'g');
const INTERFACE = /^(?:export )?interface (\w+)(?:<([^>]*)>)?(?: extends ([^{]+))? \{\n([\s\S]*?)\n\}/gm;
const ALIAS = new RegExp(String.raw`(?:${DOC})?^export type (\w+) =\s+((?:[^;{]|\{[^}]*\})*);`, 'gm');
const MEMBER = new RegExp(String.raw`(?:${DOC})?readonly (\w+)(\??): ([^;]+);`, 'g');

/** From the bracket at `start` to the one that closes it. */
function bracketed(text, start) {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if ('([{'.includes(text[i])) depth++;
    if (')]}'.includes(text[i]) && --depth === 0) return text.slice(start, i + 1);
  }
  throw new Error('a bracket is not closed');
}

/** Functions, interfaces and type aliases of the given sources, by name. */
export class Sources {
  functions = new Map();
  #interfaces = new Map();
  #aliases = new Map();

  /** `file` is what functions are filed under. */
  add(file, text) {
    for (const { 1: doc, 2: name, 0: head, index } of text.matchAll(FUNCTION)) {
      const start = index + head.length - 1;
      const parameters = bracketed(text, start);
      const result = /^: ([\w[\]]+)/.exec(text.slice(start + parameters.length))?.[1];
      if (result)
        this.functions.set(name, { name, file, doc: unframed(doc), parameters: parameters.slice(1, -1), result });
    }
    for (const [, name, generics = '', parents = '', body] of text.matchAll(INTERFACE)) {
      this.#interfaces.set(name, { generics: splitTop(generics), parents: splitTop(parents), body });
    }
    for (const [, doc, name, type] of text.matchAll(ALIAS)) {
      this.#aliases.set(name, { doc: unframed(doc).join(' '), type: oneLine(type).replace(/^\| /, '') });
    }
  }

  /** What is called how: `conv2d(options: Conv2dOptions): Layer`. */
  signature({ name, parameters, result }) {
    const shown = splitTop(parameters.replace(new RegExp(DOC, 'g'), '')).map((parameter) =>
      oneLine(parameter).replace(/^(\w+): (.*) = (?:\{\}|\[\])$/, '$1?: $2'),
    );
    return `${name}(${shown.join(', ')}): ${result}`;
  }

  /** The options of a function: name, whether it may be left out, type and docstring of each. */
  options({ parameters }) {
    const given = splitTop(parameters).find((parameter) => parameter.startsWith('options'));
    if (given === undefined) return [];
    const type = given.replace(/^options: /, '').replace(/ = \{\}$/, '');
    const members = type.startsWith('{') ? membersOf(`${type.slice(1, -1)};`) : this.#members(type);
    return [...members.values()];
  }

  /** The alias that options name, with its docstring; undefined for other types. */
  alias(name) {
    return this.#aliases.get(name);
  }

  /** Members of a type expression: an interface, with arguments or not, `Omit` of one, or an alias of such. */
  #members(expression) {
    const [, name, list = ''] = /^(\w+)(?:<(.*)>)?/s.exec(expression) ?? [];
    const args = splitTop(list);
    if (name === 'Record') return new Map();
    if (name === 'Omit') {
      const omitted = [...args[1].matchAll(/'(\w+)'/g)].map(([, member]) => member);
      return new Map([...this.#members(args[0])].filter(([member]) => !omitted.includes(member)));
    }
    const known = this.#interfaces.get(name);
    if (!known) {
      const alias = this.#aliases.get(name);
      if (!alias) throw new Error(`there is no interface ${name}`);
      return this.#members(alias.type);
    }
    const filled = (text) =>
      known.generics.reduce((type, generic, i) => type.replace(new RegExp(`\\b${generic}\\b`, 'g'), args[i]), text);
    const inherited = known.parents.flatMap((parent) => [...this.#members(filled(parent))]);
    const own = [...membersOf(known.body)].map(([member, { type, ...rest }]) => [
      member,
      { ...rest, type: filled(type) },
    ]);
    return new Map([...inherited, ...own]);
  }
}

const membersOf = (body) =>
  new Map(
    [...body.matchAll(MEMBER)].map(([, doc, name, optional, type]) => [
      name,
      { name, optional: optional === '?', type: oneLine(type), doc: unframed(doc).join(' ') },
    ]),
  );
