/**
 * Recorded requests as numbers: `{ name, ids, keys, drops }`. `ids` holds the number of the key of each request, `keys`
 * the key of each number. `drops` says what has become invalid before the request at a place: numbers of keys.
 */

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

const ENDING = '.txt.gz';

/** Numbers strings in the order of their first appearance. */
export class Numbering {
  #numbers = new Map();
  keys = [];

  of(key) {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.keys.length;
      this.#numbers.set(key, number);
      this.keys.push(key);
    }
    return number;
  }
}

/** The traces in a folder, by name. */
export async function traceFiles(folder) {
  const files = (await readdir(folder)).filter((file) => file.endsWith(ENDING)).sort();
  return files.map((file) => ({ name: file.slice(0, -ENDING.length), path: join(folder, file) }));
}

/** Reads a trace of one key per line, at most `limit` requests. */
export async function readTrace({ name, path }, limit = Number.POSITIVE_INFINITY) {
  const numbering = new Numbering();
  let ids = new Int32Array(1 << 16);
  let length = 0;
  const input = createReadStream(path);
  const text = input.pipe(createGunzip());
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    if (length === limit) break;
    if (length === ids.length) {
      const larger = new Int32Array(2 * length);
      larger.set(ids);
      ids = larger;
    }
    ids[length++] = numbering.of(line);
  }
  input.destroy();
  return { name, ids: ids.slice(0, length), keys: numbering.keys, drops: new Map() };
}

/** The first requests of a trace. */
export function firstOf(trace, limit) {
  if (trace.ids.length <= limit) return trace;
  const numbering = new Numbering();
  const ids = Int32Array.from({ length: limit }, (_, at) => numbering.of(trace.keys[trace.ids[at]]));
  return {
    name: `${trace.name}, first ${limit.toLocaleString('en-US')}`,
    ids,
    keys: numbering.keys,
    drops: new Map(),
  };
}
