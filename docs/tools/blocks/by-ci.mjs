/**
 * Commands of the documentation that take too long, or too much, to be run for it: `.ci/run` runs them in sections of their own.
 * They are looked for there, so that a page cannot name a command that nothing runs.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../markdown.mjs';
import { literally } from '../text.mjs';

/** What `.ci/run` calls, without its comments, and without what only says less. */
const CI = readFileSync(join(ROOT, '.ci/run'), 'utf8')
  .replace(/^\s*#.*$/gm, '')
  .replaceAll(' --silent', '');

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Whether `.ci/run` calls exactly this. */
const calls = (command) => new RegExp(`(^|[\\s;(])${literally(command)}($|[\\s;)|])`, 'm').test(CI);

/** Commands that `.ci/run` has in another form: what it calls instead, and why that is the same. */
const SAME = [
  // Runs the same install script, with exactly the locked versions.
  { command: /^npm install$/, calls: 'npm ci --no-audit --no-fund' },
  // Each is a file; one of them shows that the runner works.
  {
    command: /^npm run bench -- --only ([\w-]+)$/,
    calls: 'npm run bench -- --only first-result',
    holds: ([, name]) => existsSync(join(ROOT, 'benches/bench', `${name}.mjs`)),
  },
  // Needs a registry for what the package depends on: both tarballs are installed from one of their own.
  { command: /^npm install \.\.\/packages\/\*\.tgz$/, calls: '.ci/packages.sh' },
  // It is what runs this.
  { command: /^\.ci\/run$/, calls: 'section' },
];

/** Scripts that build, test or measure everything. */
const HEAVY =
  /^(npm (install|ci|test|pack)|npm run (build|lint|test\S*|bench|examples|docs:\S+)|npx jest|cargo|\.ci\/)\b/;

/**
 * Whether `.ci/run` runs `command`: `true`, `false` if it should and does not, `null` if the command is light enough to be run
 * here.
 */
export function runByCi(command) {
  if (calls(command)) return true;
  for (const same of SAME) {
    const match = same.command.exec(command);
    if (match) return calls(same.calls) && (same.holds?.(match) ?? true);
  }
  if (!HEAVY.test(command)) return null;
  // A script that another one calls: `npm test` calls `npm run test:rust`.
  const parents = Object.entries(scripts).filter(([, text]) => text.split(' && ').includes(command));
  return parents.some(([name]) => calls(name === 'test' ? 'npm test' : `npm run ${name}`));
}
