/** How often what a filter keeps of a project's sources holds what the fix of an issue needs, by the share of tokens kept. */

import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { countTokensAsync } from '../../index.mjs';
import { Ranking } from './bm25.mjs';
import { goldLines, holdsLines } from './gold-lines.mjs';
import { CORPUS_RULE, readCorpus, readIssues, Sources } from './localization.mjs';
import { reportText, summarize } from './localization-report.mjs';
import { BASELINES, contextOf, KEY_RULE, productWays } from './ways.mjs';

const SHARES = [0.5, 0.3, 0.2, 0.1, 0.05];
/** A budget is held if no more than this share of it is kept over it. */
const TOLERANCE = 0.01;
const DEFAULT_AGENT = 'coding-agent';
const FETCH = 'python3 benches/eval/fetch_sources.py <data folder> <sources folder>';

const HELP = `Usage: npm run eval:context -- <data folder> [options]

The folder holds issues of Python projects as localization*.jsonl.gz. Each issue is the task of a context that has all of the
project's sources, and ${SHARES.map((share) => share * 100).join(', ')} % of their tokens (o200k_base) may be kept, besides those of the issue. Counted are
the issues whose fix has what it needs: every file that it touches whole, or, where blocks of files may go, every line of
the functions that it edits. Beside it, BM25 over whole files.

${CORPUS_RULE}

Sources are fetched before: ${FETCH}
Those of an issue are the folder that <sources>/sources.json names, else <sources>/<instance_id>, else
<sources>/<project>-<version>, or the only folder in it. An issue without them is listed as not usable.

Options:
  --sources <folder>  the projects' sources (default: sources in the data folder)
  --agent <id>        for whom the context is filtered (default: ${DEFAULT_AGENT})
  --only <text>       only issues with this in their name or repository
  --baselines         only BM25 and the replaced package's rule
  --missed            print the issues missed at each share
  --plot <file.svg>   draw the shares
  --json              print only JSON on stdout (with npm's --silent)
  --help              print this

Exit status: 2 for bad arguments, or if no issue is usable.`;

