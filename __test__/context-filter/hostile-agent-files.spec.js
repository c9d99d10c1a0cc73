'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { useOwnDirectory, failureOf, ROOT } = require('../support.js');
const { node } = require('../processes.js');
const { open } = require('./support.js');

const own = useOwnDirectory();

const agents = (...names) => own.path('.claude', 'agents', ...names);
const put = (name, content) => fs.writeFileSync(agents(name), content);
const GOOD = '---\nname: gardener\nmaxContextSize: 12\n---\nYou are a gardener.\n';

/** The first of some looks that took less than `ms` of the processors, else the last. What waits for ever does not end at all. */
async function lookWithin(ms) {
  let seen = await look();
  for (let attempt = 1; attempt < 3 && seen.ms >= ms; attempt++) seen = await look();
  return seen;
}

/** What a process of its own sees of the directory: it prints nothing but this, and ends by itself. */
async function look() {
  const script = `
    const { AgentContextFilter } = require(${JSON.stringify(ROOT)});
    (async () => {
      const filter = new AgentContextFilter();
      const warnings = [];
      filter.on('warning', (warning) => warnings.push(warning));
      const started = process.cpuUsage();
      const { filtered } = await filter.filterContext('gardener', { currentTask: 'Water the roses', other: 'x' });
      const { user, system } = process.cpuUsage(started);
      console.log(JSON.stringify({ ms: (user + system) / 1000, filtered, warnings, known: filter.getFilterStats().agentSpecializations }));
    })();`;
  const { code, stdout, stderr } = await node(['-e', script], { cwd: own.path() });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

const alias = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
for (let at = 1; at < 9; at++)
  alias.push(
    `a${at}: &a${at} [${Array(9)
      .fill(`*a${at - 1}`)
      .join(', ')}]`,
  );

/** By name: what is there beside a sound file, which files are told of, and what of. */
const HOSTILE = [
  ['broken YAML', () => put('bad.md', '---\nname: [a, {b: ]\n  - x: : y\n---\nx'), ['bad.md']],
  ['front matter that does not end', () => put('bad.md', `---\nname: a\n${'x\n'.repeat(1000)}`), ['bad.md']],
  ['a list as front matter', () => put('bad.md', '---\n- a\n- b\n---\nx'), ['bad.md']],
  ['a file of 10 MB', () => put('bad.md', `---\nname: big\n---\n${'word '.repeat(2 << 20)}`), ['bad.md']],
  [
    'a binary file',
    () => put('bad.md', Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 37) % 256))),
    ['bad.md'],
  ],
  ['an empty file', () => put('bad.md', ''), ['bad.md']],
  ['an alias bomb', () => put('bad.md', `---\nname: bomb\n${alias.join('\n')}\n---\nx`), ['bad.md']],
  [
    'deep nesting',
    () => put('bad.md', `---\nname: deep\nkeywords: ${'['.repeat(5000)}${']'.repeat(5000)}\n---\nx`),
    ['bad.md'],
  ],
  ['a name with a slash', () => put('bad.md', '---\nname: ../../etc/passwd\n---\nx'), ['bad.md']],
  ['a name with a backslash', () => put('bad.md', '---\nname: a\\b\n---\nx'), ['bad.md']],
  ['a name with a line end', () => put('bad.md', '---\nname: "a\\nb"\n---\nx'), ['bad.md']],
  ['an empty name', () => put('bad.md', '---\nname: ""\n---\nx'), ['bad.md']],
  ['a name of a megabyte', () => put('bad.md', `---\nname: ${'n'.repeat(200_000)}\n---\nx`), ['bad.md']],
  ['a NaN priority', () => put('bad.md', '---\nname: a\ncontextPriorities: { b: .nan }\n---\nx'), ['bad.md']],
  ['an infinite priority', () => put('bad.md', '---\nname: a\ncontextPriorities: { b: .inf }\n---\nx'), ['bad.md']],
  ['an infinite size', () => put('bad.md', '---\nname: a\nmaxContextSize: -.inf\n---\nx'), ['bad.md']],
  ['a size of 0', () => put('bad.md', '---\nname: a\nmaxContextSize: 0\n---\nx'), ['bad.md']],
  ['a broken glob', () => put('bad.md', '---\nname: a\nfilePatterns: ["src/[a"]\n---\nx'), ['bad.md']],
  ['keywords that are no list', () => put('bad.md', '---\nname: a\nkeywords: 5\n---\nx'), ['bad.md']],
  [
    '10,000 patterns',
    () => put('bad.md', `---\nname: a\nfilePatterns: [${'"**/*a*",'.repeat(10_000)}]\n---\nx`),
    ['bad.md'],
  ],
  ['a directory of that name', () => fs.mkdirSync(agents('bad.md')), ['bad.md']],
];
const ON_UNIX = [
  [
    'links in a loop',
    () => {
      fs.symlinkSync('b.md', agents('a.md'));
      fs.symlinkSync('a.md', agents('b.md'));
    },
    ['a.md', 'b.md'],
  ],
  ['a link to the directory itself', () => fs.symlinkSync('.', agents('bad.md')), ['bad.md']],
  ['a link to nothing', () => fs.symlinkSync('nowhere', agents('bad.md')), ['bad.md']],
  ['a link to an endless device', () => fs.symlinkSync('/dev/zero', agents('bad.md')), ['bad.md']],
  ['a pipe that nobody writes into', () => execFileSync('mkfifo', [agents('bad.md')]), ['bad.md']],
];

