/** What can happen to the files of a cache, by chance. */

const fs = require('node:fs');
const path = require('node:path');

const PAGE = 8192;

function changed(file, change) {
  const handle = fs.openSync(file, 'r+');
  try {
    const { size } = fs.fstatSync(handle);
    return change(handle, size);
  } finally {
    fs.closeSync(handle);
  }
}

function flip(file, random) {
  const count = 1 + random.below(random.below(2) === 0 ? 4 : 60);
  return changed(file, (handle, size) => {
    for (let flipped = 0; flipped < count; flipped++) {
      const at = random.below(size);
      const byte = Buffer.alloc(1);
      fs.readSync(handle, byte, 0, 1, at);
      byte[0] ^= 1 << random.below(8);
      fs.writeSync(handle, byte, 0, 1, at);
    }
    return `${count} bits`;
  });
}

function zeroPage(file, random) {
  return changed(file, (handle, size) => {
    const page = random.below(Math.ceil(size / PAGE));
    fs.writeSync(handle, Buffer.alloc(Math.min(PAGE, size - page * PAGE)), 0, undefined, page * PAGE);
    return `page ${page + 1}`;
  });
}

function truncate(file, random) {
  const { size } = fs.statSync(file);
  const left = random.below(3) === 0 ? random.below(200) : random.below(size);
  fs.truncateSync(file, left);
  return `${left} of ${size} bytes left`;
}

function garbageOf(length, random) {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function append(file, random) {
  const length = 1 + random.below(3 * PAGE);
  fs.appendFileSync(file, garbageOf(length, random));
  return `${length} bytes more`;
}

/** Other bytes at random places: of the same length, which is what those who have a file mapped rely on. */
function scribble(file, random) {
  return changed(file, (handle, size) => {
    const start = random.below(size);
    const garbage = garbageOf(Math.min(size - start, 1 + random.below(100_000)), random);
    fs.writeSync(handle, garbage, 0, garbage.length, start);
    return `${garbage.length} bytes from ${start}`;
  });
}

function remove(file) {
  fs.rmSync(file);
  return '';
}

/** `[file, kind, damage, whether it may happen under processes that have the file open]`. */
const KINDS = [
  ['cache.db', 'flip', flip, true],
  ['cache.db', 'flip', flip, true],
  ['cache.db', 'flip', flip, true],
  ['cache.db', 'zero', zeroPage, true],
  ['cache.db', 'truncate', truncate, true],
  ['cache.db', 'append', append, true],
  ['cache.db', 'scribble', scribble, true],
  ['cache.db-wal', 'flip', flip, true],
  ['cache.db-wal', 'zero', zeroPage, true],
  ['cache.db-wal', 'truncate', truncate, true],
  ['cache.db-wal', 'append', append, true],
  ['cache.db-shm', 'scribble', scribble, false],
  ['coherence', 'scribble', scribble, true],
  ['coherence', 'truncate', truncate, false],
  ['coherence', 'append', append, false],
  ['coherence', 'remove', remove, false],
  ['ballast', 'scribble', scribble, true],
  ['ballast', 'truncate', truncate, true],
  ['ballast', 'remove', remove, true],
  ['in-use', 'append', append, true],
];

/** Damages one of the files of a generation; says how. */
function damages(directory, random, { isOpen }) {
  const able = KINDS.filter(([name, , , whileOpen]) => {
    const file = path.join(directory, name);
    return (whileOpen || !isOpen) && fs.existsSync(file) && (fs.statSync(file).size > 0 || name === 'in-use');
  });
  const [name, kind, damage] = able[random.below(able.length)];
  return `${name} ${kind} ${damage(path.join(directory, name), random)}`.trim();
}

module.exports = { damages };
