'use strict';

/** That a system has what docs/system.md says that it has. */

const fs = require('node:fs');
const path = require('node:path');
const { createTestSystem } = require('../entry/testing.js');
const { ROOT } = require('./support.js');

/** The first column of the table under a heading, name by name. */
function namesUnder(heading) {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'system.md'), 'utf8');
  const [, section] = page.split(`## ${heading}\n`);
  const rows = section
    .split('\n## ')[0]
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return rows.flatMap((line) => [...line.split('|')[1].matchAll(/`(\w+)`/g)].map(([, name]) => name));
}

test('every member that the page names is there', async () => {
  const names = namesUnder('While it runs');
  expect(names).toEqual(expect.arrayContaining(['optimizeAgentContext', 'productionMonitor', 'performMaintenance']));
  const system = await createTestSystem();
  try {
    // What is switched on, as all of it is here, is an object or a method, never `undefined` or `null`.
    expect(
      names.filter((name) => !['function', 'object'].includes(typeof system[name]) || system[name] === null),
    ).toEqual([]);
  } finally {
    await system.shutdown();
  }
});
