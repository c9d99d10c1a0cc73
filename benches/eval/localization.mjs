/**
 * Issues of Python projects whose right fix is known, and the sources in which the files to change are looked for.
 * Does not fetch sources: that is fetch_sources.py.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const ISSUES = /^localization.*\.jsonl\.gz$/;
const LEFT_OUT_ANYWHERE = new Set(['tests', 'doc', 'docs']);
const LEFT_OUT_AT_THE_TOP = new Set(['test', 'testing', 'examples']);
const TEST_FILE = /^(?:test_.*|.*_test|conftest)\.py$/;

/** What of a project's sources is searched, for people. */
export const CORPUS_RULE = `A corpus is a project's .py files without tests and documentation: without what is in folders named
${[...LEFT_OUT_ANYWHERE].join(', ')} anywhere or ${[...LEFT_OUT_AT_THE_TOP].join(', ')} at the top, and without test_*.py, *_test.py and
conftest.py. What is not UTF-8 is read as Latin-1.`;

/** The rows of localization*.jsonl.gz in a folder. */
export function readIssues(folder) {
  const names = readdirSync(folder).filter((name) => ISSUES.test(name));
  return names.sort().flatMap((name) => {
    const lines = gunzipSync(readFileSync(join(folder, name))).toString();
    return lines.split('\n').filter(Boolean).map(JSON.parse);
  });
}

function isInCorpus(path) {
  const folders = path.split('/');
  const name = folders.pop();
  if (!name.endsWith('.py') || TEST_FILE.test(name) || LEFT_OUT_AT_THE_TOP.has(folders[0])) return false;
  return !folders.some((folder) => LEFT_OUT_ANYWHERE.has(folder));
}

/** The only subfolder of a folder. */
function onlySubfolder(folder) {
  const subfolders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return subfolders.length === 1 ? join(folder, subfolders[0].name) : undefined;
}

/** Says where the sources of issues are: `{ root }`, or `{ missing }` with the reason why an issue is of no use. */
export class Sources {
  #folder;
  #named = {};

  constructor(folder) {
    this.#folder = folder;
    const list = join(folder, 'sources.json');
    if (existsSync(list)) this.#named = JSON.parse(readFileSync(list, 'utf8'));
  }

  of({ instance_id: id, repo, version, ground_truth_files: gold }) {
    if (this.#named[id] === null) return { missing: 'sources.json knows no release that has its files' };
    const project = repo.split('/').at(-1);
    const names = this.#named[id] === undefined ? [id, `${project}-${version}`] : [this.#named[id]];
    const folder = names.map((name) => join(this.#folder, name)).find((path) => existsSync(path));
    if (folder === undefined) return { missing: `there is no folder ${names.join(' or ')}` };
    const has = (root) => root !== undefined && gold.every((path) => existsSync(join(root, path)));
    const root = [folder, onlySubfolder(folder)].find(has);
    if (root === undefined) return { missing: `${gold.join(', ')} is not in its sources` };
    const outside = gold.find((path) => !isInCorpus(path));
    return outside ? { missing: `${outside} is not searched: a test or documentation` } : { root };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** The files that are searched, `{ path, text }`, in the order of their paths. */
export function readCorpus(root) {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => path.slice(root.length + 1).replaceAll('\\', '/'));
  return paths
    .filter(isInCorpus)
    .sort()
    .map((path) => ({ path, text: decode(readFileSync(join(root, path))) }));
}
