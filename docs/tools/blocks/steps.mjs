/**
 * What is done with the code blocks of a page, in their order. Decides, and runs nothing.
 *
 * Rules, which CONTRIBUTING.md has for writers:
 * - The blocks of JavaScript of a page, pasted one after another into one file, are a program: that is what a reader does with them.
 *   Nothing is added, so that every name that is used must be made by a block above, and none twice. Blocks of another language
 *   (`cjs`, `ts`) are a program of their own; so is a block with the word `alone`, of which the page says that it is one.
 * - `<!-- before: … -->` right before a block of `sh` is what is run first, and is to succeed.
 * - `<!-- serves: <command> -->` right before a block is a command that goes on running until the end of the page; so is a block of
 *   `sh serves`. It has started when it prints something, and SIGTERM ends it well.
 * - `<!-- not run: why -->` right before a block is an exception.
 * - Words after the language: `alone`, `checkout` (in a copy of the checkout, not in a project of a reader), `exit=<code>`, `file=<path>`
 *   (written before anything runs), `output` (of `text`: what the block before it prints).
 */

import { literally } from '../text.mjs';

const PROGRAMS = { js: 'mjs', mjs: 'mjs', javascript: 'mjs', cjs: 'cjs', ts: 'mts', typescript: 'mts' };
const DATA = ['json', 'jsonc', 'yaml'];
const SHELL = ['sh', 'console'];
/** What has nothing to run: it is written where a page says so, or only looked at. */
const TEXT = ['text', 'md', 'dockerfile', 'html', 'diff'];

const IMPORTS = /^\s*import\s[^(]|\brequire\(/m;

/** The text of a note that begins with `name:`, with the line where it stands. */
function noted(block, name) {
  for (const { line, text } of block.notes) {
    const rest = new RegExp(`^\\s*${name}:`).exec(text);
    if (rest) return { line, text: text.slice(rest[0].length) };
  }
  return null;
}

/** `text` so that its lines have the numbers that they have on the page; what was before them stays. */
function placed(before, line, text) {
  const lines = before.split('\n').length;
  return `${before}${'\n'.repeat(line - lines)}${text}`;
}

/**
 * The steps of `blocks`: `{ kind, line, … }` with kind `program` (`code`, `blocks`), `shell` (`lines`), `server` (`command`), `data`, `file`, `output`,
 * `text` or `exception` (`reason`). A program stands where its first block does, has all of them as `blocks`, and prints
 * `mark(line)` where one begins. `problems` are blocks that cannot be understood.
 */
export function steps(blocks, mark) {
  const found = [];
  const problems = [];
  /** The program that a page's blocks of one ending are. */
  const programs = new Map();
  for (const block of blocks) {
    const { line, lang, meta, code } = block;
    const exception = noted(block, 'not run');
    if (exception) {
      const reason = exception.text.trim().replace(/\s+/g, ' ');
      if (reason.length < 10) problems.push({ line, message: 'the exception has no reason' });
      found.push({ kind: 'exception', line, reason });
    } else if (Object.hasOwn(PROGRAMS, lang) && !meta.file) {
      const ending = PROGRAMS[lang];
      if (noted(block, 'set-up') || noted(block, 'before')) {
        problems.push({ line, message: 'readers do not see what stands before it in a comment: show it in a block' });
        continue;
      }
      let program = meta.alone ? undefined : programs.get(ending);
      if (!program && !IMPORTS.test(code)) {
        problems.push({ line, message: 'there is no program to go on with: import something' });
        continue;
      }
      if (!program) {
        program = { kind: 'program', line, ending, code: '', blocks: [] };
        found.push(program);
        if (!meta.alone) programs.set(ending, program);
      }
      const marked = `;process.stdout.write(${JSON.stringify(`${mark(line)}\n`)});`;
      program.code = `${placed(placed(program.code, line, marked), line + 1, code)}\n`;
      program.blocks.push({ line, meta });
    } else if (SHELL.includes(lang)) {
      const server = noted(block, 'serves');
      if (server) found.push({ kind: 'server', line: server.line, command: server.text.trim() });
      const before = noted(block, 'before');
      if (before) found.push({ kind: 'shell', line: before.line, meta: {}, lines: commands(before.line, before.text) });
      found.push({ kind: 'shell', line, meta, lines: lang === 'sh' ? commands(line, code) : dialogue(line, code) });
    } else if (meta.file || DATA.includes(lang)) {
      if (meta.file) found.push({ kind: 'file', line, file: meta.file, code });
      if (DATA.includes(lang)) found.push({ kind: 'data', line, lang, code });
    } else if (meta.output) {
      found.push({ kind: 'output', line, expected: code });
    } else if (TEXT.includes(lang)) {
      found.push({ kind: 'text', line });
    } else {
      const known = [...Object.keys(PROGRAMS), ...SHELL, ...DATA, ...TEXT].join(', ');
      problems.push({ line, message: `${lang === '' ? 'no language' : `language ${lang}`}: one of ${known}` });
    }
  }
  return { steps: found, problems };
}

/** The commands of a block of `sh`: a line each, without comments; `\` at its end takes the next line with it. */
function commands(line, code) {
  const found = [];
  let pending = null;
  for (const [index, text] of code.split('\n').entries()) {
    const command = (pending?.command ?? '') + text.replace(/\s+#\s.*$/, '').trimEnd();
    const at = pending?.line ?? line + 1 + index;
    pending = null;
    if (command.endsWith('\\')) pending = { line: at, command: command.slice(0, -1) };
    else if (command.trim() !== '' && !command.startsWith('#')) found.push({ line: at, command, expected: null });
  }
  return found;
}

/** The commands of a block of `console`: lines that begin with `$ `, each with what it is to print. */
function dialogue(line, code) {
  const found = [];
  for (const [index, text] of code.split('\n').entries()) {
    if (text.startsWith('$ ')) found.push({ line: line + 1 + index, command: text.slice(2), expected: [] });
    else found.at(-1)?.expected.push(text);
  }
  return found.map((one) => ({ ...one, expected: one.expected.join('\n') }));
}

/** Whether `printed` is what a page says, where `…` stands for any text of a line, and alone in a line for one or more. */
export function isPrinted(expected, printed) {
  const pattern = expected
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === '…' ? '(?:.*\\n)*?.*' : line.trimEnd().split('…').map(literally).join('.*')))
    .join('[ \\t]*\\n');
  return new RegExp(`^${pattern}$`).test(printed.trimEnd());
}
