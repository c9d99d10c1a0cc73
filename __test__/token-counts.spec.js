// The counts were made by gpt-tokenizer and js-tiktoken: see benches/tools/make-token-corpus.mjs.

const { countTokens, countTokensAsync, AgentwiseError } = require('../index.js');
const fixture = require('./fixtures/token-corpus.json');

const ENCODINGS = ['o200k_base', 'cl100k_base'];
const corpus = fixture.filter((entry) => !entry.repeat);
const repeated = fixture.filter((entry) => entry.repeat);

const refused = expect.objectContaining({ name: 'AgentwiseError', code: 'E_INVALID_ARGUMENT' });

function thrownBy(act) {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(ENCODINGS)('%s', (encoding) => {
  test.each(corpus.map((entry) => [entry.name, entry]))('has the count of both peers: %s', async (_, entry) => {
    expect(countTokens(entry.text, { encoding })).toBe(entry[encoding]);
    expect(await countTokensAsync(entry.text, { encoding })).toBe(entry[encoding]);
  });

  test.each(repeated.map((entry) => [entry.name, entry]))('is exact without a word break: %s', async (_, entry) => {
    const text = entry.text.repeat(entry.repeat);
    expect(countTokens(text, { encoding })).toBe(entry[encoding]);
    expect(await countTokensAsync(text, { encoding })).toBe(entry[encoding]);
  });

  test('counts of many texts at once are those of each alone', async () => {
    const counts = await Promise.all(corpus.map(({ text }) => countTokensAsync(text, { encoding })));
    expect(counts).toEqual(corpus.map((entry) => entry[encoding]));
  });

  test.each([
    ['object', { a: 1, b: [true, null, 'ü'], nested: { c: undefined, d: new Date(0) } }],
    ['array', [1, 'two', { three: 3 }]],
    ['number', 12345.678],
    ['boolean', false],
    ['null', null],
    ['object with toJSON', { toJSON: () => ({ told: 'otherwise' }) }],
  ])('a value is counted as its JSON: %s', async (_, value) => {
    const expected = countTokens(JSON.stringify(value), { encoding });
    expect(expected).toBeGreaterThan(0);
    expect(countTokens(value, { encoding })).toBe(expected);
    expect(await countTokensAsync(value, { encoding })).toBe(expected);
  });
});

test('a text is counted as it is, not as its JSON', () => {
  expect(countTokens('')).toBe(0);
  expect(countTokens('line\n')).toBe(2);
  expect(countTokens(JSON.stringify('line\n'))).toBeGreaterThan(2);
});

test('o200k_base is the encoding when none is given', async () => {
  const entry = corpus.find((candidate) => candidate.o200k_base !== candidate.cl100k_base);
  for (const options of [undefined, null, {}, { encoding: undefined }]) {
    expect(countTokens(entry.text, options)).toBe(entry.o200k_base);
    expect(await countTokensAsync(entry.text, options)).toBe(entry.o200k_base);
  }
});

test.each(['', 'gpt2', 'O200K_BASE', 'o200k_base '])("an unknown encoding is refused: '%s'", async (encoding) => {
  expect(thrownBy(() => countTokens('text', { encoding }))).toEqual(refused);
  await expect(countTokensAsync('text', { encoding })).rejects.toEqual(refused);
});

test.each([
  ['number as encoding', { encoding: 1 }],
  ['string as options', 'cl100k_base'],
  ['array as options', ['cl100k_base']],
])('options of a wrong type are refused: %s', async (_, options) => {
  expect(thrownBy(() => countTokens('text', options))).toEqual(refused);
  await expect(countTokensAsync('text', options)).rejects.toEqual(refused);
});

const cyclic = { name: 'itself' };
cyclic.self = cyclic;

test.each([
  ['BigInt', 1n],
  ['object with a BigInt', { big: 1n }],
  ['cycle', cyclic],
  ['undefined', undefined],
  ['function', () => 'text'],
  ['symbol', Symbol('text')],
])('a value without JSON is refused: %s', async (_, value) => {
  const error = thrownBy(() => countTokens(value));
  expect(error).toBeInstanceOf(AgentwiseError);
  expect(error).toEqual(refused);
  await expect(countTokensAsync(value)).rejects.toEqual(refused);
});
