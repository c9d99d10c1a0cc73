/** The arrows of `docs/ARCHITECTURE.md`: base ← telemetry ← domains, monitor ← orchestrator ← engine ← binding ← js. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT } = require('./support.js');

const DOMAINS = ['memory', 'cache', 'context', 'tokens', 'monitor'];
const BELOW_ORCHESTRATOR = ['base', 'telemetry', 'similarity', ...DOMAINS];

/** What each part may use, besides itself. */
const MAY_USE = {
  base: [],
  telemetry: ['base'],
  similarity: ['base'],
  ...Object.fromEntries(DOMAINS.map((domain) => [domain, ['base', 'telemetry', 'similarity']])),
  orchestrator: BELOW_ORCHESTRATOR,
  engine: [...BELOW_ORCHESTRATOR, 'orchestrator'],
  binding: [...BELOW_ORCHESTRATOR, 'orchestrator', 'engine'],
};

const MAX_LINES = 400;
const GENERATED = ['js/native.js'];
/** Tries in a process of its own whether the native module loads, before there is a package. */
const INSTALLER = 'js/install.js';

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && fs.existsSync(path.join(ROOT, file)));
const rustFiles = tracked.filter((file) => file.startsWith('src/') && file.endsWith('.rs'));

/** Source without comments. Texts stay, so that `//` in one does not hide code; they are skipped as a whole. */
function withoutComments(source) {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|r(#*)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"|'(?:\\.[^']*|[^'\\])'/g;
  return source.replace(token, (text) => (text.startsWith('//') || text.startsWith('/*') ? ' ' : text));
}

/** `src/cache/l1.rs` is module `['cache', 'l1']`. */
function moduleOf(file) {
  const parts = file
    .replace(/^src\//, '')
    .replace(/\.rs$/, '')
    .split('/');
  if (parts.at(-1) === 'mod') parts.pop();
  return parts;
}

/** First segments of the paths in a `{…}` group, or of a plain path. */
function heads(rest) {
  if (!rest.startsWith('{')) return [rest.match(/^(?:r#)?(\w+)/)?.[1]].filter(Boolean);
  const found = [];
  let depth = 0;
  for (const [token, word] of rest.matchAll(/(\w+)|[{},]/g)) {
    if (token === '{') depth++;
    else if (token === '}' && --depth === 0) break;
    else if (word && depth === 1 && found.at(-1) === undefined) found[found.length - 1] = word;
    if (depth === 1 && (token === '{' || token === ',')) found.push(undefined);
  }
  return found.filter(Boolean);
}

/** Parts of the crate that a source names by `crate::…`, or by enough `super::` to reach the root. */
function partsUsed(source, module) {
  const code = withoutComments(source);
  const found = new Set();
  for (const match of code.matchAll(/(?<![\w$])crate\s*::\s*(\{|\w)/g)) {
    for (const head of heads(code.slice(match.index + match[0].length - 1))) found.add(head);
  }
  for (const match of code.matchAll(/(?<!\w|::)((?:super\s*::\s*)+)(\{|\w)/g)) {
    const levels = match[1].match(/super/g).length;
    if (levels < module.length) continue;
    for (const head of heads(code.slice(match.index + match[0].length - 1))) found.add(head);
  }
  return [...found].filter((part) => Object.hasOwn(MAY_USE, part));
}

describe('the reader of this test', () => {
  test.each([
    ['use crate::base::error::Error;', ['base']],
    ['use crate::{base::{self, error}, memory as m};', ['base', 'memory']],
    ['use crate::{\n  // cache::x\n  tokens,\n};', ['tokens']],
    ['// use crate::cache;\n/* crate::memory:: */ /// crate::tokens::x\nfn a() {}', []],
    ['fn a() -> crate::engine::Engine { x }', ['engine']],
    ['pub(crate) fn a() {}', []],
    ['let a = "// not a comment"; crate::cache::b();', ['cache']],
    ["let a = '\"'; // crate::cache::b();", []],
    ["fn a<'a>(b: &'a str) -> crate::memory::C<'a> {}", ['memory']],
    ['use super::super::cache::L1;', ['cache']],
    ['use super::{config, cache};', []],
    ['$crate::base::x()', []],
  ])('finds in %j the parts %j', (source, expected) => {
    expect(partsUsed(source, ['context', 'paths'])).toEqual(expected);
  });
});

describe('src', () => {
  test('has files of every part, and no part that this test does not know', () => {
    const parts = [...new Set(rustFiles.map((file) => moduleOf(file)[0]))].filter((part) => part !== 'lib');
    expect(parts.sort()).toEqual(Object.keys(MAY_USE).sort());
  });

  test.each(Object.entries(MAY_USE))('%s uses only %j', (part, allowed) => {
    const wrong = [];
    for (const file of rustFiles.filter((name) => moduleOf(name)[0] === part)) {
      for (const used of partsUsed(read(file), moduleOf(file))) {
        if (used !== part && !allowed.includes(used)) wrong.push(`${file} uses ${used}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('knows napi in binding only', () => {
    const wrong = rustFiles.filter(
      (file) => !file.startsWith('src/binding/') && /\bnapi/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test('binding does know napi', () => {
    expect(
      rustFiles.some((file) => file.startsWith('src/binding/') && /\bnapi/.test(withoutComments(read(file)))),
    ).toBe(true);
  });
});

describe('js', () => {
  const scripts = tracked.filter((file) => /^(js|examples)\/.*\.[cm]?js$|^index\.m?js$/.test(file));
  const loads = (file, pattern) => {
    const sources = [
      ...withoutComments(read(file)).matchAll(/(?:require\s*\(|\bfrom|\bimport\s*\(?)\s*['"]([^'"]+)['"]/g),
    ];
    return sources.some(([, name]) => pattern.test(name));
  };

  test('only binding.js loads the native module', () => {
    const loading = scripts.filter(
      (file) => ![...GENERATED, INSTALLER].includes(file) && loads(file, /(^|\/)native(\.js)?$|\.node$/),
    );
    expect(loading).toEqual(['js/binding.js']);
  });

  test('examples use the package as its users do', () => {
    const wrong = scripts.filter((file) => file.startsWith('examples/') && loads(file, /\/(js|src)\//));
    expect(wrong).toEqual([]);
  });
});

test(`no source file has more than ${MAX_LINES} lines`, () => {
  const long = tracked
    .filter((file) => /\.(rs|[cm]?js)$/.test(file) && !GENERATED.includes(file))
    .map((file) => [file, read(file).split('\n').length - 1])
    .filter(([, lines]) => lines > MAX_LINES)
    .map(([file, lines]) => `${file}: ${lines}`);
  expect(long).toEqual([]);
});

describe('package.json', () => {
  const { files, main, types, bin, exports } = JSON.parse(read('package.json'));
  const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));

  test.each(files.filter((name) => !name.startsWith('!')))('files: %s exists', (name) => {
    expect(fs.existsSync(path.join(ROOT, name))).toBe(true);
  });

  test.each([...new Set([main, types, ...targets(bin), ...targets(exports)])])('%s exists and is packed', (name) => {
    const file = path.posix.normalize(name);
    expect(fs.existsSync(path.join(ROOT, file))).toBe(true);
    const isPacked = file === 'package.json' || files.some((entry) => file === entry || file.startsWith(`${entry}/`));
    expect(isPacked).toBe(true);
  });
});
