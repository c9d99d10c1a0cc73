'use strict';

/** Whatever a checkout looks like: what `migrate` did is undone byte for byte, and what fails half-way changes nothing. */

const fs = require('node:fs');
const { failureOf, seeded, useOwnDirectory } = require('../support.js');
const { withMember, withoutMember } = require('../../js/cli/migrate/json-text.js');
const { isReplacement } = require('../../js/cli/migrate/modules.js');
const { planMigration } = require('../../js/cli/migrate/plan.js');
const { applyChanges } = require('../../js/cli/migrate/transaction.js');
const { planUndo } = require('../../js/cli/migrate/undo.js');
const { MODULES, generatedIn, snapshot } = require('./migrate-support.js');

const directory = useOwnDirectory();

const OPTIONS = { spec: '^1.2.3', isGiven: false, isForced: false };

/** As many checkouts as `count` says, each in a directory of its own. */
function* checkouts(count, seed) {
  for (let at = 0; at < count; at++) {
    const root = directory.path(`checkout-${at}`);
    fs.mkdirSync(root);
    generatedIn(root, seeded(seed + at));
    yield root;
  }
}

const migrate = (root, options) => applyChanges(planMigration(root, { ...OPTIONS, ...options }).changes);
const undo = (root) => applyChanges(planUndo(root, { isForced: false }).changes);

/** `node:fs` whose changing call number `last` fails, and with `isBroken` all after it too. */
function failingAt(last, isBroken = false) {
  let calls = 0;
  const failing = {};
  for (const name of ['openSync', 'writeFileSync', 'fchmodSync', 'fsyncSync', 'renameSync', 'linkSync', 'unlinkSync']) {
    failing[name] = (...args) => {
      calls++;
      if (calls === last || (isBroken && calls > last)) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      return fs[name](...args);
    };
  }
  return { files: { ...fs, ...failing }, isOver: () => calls < last };
}

test('undo gives the checkout that there was, byte for byte', () => {
  let count = 0;
  for (const root of checkouts(60, 1)) {
    const before = snapshot(root);
    migrate(root);
    expect(snapshot(root)).not.toEqual(before);
    expect(planMigration(root, OPTIONS).changes).toEqual([]);
    undo(root);
    expect(snapshot(root)).toEqual(before);
    expect(planUndo(root, { isForced: false }).changes).toEqual([]);
    count++;
  }
  expect(count).toBe(60);
});

test('the modules that are there become re-exports with their line ends, the others stay absent', () => {
  for (const root of checkouts(25, 500)) {
    const before = snapshot(root);
    migrate(root);
    const after = snapshot(root);
    for (const { file, entry } of MODULES) {
      if (before[file] === undefined) {
        expect(after[file]).toBeUndefined();
        continue;
      }
      const text = fs.readFileSync(`${root}/${file}`, 'utf8');
      expect(isReplacement(text)).toBe(true);
      expect(text).toContain(`from '${entry}';`);
      expect(/[^\r]\n/.test(text)).toBe(!before[file].includes('\r\n'));
      expect(after[`${file}.orig`]).toBe(before[file]);
    }
  }
});

test('whichever step fails, nothing is changed', async () => {
  const [root] = checkouts(1, 7);
  const before = snapshot(root);
  let failures = 0;
  for (let at = 1; ; at++) {
    const { files, isOver } = failingAt(at);
    const { changes } = planMigration(root, OPTIONS);
    const error = await failureOf(() => applyChanges(changes, files)).catch(() => null);
    if (isOver()) break;
    expect(error).toMatchObject({ code: 'E_IO', message: expect.stringContaining('nothing is changed') });
    expect(snapshot(root)).toEqual(before);
    failures++;
  }
  expect(failures).toBeGreaterThan(20);
  const migrated = snapshot(root);
  for (let at = 1; ; at++) {
    const { files, isOver } = failingAt(at);
    const { changes } = planUndo(root, { isForced: false });
    const error = await failureOf(() => applyChanges(changes, files)).catch(() => null);
    if (isOver()) break;
    expect(error).toMatchObject({ code: 'E_IO' });
    expect(snapshot(root)).toEqual(migrated);
  }
  expect(snapshot(root)).toEqual(before);
});

test('what cannot be put back is named', async () => {
  const [root] = checkouts(1, 7);
  const { changes } = planMigration(root, OPTIONS);
  const stages = changes.length * 4;
  const { files } = failingAt(stages + 3, true);
  const error = await failureOf(() => applyChanges(changes, files));
  expect(error).toMatchObject({ code: 'E_IO', message: expect.stringMatching(/could not be put back: .*\.orig/) });
});

