import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeBlocks } from '../markdown.mjs';
import { runByCi } from './by-ci.mjs';
import { exampleSteps } from './declarations.mjs';
import { isPrinted, steps } from './steps.mjs';

const plan = (...lines) => steps(codeBlocks('page.md', lines.join('\n')), (line) => `#${line}`);
const kinds = (...lines) => plan(...lines).steps.map(({ kind }) => kind);
const problems = (...lines) => plan(...lines).problems;

test('lines of a program have the numbers of the page', () => {
  const [{ code }] = plan(
    '# Title',
    '',
    '```js',
    "import 'node:fs';",
    'one();',
    '```',
    '',
    '```js',
    'two();',
    '```',
  ).steps;
  const lines = code.split('\n');
  assert.equal(lines[4], 'one();');
  assert.equal(lines[8], 'two();');
});

test('a block that does not import goes on in the program before it, with names of its own', () => {
  const { steps: found } = plan(
    '```js',
    "import 'node:fs';",
    'const a = 1;',
    '```',
    '',
    '```js',
    'const a = 2;',
    '```',
  );
  assert.equal(found.length, 1);
  assert.equal(found[0].blocks.length, 2);
  assert.doesNotThrow(
    () => new Function(found[0].code.replace("import 'node:fs';", '').replaceAll('process.stdout.write', 'String')),
  );
});

test('a block that goes on has its imports at the beginning, and lines as before', () => {
  const page = ['```js', "import 'node:fs';", '```', '', '```js', "import { a } from 'node:os';", 'a();', '```'];
  const [{ code }] = plan('# Title', '', ...page).steps;
  assert.match(code, /^import { a } from 'node:os';\n/);
  assert.equal(code.split('\n')[8], 'a();');
});

test('a block that imports the package begins a program', () => {
  const begins = ['```js', 'import {', '  a,', "} from 'agentwise-optimization/cache';", '```'];
  assert.deepEqual(kinds(...begins, '', ...begins), ['program', 'program']);
});

test('a set-up that imports begins a program', () => {
  const { steps: found } = plan('<!-- set-up:', "import 'node:fs';", 'const a = 1;', '-->', '', '```js', 'a;', '```');
  assert.match(found[0].code, /const a = 1;\n/);
});

test('what cannot be run is a problem', () => {
  assert.equal(problems('```js', 'goesOn();', '```').length, 1);
  assert.equal(problems('```', 'no language', '```').length, 1);
  assert.equal(problems('    indented code', '').length, 1);
  assert.equal(problems('<!-- not run: -->', '', '```sh', 'true', '```').length, 1);
});

test('an exception has its reason, and nothing of it runs', () => {
  const [step] = plan('<!-- not run: it takes a year -->', '', '```sh', 'sleep 1y', '```').steps;
  assert.deepEqual(step, { kind: 'exception', line: 3, reason: 'it takes a year' });
});

test('other kinds of blocks', () => {
  assert.deepEqual(kinds('```json file=a.json', '{}', '```'), ['file', 'data']);
  assert.deepEqual(kinds('```js file=a.js', "import 'node:fs';", '```'), ['file']);
  assert.deepEqual(kinds('```text', 'a picture', '```'), ['text']);
  assert.deepEqual(kinds('<!-- before:', 'true', '-->', '<!-- serves: cat -->', '```sh', 'true', '```'), [
    'server',
    'shell',
    'shell',
  ]);
});

test('commands of sh: comments are none, a line may go on in the next', () => {
  const [{ lines }] = plan('```sh', '# a comment', 'echo a \\', '  b   # why', '', 'true', '```').steps;
  assert.deepEqual(
    lines.map(({ line, command }) => [line, command]),
    [
      [3, 'echo a   b'],
      [6, 'true'],
    ],
  );
});

test('a dialogue has what each command prints', () => {
  const [{ lines }] = plan('```console', '$ one', 'a', 'b', '$ two', '```').steps;
  assert.deepEqual(
    lines.map(({ command, expected }) => [command, expected]),
    [
      ['one', 'a\nb'],
      ['two', ''],
    ],
  );
});

test('what is printed is compared as a whole, but for …', () => {
  assert.ok(isPrinted('a … c', 'a b c\n'));
  assert.ok(isPrinted('a\n…\nz', 'a\nb\nc\nz\n'));
  assert.ok(!isPrinted('a', 'a\nb'));
  assert.ok(!isPrinted('a.c', 'abc'));
  assert.ok(!isPrinted('a …', 'b'));
});

test('a command is run by CI if that calls it, or a script that it calls', () => {
  assert.equal(runByCi('npm test'), true);
  assert.equal(runByCi('npm install'), true);
  assert.equal(runByCi('npm run bench -- --only first-result'), true);
  assert.equal(runByCi('npm run bench -- --only no-such-one'), false);
  // That there is such a benchmark is not enough.
  assert.equal(runByCi('npm run bench -- --only memory-agents'), false);
  assert.equal(runByCi('npm install ../packages/*.tgz'), true);
  assert.equal(runByCi('npm install ../packages/*.zip'), false);
  assert.equal(runByCi('npm run build:everything'), false);
  assert.equal(runByCi('echo hello'), null);
});

test('every example of index.d.ts is found', () => {
  const found = exampleSteps('index.d.ts', (line) => `#${line}`);
  assert.ok(found.length >= 30, `${found.length} examples`);
  assert.ok(found.every(({ code }) => !code.includes('@throws')));
});
