/** `agentwise-optimization/testing` as it is imported and required, and what its declarations declare. */

const { execFile } = require('node:child_process');
const path = require('node:path');
const { promisify } = require('node:util');
const declared = require('agentwise-optimization/testing');
const { ROOT } = require('../support.js');

const NAMES = ['FakeClock', 'createTestSystem', 'matchers'];

test('import and require give the same', async () => {
  const script = `import standard, * as all from 'agentwise-optimization/testing';
    import { createRequire } from 'node:module';
    const cjs = createRequire(import.meta.url)('agentwise-optimization/testing');
    const names = Object.keys(all).filter((name) => name !== 'default').sort();
    console.log(JSON.stringify([names, names.every((name) => all[name] === cjs[name]), standard === cjs.default]));`;
  const options = { cwd: ROOT };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], options);
  expect(JSON.parse(stdout)).toEqual([NAMES, true, true]);
  expect(declared.default).toBe(declared.createTestSystem);
});

test('every matcher and member that there is, is declared', async () => {
  const fs = require('node:fs');
  const text = fs.readFileSync(path.join(ROOT, 'entry', 'testing.d.ts'), 'utf8');
  const members = Object.getOwnPropertyNames(declared.FakeClock.prototype).filter((name) => name !== 'constructor');
  for (const name of [...Object.keys(declared.matchers), ...members])
    expect(text).toMatch(new RegExp(`^  ${name}\\(`, 'm'));
  const inText = [...text.matchAll(/^ {2}(to[A-Z]\w+)\(/gm)].map(([, name]) => name);
  expect(inText.sort()).toEqual(Object.keys(declared.matchers).sort());
});
