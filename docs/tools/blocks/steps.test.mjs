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

test('the program of a page is what a reader pastes together: its blocks and nothing else', () => {
  const begins = ['```js', "import { a } from 'agentwise-optimization/cache';", 'const b = a;', '```'];
  const goesOn = ['```js', "import { c } from 'agentwise-optimization';", 'c(b);', '```'];
  const { steps: found } = plan(...begins, '', '```text output', '1', '```', '', ...goesOn);
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['program', 'output'],
  );
  const shown = found[0].code.split('\n').filter((line) => line !== '' && !line.startsWith(';process.stdout.write('));
  assert.deepEqual(shown, [...begins.slice(1, -1), ...goesOn.slice(1, -1)]);
});

test('another language is another program, and so is a block that is alone', () => {
  const begins = (lang) => [`\`\`\`${lang}`, "import 'agentwise-optimization';", '```', ''];
  const page = [...begins('js'), ...begins('ts'), ...begins('js alone'), ...begins('js'), ...begins('ts')];
  assert.deepEqual(
    plan(...page).steps.map(({ line, blocks }) => [line, blocks.length]),
    [
      [1, 2],
      [5, 2],
      [9, 1],
    ],
  );
});

test('code that readers do not see is a problem', () => {
  const block = ['```js', "import 'node:fs';", '```'];
  assert.equal(problems('<!-- set-up:', 'const a = 1;', '-->', '', ...block).length, 1);
  assert.equal(problems('<!-- before: true -->', '', ...block).length, 1);
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
