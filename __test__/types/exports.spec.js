/**
 * What the declarations declare is what there is: the compiler compares them with the names that the module has at run
 * time, written into files as object literals, in which neither a missing nor an additional name passes.
 */

const { execFile } = require('node:child_process');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const addon = require('../../index.js');

const ROOT = path.join(__dirname, '..', '..');
const PACKAGE = 'agentwise-optimization';

let directory;

beforeAll(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-')));
  fs.mkdirSync(path.join(directory, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(directory, 'node_modules', PACKAGE), 'junction');
});

afterAll(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

/** What the compiler says of a file; nothing when it compiles. */
async function compile(name, text) {
  const tsconfig = path.join(directory, `${name}.json`);
  fs.writeFileSync(path.join(directory, name), text);
  fs.writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: path.join(ROOT, '__test__', 'types', 'tsconfig.json'),
      compilerOptions: { typeRoots: [path.join(ROOT, 'node_modules', '@types')], noUnusedLocals: false },
      include: [name],
    }),
  );
  const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = { cwd: directory, maxBuffer: 16 << 20 };
  return promisify(execFile)(process.execPath, [tsc, '--project', tsconfig], options).then(
    ({ stdout }) => stdout,
    (error) => error.stdout || error.message,
  );
}

const literal = (names) => `{ ${names.map((name) => `${name}: true`).join(', ')} }`;

/** Says that the names of `type` are `names`, no more and no less, and that this can be wrong. */
function assertion(id, type, names) {
  return `
    export const ${id}: Record<${type}, true> = ${literal(names)};
    // @ts-expect-error one is missing
    export const ${id}Missing: Record<${type}, true> = ${literal(names.slice(1))};
    // @ts-expect-error one is not declared
    export const ${id}Additional: Record<${type}, true> = ${literal([...names, 'notDeclared'])};
  `;
}

test('require() gives what index.d.ts declares', async () => {
  const text = `import declared = require('${PACKAGE}');${assertion('names', 'keyof typeof declared', Object.keys(addon))}`;
  expect(await compile('required.cts', text)).toBe('');
});

test('import gives what index.d.mts declares', async () => {
  // Jest has no ESM without a flag: the names come from a process of its own.
  const script = `import * as all from '${PACKAGE}'; console.log(JSON.stringify(Object.keys(all)))`;
  const options = { cwd: ROOT };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], options);
  const names = JSON.parse(stdout);
  expect(names).toContain('default');
  const text = `import * as declared from '${PACKAGE}';${assertion('names', 'keyof typeof declared', names)}`;
  expect(await compile('imported.mts', text)).toBe('');
});

test.each([
  'ProductionOptimizationSystem',
  'OptimizationOrchestrator',
  'AdvancedCacheManager',
  'AgentContextFilter',
  'MemoryManager',
  'ProductionMonitor',
  'SharedContextClient',
  'TokenOptimizer',
])('%s has the members it declares', async (name) => {
  const addonClass = addon[name];
  const own = (object, ...others) =>
    Object.getOwnPropertyNames(object).filter((key) => !others.includes(key) && !key.startsWith('_'));
  const inherited = (prototype) =>
    prototype === EventEmitter.prototype || prototype === Object.prototype
      ? []
      : [...own(prototype, 'constructor'), ...inherited(Object.getPrototypeOf(prototype))];
  const all = new Set(inherited(addonClass.prototype));
  const members = [...all].filter((key) => !(key in EventEmitter.prototype));
  const statics = own(addonClass, 'prototype', 'length', 'name');
  const text = `
    import { EventEmitter } from 'node:events';
    import { ${name} as Declared } from '${PACKAGE}';
    type Members = Exclude<keyof Declared & string, keyof EventEmitter>;
    type Statics = Exclude<keyof typeof Declared, keyof typeof EventEmitter>;
    ${assertion('members', 'Members', members)}
    ${statics.length > 0 ? assertion('statics', 'Statics', statics) : 'export const statics: Record<Statics, true> = {};'}
  `;
  expect(await compile(`${name}.mts`, text)).toBe('');
});
