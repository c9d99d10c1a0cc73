/** Text that the project's agents were given before is referred to, and comes out byte for byte. */

const { createHash } = require('node:crypto');
const { applyDelta, countTokens } = require('../../index.js');
const { canonicalJson, failureOf, seeded, useOwnDirectory } = require('../support.js');
const { changed, edited, hashOf, linesOf, plain, useOptimizers, wire } = require('./support.js');

const directory = useOwnDirectory();
const open = useOptimizers();
const BLOCKS = { encoding: 'blocks' };
const text = linesOf(seeded(1), 80).join('');
/** By which references name a text. */
const numberOf = (string) => createHash('sha256').update(string).digest().readUIntBE(0, 6);
/** What parts stand for, of one known text. */
const joined = (parts, known) =>
  parts
    .map((part) => {
      if (typeof part === 'string') return part;
      expect(part[0]).toBe(numberOf(known));
      return part.length === 1
        ? known
        : Buffer.from(known)
            .subarray(part[1], part[1] + part[2])
            .toString();
    })
    .join('');

const onDisk = (projectId = 'project') => ({ ...BLOCKS, projectId, cacheDir: directory.path('cache') });

test('a changed text is what is new and references by byte to what is not', async () => {
  const optimizer = open(BLOCKS);
  await optimizer.optimizeContext('agent', { text });
  const next = `${text.slice(0, 900)}— new: é —${text.slice(900)}`;
  const result = await optimizer.optimizeContext('agent', { text: next });
  expect(result.texts.text.some((part) => Array.isArray(part) && part.length === 3)).toBe(true);
  expect(joined(result.texts.text, text)).toBe(next);
  expect(result.fetchTokens).toBe(0);
  expect(result.heldTokens).toBeGreaterThan(countTokens(text) / 2);
  expect(result.tokensSaved).toBe(countTokens(JSON.stringify({ text: next })) - countTokens(JSON.stringify(result)));
});

test('values that are no text are in parts of their JSON', async () => {
  const optimizer = open(BLOCKS);
  const list = text.split('\n');
  await optimizer.optimizeContext('agent', { list });
  const result = await optimizer.optimizeContext('agent', { list: [...list, 'more'] });
  expect(joined(result.values.list, JSON.stringify(list))).toBe(JSON.stringify([...list, 'more']));
  expect(await optimizer.resolveBlocks(result)).toEqual({
    added: {},
    modified: { list: [...list, 'more'] },
    removed: [],
    unchanged: [],
  });
});

test('a text that moved to another key is referred to', async () => {
  const optimizer = open(BLOCKS);
  await optimizer.optimizeContext('agent', { a: text, n: 1 });
  const moved = await optimizer.optimizeContext('agent', { b: text, n: 1 });
  expect(plain(moved)).toEqual({
    encoding: 'blocks',
    removed: ['a'],
    unchanged: ['n'],
    texts: { b: [[numberOf(text)]] },
  });
  const resolved = await optimizer.resolveBlocks(wire(moved));
  expect(applyDelta({ a: text, n: 1 }, resolved)).toEqual({ b: text, n: 1 });
});

test('the encoding of a call goes before the configured one', async () => {
  const optimizer = open(BLOCKS);
  await optimizer.optimizeContext('a', { text });
  expect(await optimizer.optimizeContext('b', { text }, { encoding: 'keys' })).toEqual({ text });
  optimizer.updateConfig({ encoding: 'keys' });
  expect(await optimizer.optimizeContext('c', { text })).toEqual({ text });
  expect((await optimizer.optimizeContext('d', { text }, BLOCKS)).encoding).toBe('blocks');
});

test('with an own key named encoding nothing is mistaken', async () => {
  const optimizer = open(BLOCKS);
  const context = { encoding: 'blocks', texts: { a: text }, added: text, removed: [1] };
  for (const agent of ['a', 'b']) {
    const message = wire(await optimizer.optimizeContext(agent, context));
    expect(applyDelta(undefined, await optimizer.resolveBlocks(message))).toEqual(context);
  }
});

