'use strict';

/** All of what `doctor` looks at. What fails to look is a finding itself, so that the rest is still seen. */

const { messageOf } = require('../../errors.js');
const { Findings } = require('./findings.js');
const { checkBinary } = require('./binary.js');
const { checkLimits } = require('./limits.js');
const { checkDisk } = require('./disk.js');
const { checkPermissions } = require('./permissions.js');
const { checkConflicts } = require('./conflicts.js');

/** What the configuration says, or nothing where it cannot be had. */
function checkConfiguration(found, given) {
  found.in('configuration');
  const unknown = { file: null, settings: {}, cacheDir: null };
  try {
    const { configurationOf } = require('../configuration.js');
    const configuration = configurationOf(given);
    found.ok('configuration', configuration.file ?? 'built-in defaults');
    for (const { path, message } of configuration.problems) {
      found.problem(path || 'configuration', message, 'correct it; see config check');
    }
    for (const { path, message } of configuration.warnings) found.warning(path, message, 'correct it, or leave it out');
    if (configuration.cacheDir === null) found.warning('cache', 'nothing is kept on disk', 'set cache.persistToDisk');
    return configuration;
  } catch (error) {
    found.problem(
      'configuration',
      `cannot be read: ${messageOf(error).split('\n')[0]}`,
      'correct it; see config check',
    );
    return unknown;
  }
}

/** Who runs here; `unseen` is why that cannot be said, where it cannot. */
async function runningSystems({ cacheDir }) {
  try {
    return { systems: await require('../running.js').systemsIn(cacheDir) };
  } catch (error) {
    if (error.code !== 'E_NOT_OWNED' && error.code !== 'E_IO') throw error;
    return { systems: [], unseen: messageOf(error) };
  }
}

/** @returns {Promise<Findings>} */
async function examine(given, progress) {
  const found = new Findings();
  const run = async (area, check) => {
    try {
      await check();
    } catch (error) {
      found
        .in(area)
        .problem(area, `could not be examined: ${messageOf(error).split('\n')[0]}`, 'report it, with this text');
    }
  };
  await run('binary', () => checkBinary(found));
  const facts = { ...checkConfiguration(found, given), systems: [] };
  await run('conflicts', async () => Object.assign(facts, await runningSystems(facts)));
  await run('limits', () => checkLimits(found, facts));
  if (facts.cacheDir !== null) await run('disk', () => checkDisk(found, facts, progress));
  await run('permissions', () => checkPermissions(found, facts));
  await run('conflicts', () => checkConflicts(found, facts));
  return found;
}

module.exports = { examine };
