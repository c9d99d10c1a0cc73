/** The Markdown pages of the repository and what is in them. Knows nothing of what the tools do with it. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { visitParents } from 'unist-util-visit-parents';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Files of the checkout that git knows or would know, relative to it, by a pattern of git's. */
export function files(...patterns) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0');
  return [...new Set(listed)].filter((file) => file !== '' && existsSync(join(ROOT, file))).sort();
}

/** Every Markdown page that is written for readers, relative to the checkout. */
export const pages = () => files('*.md').filter((file) => !file.startsWith('__test__/'));

/** What a page's text is made of. */
export const parse = (text) => unified().use(remarkParse).use(remarkGfm).parse(text);

export const read = (page) => readFileSync(join(ROOT, page), 'utf8');

/**
 * The code blocks of a page, in their order: `{ page, line, lang, meta, code, notes }`. `line` is that of the fence; `meta` holds
 * the words after the language, `name=value` as text and others as `true`; `notes` are the HTML comments right before it,
 * `{ line, text }`.
 */
export function codeBlocks(page, text = read(page)) {
  const found = [];
  visitParents(parse(text), 'code', (node, parents) => {
    const siblings = parents.at(-1).children;
    const notes = [];
    for (let at = siblings.indexOf(node) - 1; siblings[at]?.type === 'html'; at--) {
      const comment = /^<!--([\s\S]*)-->$/.exec(siblings[at].value.trim());
      if (!comment) break;
      notes.unshift({ line: siblings[at].position.start.line, text: comment[1] });
    }
    const meta = {};
    for (const word of (node.meta ?? '').split(/\s+/).filter(Boolean)) {
      const [name, value] = word.split('=');
      meta[name] = value ?? true;
    }
    found.push({ page, line: node.position.start.line, lang: node.lang ?? '', meta, code: node.value, notes });
  });
  return found;
}
