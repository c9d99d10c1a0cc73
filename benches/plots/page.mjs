/** The parts of docs/benchmarks.md that come from results. */

import { gigabytes } from '../bench/format.mjs';

const SIGNS = { '<=': '≤', '<': '<', '>=': '≥' };

const cell = (text) => String(text).replaceAll('|', '\\|');
const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;

/** Rows as a Markdown table; figures stand to the right. */
function tableOf([head, ...rows], isText = (_, column) => column === 0) {
  return [line(head), line(head.map((_, column) => (isText(head, column) ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

/** With a capital letter, unless it begins with the name of something in code. */
const sentence = (title) => title.replace(/^[a-z]+(?= )/, (word) => `${word[0].toUpperCase()}${word.slice(1)}`);

const figure = (value, unit) => `${Number(value.toPrecision(3)).toLocaleString('en-US')} ${unit}`;
const targetsOf = ({ benchmarks }) =>
  benchmarks.flatMap(({ name, targets }) => targets.map((target) => ({ benchmark: name, ...target })));

/** Where and when, and with which versions. */
function machines({ benchmarks, versions }) {
  const kinds = new Map();
  for (const { name, machine, date, options } of benchmarks) {
    const { cpu, cores, memoryBytes, os, node } = machine;
    const where = `${cpu}, ${cores} cores, ${gigabytes(memoryBytes)} of memory, ${os}, Node.js ${node}`;
    const kind = kinds.get(where) ?? { names: [], cores, loads: [], dates: [], options: new Set() };
    kind.names.push(name);
    kind.loads.push(machine.load);
    kind.dates.push(date.slice(0, 10));
    for (const option of options) kind.options.add(option);
    kinds.set(where, kind);
  }
  const rows = [...kinds].map(([where, { names, cores, loads, dates, options }]) => {
    const from = [...new Set(dates)].sort();
    const what = kinds.size > 1 ? ` (${names.join(', ')})` : '';
    const [least, most] = [Math.min(...loads), Math.max(...loads)].map((load) => load.toFixed(1));
    const how = options.size > 0 ? `; run with \`${[...options].join(' ')}\`` : '';
    const isBusy = Math.max(...loads) > cores / 2;
    const load = `load before each benchmark ${least} to ${most}${isBusy ? ' (**busy: times say little**)' : ''}`;
    return `- ${where}${what}; ${from.join(', ')}; ${load}${how}.`;
  });
  const peers = Object.entries(versions.peers).map(([peer, version]) => `${peer} ${version}`);
  return [...rows, `- This package ${versions.package}; ${peers.join(', ')}.`].join('\n');
}

function summary(results) {
  const targets = targetsOf(results);
  const missed = targets.filter(({ met }) => !met);
  const rows = results.benchmarks.map(({ name, title, targets: own }) => [
    `[${name}](#${name})`,
    title,
    own.length,
    own.filter(({ met }) => met).length,
  ]);
  const head = ['Benchmark', 'Measures', 'Targets', 'Met'];
  const isText = (_, column) => column < 2;
  return `${targets.length - missed.length} of ${targets.length} targets are met.\n\n${tableOf([head, ...rows], isText)}`;
}

/** All that was missed, and what could not be measured. */
function missed(results, names) {
  const rows = targetsOf(results)
    .filter(({ met }) => !met)
    .map(({ benchmark, name, value, bound, limit, unit }) => [
      benchmark,
      name,
      figure(value, unit),
      `${SIGNS[bound]} ${limit} ${unit}`,
    ]);
  const table = tableOf([['Benchmark', 'Figure', 'Measured', 'Target'], ...rows], (_, column) => column < 2);
  const absent = names.filter((name) => !results.benchmarks.some((benchmark) => benchmark.name === name));
  const notRun = absent.length > 0 ? `Not in these results: ${absent.map((name) => `\`${name}\``).join(', ')}.` : '';
  const failed = results.failed.map(({ name, reason }) => `- \`${name}\` ended with an error: ${reason}`);
  const parts = [rows.length > 0 ? table : 'No target was missed.', notRun, failed.join('\n')];
  return parts.filter(Boolean).join('\n\n');
}

function tables({ results }, layout) {
  return Object.entries(layout)
    .filter(([key]) => results[key]?.length > 0)
    .map(([key, { title, columns }]) => {
      const head = columns.map((column) => column.title);
      const rows = results[key].map((row) => columns.map(({ key: of, format = String }) => format(row[of])));
      const isText = (_, column) => results[key].every((row) => typeof row[columns[column].key] === 'string');
      return `${sentence(title)}:\n\n${tableOf([head, ...rows], isText)}`;
    });
}

function detailsOf(benchmark, pictures, layout) {
  const { name, title, targets, notes } = benchmark;
  const shown = pictures.map((picture) => `![${picture.title}](benchmarks/${picture.file})`);
  const goals = targets.map(({ name: what, value, bound, limit, unit, met }) => [
    what,
    figure(value, unit),
    `${SIGNS[bound]} ${limit} ${unit}`,
    met ? 'met' : '**missed**',
  ]);
  const goalTable = tableOf([['Target', 'Measured', 'Wanted', ''], ...goals], (_, column) => column !== 1);
  const figures = tables(benchmark, layout);
  const parts = [
    `### ${name}`,
    `${sentence(title)}. Again: \`npm run bench -- --only ${name}\`.`,
    ...shown,
    ...(goals.length > 0 ? [goalTable] : []),
    figures.length > 0
      ? ['<details><summary>All figures</summary>', ...figures, '</details>'].join('\n\n')
      : 'Nothing was measured:',
    notes.map((note) => `- ${note}`).join('\n'),
  ];
  return parts.filter(Boolean).join('\n\n');
}

/**
 * @param {string} page the page as it is, with `<!-- <part> -->` before and `<!-- end -->` behind each part
 * @param {{ benchmarks: object[], versions: object, failed: object[] }} results
 * @param {Map<string, { file: string, title: string }[]>} pictures by benchmark
 * @param {Record<string, object>} layouts of the tables, by benchmark
 * @returns {string} the page with its parts made anew
 */
export function pageOf(page, results, pictures, layouts) {
  const parts = {
    machine: machines(results),
    summary: summary(results),
    missed: missed(results, Object.keys(layouts)),
    details: results.benchmarks
      .map((one) => detailsOf(one, pictures.get(one.name) ?? [], layouts[one.name]))
      .join('\n\n'),
  };
  return Object.entries(parts).reduce((text, [part, content]) => {
    const [open, close] = [`<!-- ${part} -->`, '<!-- end -->'];
    const from = text.indexOf(open);
    const to = text.indexOf(close, from);
    if (from < 0 || to < 0) throw new Error(`the page has no ${open} … ${close}`);
    return `${text.slice(0, from + open.length)}\n\n${content}\n\n${text.slice(to)}`;
  }, page);
}
