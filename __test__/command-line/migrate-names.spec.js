'use strict';

/** What a re-export has: the names of the original, and no more. */

const { namesOf, offeredBy } = require('../../js/cli/migrate/exported.js');
const { MODULES, isReplacement } = require('../../js/cli/migrate/modules.js');
const { replacementFor } = require('../../js/cli/migrate/replacement.js');

const lines = (file, original) =>
  replacementFor(
    MODULES.find((module) => module.file.endsWith(`/${file}.ts`)),
    original,
  )
    .split('\n')
    .slice(1, -1);

test.each([
  ['export class A {}\nexport default A;', ['A']],
  ['export abstract class A {}\nexport interface B {}\nexport type C = 1;', ['A', 'B', 'C']],
  ['export async function a() {}\nexport function* b() {}\nexport const enum C {}', ['a', 'b', 'C']],
  ['export declare const a: number;\r\nexport enum B {}\r\nexport namespace C {}', ['a', 'B', 'C']],
  ['class A {}\nexport { A, B as C, type D, A as default } ;\nexport type { E };', ['A', 'C', 'D', 'E']],
  ["export { A } from './a';", ['A']],
  ['/*\nexport class No {}\n*/\n// export class Nor {}\nexport class A {}', ['A']],
  ["const url = 'http://localhost'; export_no();\nexport const A = url;", ['A']],
  ['export default class A {}', []],
])('%j exports %j and nothing else', (text, names) => {
  expect(namesOf(text)).toEqual({ names, isWhole: true });
});

test.each([
  ["export * from './a';\nexport class A {}", ['A']],
  ['export const { a, b } = c;', []],
  ['module.exports = {};', []],
  ['', []],
])('%j exports %j and what is not told', (text, names) => {
  expect(namesOf(text)).toEqual({ names, isWhole: false });
});

test('types stand in a list of their own, and what the package has not is left out', () => {
  const original = 'export interface MemoryConfig {}\nexport class MemoryManager {}\nexport type OfOld = 1;\n';
  expect(lines('MemoryManager', original)).toEqual([
    "export { default, MemoryManager } from 'agentwise-optimization/memory';",
    "export type { MemoryConfig } from 'agentwise-optimization/memory';",
  ]);
  expect(lines('ProductionOptimizationSystem', 'export class ProductionOptimizationSystem {}\n')).toEqual([
    "export { default, ProductionOptimizationSystem } from 'agentwise-optimization';",
  ]);
});

test('what callers import is there, although the original does not say it in a way that is understood', () => {
  const module = {
    ...MODULES.find(({ file }) => file.endsWith('/MemoryManager.ts')),
    imported: ['MemoryAlert', 'OfOld'],
  };
  expect(namesOf(replacementFor(module, 'export class MemoryManager {}\n')).names).toEqual([
    'MemoryManager',
    'MemoryAlert',
  ]);
});

test.each(MODULES.map((module) => [module.file, module]))('%s: what is known of it where names are not told', (...[
  ,
  module,
]) => {
  const text = replacementFor(module, "export * from './other';\nexport class AgentwiseError {}\n");
  const { names, isWhole } = namesOf(text);
  expect([names[0], isWhole]).toEqual(['AgentwiseError', true]);
  const known = namesOf(replacementFor(module, '')).names;
  expect(names.slice(1)).toEqual(known);
  expect(known.length).toBeGreaterThanOrEqual(2);
  expect(known.length).toBeLessThanOrEqual(5);
});

test.each(MODULES.map((module) => [module.entry, module]))('%s: every name is a value or a type', (...[, module]) => {
  const offered = offeredBy(module.entry);
  const names = [...offered.keys()].filter((name) => name !== 'default');
  const original = names.map((name) => `export ${offered.get(name) ? 'type' : 'class'} ${name}`).join('\n');
  expect(isReplacement(replacementFor(module, original))).toBe(true);
  const subpath = module.entry.slice('agentwise-optimization/'.length);
  const values = Object.keys(require(subpath === '' ? '../../index.js' : `../../entry/${subpath}.js`));
  expect(names.filter((name) => !offered.get(name)).sort()).toEqual(values.filter((name) => name !== 'default').sort());
});
