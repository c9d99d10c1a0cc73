/** Deltas for another base, changed on the way, or made up: an error with a code, and nothing is touched. */

const { applyDelta, applyDeltaAsync, renderForPrompt, toMessage, TokenOptimizer } = require('../../index.js');
const { contextA, contextB, expectUntouched, failureOf, nested, seeded, snapshot } = require('../support.js');
const { plain, linesOf, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();

/** Base, and messages of all kinds about it. */
async function sample() {
  const optimizer = open();
  const full = wire(await optimizer.optimizeContext('agent', contextA()));
  const unchanged = wire(await optimizer.optimizeContext('agent', contextA()));
  const changed = wire(await optimizer.optimizeContext('agent', contextB()));
  const text = linesOf(seeded(1), 60).join('');
  await optimizer.optimizeContext('blocks', { text, n: 1 }, { encoding: 'blocks' });
  const blocks = wire(
    await optimizer.optimizeContext('blocks', { text: `${text}more`, n: 2, values: [text] }, { encoding: 'blocks' }),
  );
  return { optimizer, base: plain(contextA()), full, unchanged, changed, blocks };
}

/** Both ways refuse it with the code and leave both alone. */
async function expectRefused(base, delta, code = 'E_DELTA_MISMATCH') {
  const before = [snapshot(base), snapshot(delta)];
  for (const apply of [applyDelta, applyDeltaAsync]) {
    const error = await failureOf(() => apply(base, delta));
    expect([error.name, error.code]).toEqual(['AgentwiseError', code]);
    expect(error.message).not.toContain('responsive');
  }
  expectUntouched(before[0], snapshot(base));
  expectUntouched(before[1], snapshot(delta));
}

/** What may stand in the place of anything. */
const ODD = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'text',
  '\ud800',
  [],
  [null],
  [1, 2, 3],
  [['x']],
  {},
  { a: 1 },
  { length: 3 },
  JSON.parse('{"__proto__":{"x":1}}'),
];

test('another base', async () => {
  const { base, unchanged, changed } = await sample();
  for (const delta of [unchanged, changed]) {
    expect(() => applyDelta(base, delta)).not.toThrow();
    for (const other of [
      undefined,
      null,
      ...ODD,
      contextB(),
      { ...base, counter: '1' },
      { ...base, counter: 1.0000001 },
      { ...base, more: null },
      { ...base, recentChanges: [] },
      (({ counter, ...rest }) => rest)(base),
      { ...base, counter: 1n },
      nested(1001),
      () => {},
    ]) {
      await expectRefused(other, delta);
    }
    const circle = { ...base };
    circle.counter = circle;
    await expectRefused(circle, delta);
  }
});

test('every member left out in turn', async () => {
  const { base, full, unchanged, changed } = await sample();
  for (const message of [full, unchanged, changed]) {
    for (const name of Object.keys(message)) {
      const { [name]: _, ...rest } = message;
      await expectRefused(base, rest);
    }
  }
});

test('every member is something else in turn', async () => {
  const { base, full, unchanged, changed } = await sample();
  for (const message of [full, unchanged, changed]) {
    for (const name of Object.keys(message)) {
      for (const odd of ODD) {
        // An empty list in place of an empty list is no change.
        if (JSON.stringify(odd) === JSON.stringify(message[name])) continue;
        await expectRefused(base, { ...message, [name]: odd });
      }
    }
  }
});

test('every value was changed, dropped or added to on the way', async () => {
  const { base, full, changed } = await sample();
  const messages = [];
  for (const name of ['added', 'modified', 'context']) {
    for (const message of [full, changed]) {
      if (!message[name]) continue;
      for (const key of Object.keys(message[name])) {
        const { [key]: value, ...rest } = message[name];
        messages.push({ ...message, [name]: rest }, { ...message, [name]: { ...rest, [key]: [value] } });
        messages.push({ ...message, [name]: { ...rest, [`${key} `]: value } });
      }
      messages.push({ ...message, [name]: { ...message[name], more: null } });
      messages.push({ ...message, [name]: { ...message[name], more: 1n } });
      messages.push({ ...message, [name]: { ...message[name], more: nested(1001) } });
    }
  }
  for (const name of ['removed', 'unchanged']) {
    messages.push({ ...changed, [name]: [] });
    for (const key of [...changed.removed, ...changed.unchanged, 'completedTasks', 'nobody', '__proto__']) {
      if (!changed[name].includes(key)) messages.push({ ...changed, [name]: [...changed[name], key] });
      if (!changed[name].includes(key)) messages.push({ ...changed, [name]: [key] });
    }
  }
  expect(messages.length).toBeGreaterThan(40);
  for (const message of messages) await expectRefused(base, message);
});

test('a delta that contains itself', async () => {
  const { base, changed } = await sample();
  changed.added.itself = changed;
  await expectRefused(base, changed);
});

