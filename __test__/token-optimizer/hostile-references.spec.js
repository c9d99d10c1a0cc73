/** References that nobody can follow: an error with a code, never another text. */

const { failureOf, seeded, useOwnDirectory } = require('../support.js');
const { linesOf, useOptimizers, wire } = require('./support.js');

const directory = useOwnDirectory();
const open = useOptimizers();
const text = linesOf(seeded(1), 60).join('');
const BYTES = Buffer.byteLength(text);

async function sample() {
  const optimizer = open({ encoding: 'blocks', projectId: 'project', cacheDir: directory.path('cache') });
  await optimizer.optimizeContext('first', { text });
  const message = wire(await optimizer.optimizeContext('second', { text }));
  const [[number]] = message.texts.text;
  return { optimizer, number, resolve: (parts) => optimizer.resolveBlocks({ ...message, texts: { text: parts } }) };
}

test('a range is in bytes, and may be empty', async () => {
  const { number, resolve } = await sample();
  const slice = (start, bytes) =>
    Buffer.from(text)
      .subarray(start, start + bytes)
      .toString();
  const end = Buffer.byteLength(text.slice(0, 100));
  for (const [start, bytes] of [
    [0, BYTES],
    [0, end],
    [end, BYTES - end],
    [BYTES, 0],
    [0, 0],
  ]) {
    expect((await resolve([[number, start, bytes]])).text).toBe(slice(start, bytes));
  }
});

test.each([
  ['behind the end', (number) => [number, 0, BYTES + 1]],
  ['that begins behind the end', (number) => [number, BYTES + 1, 0]],
  ['of very many bytes', (number) => [number, 1, Number.MAX_SAFE_INTEGER]],
  ['that overflows', (number) => [number, 2 ** 63, 2 ** 63]],
  ['inside a character', (number) => [number, Buffer.byteLength(text.slice(0, text.indexOf('ß'))) + 1, 10]],
  ['of a text that is not there', (number) => [number > 1 ? number - 1 : 2, 0, 10]],
  ['of a text that is not there, whole', (number) => [number > 1 ? number - 1 : 2]],
  ['of text 0, which there never is', () => [0]],
])('a range %s', async (_, make) => {
  const { number, resolve } = await sample();
  expect(text.includes('ß')).toBe(true);
  expect((await failureOf(resolve(['new ', make(number)]))).code).toBe('E_REFERENCE_UNKNOWN');
});

test.each([
  ['negative numbers', (number) => [number, -1, 5]],
  ['a negative length', (number) => [number, 0, -5]],
  ['a negative text', () => [-1]],
  ['fractions', (number) => [number, 0.5, 5]],
  ['NaN', (number) => [number, Number.NaN, 5]],
  ['infinity', () => [Number.POSITIVE_INFINITY]],
  ['text', (number) => [String(number)]],
  ['no text', () => []],
  ['a text of more than 48 bits', () => [2 ** 48]],
  ['a text of more than 53 bits', () => [2 ** 60]],
  ['two numbers', (number) => [number, 0]],
  ['four numbers', (number) => [number, 0, 1, 1]],
  ['an object', (number) => ({ 0: number, length: 1 })],
  ['null', () => null],
])('a reference of %s', async (_, make) => {
  const { number, resolve } = await sample();
  expect((await failureOf(resolve([make(number)]))).code).toBe('E_INVALID_ARGUMENT');
});

test('parts of a value that are not its JSON', async () => {
  const { optimizer } = await sample();
  const message = wire(await optimizer.optimizeContext('third', { list: [text] }));
  for (const parts of [['{'], [], ['1', ' ', '2'], ['undefined']]) {
    const error = await failureOf(optimizer.resolveBlocks({ ...message, encoding: 'blocks', values: { list: parts } }));
    expect(error.code).toBe('E_DELTA_MISMATCH');
  }
});

test('very many references', async () => {
  const { number, resolve } = await sample();
  const parts = Array.from({ length: 20_000 }, () => [number, 0, 5]);
  expect((await resolve(parts)).text).toBe(text.slice(0, 5).repeat(20_000));
});
