/** What eval:context found: figures over all issues, and tables of them. */

import { count, milliseconds, optional, percent, table } from '../bench/format.mjs';
import { quantile } from '../bench/harness.mjs';

/** Where hits are shown for each project. */
const PROJECT_SHARES = [0.3, 0.1];

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const shareName = (share) => `${Math.round(share * 100)} %`;

function timesOf(results, isFirst) {
  const times = results.flatMap(({ calls }) => calls.filter((call) => call.isFirst === isFirst).map(({ ms }) => ms));
  if (times.length === 0) return undefined;
  return { calls: times.length, median: quantile(times, 0.5), p95: quantile(times, 0.95) };
}

function projectRows(results, ways) {
  const projects = [...new Set(results.map(({ repo }) => repo))].sort();
  return projects.map((repo) => {
    const own = results.filter((result) => result.repo === repo);
    const kept = ways.flatMap(({ key }) =>
      PROJECT_SHARES.map((share) => [
        `${key} ${share}`,
        own.filter(({ outcomes }) => outcomes[key][share].isKept).length,
      ]),
    );
    return { repo, issues: own.length, kept: Object.fromEntries(kept) };
  });
}

/**
 * @param {{ id: string, repo: string, foundBy: string[], calls: { ms: number, isFirst: boolean }[], outcomes: object,
 *   keyRule: { isKept: boolean, share: number } }[]} results `outcomes` by way and share: `{ isKept, share, isOver }`
 */
export function summarize(results, { ways, shares }) {
  const rows = ways.map(({ key, title, short, needs }) => {
    const at = (share) => results.map(({ id, outcomes }) => ({ id, ...outcomes[key][share] }));
    const by = (what) => Object.fromEntries(shares.map((share) => [share, what(at(share))]));
    const names = (of) => of.map(({ id }) => id);
    return {
      key,
      title,
      short,
      needs,
      kept: by((all) => all.filter(({ isKept }) => isKept).length / all.length),
      realShare: by((all) => ({
        mean: mean(all.map(({ share }) => share)),
        max: Math.max(...all.map(({ share }) => share)),
      })),
      missed: by((all) => names(all.filter(({ isKept }) => !isKept))),
      overBudget: by((all) => names(all.filter(({ isOver }) => isOver))),
    };
  });
  const foundBy = {};
  for (const by of results.flatMap((result) => result.foundBy)) foundBy[by] = (foundBy[by] ?? 0) + 1;
  return {
    issues: results.length,
    shares,
    ways: rows,
    keyRule: {
      kept: mean(results.map(({ keyRule }) => Number(keyRule.isKept))),
      share: mean(results.map(({ keyRule }) => keyRule.share)),
    },
    projects: projectRows(results, ways),
    times: { first: timesOf(results, true), later: timesOf(results, false) },
    foundBy,
    wholeFileNeeded: results.filter((result) => result.foundBy.includes('file')).map(({ id }) => id),
  };
}

function shareTables({ ways, shares }) {
  const columns = (format) => [
    { key: 'title', title: 'way' },
    ...shares.map((share) => ({ key: share, title: shareName(share), format })),
  ];
  const rows = (what) => ways.map((way) => ({ title: way.title, ...way[what] }));
  const realShare = ({ mean: average, max }) => `${percent(average)} (${percent(max)})`;
  return [
    table(
      {
        title: 'issues kept (blocks: every line of the edited functions; else: every file whole)',
        columns: columns(percent),
      },
      rows('kept'),
    ),
    table(
      { title: "tokens of the corpus' texts really kept, mean (max)", columns: columns(realShare) },
      rows('realShare'),
    ),
  ];
}

function projectTable({ ways, projects }) {
  const columns = PROJECT_SHARES.flatMap((share) =>
    ways.map(({ key, short }) => ({ key: `${key} ${share}`, title: `${short} ${shareName(share)}` })),
  );
  return table(
    {
      title: 'issues kept, by project',
      columns: [{ key: 'repo', title: 'project' }, { key: 'issues', title: 'issues' }, ...columns],
    },
    projects.map(({ kept, ...row }) => ({ ...row, ...kept })),
  );
}

function timeTable({ times }) {
  const rows = [
    { when: 'first on a release', ...times.first },
    { when: 'later ones', ...times.later },
  ].filter(({ calls }) => calls > 0);
  if (rows.length === 0) return [];
  const time = (key) => ({ key, title: key, format: optional(milliseconds) });
  const columns = [
    { key: 'when', title: 'call' },
    { key: 'calls', title: 'calls', format: count },
    time('median'),
    time('p95'),
  ];
  return [table({ title: 'time of filterContext, wall clock', columns }, rows)];
}

function listed(title, ways, shares, what) {
  const lines = shares.flatMap((share) =>
    ways
      .filter((way) => way[what][share].length > 0)
      .map((way) => `  ${shareName(share)}, ${way.title} (${way[what][share].length}): ${way[what][share].join(', ')}`),
  );
  return lines.length > 0 ? [[title, ...lines].join('\n')] : [];
}

/** The report for people. */
export function reportText(report, { showsMissed }) {
  const { issues, agent, ways, shares, keyRule, foundBy, wholeFileNeeded, notUsable } = report;
  const found = Object.entries(foundBy).map(([by, files]) => `${by} ${files}`);
  const notes = [
    `key rule of the replaced package, without a budget: ${percent(keyRule.share)} of the tokens, ${percent(keyRule.kept)} of the issues`,
    `lines needed were found by: ${found.join(', ')}; whole file needed: ${wholeFileNeeded.join(', ') || 'none'}`,
    ...notUsable.map(({ id, reason }) => `not usable: ${id}: ${reason}`),
  ];
  return [
    `${issues} issues usable, ${notUsable.length} not; agent ${agent}`,
    ...shareTables(report),
    notes.join('\n'),
    projectTable(report),
    ...timeTable(report),
    ...listed('over the budget by more than 1 % of it, counted as not kept', ways, shares, 'overBudget'),
    ...(showsMissed ? listed('missed', ways, shares, 'missed') : []),
  ].join('\n\n');
}
