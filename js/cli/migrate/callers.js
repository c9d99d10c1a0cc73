'use strict';

/**
 * Names that callers import of the seven modules and that this package does not export. A look at import statements, not
 * at types: what a type check says is said by the type check.
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
 * @param {string} root of the checkout
 * @param {Array<{ file: string, entry: string, text: string }>} replaced those of the seven modules that are not themselves any
 * more, with the text of what is in their place
 * @returns {{ missing: Array<{ file: string, line: number, name: string, entry: string, isOffered: boolean }>,
 *   isPartial: boolean }} `isOffered`: this package has it, and only what is in the module's place has not; `isPartial`: there
 * are more files than are looked at
 */
function missingNames(root, replaced) {
  const wanted = new Map();
  for (const { file, entry, text } of replaced) {
    const offered = offeredBy(entry);
    const { names, isWhole } = namesOf(text);
    wanted.set(path.join(root, file).replace(/\.ts$/, ''), {
      entry,
      offered,
      names: isWhole ? new Set(names) : offered,
    });
  }
  const own = new Set(replaced.map(({ file }) => path.join(root, file)));
  const missing = [];
  let count = 0;
  for (const file of sourcesIn(root)) {
    if (++count > MAX_FILES) return { missing, isPartial: true };
    if (own.has(file)) continue;
    const text = textOf(file);
    for (const match of text.matchAll(IMPORTS)) {
      const [, list, , from] = match;
      if (!from.startsWith('.')) continue;
      const target = wanted.get(path.resolve(path.dirname(file), from).replace(/\.[cm]?[jt]s$/, ''));
      for (const name of target ? namesIn(list) : []) {
        if (target.names.has(name)) continue;
        const where = { file: path.relative(root, file), line: lineOf(text, match.index) };
        missing.push({ ...where, name, entry: target.entry, isOffered: target.offered.has(name) });
      }
    }
  }
  return { missing, isPartial: false };
}

module.exports = { missingNames };