test('hashes of others', async () => {
  const { base, full, unchanged, changed } = await sample();
  for (const message of [full, unchanged, changed]) {
    for (const hash of [changed.hash, full.hash, 'f'.repeat(64), full.hash.toUpperCase(), `${full.hash} `]) {
      if (hash !== message.hash) await expectRefused(base, { ...message, hash });
      const other = hash.slice(0, 16);
      if (message.base && other !== message.base) await expectRefused(base, { ...message, base: other });
    }
  }
});

test('a delta by itself, without hashes', async () => {
  const { base, changed } = await sample();
  const { added, modified, removed, unchanged } = changed;
  await expectRefused(base, { added, modified, removed, unchanged });
  for (const odd of [undefined, ...ODD, 5n, () => {}]) await expectRefused(base, odd);
});

test('a result that its receiver changed', async () => {
  const optimizer = open();
  const full = await optimizer.optimizeContext('agent', contextA());
  full.counter = 5;
  await expectRefused(undefined, full);
  const changed = await optimizer.optimizeContext('agent', contextB());
  changed.modified.counter = 5;
  await expectRefused(contextA(), changed);
  expect(applyDelta(contextA(), { ...toMessage(changed), modified: { ...changed.modified, counter: 2 } })).toEqual(
    contextB(),
  );
});

test('references have to be resolved first', async () => {
  const { blocks, optimizer } = await sample();
  await expectRefused({ text: 'any', n: 1 }, blocks);
  const plainOne = await optimizer.resolveBlocks(blocks);
  await expectRefused({ text: 'any', n: 1 }, plainOne);
});

test.each([
  ['toMessage', toMessage],
  ['renderForPrompt', renderForPrompt],
])('%s refuses what is no result', async (_, take) => {
  const { changed } = await sample();
  const { hash, ...without } = changed;
  for (const odd of [undefined, ...ODD, without, { ...changed, v: 2 }, { ...changed, type: 'shared_incremental' }]) {
    const error = await failureOf(() => take(odd));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
  }
});

test('renderForPrompt refuses a message whose members are something else', async () => {
  const { changed, blocks } = await sample();
  for (const message of [changed, blocks]) {
    for (const name of ['added', 'modified', 'removed', 'unchanged', 'texts', 'values']) {
      for (const odd of [null, 5, 'text', true]) {
        const error = await failureOf(() => renderForPrompt({ ...message, [name]: odd }));
        expect([name, error.code]).toEqual([name, 'E_INVALID_ARGUMENT']);
      }
    }
  }
  for (const parts of [null, 5, 'text', {}, [null], [{}], [['1']]]) {
    const error = await failureOf(() => renderForPrompt({ ...blocks, texts: { text: parts } }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
  }
});

test('resolveBlocks never gives something wrong for a message that is', async () => {
  const { blocks, optimizer } = await sample();
  const [, reference] = Object.values(blocks.texts)[0]
    .map((part) => part)
    .reverse();
  expect(reference).toEqual(expect.any(Array));
  const oddParts = [...ODD, ['x', ['y']], [[-1]], [[1.5]], [[Number.NaN]], [[1, 2]], [[1, 2, 3, 4]], [{}], [['1']]];
  for (const name of ['texts', 'values']) {
    for (const parts of oddParts) {
      const given = { ...blocks, [name]: { ...blocks[name], other: parts } };
      const resolved = await optimizer.resolveBlocks(given).catch((error) => error);
      if (resolved instanceof Error) {
        expect(['E_INVALID_ARGUMENT', 'E_REFERENCE_UNKNOWN', 'E_DELTA_MISMATCH']).toContain(resolved.code);
      } else {
        await expectRefused({ text: linesOf(seeded(1), 60).join(''), n: 1 }, resolved);
      }
    }
  }
  for (const odd of [undefined, ...ODD]) {
    expect((await failureOf(optimizer.resolveBlocks(odd))).code).toBe('E_DELTA_MISMATCH');
  }
  for (const odd of [5, 'text', [5], [null], new Map([[1, 2]]), {}]) {
    expect((await failureOf(optimizer.resolveBlocks(blocks, { have: odd }))).code).toBe('E_INVALID_ARGUMENT');
  }
  expect((await failureOf(optimizer.resolveBlocks(blocks, 5))).code).toBe('E_INVALID_ARGUMENT');
  expect((await failureOf(optimizer.resolveBlocks(blocks, { agentId: 5 }))).code).toBe('E_INVALID_ARGUMENT');
});

test('methods refuse as the functions do', async () => {
  const optimizer = new TokenOptimizer();
  const { base, changed } = await sample();
  expect(() => optimizer.applyDelta({}, changed)).toThrow(expect.objectContaining({ code: 'E_DELTA_MISMATCH' }));
  await expect(optimizer.applyDeltaAsync({}, changed)).rejects.toMatchObject({ code: 'E_DELTA_MISMATCH' });
  expect(() => optimizer.toMessage(base)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
  await optimizer.close();
});
