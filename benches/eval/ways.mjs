/**
 * Ways of keeping a part of a corpus for an issue. A way is `{ key, title, short, needs, keep }`: `keep(task, share)` gives
 * `{ texts, ms? }`, the texts kept by path; `needs` says what of the issue's files must be in them: whole 'files', or the
 * 'lines' of the functions that the right fix edits.
 *
 * A task is `{ issue, corpus, files, total, statedTokens, ranks }`: `corpus` with the tokens of each file, `total` those of
 * all, `statedTokens` those of the issue as it stands in the context.
 */

import { AgentContextFilter } from '../../index.mjs';

/** No limit but the budget: sizes out of reach, no lowest score, no pressure by the memory that this program holds. */
const FILTER = {
  maxContextPerAgent: 10_000,
  globalMaxContext: 1_000_000,
  contextImportanceThreshold: 0,
  memoryAwareFiltering: false,
};

/** Keywords of the built-in backend-specialist (src/context/built_in.rs), for the key rule. */
const KEYWORDS = [
  ...[
    'api',
    'server',
    'endpoint',
    'route',
    'controller',
    'service',
    'middleware',
    'auth',
    'rest',
    'graphql',
    'express',
  ],
  ...['http', 'request', 'response', 'backend', 'queue', 'worker', 'validation', 'handler'],
];

const textsOf = (files) => Object.fromEntries(files.map(({ path, text }) => [path, text]));

/** The context in which an issue is given, with these files. */
export const contextOf = (issue, files) => ({ currentTask: issue.problem_statement, files });

function filterWay(filter, agent, wholeTexts) {
  return async ({ issue, files, total, statedTokens }, share) => {
    const maxTokens = Math.floor(share * total) + statedTokens;
    const started = performance.now();
    const options = { maxTokens, wholeTexts };
    const { filtered } = await filter.filterContext(agent, contextOf(issue, files), 0, 0, options);
    return { texts: filtered.files ?? {}, ms: performance.now() - started };
  };
}

/** The best files, one after the other; one that does not fit any more is passed over. */
function rankingWay(kind) {
  return ({ corpus, total, ranks }, share) => {
    let left = share * total;
    const kept = ranks[kind]
      .map((number) => corpus[number])
      .filter(({ tokens }) => {
        if (tokens > left) return false;
        left -= tokens;
        return true;
      });
    return { texts: textsOf(kept) };
  };
}

/** The package's own two ways; one filter for all issues. */
export function productWays(agent) {
  const filter = new AgentContextFilter(FILTER);
  const [whole, blocks] = [true, false].map((wholeTexts) => filterWay(filter, agent, wholeTexts));
  return [
    { key: 'filterWhole', title: 'filter, whole files', short: 'whole', needs: 'files', keep: whole },
    { key: 'filterBlocks', title: 'filter, blocks', short: 'blocks', needs: 'lines', keep: blocks },
  ];
}

export const BASELINES = [
  { key: 'bm25', title: 'BM25', short: 'BM25', needs: 'files', keep: rankingWay('plain') },
  { key: 'bm25Names', title: 'BM25 + path + names', short: '+ names', needs: 'files', keep: rankingWay('named') },
];

/** The replaced package's rule: an element is kept if its key has a keyword of the agent in it. It knows no budget. */
export const KEY_RULE = {
  needs: 'files',
  keep: ({ corpus }) => {
    const isNamed = ({ path }) => KEYWORDS.some((keyword) => path.toLowerCase().includes(keyword));
    return { texts: textsOf(corpus.filter(isNamed)) };
  },
};
