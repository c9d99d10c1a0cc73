/** The table of error codes against what the sources throw and what `index.d.ts` promises. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const rows = require('../docs/tools/errors.cjs');
const { ROOT } = require('./support.js');

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const tracked = execFileSync('git', ['ls-files', '-z', 'js', 'entry', 'src'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && fs.existsSync(path.join(ROOT, file)));
const scripts = tracked.filter((file) => /\.m?js$/.test(file)).map(read);
const CODES = 'src/base/error.rs';
/** Without what only tests do. */
const rust = tracked
  .filter((file) => file.endsWith('.rs') && file !== CODES && !/(^|\/)tests?(\/|\.rs$)/.test(file))
  .map((file) => read(file).replace(/#\[cfg\(test\)\]\s*mod \w+ \{[\s\S]*$/, ''));

const all = (sources, pattern) =>
  new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1])));
const sorted = (codes) => [...codes].sort();

const known = rows.map(({ code }) => code);
/** Variant of `ErrorKind` by code. */
const variants = new Map(
  [...read(CODES).matchAll(/Self::(\w+) => "(E_[A-Z_]+)"/g)].map(([, variant, code]) => [code, variant]),
);

test('the sources are found', () => {
  expect(variants.size).toBeGreaterThan(15);
  expect(scripts.length).toBeGreaterThan(100);
  expect(rust.length).toBeGreaterThan(100);
});

test('no code stands twice', () => {
  expect(new Set(known).size).toBe(known.length);
});

test('every code that JavaScript or Rust knows is in the table', () => {
  // Comments have codes in backticks.
  const inScripts = all(scripts, /'(E_[A-Z_]+)'/g);
  const inRust = all(rust, /"(E_[A-Z_]+)"/g);
  expect(sorted([...inScripts, ...inRust, ...variants.keys()].filter((code) => !known.includes(code)))).toEqual([]);
});

test('every code of the table is raised somewhere', () => {
  const byScripts = all(scripts, /(?:AgentwiseError|super)\(\s*'(E_[A-Z_]+)'/g);
  const byRust = all(rust, /ErrorKind::(\w+)/g);
  const isRaised = (code) => byScripts.has(code) || byRust.has(variants.get(code));
  expect(known.filter((code) => !isRaised(code))).toEqual([]);
});

test('ErrorCode of index.d.ts has those of the package, and none of the command line alone', () => {
  const [, union] = /export type ErrorCode =([^;]+);/.exec(read('index.d.ts'));
  const promised = [...union.matchAll(/'(E_[A-Z_]+)'/g)].map((match) => match[1]);
  expect(sorted(promised)).toEqual(sorted(rows.filter(({ cli }) => !cli).map(({ code }) => code)));
});

test('a code of the command line alone is raised there only', () => {
  const elsewhere = tracked.filter((file) => /\.m?js$/.test(file) && !file.startsWith('js/cli/')).map(read);
  const raised = all(elsewhere, /'(E_[A-Z_]+)'/g);
  expect(rows.filter(({ cli, code }) => cli && raised.has(code))).toEqual([]);
});

test('every row says when, why and what to do, and has an example', () => {
  for (const { code, when, cause, remedy, js, sh, prints } of rows) {
    for (const text of [when, cause, remedy, js ?? sh, prints]) {
      expect({ code, isThere: typeof text === 'string' && text.length > 3 }).toEqual({ code, isThere: true });
    }
    expect({ code, when }).toEqual({ code, when: expect.not.stringMatching(/\.$/) });
  }
});
