/** Contexts of given sizes: what the filter benchmarks work on. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from './random.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLACES = ['src', 'js', '__test__', 'docs', 'config', 'examples', 'benches/bench', 'benches/tools'];
const TEXT = /\.(rs|[cm]?js|[cm]?ts|json|md|toml|ya?ml|txt)$/;
/** Larger files are fixtures: one of them would be most of a small context. */
const MAX_FILE_BYTES = 64 * 1024;

function walk(path, found) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const full = join(path, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') walk(full, found);
    else if (entry.isFile() && TEXT.test(entry.name) && statSync(full).size <= MAX_FILE_BYTES) found.push(full);
  }
}

let cachedFiles;

/** The repository's own text files as `[path, text]`, in an order that is mixed but the same every time. */
export function repositoryFiles() {
  if (cachedFiles) return cachedFiles;
  const paths = [];
  for (const place of PLACES) {
    try {
      walk(join(ROOT, place), paths);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  const files = paths.sort().map((path) => [relative(ROOT, path).split(sep).join('/'), readFileSync(path, 'utf8')]);
  const next = random(1);
  for (let at = files.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [files[at], files[other]] = [files[other], files[at]];
  }
  cachedFiles = files;
  return files;
}

/** `text` with its middle line replaced. */
function withChangedLine(text, line) {
  const lines = text.split('\n');
  lines[lines.length >> 1] = line;
  return lines.join('\n');
}

/**
 * The repository's files, over and over under other paths with a changed line, until their JSON has `bytes`.
 * @param {string} salt a mark in every file; contexts with different marks have no text in common
 */
export function* filesUpTo(bytes, salt = '') {
  const files = repositoryFiles();
  let left = bytes;
  for (let copy = 1; ; copy++) {
    for (const [path, original] of files) {
      const name = copy === 1 ? path : `copy-${copy}/${path}`;
      let text = copy === 1 && !salt ? original : withChangedLine(original, `// copy ${copy} ${salt}`);
      const over = Buffer.byteLength(JSON.stringify(text)) + Buffer.byteLength(name) - left;
      // What is cut off is a bit less than `over` where text is escaped: near enough.
      if (over > 0) text = text.slice(0, Math.max(0, text.length - over));
      yield [name, text];
      left = -over;
      if (left <= 0) return;
    }
  }
}

const HEAD = {
  currentTask: 'Add rate limiting to the public API and cover it with tests',
  projectStructure: { root: '.', folders: ['src', 'js', '__test__', 'docs', 'config', 'examples'], language: 'rust' },
  dependencies: { jest: '^30.5.2', typescript: '^7.0.2', '@biomejs/biome': '2.6.8' },
};

/** As contexts come: parsed from JSON, so that no string is a rope that is still to be joined. */
const settled = (context) => JSON.parse(JSON.stringify(context));

/** A context of a few large texts. */
export function repositoryContext(bytes, salt) {
  return settled({ ...HEAD, files: Object.fromEntries(filesUpTo(bytes - JSON.stringify(HEAD).length, salt)) });
}

const RECORDS_PER_SECTION = 50;
const TAGS = ['api', 'backend', 'database', 'auth', 'cache', 'queue', 'metrics', 'docs'];

/** A context of many small values. */
export function recordsContext(bytes, salt = '') {
  const next = random(2);
  const sections = {};
  let left = bytes - JSON.stringify(HEAD).length;
  for (let id = 1; left > 0; id++) {
    const record = {
      id,
      name: `record-${id}${salt}`,
      enabled: next() < 0.5,
      score: Math.round(next() * 1e4) / 100,
      tags: [TAGS[Math.floor(next() * TAGS.length)], TAGS[Math.floor(next() * TAGS.length)]],
      note: `checked by worker ${Math.floor(next() * 1000)}`,
    };
    const section = `section-${Math.ceil(id / RECORDS_PER_SECTION)}`;
    sections[section] ??= [];
    sections[section].push(record);
    left -= JSON.stringify(record).length + 1;
  }
  return settled({ ...HEAD, sections });
}

/** A context of so many files of about so many bytes each, cut out of this repository's. */
export function repositoryOfFiles(files, bytes) {
  const found = {};
  let made = 0;
  for (const [path, text] of filesUpTo(files * bytes * 2)) {
    for (let at = 0; at < text.length && made < files; at += bytes) {
      const dot = path.lastIndexOf('.');
      // What is the same twice would be read once.
      found[`${path.slice(0, dot)}-${at / bytes}${path.slice(dot)}`] = `// file ${made}\n${text.slice(at, at + bytes)}`;
      made++;
    }
  }
  return settled({ ...HEAD, files: found });
}

/** A copy of a context with about this share of its bytes in changed texts: whole files, or records. */
export function withChanges(context, share, serial) {
  const copy = structuredClone(context);
  let left = JSON.stringify(context).length * share;
  const keys = Object.keys(copy.files ?? copy.sections);
  for (let at = serial; left > 0; at += 7) {
    const key = keys[at % keys.length];
    if (copy.files) {
      copy.files[key] = withChangedLine(copy.files[key], `// change ${serial}`);
      left -= copy.files[key].length;
    } else {
      const record = copy.sections[key][at % copy.sections[key].length];
      record.note = `changed by ${serial}`;
      left -= JSON.stringify(record).length;
    }
  }
  return settled(copy);
}

export const CONTEXTS = { 'repository files': repositoryContext, 'many small keys': recordsContext };
