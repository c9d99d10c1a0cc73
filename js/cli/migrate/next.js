'use strict';

/** What is left to do by hand, in the words of the package manager that the checkout uses. */

const { shellWord } = require('../text.js');
const { PACKAGE } = require('./modules.js');
const { originOf } = require('./origin.js');
const { packageManagerOf } = require('./workspace.js');

/** Scripts that show whether all is well; `build` also replaces what was compiled of the originals. */
const CHECKS = ['typecheck', 'build', 'test', 'optimization:health'];

/** What is said where nothing tells that a registry has the package. */
const NO_REGISTRY =
  `If the registry does not have ${PACKAGE} (E404): npm run pack:local -- <folder> in a checkout of it, and install ` +
  'the tarballs of that folder instead.';

/** The package goes out again: nothing has to be had from anywhere. */
const installCommand = ({ root }) => `${packageManagerOf(root).name} install`;

/**
 * @param {import('./checkout.js').Checkout} checkout
 * @param {string} manifest the text of its `package.json`
 * @param {{ isGiven: boolean }} options whether the user has said where the package comes from
 * @returns {{ next: string[], note: string | null }} commands, in their order; `note` is a sentence about the first one
 */
function nextSteps(checkout, manifest, { isGiven }) {
  const { root } = checkout;
  const { name, places } = packageManagerOf(root);
  const { tarballs, isFromRegistry } = originOf(root, places);
  const { scripts } = JSON.parse(manifest.replace('\ufeff', ''));
  const checks = CHECKS.filter((check) => scripts && Object.hasOwn(scripts, check));
  const isPacked = tarballs.length > 0 && !isGiven;
  // What was not had from a registry may be in none: it is installed from where it is.
  const add = [name, name === 'npm' ? 'install' : 'add', ...tarballs.map(shellWord)].join(' ');
  return {
    next: [isPacked ? add : `${name} install`, ...checks.map((check) => `${name} run ${check}`)],
    note: isPacked || isGiven || isFromRegistry ? null : NO_REGISTRY,
  };
}

module.exports = { installCommand, nextSteps };