describe('a receiver elsewhere', () => {
  test('finds texts in the project’s directory, and by no other project', async () => {
    const sender = open(onDisk());
    await sender.optimizeContext('first', { text });
    const message = wire(await sender.optimizeContext('second', { text, n: 1 }));
    const receiver = open(onDisk());
    expect(applyDelta(undefined, await receiver.resolveBlocks(message))).toEqual({ text, n: 1 });
    for (const options of [onDisk('other'), { ...onDisk(), projectId: undefined }, BLOCKS]) {
      expect((await failureOf(open(options).resolveBlocks(message))).code).toBe('E_REFERENCE_UNKNOWN');
    }
  });

  test('may have the texts itself: as a list, or by number', async () => {
    const sender = open(BLOCKS);
    await sender.optimizeContext('first', { text, text2: [text] });
    const message = wire(await sender.optimizeContext('second', { n: 1, text: `${text}!`, text2: [text] }));
    const known = [text, JSON.stringify([text])];
    for (const have of [known, new Set(known), new Map(known.map((each) => [numberOf(each), each]))]) {
      const receiver = open();
      const resolved = await receiver.resolveBlocks(message, { have, agentId: 'second' });
      expect(applyDelta(undefined, resolved)).toEqual({ n: 1, text: `${text}!`, text2: [text] });
      // It had all of it.
      expect(receiver.getOptimizationReport().savings.totals.fetchedTokens).toBe(0);
    }
    for (const have of [undefined, null, [], [`${text} `], known.slice(1)]) {
      expect((await failureOf(open().resolveBlocks(message, { have }))).code).toBe('E_REFERENCE_UNKNOWN');
    }
  });

  test('with another text under the number makes nothing wrong of it', async () => {
    const sender = open(BLOCKS);
    await sender.optimizeContext('first', { text });
    const message = wire(await sender.optimizeContext('second', { text }));
    const resolved = await open().resolveBlocks(message, { have: new Map([[numberOf(text), `${text}?`]]) });
    expect((await failureOf(() => applyDelta(undefined, resolved))).code).toBe('E_DELTA_MISMATCH');
  });

  test('is charged for what it fetches if it says who it is', async () => {
    const sender = open(onDisk());
    await sender.optimizeContext('first', { text });
    const message = wire(await sender.optimizeContext('second', { text }));
    const receiver = open(onDisk());
    await receiver.resolveBlocks(message);
    expect(receiver.getOptimizationReport().estimatedSavings).toBe('nothing was measured yet');
    await receiver.resolveBlocks(message, { agentId: 'second' });
    const { byAgent } = receiver.getOptimizationReport().savings;
    expect(byAgent.second.fetchedTokens).toBe(countTokens(text));
  });

  test('finds the texts again after all have been closed', async () => {
    const sender = open(onDisk());
    await sender.optimizeContext('first', { text });
    const message = wire(await sender.optimizeContext('second', { text }));
    await sender.close();
    expect(applyDelta(undefined, await open(onDisk()).resolveBlocks(message))).toEqual({ text });
    // A sender that is new knows them as well.
    const again = await open(onDisk()).optimizeContext('third', { text: `${text}more` });
    expect(again.fetchTokens).toBeGreaterThan(0);
  });
});

test.each([1, 2, 3, 4])('random edits come out as they went in, seed %i', async (seed) => {
  const random = seeded(seed);
  const sender = open(onDisk());
  const receiver = open(onDisk());
  const make = (old) => {
    const how = random();
    if (typeof old === 'string' && old.length > 1000) return edited(old, random);
    if (Array.isArray(old)) return [...old, linesOf(random, 1)[0]];
    if (how < 0.5) return linesOf(random, 60).join('');
    return how < 0.8 ? linesOf(random, 30) : { odd: '\ud800', n: random(), deep: [linesOf(random, 20).join('')] };
  };
  const agents = Array.from({ length: 3 }, () => ({ context: {}, has: undefined }));
  let references = 0;
  for (let turn = 0; turn < 45; turn++) {
    const name = Math.floor(random() * agents.length);
    const agent = agents[name];
    // Now and then what another agent has.
    const start = random() < 0.2 ? agents[(name + 1) % agents.length].context : agent.context;
    agent.context = changed(start, random, make);
    const result = await sender.optimizeContext(`agent ${name}`, agent.context);
    const message = wire(result);
    references += [...JSON.stringify([message.texts, message.values]).matchAll(/\[\d+(,\d+,\d+)?\]/g)].length;
    expect(message.hash).toBe(hashOf(agent.context));
    const resolved = await receiver.resolveBlocks(message);
    agent.has = applyDelta(agent.has, wire(resolved));
    expect(canonicalJson(agent.has)).toBe(canonicalJson(agent.context));
  }
  expect(references).toBeGreaterThan(20);
});

test('texts that are hard to cut come out byte for byte', async () => {
  const optimizer = open(BLOCKS);
  const hard = [
    'a'.repeat(5000),
    'é'.repeat(3000),
    '😀'.repeat(2000),
    `${'\u0000\u2028\r\n'.repeat(700)}x`,
    `${'x'.repeat(3000)}\ud800`,
    JSON.stringify(text),
    'no line feed at all '.repeat(300),
    '\n'.repeat(4000),
  ];
  for (const [at, value] of hard.entries()) {
    const next = { value, twice: [value, value], plus: `${value}${value}` };
    await optimizer.optimizeContext(`first ${at}`, { value });
    const message = wire(await optimizer.optimizeContext(`second ${at}`, next));
    const resolved = applyDelta(undefined, await optimizer.resolveBlocks(message));
    expect(JSON.stringify([resolved.value, resolved.twice, resolved.plus])).toBe(
      JSON.stringify([next.value, next.twice, next.plus]),
    );
  }
});
