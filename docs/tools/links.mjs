/**
 * Checks the links of all Markdown pages: `npm run docs:links`. Exit code 1 if one leads nowhere.
 *
 * - Relative links and anchors: the file is there, the heading too (remark-validate-links).
 * - Links to other places: addresses that can be read, with https. Nobody is asked, so that it needs no network.
 * - Paths of this checkout that a page of design names in `code`: the file or folder is there.
 * - Every page of `docs/` can be reached from `docs/README.md`.
 */

import { dirname, join, normalize } from 'node:path';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import remarkStringify from 'remark-stringify';
import remarkValidateLinks from 'remark-validate-links';
import { unified } from 'unified';
import { engine } from 'unified-engine';
import { visitParents } from 'unist-util-visit-parents';
import { files, pages, parse, ROOT, read } from './markdown.mjs';
import { literally } from './text.mjs';

/** Pages that say where things are. */
const DESIGN = ['docs/ARCHITECTURE.md', 'CONTRIBUTING.md'];

/** Addresses on this machine, as examples of programs have them. */
const LOCAL = /^http:\/\/(localhost|127\.0\.0\.1)\b/;

/** What looks like a file of this checkout or a folder; a page may leave out the folders that it speaks of. */
const SOURCE = /^[\w.@*/-]+\.(rs|js|mjs|cjs|ts|mts|json|toml|yml|yaml|sh|py|html)$/;
const FOLDER = /^[\w.@-]+(\/[\w.@-]+)*\/$/;

/** Names that are made at run time, or that belong to others. */
const NOT_OURS = /^(optimization-report|node_modules|target)\b/;

const known = files('.').map((file) => `/${file}`);
const isThere = (name) => {
  if (name.endsWith('/')) return known.some((file) => file.includes(`/${name}`));
  const pattern = new RegExp(`/${name.split('*').map(literally).join('[^/]*')}$`);
  return known.some((file) => pattern.test(file));
};

/** Anchors that are written as HTML count as those of headings do. */
const readAnchors = () => (tree) => {
  visitParents(tree, 'html', (node) => {
    const anchor = /^<a id="([^"]+)">/.exec(node.value);
    if (anchor) node.data = { id: anchor[1] };
  });
};

const checkOthers = () => (tree, file) => {
  visitParents(tree, ['link', 'image', 'definition'], (node) => {
    const isElsewhere = /^[a-z][a-z0-9+.-]*:/i.test(node.url);
    if (!isElsewhere || node.url.startsWith('mailto:') || LOCAL.test(node.url)) return;
    if (!URL.canParse(node.url)) file.message(`\`${node.url}\` is no address`, node);
    else if (new URL(node.url).protocol !== 'https:') file.message(`\`${node.url}\` is not https`, node);
  });
  if (!DESIGN.includes(file.path)) return;
  visitParents(tree, 'inlineCode', (node) => {
    const looksLikeOne = SOURCE.test(node.value) || FOLDER.test(node.value);
    if (looksLikeOne && !NOT_OURS.test(node.value) && !isThere(node.value))
      file.message(`there is no \`${node.value}\``, node);
  });
};

/** Pages of `docs/` that no chain of links from `docs/README.md` leads to. */
function unreached(all) {
  const seen = new Set();
  const waiting = ['docs/README.md'];
  for (let page = waiting.pop(); page; page = waiting.pop()) {
    if (seen.has(page) || !all.includes(page)) continue;
    seen.add(page);
    visitParents(parse(read(page)), ['link', 'definition'], ({ url }) => {
      if (!/^[a-z]+:/i.test(url)) waiting.push(normalize(join(dirname(page), url.replace(/#.*/, ''))));
    });
  }
  return all.filter((page) => page.startsWith('docs/') && !seen.has(page));
}

const all = pages();
const status = await new Promise((resolve, reject) => {
  engine(
    {
      cwd: ROOT,
      files: all,
      processor: unified().use(remarkParse).use(remarkGfm).use(remarkStringify),
      plugins: [readAnchors, [remarkValidateLinks, { repository: false, root: ROOT }], checkOthers],
      output: false,
      out: false,
      quiet: true,
      color: false,
      frail: true,
    },
    (error, code) => (error ? reject(error) : resolve(code)),
  );
});
const alone = unreached(all);
for (const page of alone) console.error(`${page}: nothing leads here from docs/README.md`);
if (status === 0 && alone.length === 0) console.log(`the links of ${all.length} pages lead somewhere`);
process.exitCode = status === 0 && alone.length === 0 ? 0 : 1;
