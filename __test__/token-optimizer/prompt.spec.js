/** Results as text for a model: the same content is the same text, and its beginning stays. */

const { renderForPrompt } = require('../../index.js');
const { canonicalJson, randomValue, seeded } = require('../support.js');
const { linesOf, plain, setOwn, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();

/** The same content, with the keys of every object in the opposite order. */
function reversed(value) {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  const copy = {};
  for (const key of Object.keys(value).reverse()) setOwn(copy, key, reversed(value[key]));
  return copy;
}

test('a section for each key, what seldom changes first', async () => {
  const optimizer = open();
  const context = {
    currentTask: 'login form',
    zebra: [1, { b: 1, a: 2 }],
    history: 'old',
    aardvark: null,
    metadata: { v: 1 },
    recentChanges: 'none',
    projectStructure: 'src',
    documentation: true,
    completedTasks: 5,
    dependencies: 'a\nb',
  };
  const sections = [
    ['projectStructure', 'src'],
    ['dependencies', 'a\nb'],
    ['documentation', 'true'],
    ['metadata', '{"v":1}'],
    ['aardvark', 'null'],
    ['zebra', '[1,{"a":2,"b":1}]'],
    ['completedTasks', '5'],
    ['history', 'old'],
    ['recentChanges', 'none'],
    ['currentTask', 'login form'],
  ];
  const expected = sections.map(([title, body]) => `## ${title}\n${body}\n`).join('\n');
  const result = await optimizer.optimizeContext('agent', context);
  expect(renderForPrompt(result)).toBe(expected);
  expect(optimizer.renderForPrompt(result)).toBe(expected);
  expect(renderForPrompt(wire(result))).toBe(expected);
});

test.each([1, 2, 3, 4, 5])('equal content is equal text whatever the order of keys, seed %i', async (seed) => {
  const random = seeded(seed);
  for (let turn = 0; turn < 20; turn++) {
    const contexts = [0, 1].map(() => ({
      a: randomValue(random),
      b: randomValue(random),
      'x.ts': randomValue(random),
    }));
    const texts = [];
    for (const order of [(value) => value, reversed]) {
      const optimizer = open();
      const results = [];
      for (const context of [contexts[0], contexts[1], contexts[1]]) {
        results.push(await optimizer.optimizeContext('agent', order(context)));
      }
      texts.push(results.map(renderForPrompt));
      // As it travels, too.
      expect(results.map((result) => renderForPrompt(wire(result)))).toEqual(texts.at(-1));
    }
    expect(texts[1]).toEqual(texts[0]);
    expect(canonicalJson(reversed(contexts[0]))).toBe(canonicalJson(contexts[0]));
  }
});

test('what changed at the end leaves the beginning as it was', async () => {
  const optimizer = open();
  const context = (task) => ({
    currentTask: task,
    files: { 'b.ts': 'b', 'a.ts': 'a' },
    projectStructure: 'src',
    rules: 'r',
  });
  const texts = [];
  for (const task of ['one task', 'another task']) {
    optimizer.resetAgent('agent');
    texts.push(renderForPrompt(await optimizer.optimizeContext('agent', context(task))));
  }
  const prefix = texts[0].slice(0, texts[0].indexOf('## currentTask'));
  expect(prefix).toContain('## projectStructure');
  expect(prefix).toContain('## rules');
  expect(texts[1].startsWith(prefix)).toBe(true);
});

test('a delta says what is as before, what is gone, and what is new', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', { b: 1, a: 1, gone: 1, metadata: 'm', currentTask: 'x' });
  const same = await optimizer.optimizeContext('agent', { b: 1, a: 1, gone: 1, metadata: 'm', currentTask: 'x' });
  for (const each of [same, wire(same)]) expect(renderForPrompt(each)).toBe('The context is the same as before.\n');
  const changed = await optimizer.optimizeContext('agent', { b: 1, a: 1, metadata: 'm', currentTask: 'y', fresh: 'f' });
  for (const each of [changed, wire(changed)]) {
    expect(renderForPrompt(each)).toBe(
      'As before: metadata, a, b.\n\nNo longer there: gone.\n\n## fresh\nf\n\n## currentTask\ny\n',
    );
  }
});

test('references are marked, and resolved ones are not', async () => {
  const optimizer = open({ encoding: 'blocks' });
  const text = linesOf(seeded(1), 60).join('');
  const context = { text, list: [text], n: 1 };
  await optimizer.optimizeContext('first', context);
  const result = await optimizer.optimizeContext('second', context);
  const [[number]] = result.texts.text;
  const [[list]] = result.values.list;
  const expected = `## list\n[text ${list}]\n\n## n\n1\n\n## text\n[text ${number}]\n`;
  for (const each of [result, wire(result)]) expect(renderForPrompt(each)).toBe(expected);
  const resolved = await optimizer.resolveBlocks(result);
  expect(renderForPrompt(resolved)).toBe(`## list\n${JSON.stringify([text])}\n\n## n\n1\n\n## text\n${text}\n`);
  const next = await optimizer.optimizeContext('second', { ...context, text: `${text}new` });
  expect(renderForPrompt(next)).toMatch(
    /^As before: list, n\.\n\n## text\n\[text \d+(, \d+ bytes from \d+)?\].*new\n$/s,
  );
});

test('what a context is called does not make it something else', async () => {
  const optimizer = open();
  for (const context of [
    { encoding: 'blocks', texts: { a: [[1]] } },
    { type: 'incremental', changes: [], reference: 'x' },
    { added: 1, removed: 2, unchanged: 3 },
    { v: 1, type: 'full', hash: 'a'.repeat(64), context: 5 },
  ]) {
    optimizer.resetAgent('agent');
    const text = renderForPrompt(await optimizer.optimizeContext('agent', context));
    for (const key of Object.keys(context)) expect(text).toContain(`## ${key}\n`);
  }
});

test('what is no object is its JSON, a string itself', async () => {
  const optimizer = open();
  const text = async (context) =>
    renderForPrompt(await optimizer.optimizeContext(`agent ${JSON.stringify(context)}`, context));
  expect(await text([1, { b: 1, a: 2 }])).toBe('[1,{"a":2,"b":1}]\n');
  expect(await text({})).toBe('');
});

test('neither result nor message are changed', async () => {
  const result = await open().optimizeContext('agent', { b: { d: 1, c: 2 }, a: 1 });
  const before = JSON.stringify(result);
  renderForPrompt(result);
  expect(JSON.stringify(result)).toBe(before);
  const message = plain(wire(result));
  renderForPrompt(message);
  expect(message).toEqual(wire(result));
});
