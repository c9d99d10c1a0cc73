'use strict';

const { useOwnDirectory } = require('../support.js');
const { MARKER, open, markersOf, partAt, parts, restored, said } = require('./support.js');

useOwnDirectory();

const OTHER = 'A poem about the sea. '.repeat(20);
/** A source of 60 functions of which the task names one, small enough a limit that most have to go. */
const LIMIT = { maxTokens: 1500 };
const named = (at, rest = {}) => ({
  currentTask: `part${at}() rounds wrongly`,
  files: { 'src/parts.js': parts(60), 'README.md': OTHER },
  ...rest,
});
const cut = async (text, options = { maxTokens: 700 }, task = 'the name handleRequest') => {
  const filter = open();
  const result = await filter.filterContext('backend-specialist', { currentTask: task, text }, 0, 0, options);
  return { ...result, left: result.filtered.text, resolve: (reference) => filter.resolveReference(reference) };
};

describe('a long source of which the task names one function', () => {
  test.each([0, 7, 30, 58, 59])('keeps that function whole: %d', async (at) => {
    const result = await open().filterContext('backend-specialist', named(at), 0, 0, LIMIT);
    expect(result.filtered.files['src/parts.js']).toContain(partAt(at));
    expect(result.filtered.files['src/parts.js'].length).toBeLessThan(parts(60).length / 2);
    expect(said(result)).toMatch(/1 of \d elements stay in part/);
  });

  const around = (make, wanted) => {
    const some = (word) => Array.from({ length: 40 }, (_, at) => make(`${word}${at}`, at)).join('\n');
    return `${some('before')}\n${wanted}\n${some('after')}`;
  };
  const words = 'counting words '.repeat(40);

  test.each([
    [
      'a Python function',
      'Look at wanted_step',
      'def wanted_step(value):\n    """The one."""\n    return value + 41\n',
      (name, at) => `def ${name}(value):\n    """${words}"""\n    return value + ${at}\n`,
    ],
    [
      'a Rust function',
      'wanted_count overflows',
      'pub(crate) fn wanted_count(value: u32) -> u32 {\n    value + 42\n}\n',
      (name, at) => `fn ${name}(value: u32) -> u32 {\n    // ${words}\n    value + ${at}\n}\n`,
    ],
    [
      'a class',
      'Who uses `WantedStore`?',
      'export class WantedStore {\n  read() {\n    return 43;\n  }\n}\n',
      (name, at) => `export class ${name} {\n  read() {\n    // ${words}\n    return ${at};\n  }\n}\n`,
    ],
    [
      'a method',
      'Call Store.wantedMethod() twice',
      '  wantedMethod() {\n    return 44;\n  }\n',
      (name, at) => `  ${name}() {\n    // ${words}\n    return ${at};\n  }\n`,
    ],
    [
      'a function of Go',
      'WantedHandler panics',
      'func WantedHandler(w http.ResponseWriter) {\n\tw.Write(nil)\n}\n',
      (name, at) => `func ${name}(w http.ResponseWriter) {\n\t// ${words}\n\tw.WriteHeader(${at})\n}\n`,
    ],
  ])('keeps %s that is named', async (_, currentTask, wanted, make) => {
    const text = around(make, wanted);
    const { filtered } = await open().filterContext('agent-7', { currentTask, text }, 0, 0, { maxTokens: 2000 });
    expect(filtered.text).toContain(wanted);
    expect(filtered.text.length).toBeLessThan(text.length / 2);
  });
});

