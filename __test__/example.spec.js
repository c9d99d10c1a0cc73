'use strict';

/** The example, on projects of many kinds. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT, runNode, useOwnDirectory } = require('./support.js');
const { linesOf, node } = require('./processes.js');

const EXAMPLE = path.join(ROOT, 'examples', 'production-optimization.mjs');
const AGENTS = ['frontend-specialist', 'backend-specialist', 'testing-specialist'];
const WELL = { code: 0, signal: null, stderr: '' };

const directory = useOwnDirectory();
const example = (...args) => node([EXAMPLE, ...args], { cwd: directory.path('work') });

const FILES = {
  'package.json': '{"name":"shop","dependencies":{"react":"^19.0.0"},"devDependencies":{"jest":"^30.0.0"}}',
  'src/Button.tsx': 'export const Button = ({ label }) => <button className="primary">{label}</button>;\n',
  'src/server/api.js': 'app.get("/api/orders", (request, response) => response.json(database.orders()));\n',
  'test/api.test.js': 'test("orders are listed", async () => expect(await get("/api/orders")).toEqual([]));\n',
  'README.md': '# Shop\n',
};

function write(files) {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(directory.path('project', name)), { recursive: true });
    fs.writeFileSync(directory.path('project', name), content);
  }
}

function git(...args) {
  const settings = [
    'user.name=Test',
    'user.email=test@example.com',
    'commit.gpgsign=false',
    'init.defaultBranch=main',
    // In the background, with a lock file in the directory that the tests remove.
    'maintenance.auto=false',
  ];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync('git', [...settings.flatMap((setting) => ['-c', setting]), ...args], {
    cwd: directory.path('project'),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
}

function commitTwice() {
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--message', 'First stone');
  write({ 'src/Button.tsx': `${FILES['src/Button.tsx']}// rounder\n` });
  git('commit', '--quiet', '--all', '--message', 'Round the button');
}

/** Every path below the working directory, but for the insides of git. */
const everything = () =>
  fs
    .readdirSync(directory.path(), { recursive: true })
    .filter((name) => !/\.git([\\/]|$)/.test(name))
    .sort();

/** The context that the example reads, as JSON. */
const contextOf = (root = directory.path('project')) =>
  runNode(
    `import { projectContext } from ${JSON.stringify(path.join(ROOT, 'examples', 'project-context.mjs'))};
    console.log(JSON.stringify(await projectContext(${JSON.stringify(root)}, 'the task')));`,
    { module: true },
  );

async function reportOf() {
  const { stdout, ...rest } = await example(directory.path('project'), '--json');
  expect(rest).toEqual(WELL);
  return JSON.parse(stdout);
}

beforeEach(() => {
  fs.mkdirSync(directory.path('work'));
  fs.mkdirSync(directory.path('project'));
});

/** What `--json` prints for any project. */
function expectReport(report) {
  expect(Object.keys(report.rounds)).toEqual(['first', 'afterEdit', 'unchanged']);
  for (const turns of Object.values(report.rounds)) {
    expect(turns.map((turn) => turn.agentId)).toEqual(AGENTS);
    for (const turn of turns) {
      expect(turn.tokensBefore).toBeGreaterThan(0);
      expect(turn.tokensFiltered).toBeGreaterThan(0);
      expect(turn.tokensFiltered).toBeLessThanOrEqual(turn.tokensBefore);
      expect(turn.tokensSaved).toBe(turn.tokensBefore - turn.tokensSent);
      expect(turn.ms).toBeGreaterThanOrEqual(0);
      expect(turn.kept).toContain('currentTask');
    }
  }
  expect(report.rounds.first.map((turn) => turn.type)).toEqual(['full', 'full', 'full']);
  expect(report.rounds.afterEdit.map((turn) => turn.type)).toEqual(Array(3).fill('incremental'));
  for (const { changedKeys } of report.rounds.afterEdit) expect(changedKeys).toContain('currentTask');
  for (const turn of report.rounds.unchanged) {
    // A reference: its hash takes some 40 to 60 tokens, whatever the project.
    expect([turn.type, turn.changedKeys]).toEqual(['incremental', []]);
    expect(turn.tokensSent).toBeLessThan(80);
  }
  expect(report.cache.lookups.map((lookup) => lookup.found)).toEqual([true, true, false, false]);
  expect([report.cache.hits, report.cache.misses]).toEqual([2, 2]);
  expect(report.memory.processMb).toBeGreaterThan(1);
  expect(report.memory.limitMb).toBeGreaterThan(1);
  expect(['config', 'cgroup', 'cgroupHigh', 'system']).toContain(report.memory.limitFrom);
  expect(report.health).toEqual({ overall: 'healthy', score: expect.any(Number), productionReady: true });
  expect(report.ms).toEqual({ readProject: expect.any(Number), createSystem: expect.any(Number) });
}

