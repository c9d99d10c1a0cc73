/** Values that say what they are, so that a wrong one is seen: whose, for which key, which of its writer's, with a checksum. */

const { createHash } = require('node:crypto');

const sumOf = (...parts) => createHash('sha1').update(JSON.stringify(parts)).digest('base64');

/** A value of about `bytes` bytes. */
function valueFor(key, writer, counter, bytes = 0) {
  const text = `${writer}.${counter}.`.repeat(Math.ceil(bytes / 8)).slice(0, bytes);
  return { key, writer, counter, text, sum: sumOf(key, writer, counter, text) };
}

/** `[writer, counter]` of a sound value of this key, `null` for none, `'wrong'` for anything else. */
function seen(key, value) {
  if (value === null) return null;
  const { writer, counter, text, sum } = value;
  return value.key === key && sum === sumOf(key, writer, counter, text) ? [writer, counter] : 'wrong';
}

/** Microseconds of the machine's monotonic clock: the same for all processes. */
const now = () => Number(process.hrtime.bigint() / 1000n);

module.exports = { valueFor, seen, now };