describe('a marker line', () => {
  test('says which lines it stands for, by number', async () => {
    const filter = open();
    const context = named(30);
    const { filtered } = await filter.filterContext('backend-specialist', context, 0, 0, LIMIT);
    const lines = context.files['src/parts.js'].split('\n');
    const markers = markersOf(filtered.files['src/parts.js']);
    expect(markers.length).toBeGreaterThan(0);
    for (const { first, last, reference } of markers) {
      const missing = await filter.resolveReference(reference);
      expect(missing.replace(/\n$/, '')).toBe(lines.slice(first - 1, last).join('\n'));
    }
  });

  test('names up to three definitions of what is missing, and how many more there are', async () => {
    const filter = open();
    const { filtered } = await filter.filterContext('backend-specialist', named(30), 0, 0, LIMIT);
    const markers = markersOf(filtered.files['src/parts.js']);
    for (const { names, reference } of markers) {
      const missing = await filter.resolveReference(reference);
      const defined = [...missing.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
      const more = names.filter((name) => /^\+\d+$/.test(name));
      const shown = names.filter((name) => !name.startsWith('+'));
      expect(shown.length).toBeLessThanOrEqual(3);
      expect(more.length).toBe(defined.length > shown.length ? 1 : 0);
      expect(shown[0]).toBe(defined[0]);
    }
  });

  test('is a line of its own, and no longer than some words', async () => {
    const long = `export function ${'x'.repeat(300)}() {\n  return 1;\n}\n`;
    const { left } = await cut(`${parts(10)}${long.repeat(30)}${parts(40)}`);
    const markers = markersOf(left);
    expect(markers.length).toBeGreaterThan(0);
    for (const { line } of markers) expect(line.length).toBeLessThan(160);
    const lines = left.split('\n').filter((line) => line.includes('left out'));
    expect(lines.length).toBe(markers.length);
    for (const line of lines) expect(`${line}\n`).toMatch(new RegExp(`^${MARKER.source}$`));
  });

  test('of one line says line, not lines', async () => {
    const one = 'word '.repeat(1000);
    const { left } = await cut(`handleRequest is here.\n\n${one}\n\n${parts(30)}`, { maxTokens: 400 });
    for (const { line, first, last } of markersOf(left)) {
      expect(line.startsWith(first === last ? `[… line ${first} ` : `[… lines ${first}–${last} `)).toBe(true);
    }
  });
});

describe('each marker replaced by what it stands for gives the text back', () => {
  const TEXTS = [
    ['source code', parts(60)],
    ['without a line end at its end', parts(60).trimEnd()],
    ['with CRLF', parts(60).replaceAll('\n', '\r\n')],
    ['with CR alone', parts(60).replaceAll('\n', '\r')],
    ['with emoji and accents', parts(60).replaceAll('part', 'pärt🙂').replaceAll('work', '仕事 👩‍👩‍👧')],
    [
      'of prose',
      Array.from({ length: 80 }, (_, at) => `Paragraph ${at}. ${'The sea is calm. '.repeat(20)}`).join('\n\n'),
    ],
    ['of one line of 200 KB', 'var a=function(b){return b[1]};'.repeat(7000)],
    ['of one line of 200 KB of emoji', '🙂 é 日本 '.repeat(15_000)],
    ['of one line of 200 KB without a space', 'x'.repeat(200_000)],
    ['with a long line between short ones', `${parts(10)}${'y '.repeat(50_000)}\n${parts(10)}`],
    ['of empty lines', `${'\n'.repeat(3000)}handleRequest${'\n'.repeat(3000)}`],
    ['with NUL and line separators', parts(40).replaceAll('work', '\u0000\u2028\u2029\u0085')],
    [
      'of Markdown',
      Array.from({ length: 60 }, (_, at) => `## Part (${at}) [x]\n\n${'Some words. '.repeat(40)}\n`).join('\n'),
    ],
    [
      'that has markers itself',
      `[… lines 1–9 left out: a (ref 0123456789abcdef)]\n${parts(40)}[… line 5 left out (ref `,
    ],
  ];

  test.each(TEXTS)('%s', async (_, text) => {
    for (const maxTokens of [300, 800, 2000]) {
      for (const task of ['the name handleRequest', 'part7 is wrong', 'the calm sea and the words']) {
        const { left, dropped, resolve } = await cut(text, { maxTokens }, task);
        if (left === undefined) {
          expect(await resolve(dropped.find((part) => part.path === 'text').reference)).toBe(text);
          continue;
        }
        const known = new Set(dropped.map((part) => part.reference));
        // A text may have lines of its own that look like markers.
        const own = new Map([['0123456789abcdef', '[… lines 1–9 left out: a (ref 0123456789abcdef)]\n']]);
        const whole = await restored(left, (reference) =>
          known.has(reference) ? resolve(reference) : own.get(reference),
        );
        expect(whole === text).toBe(true);
      }
    }
  });

  test('while every kept piece stands in the original, in order', async () => {
    const text = parts(60);
    const { left } = await cut(text, { maxTokens: 2000 }, 'part7 and part41');
    let at = 0;
    const pieces = left.split(MARKER).filter((_, index) => index % 5 === 0);
    expect(pieces.length).toBeGreaterThan(2);
    for (const piece of pieces) {
      const found = text.indexOf(piece, at);
      expect(found).toBeGreaterThanOrEqual(at);
      at = found + piece.length;
    }
  });
});

describe('texts stay whole', () => {
  test('or go whole with wholeTexts', async () => {
    const context = { ...named(30), notes: { 'a.md': OTHER.repeat(10), 'b.js': parts(30) } };
    for (const maxTokens of [600, 3000, 6000, 12_000]) {
      const result = await open().filterContext('backend-specialist', context, 0, 0, { maxTokens, wholeTexts: true });
      expect(JSON.stringify(result.filtered)).not.toContain('left out');
      for (const group of ['files', 'notes']) {
        for (const [name, text] of Object.entries(result.filtered[group] ?? {}))
          expect(text).toBe(context[group][name]);
      }
      expect(result.dropped.every((part) => part.lines === undefined && part.reason !== 'blocks')).toBe(true);
    }
  });

  test('up to 1 KB', async () => {
    const context = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`t${at}`, parts(5).slice(at, at + 1000)]),
    );
    for (const maxTokens of [300, 900, 3000]) {
      const { filtered } = await open().filterContext('agent-7', context, 0, 0, { maxTokens });
      for (const [key, text] of Object.entries(filtered)) expect(text).toBe(context[key]);
    }
  });

  test('in required fields', async () => {
    const context = { currentTask: `part3 ${parts(50)}`, projectStructure: { tree: parts(50) }, other: parts(50) };
    const { filtered } = await open().filterContext('backend-specialist', context, 0, 0, { maxTokens: 2000 });
    expect(filtered.currentTask).toBe(context.currentTask);
    expect(filtered.projectStructure).toBe(context.projectStructure);
  });
});