test('killed after any step, undo gives what there was', () => {
  for (const root of checkouts(6, 900)) {
    const before = snapshot(root);
    const { changes } = planMigration(root, OPTIONS);
    for (let done = 0; done <= changes.length; done++) {
      // What a process has done that ends between two steps.
      applyChanges(changes.slice(0, done));
      undo(root);
      const left = Object.keys(snapshot(root)).filter((name) => !(name in before));
      // Originals without a record are copies of modules that were not replaced yet.
      expect(left.every((name) => name.endsWith('.orig'))).toBe(true);
      for (const name of left) fs.rmSync(`${root}/${name}`);
      expect(snapshot(root)).toEqual(before);
    }
  }
});

test('a file that somebody changes between plan and step is left alone', async () => {
  const [root] = checkouts(1, 7);
  const { changes } = planMigration(root, OPTIONS);
  const file = changes.at(-1).file;
  fs.appendFileSync(file, ' ');
  const before = snapshot(root);
  expect(await failureOf(() => applyChanges(changes))).toMatchObject({ code: 'E_EDITED' });
  expect(snapshot(root)).toEqual(before);
});

test('what was added to package.json since stays', async () => {
  for (const root of checkouts(25, 2000)) {
    const manifest = `${root}/package.json`;
    const original = JSON.parse(fs.readFileSync(manifest, 'utf8').replace('\ufeff', ''));
    migrate(root);
    const text = fs.readFileSync(manifest, 'utf8');
    fs.writeFileSync(manifest, withMember(text, 'scripts', 'later', 'echo later'));
    undo(root);
    const now = JSON.parse(fs.readFileSync(manifest, 'utf8').replace('\ufeff', ''));
    expect(now.scripts.later).toBe('echo later');
    const { scripts = {}, ...rest } = original;
    expect(now).toEqual({ ...rest, scripts: { ...scripts, later: 'echo later' } });
  }
});

test('migrated again with another package, undo still goes back to the first state', () => {
  for (const root of checkouts(15, 3000)) {
    const before = snapshot(root);
    migrate(root);
    migrate(root, { spec: 'file:../package.tgz', isGiven: true, isForced: true });
    undo(root);
    expect(snapshot(root)).toEqual(before);
  }
});

test('members are set and removed without another change to the text', () => {
  const random = seeded(5);
  const keys = ['a', 'b', 'c', 'ä"\\', '__proto__', 'z'];
  const key = () => keys[Math.floor(random() * keys.length)];
  for (let round = 0; round < 400; round++) {
    const object = {};
    for (let at = 0; at < random() * 5; at++) {
      const members = {};
      for (let member = 0; member < random() * 5; member++) Object.defineProperty(members, key(), own('v}"'));
      Object.defineProperty(object, key(), own(members));
    }
    const text = JSON.stringify(object, null, [0, 2, '\t'][round % 3]);
    const [section, name] = [key(), key()];
    const set = withMember(text, section, name, 'new', { isInOrder: round % 2 === 0 });
    const expected = JSON.parse(text);
    if (!Object.hasOwn(expected, section)) Object.defineProperty(expected, section, own({}));
    Object.defineProperty(expected[section], name, own('new'));
    expect(JSON.parse(set)).toEqual(expected);
    const isNewSection = !Object.hasOwn(object, section);
    const isNew = isNewSection || !Object.hasOwn(object[section], name);
    if (isNew)
      expect(JSON.parse(withoutMember(set, section, name, { isWhole: isNewSection }))).toEqual(JSON.parse(text));
    expect(withoutMember(text, 'no such section', name)).toBe(text);
  }
});

const own = (value) => ({ value, enumerable: true, writable: true, configurable: true });

test.each([
  ["export { default } from 'agentwise-optimization';", true],
  ["\ufeff// why\r\nexport * from 'agentwise-optimization/memory'\r\n", true],
  [
    '/* a */ export { default, type A } from "agentwise-optimization/cache"; export type { B } from "agentwise-optimization"',
    true,
  ],
  ['', false],
  ['// nothing', false],
  ["export * from './other';", false],
  ["export * from 'agentwise-optimization-other';", false],
  ["export * from 'agentwise-optimization';\nexport const own = 1;", false],
])('%j is a replacement: %s', (text, expected) => {
  expect(isReplacement(text)).toBe(expected);
});
