'use strict';

/** Managers with plug-ins, and an embedding that the specs can foretell. */

const { AdvancedCacheManager } = require('../../index.js');
const { useOwnDirectory } = require('../support.js');

const STORED = 'How do I sharpen a kitchen knife?';
const NEAR = 'How do I hone a blunt kitchen knife?';

/** Words that mean about the same, as directions; all others by a hash. */
const MEANINGS = [
  ['sharpen', 'hone', 'blunt'],
  ['knife', 'blade'],
  ['learn', 'teach', 'myself'],
];
const SIZE = 64;

function vectorOf(text) {
  const vector = new Float32Array(SIZE);
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
    const meaning = MEANINGS.findIndex((words) => words.includes(word));
    let hash = 7;
    for (const letter of word) hash = (hash * 31 + letter.charCodeAt(0)) % 61;
    vector[meaning < 0 ? 3 + hash : meaning] = 1;
  }
  return vector;
}

/** An `embed` that counts what it was asked. */
function embedding() {
  const calls = [];
  return {
    calls,
    embed: async (texts) => {
      calls.push(texts);
      return texts.map(vectorOf);
    },
  };
}

/** Every test has an empty directory and `open(plugins, config)`, whose managers are stopped after it. */
function usePlugIns() {
  const directory = useOwnDirectory();
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.stop()));
  });
  const open = (plugins, config = {}) => {
    const cache = new AdvancedCacheManager({ cacheDir: directory.path('cache'), ...config }, plugins);
    opened.push(cache);
    return cache;
  };
  return { open, path: directory.path };
}

module.exports = { STORED, NEAR, SIZE, vectorOf, embedding, usePlugIns };
