/** What the specs of the token optimizer share: optimizers that are closed, contexts that change, and texts worth a reference. */

const { TokenOptimizer, toMessage } = require('../../index.js');
const { canonicalJson, randomValue, sha256 } = require('../support.js');

/** `open(options, parts)` makes optimizers that are closed after the test. */
function useOptimizers() {
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((optimizer) => optimizer.close()));
  });
  return (options, { client, memory, cache, filter } = {}) => {
    const optimizer = new TokenOptimizer(client, memory, cache, filter, options);
    opened.push(optimizer);
    return optimizer;
  };
}

/** SHA-256 of the RFC 8785 JSON, by the test's own means. */
const hashOf = (value) => sha256(canonicalJson(value));

/** What travels. */
const wire = (result) => JSON.parse(JSON.stringify(toMessage(result)));

/** A value as a receiver would have it. */
const plain = (value) => JSON.parse(JSON.stringify(value));

function setOwn(target, key, value) {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

/** Lines of text that are the same for the same seed. */
function linesOf(random, count) {
  const words = ['context', 'agent', 'größer', '日本語', '😀', 'return', 'value', '\t', '"quoted"', '\\', 'end;'];
  const line = () => Array.from({ length: 8 }, () => words[Math.floor(random() * words.length)]).join(' ');
  return Array.from({ length: count }, () => `${line()} ${Math.floor(random() * 1e9)}\n`);
}

/** A text of some kilobytes, with some lines changed, added or gone. */
function edited(text, random) {
  const lines = text.split(/(?<=\n)/);
  for (let edit = 0; edit < 3; edit++) {
    const at = Math.floor(random() * lines.length);
    const how = random();
    if (how < 0.4) lines[at] = linesOf(random, 1)[0];
    else if (how < 0.7) lines.splice(at, 0, ...linesOf(random, 2));
    else lines.splice(at, 1);
  }
  return lines.join('');
}

/** A context made of another one: keys added, changed, gone, or nothing at all. */
function changed(context, random, make = () => randomValue(random)) {
  const next = {};
  for (const key of Object.keys(context)) {
    const how = random();
    if (how < 0.15) continue;
    setOwn(next, key, how < 0.35 ? make(context[key]) : context[key]);
  }
  const keys = [
    'task',
    'index.ts',
    '__proto__',
    '',
    '\ud800',
    '😀',
    '7',
    'type',
    'tokensSaved',
    'hash',
    'encoding',
    'v',
  ];
  for (let more = Math.floor(random() * 3); more > 0; more--) {
    setOwn(next, keys[Math.floor(random() * keys.length)], make());
  }
  return next;
}

module.exports = { useOptimizers, hashOf, wire, plain, setOwn, linesOf, edited, changed };
