/**
 * Commands of the documentation that take too long, or too much, to be run for it: `.ci/run` and the scripts that it calls run
 * them, in exactly these words. They are looked for there, so that a page cannot name a command that nothing runs.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../markdown.mjs';
import { literally } from '../text.mjs';

/** Lines of a script, without its comments, and without what only says less. */
const linesOf = (script) =>
  readFileSync(join(ROOT, script), 'utf8')
    .replace(/^\s*#.*$/gm, '')
    .replaceAll(' --silent', '');

/** What `.ci/run` calls by itself, and with what the scripts beside it call. */
const RUN = linesOf('.ci/run');
const CI = [RUN, ...new Set(RUN.match(/\.ci\/[\w-]+\.sh\b/g))].reduce((all, script) => `${all}\n${linesOf(script)}`);

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Whether these lines call exactly this. */
const calls = (command, lines = RUN) => new RegExp(`(^|[\\s;(])${literally(command)}($|[\\s;)|])`, 'm').test(lines);

/** Commands that `.ci/run` has in another form: what it calls instead, and why that is the same. */
const SAME = [
  // Runs the same install script, with exactly the locked versions.
  { command: /^npm install$/, calls: 'npm ci --no-audit --no-fund' },
  // It is what runs this.
  { command: /^\.ci\/run$/, calls: 'section' },
];

/** Scripts that build, test or measure everything. */
const HEAVY =
  /^(npm (install|ci|test|pack)|npm run (build|lint|test\S*|bench|examples|docs:\S+)|npx jest|cargo|\.ci\/)\b/;

/**
 * Whether CI runs `command`: `true`, `false` if it should and does not, `null` if the command is light enough to be run
 * here.
 */
export function runByCi(command) {
  if (calls(command)) return true;
  for (const same of SAME) {
    if (same.command.test(command)) return calls(same.calls);
  }
  if (!HEAVY.test(command)) return null;
  if (calls(command, CI)) return true;
  // A script that another one calls: `npm test` calls `npm run test:rust`.
  const parents = Object.entries(scripts).filter(([, text]) => text.split(' && ').includes(command));
  return parents.some(([name]) => calls(name === 'test' ? 'npm test' : `npm run ${name}`));
}
