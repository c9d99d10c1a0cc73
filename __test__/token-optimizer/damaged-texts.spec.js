/** Files of texts that are damaged or gone: at worst an error or text in full, never another text. */

const fs = require('node:fs');
const path = require('node:path');
const { applyDelta } = require('../../index.js');
const { seeded, useOwnDirectory } = require('../support.js');
const { edited, linesOf, useOptimizers, wire } = require('./support.js');
const { removeTree } = require('../remove.js');

const directory = useOwnDirectory();
const open = useOptimizers();
const OPTIONS = () => ({ encoding: 'blocks', projectId: 'project', cacheDir: directory.path('cache') });

function filesOf(root) {
  if (!fs.existsSync(root)) return [];
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

/** Texts in files that nobody has open, and messages that refer to them. */
async function stored(random, count = 12) {
  const sender = open(OPTIONS());
  const messages = [];
  for (let at = 0; at < count; at++) {
    const context = { text: linesOf(random, 40 + at).join(''), n: at };
    await sender.optimizeContext(`first ${at}`, context);
    messages.push({ context, message: wire(await sender.optimizeContext(`second ${at}`, context)) });
  }
  await sender.close();
  expect(messages.every(({ message }) => message.texts.text)).toBe(true);
  expect(filesOf(directory.path('cache')).length).toBeGreaterThan(0);
  return messages;
}

/** How many messages could still be read; the others were refused with the code. */
async function readable(messages) {
  const receiver = open(OPTIONS());
  let read = 0;
  for (const { context, message } of messages) {
    const resolved = await receiver.resolveBlocks(message).catch((error) => error);
    if (resolved instanceof Error) expect(resolved.code).toBe('E_REFERENCE_UNKNOWN');
    else {
      expect(applyDelta(undefined, resolved)).toEqual(context);
      read++;
    }
  }
  await receiver.close();
  return read;
}

/** What a sender on these files says can be read, by itself at least. */
async function expectSound(messages, random) {
  const sender = open(OPTIONS());
  for (const { context } of messages) {
    for (const agent of ['a', 'b']) {
      const next = { text: edited(context.text, random) };
      const result = await sender.optimizeContext(agent, next);
      sender.resetAgent(agent);
      expect(applyDelta(undefined, wire(await sender.resolveBlocks(wire(result))))).toEqual(next);
    }
  }
  await sender.close();
}

const DAMAGES = [
  [
    'bits flipped',
    (file, random) => {
      const bytes = fs.readFileSync(file);
      for (let flips = 0; flips < 200; flips++) bytes[Math.floor(random() * bytes.length)] ^= 1 << (random() * 8);
      fs.writeFileSync(file, bytes);
    },
  ],
  ['cut in half', (file) => fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2))],
  ['emptied', (file) => fs.truncateSync(file, 0)],
  ['made of zeros', (file) => fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size))],
  ['deleted', (file) => fs.rmSync(file)],
];

test('undamaged files have all of it', async () => {
  const messages = await stored(seeded(1));
  expect(await readable(messages)).toBe(messages.length);
});

test.each(
  DAMAGES.flatMap(([name, damage]) => [1, 2].map((seed) => [name, seed, damage])),
)('every file %s, seed %i', async (_, seed, damage) => {
  const random = seeded(seed);
  const messages = await stored(random);
  for (const file of filesOf(directory.path('cache'))) if (fs.statSync(file).size > 0) damage(file, random);
  await readable(messages);
  await expectSound(messages, random);
});

test('a text that was swapped for another one is not given for it', async () => {
  const random = seeded(3);
  const [first] = await stored(random, 1);
  // The same file has other texts: what the message names is not among them.
  removeTree(directory.path('cache'));
  await stored(random, 3);
  expect(await readable([first])).toBe(0);
});

test('the directory is deleted under a running optimizer', async () => {
  const random = seeded(4);
  const sender = open(OPTIONS());
  const receiver = open(OPTIONS());
  let context = { text: linesOf(random, 60).join('') };
  const has = new Map();
  for (let turn = 0; turn < 12; turn++) {
    if (turn === 4 || turn === 8) removeTree(directory.path('cache'));
    context = { text: edited(context.text, random), turn };
    for (const agent of ['a', 'b']) {
      const message = wire(await sender.optimizeContext(agent, context));
      const resolved = await receiver.resolveBlocks(message).catch((error) => error);
      if (resolved instanceof Error) {
        expect(resolved.code).toBe('E_REFERENCE_UNKNOWN');
        expect(sender.resetAgent(agent)).toBe(true);
        has.delete(agent);
        continue;
      }
      has.set(agent, applyDelta(has.get(agent), wire(resolved)));
      expect(has.get(agent)).toEqual(context);
    }
  }
});

test('a directory that cannot be made costs the references, not the context', async () => {
  fs.writeFileSync(directory.path('cache'), 'a file');
  const sender = open(OPTIONS());
  const context = { text: linesOf(seeded(5), 60).join('') };
  for (const agent of ['a', 'b']) {
    const result = await sender.optimizeContext(agent, context);
    const resolved = await sender.resolveBlocks(wire(result));
    expect(applyDelta(undefined, wire(resolved))).toEqual(context);
  }
  expect(fs.readFileSync(directory.path('cache'), 'utf8')).toBe('a file');
});