describe.each([
  ['without git', () => {}],
  ['with two commits', commitTwice],
])('a project %s', (_, prepare) => {
  beforeEach(() => {
    write(FILES);
    prepare();
  });

  test('--json prints the whole report as data', async () => {
    const report = await reportOf();
    expectReport(report);
    expect(report.project).toBe(directory.path('project'));
    expect(report.files).toBe(5);
    expect(Object.keys(FILES)).toContain(report.edited);
    expect(report.rounds.afterEdit[0].changedKeys).toContain(report.edited);
  });

  test('the same is printed as text', async () => {
    const { stdout, ...rest } = await example(directory.path('project'));
    expect(rest).toEqual(WELL);
    expect(stdout).toContain(`Project ${directory.path('project')}: 5 text files`);
    for (const agent of AGENTS) {
      expect(stdout.match(new RegExp(`^ {2}${agent} +(full|incremental) .* \\d`, 'gm'))).toHaveLength(3);
    }
    expect(stdout).toContain('Cached answers: 2 hits, 2 misses');
    expect(stdout).toMatch(/^Memory {2}[\d.]+ MB of [\d.]+ MB \(limit from \w+\)$/m);
    expect(stdout).toMatch(/^Health {2}healthy, score \d+, production ready: yes$/m);
    expect(stdout).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  test('nothing is left behind or changed', async () => {
    const before = everything();
    const texts = Object.keys(FILES).map((name) => fs.readFileSync(directory.path('project', name), 'utf8'));
    await example(directory.path('project'));
    await example(directory.path('project'), '--json');
    expect(everything()).toEqual(before);
    expect(Object.keys(FILES).map((name) => fs.readFileSync(directory.path('project', name), 'utf8'))).toEqual(texts);
  });

  test('the context has every field, and each file under its own path', async () => {
    const context = await contextOf();
    expect(context).toMatchObject({
      projectName: 'project',
      currentTask: 'the task',
      dependencies: { react: '^19.0.0', jest: '^30.0.0' },
      projectStructure: { '.': 2, src: 1, 'src/server': 1, test: 1 },
    });
    for (const name of Object.keys(FILES)) expect(context[name]).toContain(FILES[name]);
  });
});

test('recent changes are the commits, newest first, and none without git', async () => {
  write(FILES);
  expect((await contextOf()).recentChanges).toEqual([]);
  commitTwice();
  const { recentChanges } = await contextOf();
  expect(recentChanges).toEqual([
    { commit: expect.any(String), date: expect.any(String), subject: 'Round the button', files: ['src/Button.tsx'] },
    { commit: expect.any(String), date: expect.any(String), subject: 'First stone', files: Object.keys(FILES).sort() },
  ]);
  const hash = git('rev-parse', 'HEAD').trim();
  expect(hash.startsWith(recentChanges[0].commit)).toBe(true);
  expect(Number.isNaN(Date.parse(recentChanges[0].date))).toBe(false);
});

test('files that git ignores are not read', async () => {
  write({ ...FILES, '.gitignore': 'secret.json\n', 'secret.json': '{"key":"hidden"}' });
  commitTwice();
  expect(JSON.stringify(await contextOf())).not.toContain('hidden');
});

describe.each([
  ['without git', () => {}],
  ['with git', commitTwice],
])('odd files %s', (_, prepare) => {
  test('are left out or read as they are, and stop nothing', async () => {
    fs.mkdirSync(directory.path('outside'));
    fs.writeFileSync(directory.path('outside', 'secret.js'), 'const secret = "of another project";');
    write({
      ...FILES,
      'empty.js': '',
      'binary.png': Buffer.from([0, 1, 2, 255, 254]),
      'binary.js': Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x22]),
      'huge.js': 'x'.repeat(300_000),
      'with space é 日本.md': 'spaced',
      'line\nbreak.md': 'broken',
      'src/__proto__.js': 'a file with an ending',
      'constructor.js': 'module.exports = class {};',
      'node_modules/react/index.js': 'installed',
      '.gitignore': 'node_modules\n',
    });
    fs.writeFileSync(directory.path('project', '__proto__'), 'a file without an ending');
    fs.symlinkSync(directory.path('outside', 'secret.js'), directory.path('project', 'linked.js'));
    fs.symlinkSync(directory.path('outside'), directory.path('project', 'linked'));
    fs.symlinkSync(directory.path('nowhere.js'), directory.path('project', 'dangling.js'));
    fs.symlinkSync('.', directory.path('project', 'loop'));
    prepare();
    const context = await contextOf();
    expect(JSON.stringify(context)).not.toMatch(/of another project|installed/);
    for (const name of ['linked.js', 'linked/secret.js', 'dangling.js', 'empty.js', 'binary.png', 'huge.js']) {
      expect(Object.hasOwn(context, name)).toBe(false);
    }
    expect(context).toMatchObject({ 'with space é 日本.md': 'spaced', 'line\nbreak.md': 'broken' });
    expect([context['src/__proto__.js'], typeof context['binary.js']]).toEqual(['a file with an ending', 'string']);
    const report = await reportOf();
    expectReport(report);
    expect(report.files).toBe(10);
  });

  test('a file that git still lists but that is gone', async () => {
    write(FILES);
    prepare();
    fs.rmSync(directory.path('project', 'README.md'));
    const report = await reportOf();
    expectReport(report);
    expect(report.files).toBe(4);
  });
});

