'use strict';

/** Names that modules export: what this package's declarations have, and what a module of TypeScript says that it has. */

const fs = require('node:fs');
const path = require('node:path');
const { PACKAGE } = require('./modules.js');

const ROOT = path.join(__dirname, '..', '..', '..');

const DECLARED =
  /^[ \t]*export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(class|interface|type|function\s*\*?|(?:const\s+)?enum|const|let|var|namespace)\s+([\w$]+)/gm;
const LISTED = /^[ \t]*export\s+(?:type\s+)?\{([^{}]*)\}(?:\s*from\s*(['"])([^'"\n]+)\2)?/gm;
const ALL_OF = /^[ \t]*export\s+(?:type\s+)?\*\s*from\s*(['"])([^'"\n]+)\1/gm;
/** What says no names where it stands: everything of another module, and lists of patterns. */
const UNTOLD = /^[ \t]*export\s+(?:type\s+)?\*\s*from\b|^[ \t]*export\s+(?:const|let|var)\s*[{[]/m;
const COMMENTS = /\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\r\n]*/g;

/** The members of a list in braces: `[{ inner, outer }]`, called so in the module and by those who import it. */
function membersOf(list) {
  return list
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^type\s+(?=[\w$])/, '')
        .split(/\s+as\s+/),
    )
    .filter(([inner]) => inner !== '')
    .map(([inner, outer = inner]) => ({ inner, outer }));
}

/** The names that a declaration file of this package exports, each with whether it is a type and nothing else. */
function exportsOf(file) {
  const text = fs.readFileSync(file, 'utf8');
  const found = new Map();
  const other = (from) => exportsOf(path.resolve(path.dirname(file), from.replace(/\.js$/, '.d.ts')));
  for (const [, kind, name] of text.matchAll(DECLARED)) {
    found.set(name, /^(interface|type)$/.test(kind) && (found.get(name) ?? true));
  }
  for (const [, list, , from] of text.matchAll(LISTED)) {
    const theirs = from ? other(from) : found;
    for (const { inner, outer } of membersOf(list)) found.set(outer, theirs.get(inner) ?? false);
  }
  for (const [, , from] of text.matchAll(ALL_OF)) {
    for (const [name, isType] of other(from)) if (!found.has(name)) found.set(name, isType);
  }
  return found;
}

/**
 * What a subpath of this package exports.
 *
 * @returns {Map<string, boolean>} by name, whether it is a type and nothing else
 */
function offeredBy(entry) {
  const { exports } = require('../../../package.json');
  return exportsOf(path.join(ROOT, exports[`.${entry.slice(PACKAGE.length)}`].require.types));
}

/**
 * The names that the text of a module exports, but for `default`. A look at statements, which stand at the beginning of a line.
 *
 * @returns {{ names: string[], isWhole: boolean }} `isWhole`: it exports nothing else
 */
function namesOf(text) {
  const code = text.replace(COMMENTS, '$1');
  const isWhole = /^[ \t]*export\b/m.test(code) && !UNTOLD.test(code);
  const names = [...code.matchAll(DECLARED)].map(([, , name]) => name);
  for (const [, list] of code.matchAll(LISTED)) names.push(...membersOf(list).map(({ outer }) => outer));
  return { names: [...new Set(names)].filter((name) => name !== 'default'), isWhole };
}

module.exports = { namesOf, offeredBy };