describe('beside a sound file', () => {
  const cases = process.platform === 'win32' ? HOSTILE : [...HOSTILE, ...ON_UNIX];

  test.each(cases)('%s is told of and does no harm', async (_, make, files) => {
    fs.mkdirSync(agents(), { recursive: true });
    put('good.md', GOOD);
    make();
    const { ms, filtered, warnings, known } = await lookWithin(3000);
    expect(filtered.currentTask).toBe('Water the roses');
    expect(warnings.map((warning) => warning.path).sort()).toEqual(files);
    for (const { message } of warnings) {
      expect(message.length).toBeGreaterThan(5);
      expect(message.length).toBeLessThan(2000);
    }
    expect(known.filter((name) => !name.endsWith('-specialist'))).toEqual(['gardener']);
    expect(ms).toBeLessThan(3000);
  });
});

const NO_DIRECTORY = [['agents is a file', () => fs.writeFileSync(own.path('.claude', 'agents'), 'x')]];
if (process.platform !== 'win32') {
  NO_DIRECTORY.push(['agents is a link to itself', () => fs.symlinkSync('agents', own.path('.claude', 'agents'))]);
}

test.each(NO_DIRECTORY)('where %s, a warning says so and the built-in agents are there', async (_, make) => {
  fs.mkdirSync(own.path('.claude'));
  make();
  const { filtered, warnings, known } = await look();
  expect(filtered).toEqual({ currentTask: 'Water the roses', other: 'x' });
  expect(warnings).toEqual([{ path: '.claude/agents', message: expect.any(String) }]);
  expect(known).toHaveLength(7);
});

test('where there is no such directory, nothing is said', async () => {
  expect((await look()).warnings).toEqual([]);
  fs.writeFileSync(own.path('.claude'), 'a file');
  expect((await look()).known).toHaveLength(7);
});

test('1,000 files are read, more are told of', async () => {
  fs.mkdirSync(agents(), { recursive: true });
  for (let at = 0; at < 1100; at++)
    put(`agent${String(at).padStart(4, '0')}.md`, `---\nname: n${at}\n---\nPrompt ${at}.\n`);
  const { warnings, known } = await look();
  expect(known).toHaveLength(1007);
  expect(warnings).toEqual([{ path: '.claude/agents', message: expect.stringContaining('1000') }]);
});

describe('patterns that hang an engine which backtracks', () => {
  const PATTERNS = [
    '**/*a*a*a*a*a*a*a*a*a*b',
    `${'*a'.repeat(60)}*b`,
    '**/'.repeat(30).concat('b'),
    '{a,{a,{a,{a,{a,b}}}}}'.repeat(8).concat('c'),
    '{a*,*a}{a*,*a}{a*,*a}{a*,*a}{a*,*a}{a*,*a}b',
    '(a+)+b',
    '(a|aa)+$',
    '[a-a]*[a-a]*[a-a]*[a-a]*[a-a]*b',
    '?*?*?*?*?*?*?*?*b',
  ];

  test.each(PATTERNS)('%s is matched in time', async (pattern) => {
    const name = 'a'.repeat(200);
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`${`${name}/`.repeat(3)}${at}${name}`, 'x'.repeat(300)]),
    );
    const filter = open();
    filter.addAgentSpecialization({
      name: 'gardener',
      maxContextSize: 9,
      filePatterns: [pattern],
      excludePatterns: [pattern],
    });
    let least = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3 && least >= 1000; attempt++) {
      const started = process.cpuUsage();
      const context = { currentTask: `Count the letters ${attempt}`, files };
      const { filtered } = await filter.filterContext('gardener', context, 0, 0, { targetReduction: 0 });
      const { user, system } = process.cpuUsage(started);
      least = Math.min(least, (user + system) / 1000);
      expect(Object.keys(filtered.files)).toHaveLength(50);
    }
    expect(least).toBeLessThan(1000);
    fs.mkdirSync(agents(), { recursive: true });
    put('gardener.md', `---\nname: gardener\nexcludePatterns: [${JSON.stringify(pattern)}]\n---\nx\n`);
    expect((await lookWithin(2000)).ms).toBeLessThan(2000);
  });
});

describe('addAgentSpecialization', () => {
  const problemsOf = async (wrong) => {
    const error = await failureOf(() =>
      open().addAgentSpecialization({ name: 'gardener', maxContextSize: 5, ...wrong }),
    );
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
    return error.problems.map((problem) => problem.path).sort();
  };

  test.each([
    [{ maxContextSize: Number.NaN }, ['maxContextSize']],
    [{ maxContextSize: -1 }, ['maxContextSize']],
    [{ maxContextSize: undefined }, ['maxContextSize']],
    [
      { contextPriorities: { a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: 5 } },
      ['contextPriorities.a', 'contextPriorities.b'],
    ],
    [{ contextPriorities: { a: -1, b: 11 } }, ['contextPriorities.a', 'contextPriorities.b']],
    [{ name: undefined }, ['name']],
    [{ name: '  ' }, ['name']],
    [{ keyword: ['rose'], filePattern: [] }, ['filePattern', 'keyword']],
    [{ keywords: ['a', 5, null], requiredFields: 'x' }, ['keywords.1', 'keywords.2', 'requiredFields']],
    [{ filePatterns: ['a{', 'b['], excludePatterns: ['[z-a]'] }, ['excludePatterns', 'filePatterns', 'filePatterns']],
  ])('refuses %p with every problem', async (wrong, paths) => {
    expect(await problemsOf(wrong)).toEqual(paths);
  });
});
