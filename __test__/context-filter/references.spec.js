'use strict';

const { KEEP_ALL, failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { mixed, open, parts, repository } = require('./support.js');

useOwnDirectory();
const { open: openSystem } = useSystems();

describe('a reference', () => {
  const LIMIT = { maxTokens: 1500 };

  test('lasts over later calls, of other contexts and other agents too', async () => {
    const filter = open();
    const { dropped } = await filter.filterContext('one', mixed(), 0, 0, LIMIT);
    const before = await Promise.all(dropped.map((part) => filter.resolveReference(part.reference)));
    await filter.filterContext('two', repository());
    for (let call = 0; call < 20; call++)
      await filter.filterContext('one', { currentTask: `${call}`, text: parts(30 + call) }, 0, 0, LIMIT);
    expect(await Promise.all(dropped.map((part) => filter.resolveReference(part.reference)))).toEqual(before);
  });

  test('is the same for the same content: in every call, for every agent, under every path, in every filter', async () => {
    const referenceOf = async (filter, agent, context) => {
      const result = await filter.filterContext(agent, context, 0, 0, { maxTokens: 50, wholeTexts: true });
      return result.dropped.map((part) => part.reference).join();
    };
    const [filter, text] = [open(), 'same '.repeat(2000)];
    const first = await referenceOf(filter, 'one', { currentTask: 'x', a: text });
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(await referenceOf(filter, 'one', { currentTask: 'x', a: text })).toBe(first);
    expect(await referenceOf(filter, 'two', { currentTask: 'y', files: { kept: 1, 'a.txt': text } })).toBe(first);
    expect(await referenceOf(open(), 'two', { a: text, currentTask: 'z' })).toBe(first);
    expect(await referenceOf(filter, 'one', { currentTask: 'x', a: `${text}.` })).not.toBe(first);
  });

  test.each([
    ['empty', ''],
    ['a word', 'x'],
    ['never given out', '0123456789abcdef'],
    ['of 17 digits', '0123456789abcdef0'],
    ['of 15 digits', '0123456789abcde'],
    ['in capitals', '0123456789ABCDEF'],
    ['no number', '0123456789abcdeg'],
    ['negative', '-123456789abcdef'],
    ['with NUL', '0123456789abcde\u0000'],
    ['with a lone surrogate', '\ud800'],
    ['a megabyte long', 'a'.repeat(1 << 20)],
  ])('that is %s is unknown', async (_, reference) => {
    const filter = open();
    const system = await openSystem();
    for (const target of [filter, system]) {
      const pending = target.resolveReference(reference);
      expect(pending).toBeInstanceOf(Promise);
      const error = await failureOf(pending);
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_REFERENCE_UNKNOWN']);
      expect(error.message.length).toBeLessThan(400);
    }
  });

  test.each([
    [undefined],
    [null],
    [5],
    [['0123456789abcdef']],
    [{}],
    [Symbol('a')],
    [1n],
  ])('%p is refused', async (reference) => {
    const system = await openSystem();
    for (const target of [open(), system]) {
      expect((await failureOf(target.resolveReference(reference))).code).toBe('E_INVALID_ARGUMENT');
    }
  });

  test('of another filter or system is unknown', async () => {
    const [one, two] = [await openSystem(), await openSystem()];
    const filter = open();
    const { dropped } = await one.optimizeAgentContext('agent', mixed(), LIMIT);
    for (const { reference } of dropped) {
      await one.resolveReference(reference);
      expect((await failureOf(two.resolveReference(reference))).code).toBe('E_REFERENCE_UNKNOWN');
      expect((await failureOf(filter.resolveReference(reference))).code).toBe('E_REFERENCE_UNKNOWN');
    }
  });

  test('of a system is had only while the system runs', async () => {
    const system = await openSystem();
    const { dropped } = await system.optimizeAgentContext('agent', mixed(), LIMIT);
    await system.shutdown();
    expect((await failureOf(system.resolveReference(dropped[0].reference))).code).toBe('E_SHUT_DOWN');
  });
});

describe('referenceStoreMB', () => {
  const text = (at) => `text ${at} `.repeat(200);
  const dropOf = async (filter, at) => {
    const result = await filter.filterContext('agent', { currentTask: 'x', text: text(at) }, 0, 0, {
      maxTokens: 50,
      wholeTexts: true,
    });
    return result.dropped[0].reference;
  };

  test('bounds what is remembered: the oldest is forgotten', async () => {
    const filter = open({ referenceStoreMB: 0.01 });
    const references = [];
    for (let at = 0; at < 50; at++) references.push(await dropOf(filter, at));
    expect(filter.getFilterStats().referenceBytes).toBeLessThanOrEqual(0.01 * 1048576);
    expect((await failureOf(filter.resolveReference(references[0]))).code).toBe('E_REFERENCE_UNKNOWN');
    expect(await filter.resolveReference(references.at(-1))).toBe(text(49));
  });

  test('lets go of what was not used for longest', async () => {
    const filter = open({ referenceStoreMB: 0.01 });
    const first = await dropOf(filter, 0);
    for (let at = 1; at < 50; at++) {
      await dropOf(filter, at);
      expect(await filter.resolveReference(first)).toBe(text(0));
    }
  });

  test('can be made smaller while the filter is used', async () => {
    const filter = open();
    const references = [];
    for (let at = 0; at < 50; at++) references.push(await dropOf(filter, at));
    expect(filter.getFilterStats().references).toBe(50);
    filter.updateConfig({ referenceStoreMB: 0.01 });
    expect(filter.getFilterStats().references).toBeLessThan(10);
    expect((await failureOf(filter.resolveReference(references[0]))).code).toBe('E_REFERENCE_UNKNOWN');
  });

  test('of a system comes from its configuration', async () => {
    const system = await openSystem({
      ...KEEP_ALL,
      contextFilter: { ...KEEP_ALL.contextFilter, referenceStoreMB: 0.01 },
    });
    const references = [];
    for (let at = 0; at < 50; at++) {
      const result = await system.optimizeAgentContext(
        `agent ${at}`,
        { currentTask: 'x', text: text(at) },
        { maxTokens: 50, wholeTexts: true },
      );
      references.push(result.dropped[0].reference);
    }
    expect((await failureOf(system.resolveReference(references[0]))).code).toBe('E_REFERENCE_UNKNOWN');
    expect(await system.resolveReference(references.at(-1))).toBe(text(49));
  });
});