function refuse(message) {
  console.error(`eval:context: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  const kinds = {
    sources: text,
    agent: text,
    only: text,
    plot: text,
    baselines: flag,
    missed: flag,
    json: flag,
    help: flag,
  };
  try {
    const { values, positionals } = parseArgs({ options: kinds, allowPositionals: true });
    return { agent: DEFAULT_AGENT, ...values, folder: positionals[0], further: positionals.slice(1) };
  } catch (error) {
    return refuse(error.message);
  }
}

/** Tokens of a text as it stands in a context that is sent as JSON, for every way the same. */
const tokensOf = (text) => countTokensAsync(JSON.stringify(text));

/** Tokens of texts, each counted once: releases of a project share most of theirs. */
class TokenCounts {
  #known = new Map();

  of(text) {
    const hash = createHash('sha256').update(text).digest('base64');
    let tokens = this.#known.get(hash);
    if (tokens === undefined) {
      tokens = tokensOf(text);
      this.#known.set(hash, tokens);
    }
    return tokens;
  }
}

/** A release's files, read, counted and ranked once for all of its issues. */
async function readRelease(root, counts) {
  const read = readCorpus(root);
  const tokens = await Promise.all(read.map(({ text }) => counts.of(text)));
  const corpus = read.map((file, at) => ({ ...file, tokens: tokens[at] }));
  return {
    corpus,
    byPath: new Map(corpus.map((file) => [file.path, file])),
    files: Object.fromEntries(corpus.map(({ path, text }) => [path, text])),
    total: tokens.reduce((sum, one) => sum + one, 0),
    ranking: new Ranking(corpus),
  };
}

/** Whether what is needed is kept, and the share of the corpus' tokens that is kept. */
async function judge(texts, needs, { gold, byPath, total }) {
  const isThere = ({ path, text, spans }) => {
    const kept = texts[path];
    if (kept === undefined || needs === 'files') return kept === text;
    return kept === text || holdsLines(kept, spans);
  };
  const tokens = await Promise.all(
    Object.entries(texts).map(([path, text]) => {
      const whole = byPath.get(path);
      return whole?.text === text ? whole.tokens : tokensOf(text);
    }),
  );
  return { isHeld: gold.every(isThere), share: tokens.reduce((sum, one) => sum + one, 0) / total };
}

async function tryIssue(task, ways) {
  const calls = [];
  const outcomes = {};
  for (const { key, needs, keep } of ways) {
    outcomes[key] = {};
    for (const share of SHARES) {
      const { texts, ms } = await keep(task, share);
      if (ms !== undefined) calls.push(ms);
      const { isHeld, share: kept } = await judge(texts, needs, task);
      const isOver = kept > share * (1 + TOLERANCE);
      outcomes[key][share] = { isKept: isHeld && !isOver, share: kept, isOver };
    }
  }
  const { isHeld, share } = await judge(KEY_RULE.keep(task).texts, KEY_RULE.needs, task);
  const { instance_id: id, repo } = task.issue;
  return { id, repo, outcomes, calls, keyRule: { isKept: isHeld, share }, foundBy: task.gold.map(({ by }) => by) };
}

/** Issues by the folder of their sources, and those that have none. */
function byRelease(issues, sources) {
  const releases = new Map();
  const notUsable = [];
  for (const issue of issues) {
    const { root, missing } = sources.of(issue);
    if (root === undefined) notUsable.push({ id: issue.instance_id, reason: missing });
    else releases.set(root, [...(releases.get(root) ?? []), issue]);
  }
  return { releases, notUsable };
}

async function tryAll(releases, ways, progress) {
  const counts = new TokenCounts();
  const all = [...releases.values()].flat().length;
  const results = [];
  for (const [root, issues] of releases) {
    progress(`reading ${basename(root)}`);
    const { ranking, ...release } = await readRelease(root, counts);
    let isFirst = true;
    for (const issue of issues) {
      const statedTokens = await countTokensAsync(contextOf(issue, {}));
      const gold = goldLines(issue, (path) => release.byPath.get(path).text);
      const task = { ...release, issue, statedTokens, gold, ranks: ranking.rank(issue.problem_statement) };
      const { calls, ...result } = await tryIssue(task, ways);
      results.push({ ...result, calls: calls.map((ms, at) => ({ ms, isFirst: isFirst && at === 0 })) });
      isFirst = false;
      progress(`${results.length}/${all} ${issue.instance_id}`);
    }
  }
  return results;
}

const given = options();
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
if (!given.folder || given.further.length > 0) refuse('one data folder is needed');
const sourcesFolder = given.sources ?? join(given.folder, 'sources');
if (!existsSync(given.folder)) refuse(`there is no ${given.folder}`);
if (!existsSync(sourcesFolder)) refuse(`there is no ${sourcesFolder}; get the sources with ${FETCH}`);
if (given.agent === '') refuse('--agent must not be empty');
if (given.plot !== undefined && !(given.plot.endsWith('.svg') && existsSync(dirname(given.plot)))) {
  refuse(`--plot must be an .svg file in a folder that is there, not '${given.plot}'`);
}
const all = readIssues(given.folder);
if (all.length === 0) refuse(`there is no localization*.jsonl.gz with issues in ${given.folder}`);
const wanted = all.filter(({ instance_id: id, repo }) => `${id} ${repo}`.includes(given.only ?? ''));
if (wanted.length === 0) refuse(`no issue or repository has '${given.only}' in its name`);
const { releases, notUsable } = byRelease(wanted, new Sources(sourcesFolder));
if (releases.size === 0) {
  const reasons = notUsable.map(({ id, reason }) => `  ${id}: ${reason}`).join('\n');
  refuse(`no issue has its sources in ${sourcesFolder}; get them with ${FETCH}\n${reasons}`);
}

const started = performance.now();
const progress = (text) => console.error(`${((performance.now() - started) / 1e3).toFixed(0).padStart(4)} s  ${text}`);
const ways = [...(given.baselines ? [] : productWays(given.agent)), ...BASELINES];
const results = await tryAll(releases, ways, progress);
const report = { agent: given.agent, ...summarize(results, { ways, shares: SHARES }), notUsable };
if (given.plot) {
  const { curveSvg } = await import('./curve.mjs');
  writeFileSync(given.plot, curveSvg(report));
}
console.log(given.json ? JSON.stringify(report) : reportText(report, { showsMissed: given.missed }));
progress('done');
