/** Random numbers that are the same for the same seed (mulberry32): from 0 to 1, and whole ones below a limit. */
function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (limit) => Math.floor(next() * limit) };
}

/** The seed of a test: always the same one, unless the environment names another to look further. */
function seedOf(usual) {
  return Number(process.env.CACHE_TEST_SEED ?? usual);
}

module.exports = { randomOf, seedOf };