test.each([
  'constructor',
  'toString',
  '__proto__',
  'hasOwnProperty',
])('a directory named %s is counted like any other', async (name) => {
  write({ [`${name}/a.js`]: '1;', [`${name}/b.js`]: '2;', 'src/c.js': '3;' });
  const { projectStructure } = await contextOf();
  expect(Object.entries(projectStructure).sort()).toEqual(
    [
      [name, 2],
      ['src', 1],
    ].sort(),
  );
});

test.each([
  '',
  '{',
  'null',
  '[]',
  '{"dependencies":null}',
  '{"dependencies":["a"]}',
])('a package.json of %j stops nothing', async (text) => {
  write({ ...FILES, 'package.json': text });
  expectReport(await reportOf());
});

test('the reasons in the tables are explained below them, and no others', async () => {
  write(FILES);
  const { rounds } = await reportOf();
  const reasons = new Set(rounds.first.flatMap(({ leftOut }) => Object.keys(leftOut.reasons)));
  const { stdout } = await example(directory.path('project'));
  const explained = [...stdout.matchAll(/^ {2}(excluded|score|reduction|limit|pressure|blocks): \w/gm)];
  expect(reasons.size).toBeGreaterThan(0);
  expect(explained.map(([, reason]) => reason).sort()).toEqual([...reasons].sort());
});

test('an empty directory is a project, too, and nothing of it was edited', async () => {
  const report = await reportOf();
  expectReport(report);
  expect([report.files, report.edited]).toEqual([0, null]);
  const { stdout, ...rest } = await example(directory.path('project'));
  expect(rest).toEqual(WELL);
  expect(stdout).not.toMatch(/null|undefined|NaN/);
});

describe('a mistake ends with exit code 1 and one line', () => {
  test.each([
    ['an unknown option', ['--verbose'], /^E_USAGE: .*--verbose.*; usage: node .* \[directory\] \[--json\]$/],
    ['a directory that is not there', ['nowhere'], /^E_INVALID_ARGUMENT: .*nowhere; usage: node /],
    ['a file instead of a directory', ['../project/file.txt'], /^E_INVALID_ARGUMENT: .*file\.txt; usage: node /],
    ['--json with a value', ['--json=yes'], /^E_USAGE: .*--json.*; usage: node /],
    ['two directories', ['..', '../project'], /^E_USAGE: .*\.\.\/project; usage: node /],
  ])('%s', async (...[, args, message]) => {
    write({ 'file.txt': 'x' });
    const before = everything();
    const { stderr, ...rest } = await example(...args);
    expect(rest).toEqual({ code: 1, signal: null, stdout: '' });
    expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
    expect(everything()).toEqual(before);
  });
});

test("a configuration file that is broken is told in one line, in the reader's directory", async () => {
  write(FILES);
  fs.mkdirSync(directory.path('work', 'config'));
  fs.writeFileSync(directory.path('work', 'config', 'optimization.development.json'), '{');
  const { stderr, ...rest } = await example(directory.path('project'));
  expect(rest).toEqual({ code: 1, signal: null, stdout: '' });
  expect(linesOf(stderr)).toEqual([expect.stringContaining('optimization.development.json')]);
});
