'use strict';

/** `maxSize`, `maxTokens` and `prioritizeRecent` do what they say, to the byte and to the token, also under pressure. */

const fs = require('node:fs');
const path = require('node:path');
const { createTestSystem } = require('../../entry/testing.js');
const { countTokens } = require('../../index.js');
const { KEEP_ALL, ROOT, failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { KEEP, bytes, project } = require('./support.js');

useOwnDirectory();
const { open, own } = useSystems();

const AGENT = 'backend-specialist';
/** Memory of the process does not count, only what agents hold and the load. */
const PRESSED = { ...KEEP_ALL, contextFilter: { contextImportanceThreshold: 0, memoryAwareFiltering: false } };
const tokens = (value) => countTokens(JSON.stringify(value));

/** The documents of this repository, as an agent has them. */
function documents() {
  const files = {};
  for (const name of fs.readdirSync(path.join(ROOT, 'docs')))
    if (name.endsWith('.md')) files[`docs/${name}`] = fs.readFileSync(path.join(ROOT, 'docs', name), 'utf8');
  return { currentTask: 'Say in docs/cache.md what a similar hit is', files };
}

let system;
let at = 0;
beforeEach(async () => {
  system = await open(PRESSED);
});
const kept = (context, options, agent = `${AGENT}-${at++}`) =>
  system.optimizeAgentContext(agent, context, { targetReduction: 0, ...options });

const PRESSURES = [
  ['no pressure', 0],
  ['pressure', 460],
];

describe.each(PRESSURES)('with %s', (_, heldMB) => {
  beforeEach(() => {
    if (heldMB > 0) system.memoryManager.registerAgentMemory('other', heldMB * 2 ** 20, 0);
  });

  test('maxSize bounds the bytes of the JSON', async () => {
    for (const context of [documents(), project()]) {
      for (const maxSize of [300, 1000, 5000, 20_000, 60_000, 60_000.7]) {
        const result = await kept(context, { maxSize });
        expect(bytes(result)).toBeLessThanOrEqual(maxSize);
        expect(result.currentTask).toBe(context.currentTask);
      }
    }
  });

  test('maxTokens bounds the exact tokens', async () => {
    for (const context of [documents(), project()]) {
      for (const maxTokens of [100, 500, 2000, 10_000]) {
        const result = await kept(context, { maxTokens });
        expect(tokens(result)).toBeLessThanOrEqual(maxTokens);
        expect(result.currentTask).toBe(context.currentTask);
      }
    }
  });

  test('of both the smaller one counts', async () => {
    const result = await kept(documents(), { maxSize: 8000, maxTokens: 1000 });
    expect(tokens(result)).toBeLessThanOrEqual(1000);
    const other = await kept(documents(), { maxSize: 2000, maxTokens: 100_000 });
    expect(bytes(other)).toBeLessThanOrEqual(2000);
  });
});

describe('without pressure', () => {
  beforeEach(async () => {
    system = await open(KEEP);
  });

  test('what fits to the byte and to the token stays whole; one less does not', async () => {
    const context = project();
    expect(await kept(context, { maxSize: bytes(context), maxTokens: tokens(context) })).toEqual(context);
    const lessBytes = await kept(context, { maxSize: bytes(context) - 1 });
    expect(bytes(lessBytes)).toBeLessThan(bytes(context));
    const lessTokens = await kept(context, { maxTokens: tokens(context) - 1 });
    expect(tokens(lessTokens)).toBeLessThan(tokens(context));
  });

  test('huge limits are none', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(await kept(project(), { maxSize: most, maxTokens: most })).toEqual(project());
  });

  test('tiny limits leave required fields, and say so', async () => {
    for (const limit of [{ maxSize: 1 }, { maxTokens: 1 }, { maxSize: 1.5, maxTokens: 1.5 }]) {
      const result = await kept(project(), { ...limit, includeDebugInfo: true });
      expect(Object.keys(result)).toEqual(['currentTask', 'projectStructure']);
      expect(result.debug.reasons.join('\n')).toMatch(/required fields alone are over the limit/);
    }
  });

  describe.each(['maxSize', 'maxTokens'])('%s', (name) => {
    test.each([
      [0],
      [0.5],
      [-1],
      [Number.NaN],
      [Number.POSITIVE_INFINITY],
      [2 ** 60],
      ['5'],
      [true],
      [[5]],
      [{}],
      [5n],
    ])('%p is refused, and nothing happened', async (value) => {
      const error = await failureOf(kept(project(), { [name]: value }, AGENT));
      expect(error.code).toBe('E_INVALID_ARGUMENT');
      expect(error.message).toContain(`options.${name}`);
      expect((await kept(project(), {}, AGENT)).type).toBe('full');
    });

    test.each([[undefined], [null]])('%p is none', async (value) => {
      expect(await kept(project(), { [name]: value })).toEqual(project());
    });
  });

  test('prioritizeRecent keeps what happened lately', async () => {
    const note = (word) => `${word} and ${word} again, `.repeat(60);
    const words = ['kettle', 'lantern', 'saucer', 'teapot', 'candle', 'basket'];
    const context = {
      currentTask: 'Make it faster',
      recentChanges: ['moved src/lantern.js', 'wrote src/candle.js'],
      files: Object.fromEntries(words.map((word) => [`src/${word}.js`, note(word)])),
    };
    const options = { maxSize: 4200, prioritizeRecent: true, wholeTexts: true };
    const recent = await kept(context, options);
    expect(recent.recentChanges).toEqual(context.recentChanges);
    expect(Object.keys(recent.files)).toEqual(expect.arrayContaining(['src/lantern.js', 'src/candle.js']));
    expect(Object.keys(recent.files).length).toBeLessThan(words.length);
    expect(bytes(recent)).toBeLessThanOrEqual(4200);
  });
});

test('under more pressure less stays', async () => {
  // On a machine of its own: the load of this one, which is seen after five seconds, presses too.
  const filtering = own(await createTestSystem(PRESSED));
  const context = {
    currentTask: 'x',
    ...Object.fromEntries(Array.from({ length: 100 }, (_, key) => [`key ${key}`, `value ${key}`])),
  };
  const counts = [];
  for (const heldMB of [0, 355, 405, 455]) {
    filtering.memoryManager.registerAgentMemory('other', heldMB * 2 ** 20, 0);
    const result = await filtering.optimizeAgentContext(`gardener ${heldMB}`, context);
    counts.push(Object.keys(result).length / 101);
  }
  for (const [step, most] of [1, 0.8, 0.6, 0.4].entries()) expect(counts[step]).toBeLessThanOrEqual(most + 0.011);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
  expect(counts[3]).toBeLessThan(counts[0]);
});
