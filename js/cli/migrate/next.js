'use strict';

/** What is left to do by hand, in the words of the package manager that the checkout uses. */

const MANAGERS = [
  { lock: 'pnpm-lock.yaml', name: 'pnpm' },
  { lock: 'yarn.lock', name: 'yarn' },
  { lock: 'bun.lock', name: 'bun' },
  { lock: 'bun.lockb', name: 'bun' },
];

/** Scripts that show whether all is well; `build` also replaces what was compiled of the originals. */
const CHECKS = ['typecheck', 'build', 'test', 'optimization:health'];

/**
 * @param {import('./checkout.js').Checkout} checkout
 * @param {string} manifest the text of its `package.json`
 * @returns {string[]} commands, in their order
 */
function nextSteps(checkout, manifest) {
  const name = MANAGERS.find(({ lock }) => checkout.has(lock))?.name ?? 'npm';
  const { scripts } = JSON.parse(manifest.replace('\ufeff', ''));
  const checks = CHECKS.filter((check) => scripts && Object.hasOwn(scripts, check));
  return [`${name} install`, ...checks.map((check) => `${name} run ${check}`)];
}

module.exports = { nextSteps };
