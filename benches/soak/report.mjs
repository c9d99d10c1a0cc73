/** What a soak found, in tables. */

import { BOUNDS } from './trend.mjs';

const rounded = (value) => (Number.isFinite(value) ? String(Math.round(value * 10) / 10) : '–');

function table(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  '))
    .join('\n');
}

export function report({ seed, seconds, node, counts, trends, isJudged, violations, delay, ok }) {
  const figures = Object.entries(trends).map(([figure, of]) => [
    figure,
    ...[of.min, of.max, of.second, of.last, of.growth, of.bound].map(rounded),
    isJudged ? (of.grows ? 'GROWS' : 'ok') : 'not judged',
  ]);
  const absent = Object.keys(BOUNDS).filter((figure) => !(figure in trends));
  const failed = Object.entries(violations).flatMap(([fact, { count, examples }]) => [
    `${count} × not: ${fact}`,
    ...examples.filter(Boolean).map((example) => `    ${example}`),
  ]);
  return [
    `soak of ${Math.round(seconds)} s, seed ${seed}, Node.js ${node}`,
    '',
    table([['figure', 'min', 'max', 'second third', 'last third', 'growth', 'bound', ''], ...figures]),
    ...(absent.length > 0 ? [`not measured: ${absent.join(', ')}`] : []),
    `event loop delay, longest of each second: median ${rounded(delay.median)} ms, p99 ${rounded(delay.p99)} ms, most ${rounded(delay.max)} ms`,
    '',
    table(Object.entries(counts).map(([what, count]) => [what, String(count)])),
    '',
    ...(failed.length > 0 ? failed : ['everything held']),
    ok ? 'PASSED' : 'FAILED',
  ].join('\n');
}
