/**
 * What is done with the code blocks of a page, in their order. Decides, and runs nothing.
 *
 * Rules, which CONTRIBUTING.md has for writers:
 * - A block of JavaScript or TypeScript that imports begins a program. One that does not goes on in the program before it: it
 *   sees its variables and may have some of the same names.
 * - `<!-- set-up: … -->` right before a block is code of the same language that readers do not see.
 * - `<!-- before: … -->` right before a block of `sh` is what is run first, and is to succeed.
 * - `<!-- serves: <command> -->` right before a block is a command that goes on running until the end of the page; so is a block of
 *   `sh serves`. It has started when it prints something, and SIGTERM ends it well.
 * - `<!-- not run: why -->` right before a block is an exception.
 * - Words after the language: `checkout` (in a copy of the checkout, not in a project of a reader), `exit=<code>`, `file=<path>`
 *   (written before anything runs), `output` (of `text`: what the block before it prints).
 */

import { literally } from '../text.mjs';

const PROGRAMS = { js: 'mjs', mjs: 'mjs', javascript: 'mjs', cjs: 'cjs', ts: 'mts', typescript: 'mts' };
const DATA = ['json', 'jsonc', 'yaml'];
const SHELL = ['sh', 'console'];
/** What has nothing to run: it is written where a page says so, or only looked at. */
const TEXT = ['text', 'md', 'dockerfile', 'html', 'diff'];

const BEGINS = /^\s*import\s[^(]|\brequire\(/m;

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
  // A page cannot have two blocks in one line; set-ups of one line are the exception, and come one after the other.
  return `${before}${'\n'.repeat(Math.max(line - lines, 0))}${text}`;
}

/**
 * The steps of `blocks`: `{ kind, line, … }` with kind `program` (`code`, `blocks`), `shell` (`lines`), `server` (`command`), `data`, `file`, `output`,
 * `text` or `exception` (`reason`). A program stands where its first block does, has all of them as `blocks`, and prints
 * `mark(line)` where one begins. `problems` are blocks that cannot be understood.
 */
export function steps(blocks, mark) {
  const found = [];
  const problems = [];
  let program = null;
  for (const block of blocks) {
    const { line, lang, meta, code } = block;
    const exception = noted(block, 'not run');
    if (exception) {
      const reason = exception.text.trim().replace(/\s+/g, ' ');
      if (reason.length < 10) problems.push({ line, message: 'the exception has no reason' });
      found.push({ kind: 'exception', line, reason });
    } else if (Object.hasOwn(PROGRAMS, lang)) {
      const ending = PROGRAMS[lang];
      const setUp = noted(block, 'set-up');
      const begins = BEGINS.test(setUp?.text ?? '') || BEGINS.test(code);
      if (!begins && program?.ending !== ending) {
        problems.push({ line, message: 'there is no program to go on with: import something, or add a set-up' });
        continue;
      }
      if (begins) {
        program = { kind: 'program', line, ending, code: '', blocks: [], open: 0 };
        found.push(program);
      }
      // One that goes on has a scope of its own, so that pages can show the same name twice.
      const opening = begins ? '' : '{ ';
      program.open += begins ? 0 : 1;
      if (setUp) program.code = placed(program.code, setUp.line, `${opening}${setUp.text}`);
      const marked = `${setUp ? ';' : opening}process.stdout.write(${JSON.stringify(`${mark(line)}\n`)});`;
      program.code = placed(program.code, line, marked);
      program.code = placed(program.code, line + 1, code);
      program.blocks.push({ line, meta });
    } else if (SHELL.includes(lang)) {
      const server = noted(block, 'serves');
      if (server) found.push({ kind: 'server', line: server.line, command: server.text.trim() });
      const before = noted(block, 'before');
      if (before) found.push({ kind: 'shell', line: before.line, meta: {}, lines: commands(before.line, before.text) });
      found.push({ kind: 'shell', line, meta, lines: lang === 'sh' ? commands(line, code) : session(line, code) });
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
  for (const step of found) {
    if (step.kind === 'program') step.code += `\n${'}'.repeat(step.open)}\n`;
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
function session(line, code) {
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
