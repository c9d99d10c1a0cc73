'use strict';

/**
 * Names that callers import of the seven modules, and which of them this package does not export. A look at import statements,
 * not at types: what a type check says is said by the type check.
 */

const fs = require('node:fs');
const path = require('node:path');
const { namesOf, offeredBy } = require('./exported.js');

const SOURCE = /\.[cm]?[jt]sx?$/;
const SKIPPED = new Set(['node_modules', 'dist', 'build', 'coverage', 'out']);

/** Most files that are looked at, and the largest one, bytes: a checkout has some hundred small ones. */
const MAX_FILES = 20_000;
const MAX_BYTES = 2 * 1024 * 1024;

/** `import X, { a as b } from '…'`, `export { a } from '…'`, `const { a: b } = require('…')`, `await import('…')`. */
const IMPORTS =
  /\b(?:(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?|(?:const|let|var)\s+)\{([^{}]*)\}\s*(?:from|=\s*(?:require\s*\(|await\s+import\s*\())\s*(['"])([^'"\n]+)\2/g;

/** The names that stand in the braces, without what they are called here. */
function namesIn(list) {
  return list
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, ' ')
    .split(',')
    .map((part) => part.trim().replace(/^type\s+(?=[\w$])/, ''))
    .map((part) => part.split(/\s+as\s+|\s*[:=]\s*/)[0])
    .filter((name) => name !== '' && name !== 'default' && /^[\w$]+$/.test(name));
}

/** Source files below `root`, nearest first. */
function* sourcesIn(root) {
  const directories = [root];
  while (directories.length > 0) {
    const directory = directories.shift();
    let entries = [];
    try {
      entries = fs.readdirSync(directory, { withFileTypes: true });
    } catch {
      // Whoever may not be looked into imports nothing here.
    }
    for (const entry of entries) {
      const file = path.join(directory, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && !entry.name.startsWith('.')) directories.push(file);
      if (entry.isFile() && SOURCE.test(entry.name)) yield file;
    }
  }
}

const lineOf = (text, at) => text.slice(0, at).split('\n').length;

function textOf(file) {
  try {
    return fs.statSync(file).size > MAX_BYTES ? '' : fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * What callers import of modules by name.
 *
 * @param {string} root of the checkout
 * @param {string[]} modules paths from the root
 * @returns {{ imports: Array<{ file: string, line: number, name: string, module: string }>, isPartial: boolean }} `isPartial`:
 * there are more files than are looked at
 */
function importedNames(root, modules) {
  const wanted = new Map(modules.map((module) => [path.join(root, module).replace(/\.ts$/, ''), module]));
  const own = new Set(modules.map((module) => path.join(root, module)));
  const imports = [];
  let count = 0;
  for (const file of sourcesIn(root)) {
    if (++count > MAX_FILES) return { imports, isPartial: true };
    if (own.has(file)) continue;
    const text = textOf(file);
    for (const match of text.matchAll(IMPORTS)) {
      const [, list, , from] = match;
      if (!from.startsWith('.')) continue;
      const module = wanted.get(path.resolve(path.dirname(file), from).replace(/\.[cm]?[jt]s$/, ''));
      for (const name of module ? namesIn(list) : []) {
        imports.push({ file: path.relative(root, file), line: lineOf(text, match.index), name, module });
      }
    }
  }
  return { imports, isPartial: false };
}

/**
 * What callers import of modules that are replaced, and what is in their place has not.
 *
 * @param {Array<{ file: string, line: number, name: string, module: string }>} imports
 * @param {Array<{ file: string, entry: string, text: string }>} replaced those of the seven modules that are not themselves any
 * more, with the text of what is in their place
 * @returns {Array<{ file: string, line: number, name: string, entry: string, isOffered: boolean }>} `isOffered`: this package
 * has it, and only what is in the module's place has not
 */
function missingNames(imports, replaced) {
  const places = new Map(
    replaced.map(({ file, entry, text }) => {
      const offered = offeredBy(entry);
      const { names, isWhole } = namesOf(text);
      return [file, { entry, offered, names: isWhole ? new Set(names) : offered }];
    }),
  );
  return imports.flatMap(({ file, line, name, module }) => {
    const place = places.get(module);
    if (!place || place.names.has(name)) return [];
    return [{ file, line, name, entry: place.entry, isOffered: place.offered.has(name) }];
  });
}

module.exports = { importedNames, missingNames };
