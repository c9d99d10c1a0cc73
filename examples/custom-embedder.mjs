/**
 * Answers found again by embeddings of your own, where the words of a question alone are too far from those stored.
 *
 *   node custom-embedder.mjs
 */

import AdvancedCacheManager from 'agentwise-optimization/cache';

const DIMENSIONS = 1024;

/**
 * A stand-in for an embedding model that needs no download: runs of three letters, each counted at a place that a hash of it
 * chooses. It sees that words are spelled alike, not that they mean the same; put your model here instead.
 */
function embedOne(text) {
  const vector = new Float32Array(DIMENSIONS);
  const letters = ` ${text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;
  for (let at = 0; at + 3 <= letters.length; at++) {
    let hash = 2166136261; // FNV-1a
    for (const letter of letters.slice(at, at + 3)) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
    vector[(hash >>> 0) % DIMENSIONS] += 1;
  }
  return vector; // its length does not matter: the cache compares directions
}

const cache = new AdvancedCacheManager(
  { persistToDisk: false },
  {
    // Called with up to 64 texts, in the background for what is stored. `signal` aborts after `timeoutSeconds`.
    embed: async (texts) => texts.map(embedOne),
    embeddingModel: 'letters-of-three', // vectors of another model are never compared with these
    embeddingThreshold: 0.65, // what is right depends on the model: measure it on questions of your own
  },
);
// What fails in `embed` never fails a lookup; it is told here.
cache.on('pluginFailure', ({ plugin, message }) => console.error(plugin, message));

try {
  await cache.set('Where are the tests of the payment service?', 'In test/payment.');
  await cache.set('Which colours does the design of the shop use?', 'Blue and white.');
  await cache.flush(); // the vectors are there now

  const questions = [
    // Found by words, no embedding is asked for.
    'Where are the payment service tests?',
    // Found by its vector.
    'Where can I find the tests of the payment service?',
    // Near for any embedding, and another question all the same: refused by the guards of the cache.
    'Where are the tests of the payment service not?',
    'Who won the football match yesterday?',
  ];
  for (const question of questions) {
    const { value, tier, candidates } = await cache.lookup(question, { explain: true });
    const refused = candidates.map(({ reason }) => reason).join(', ');
    console.log(question, '→', tier, value ?? (refused ? `(${refused})` : ''));
  }
} finally {
  await cache.stop();
}
