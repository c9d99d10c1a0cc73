/**
 * The examples in the comments of declarations, as programs of their own. The API reference shows them as they are. An example that
 * stands in one line with its `@example`, as matchers have it, is an expression and no program.
 */

import { read } from '../markdown.mjs';

/** What examples name without making it, and how it is made: put before those that name it. */
const KNOWN = [
  [
    /\bcontext\b/,
    "const context = { currentTask: 'Show an error', 'src/form.js': 'export const form = 1;\\n'.repeat(500) };",
  ],
  [/\bbefore\b/, "const before = { currentTask: 'one' };"],
  [
    /JSON\.parse\(message\)/,
    "const sender = new lib.TokenOptimizer(); await sender.optimizeContext('agent', before); const message = JSON.stringify(lib.toMessage(await sender.optimizeContext('agent', { currentTask: 'two' })));",
  ],
  [/\bfiles\b/, "const files = { 'src/form.js': 'export const form = 1;' };"],
  [/\bprompt\b/, "const prompt = 'Which port does the shop listen on?';"],
  [/\bmessages\b/, "const messages = [{ role: 'user', content: 'Which port?' }];"],
  [/\busage\./, 'const usage = { prompt_tokens: 12, completion_tokens: 3 };'],
  [/\bcontextBytes\b/, 'const contextBytes = 5_000_000;'],
  [/\bask\(/, 'const ask = async (text: string, options: { signal: AbortSignal }) => text + options.signal.aborted;'],
  [
    /\bmodel\.embed\(/,
    'const model = { embed: async (texts: string[], _: { signal: AbortSignal }) => texts.map(() => [1, 0]) };',
  ],
  [/\{ model\b/, "const model = 'deepseek-chat';"],
  [/\bclient\.chat\(/, 'const client = { chat: async (given: object[]) => given.length };'],
  [/\bsocket\./, 'const socket = { send: (text: string) => void text };'],
  [
    /\bsystem\./,
    "const system = await lib.ProductionOptimizationSystem.create({ environment: 'development', finalReport: false });",
  ],
  [/\bfilter\./, 'const filter = new lib.AgentContextFilter({ maxContextPerAgent: 0.005 });'],
  [/\bcache\./, 'const cache = new lib.AdvancedCacheManager({ persistToDisk: false });'],
  [/\bmemory\./, 'const memory = new lib.MemoryManager();'],
  [/\bmonitor\./, 'const monitor = new lib.ProductionMonitor({ console: false });'],
  [/\boptimizer\./, 'const optimizer = new lib.TokenOptimizer();'],
];

/** What declares what is imported from where. */
const MODULES = {
  'index.d.ts': { from: 'agentwise-optimization', known: KNOWN },
  'entry/testing.d.ts': {
    from: 'agentwise-optimization/testing',
    known: [[/^system\.setMachine/m, 'const system = await lib.createTestSystem();']],
  },
};

export const DECLARATIONS = Object.keys(MODULES);

const EXPORTS = /^export (?:declare )?(?:abstract )?(class|function|const|interface|type) (\w+)/gm;

/** `{ line, code }` of each `@example`, without the stars of the comment. */
function examplesOf(text) {
  const found = [];
  for (const comment of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    for (const example of comment[0].matchAll(/^ *\* @example *\n((?: *\*(?! @|\/).*\n?)*)/gm)) {
      const line = text.slice(0, comment.index + example.index).split('\n').length;
      found.push({
        line,
        code: example[1]
          .replace(/^ *\* ?/gm, '')
          .replace(/\*\/$/, '')
          .trimEnd(),
      });
    }
  }
  return found;
}

/** Steps as `steps()` makes them of a page: a program in TypeScript for each example of a file. */
export function exampleSteps(file, mark) {
  const text = read(file);
  const { from, known } = MODULES[file];
  const exported = [...text.matchAll(EXPORTS)].map(([, kind, name]) => ({ name, isType: /interface|type/.test(kind) }));
  return examplesOf(text).map(({ line, code }) => {
    const lines = code.split('\n');
    const imports = lines.filter((one) => one.startsWith('import '));
    const rest = lines.filter((one) => !one.startsWith('import ')).join('\n');
    const isNamed = ({ name }) => new RegExp(`\\b${name}\\b`).test(rest) && !imports.some((one) => one.includes(name));
    const names = exported.filter(isNamed).map(({ name, isType }) => (isType ? `type ${name}` : name));
    // What is made may name what is made before it, the later the earlier.
    const made = known.filter(([pattern]) => pattern.test(rest)).map(([, one]) => one);
    const whole = [
      ...imports,
      ...(names.length > 0 ? [`import { ${names.join(', ')} } from '${from}';`] : []),
      `import * as lib from '${from}';`,
      `process.stdout.write(${JSON.stringify(`${mark(line)}\n`)});`,
      ...made,
      `{\n${rest}\n}`,
      'void lib;',
    ];
    return { kind: 'program', line, ending: 'mts', code: `${whole.join('\n')}\n`, blocks: [{ line, meta: {} }] };
  });
}
