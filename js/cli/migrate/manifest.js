'use strict';

/** The four scripts and the dependency in a `package.json`. Nothing else in it changes, not even white space. */

const { isDeepStrictEqual } = require('node:util');
const { AgentwiseError } = require('../../errors.js');
const { withMember, withoutMember } = require('./json-text.js');
const { BOM, PACKAGE, isOwnName } = require('./modules.js');

/** Where npm may write what it installs; the first one is for what the modules need. */
const SECTIONS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];

/** Scripts that the command line takes over, with its command of the same purpose. */
const COMMANDS = {
  'optimization:health': 'health',
  'optimization:report': 'report',
  'optimization:status': 'status',
};

/** A program of the checkout's own, that stays what it runs: it imports the modules that are replaced. */
const EXAMPLE = Object.freeze({
  name: 'optimization:example',
  file: 'examples/production-optimization-example.ts',
  script: 'ts-node examples/production-optimization-example.ts',
});

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** What `text` holds; refuses what npm would not take either. */
function parsed(text, file) {
  let manifest;
  try {
    manifest = JSON.parse(text.replace(BOM, ''));
  } catch (cause) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${file} is no JSON: ${cause.message}`, { cause });
  }
  const isSound = isObject(manifest) && ['scripts', 'dependencies'].every((name) => isObject(manifest[name] ?? {}));
  if (isSound && manifest.scripts !== null && manifest.dependencies !== null) return manifest;
  throw new AgentwiseError('E_INVALID_ARGUMENT', `${file} must be an object, and so must its scripts and dependencies`);
}

/** The environment that the script of the original names, else the one that all of them named. */
const environmentOf = (script = '') =>
  script.match(/environment\s*:\s*\\?['"](development|staging|production)\\?['"]/)?.[1] ?? 'development';

/** The scripts of the original load the system themselves. */
const isOriginal = (script) => /\bnode\b/.test(script) && script.includes('ProductionOptimizationSystem');

const isOurs = (script) => new RegExp(`(^|[\\s/])${PACKAGE}\\s`).test(`${script} `);

/** `state`: `set` (changes), `kept` (is right as it is), or `foreign` (somebody's own, which only `isForced` overwrites). */
function scriptStep(name, command, before, isForced) {
  const after = `${PACKAGE} ${command} --environment ${environmentOf(before)}`;
  if (before !== undefined && isOurs(before)) return { name, state: 'kept', before, after: before };
  if (before === undefined || isOriginal(before) || isForced) return { name, state: 'set', before, after };
  return { name, state: 'foreign', before, after: before };
}

/** The example's script runs a file of the checkout: it is only added where it is missing and there is something to run. */
function exampleStep(before, hasExample) {
  const { name, script } = EXAMPLE;
  if (before !== undefined) return { name, state: 'kept', before, after: before };
  if (hasExample) return { name, state: 'set', before, after: script };
  return { name, state: 'absent', before, after: undefined };
}

function dependencyStep(manifest, wanted, isGiven) {
  const section = SECTIONS.find((name) => isObject(manifest[name]) && Object.hasOwn(manifest[name], PACKAGE));
  const before = section && manifest[section][PACKAGE];
  if (section && (!isGiven || before === wanted)) return { section, state: 'kept', before, after: before };
  return { section: section ?? 'dependencies', state: 'set', before, after: wanted };
}

/** What changes, as it is recorded: a `before` that is absent means that there was none. */
function editsOf(manifest, steps, dependency) {
  const edits = steps
    .filter(({ state }) => state === 'set')
    .map(({ name, before, after }) => ({ section: 'scripts', key: name, before, after }));
  if (dependency.state === 'set') edits.push({ ...dependency, key: PACKAGE, state: undefined });
  return edits.map((edit) => ({ ...edit, isNewSection: manifest[edit.section] === undefined }));
}

/** `manifest` with `edits` in it, to compare with. */
function edited(manifest, edits) {
  for (const { section, key, after } of edits) {
    manifest[section] ??= {};
    manifest[section][key] = after;
  }
  return manifest;
}

/**
 * @param {string} text of `package.json`
 * @param {{ file: string, spec: string, isGiven: boolean, isForced: boolean, hasExample: boolean }} options `spec` is the
 * version to depend on; `isGiven` if it was asked for
 * @returns {{ text: string, edits: object[], scripts: object[], dependency: object }}
 * @throws `E_INVALID_ARGUMENT` for what is no manifest
 */
function editManifest(text, { file, spec, isGiven, isForced, hasExample }) {
  const manifest = parsed(text, file);
  const scripts = manifest.scripts ?? {};
  const own = (name) => (Object.hasOwn(scripts, name) ? String(scripts[name]) : undefined);
  const steps = [
    exampleStep(own(EXAMPLE.name), hasExample),
    ...Object.entries(COMMANDS).map(([name, command]) => scriptStep(name, command, own(name), isForced)),
  ];
  const dependency = dependencyStep(manifest, spec, isGiven);
  const edits = editsOf(manifest, steps, dependency);
  const result = edits.reduce(
    (before, { section, key, after }) => withMember(before, section, key, after, { isInOrder: section !== 'scripts' }),
    text,
  );
  // What was written by place is read back: a manifest that says something else must never be stored.
  if (!isDeepStrictEqual(parsed(result, file), edited(parsed(text, file), edits))) {
    throw new AgentwiseError('E_INTERNAL', `${file} cannot be changed in place`);
  }
  return { text: result, edits, scripts: steps, dependency };
}

/** Members of `section` that installing this package writes. */
const ownIn = (manifest, section) =>
  isObject(manifest[section]) ? Object.entries(manifest[section]).filter(([name]) => isOwnName(name)) : [];

/** `text` with exactly the entries of this package that `original` has: npm writes over them whatever was there. */
function withOwnOf(original, text, file) {
  let result = text;
  for (const section of SECTIONS) {
    const before = new Map(ownIn(original, section));
    for (const [name] of ownIn(parsed(result, file), section)) {
      if (before.has(name)) continue;
      result = withoutMember(result, section, name, { isWhole: original[section] === undefined });
    }
    for (const [name, value] of before) {
      const now = new Map(ownIn(parsed(result, file), section));
      if (now.get(name) !== value) result = withMember(result, section, name, value, { isInOrder: true });
    }
  }
  return result;
}

/** What a manifest says. npm takes lists of dependencies away that are empty. */
function meaningOf(manifest) {
  const isEmpty = ([name, value]) => SECTIONS.includes(name) && isObject(value) && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(manifest).filter((member) => !isEmpty(member)));
}

/**
 * A manifest that was changed since: entries of this package become what they were, of `edits` what still is as it was set
 * goes back, the rest stays. Where that says what `before` said, it is that text, however npm wrote it anew.
 *
 * @param {string} text
 * @param {{ before: string, edits: object[] }} row of the record
 * @param {string} file
 * @param {{ isForced?: boolean }} [options] `isForced`: also edits that were changed since go back
 * @returns {{ text: string, left: string[] }} `left` names what was not put back
 */
function revertManifest(text, { before: original, edits }, file, { isForced = false } = {}) {
  const left = [];
  const wanted = parsed(original, file);
  let result = withOwnOf(wanted, text, file);
  for (const { section, key, before, after, isNewSection } of [...edits].reverse()) {
    if (SECTIONS.includes(section) && isOwnName(key)) continue;
    const manifest = parsed(result, file);
    const now = isObject(manifest[section]) ? manifest[section][key] : undefined;
    if (now === before) continue;
    if (now !== after && !isForced) left.push(`${section} ${key}`);
    else if (before === undefined) result = withoutMember(result, section, key, { isWhole: isNewSection });
    else result = withMember(result, section, key, before);
  }
  const isSame = isDeepStrictEqual(meaningOf(parsed(result, file)), meaningOf(wanted));
  return { text: isSame ? original : result, left };
}

module.exports = { editManifest, revertManifest, EXAMPLE };
