/**
 * Reads a real project into a context: structure, dependencies, recent changes from git, and the text of each file under
 * its own path, so that a delta names the files that changed.
 */

import { execFile } from 'node:child_process';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Directories that hold what was installed or built, not what was written. */
const SKIPPED = new Set([
  'node_modules',
  'target',
  'dist',
  'build',
  'coverage',
  '.git',
  '.cache',
  '.next',
  '__pycache__',
  '.venv',
]);

const TEXT =
  /\.(c|cc|cpp|cs|css|go|h|html|java|js|json|jsx|kt|md|mjs|cjs|php|py|rb|rs|scss|sh|sql|svelte|swift|toml|ts|tsx|txt|vue|ya?ml)$/;

const MAX_FILE_BYTES = 200_000;
const MAX_FILES = 2_000;
const RECENT_COMMITS = 10;

async function* walk(directory) {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** Files as git knows them, or else by walking. */
async function listFiles(root) {
  try {
    const { stdout } = await run('git', ['-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      maxBuffer: 64 << 20,
    });
    return stdout.split('\0').filter(Boolean);
  } catch {
    const files = [];
    for await (const path of walk(root)) files.push(relative(root, path).split(sep).join('/'));
    return files;
  }
}

async function recentChanges(root) {
  try {
    const { stdout } = await run('git', [
      '-C',
      root,
      'log',
      `-${RECENT_COMMITS}`,
      '--name-only',
      '--format=%x1e%h%x1f%aI%x1f%s',
    ]);
    return stdout
      .split('\x1e')
      .filter(Boolean)
      .map((block) => {
        const [head, ...files] = block.trim().split('\n');
        const [commit, date, subject] = head.split('\x1f');
        return { commit, date: new Date(date), subject, files: files.filter(Boolean) };
      });
  } catch {
    return [];
  }
}

async function dependencies(root) {
  try {
    const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    return { ...dependencies, ...devDependencies };
  } catch {
    return {};
  }
}

/**
 * @param {string} root directory of the project
 * @param {string} currentTask what the agents are asked to do
 */
export async function projectContext(root, currentTask) {
  // Maps: a file may have any name, `__proto__` and `constructor` too.
  const files = new Map();
  const filesIn = new Map();
  for (const path of (await listFiles(root)).slice(0, MAX_FILES)) {
    // Links are not followed: they may lead out of the project.
    const size = await lstat(join(root, path)).then(
      (stats) => (stats.isFile() ? stats.size : 0),
      () => 0,
    );
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    filesIn.set(directory, (filesIn.get(directory) ?? 0) + 1);
    if (TEXT.test(path) && size > 0 && size <= MAX_FILE_BYTES && !/(^|\/)package-lock\.json$/.test(path)) {
      const text = await readFile(join(root, path), 'utf8').catch(() => null);
      if (text !== null) files.set(path, text);
    }
  }
  return {
    projectName: basename(root),
    currentTask,
    projectStructure: Object.fromEntries(filesIn),
    dependencies: await dependencies(root),
    recentChanges: await recentChanges(root),
    ...Object.fromEntries(files),
  };
}
