/**
 * Makes docs/benchmarks.md and its pictures from results, which are kept beside them.
 *
 *   npm run bench:plots                       page and pictures from docs/benchmarks/results.json
 *   npm run bench:plots -- --run              runs the benchmarks first and keeps their results, about 40 minutes
 *   npm run bench:plots -- --run --only pipeline    one of them; the others stay as they were
 *   npm run bench:plots -- --from report.json       takes the results from a report of `bench --json`
 *   npm run bench:plots -- --check            exit code 1 if page or pictures are not what they would be
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './bench/benchmarks.mjs';
import { chartsOf } from './plots/charts.mjs';
import { pageOf } from './plots/page.mjs';
import { entriesOf, merged, runOne, serialized } from './plots/record.mjs';

const NAMES = BENCHMARKS.map(({ name }) => name);
const LAYOUTS = Object.fromEntries(BENCHMARKS.map(({ name, tables }) => [name, tables]));

const FOLDER = new URL('../docs/benchmarks/', import.meta.url);
const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const RESULTS = new URL('results.json', FOLDER);

const TEXT = { type: 'string' };
const FLAG = { type: 'boolean' };
/** What is passed on to `bench`. */
const PASSED = { data: TEXT, dir: TEXT, runs: TEXT, seconds: TEXT, quick: FLAG, 'no-cgroup': FLAG };
const OPTIONS = { run: FLAG, check: FLAG, help: FLAG, only: TEXT, from: TEXT, ...PASSED };

const HELP = `Usage: npm run bench:plots -- [options]

Options:
  --run            run the benchmarks first; with their options --data, --dir, --runs, --seconds, --quick, --no-cgroup
  --only <name>    with --run: one of ${NAMES.join(', ')}
  --from <file>    take the results from a report of 'bench --json'
  --check          write nothing; exit code 1 if page or pictures are not made from the results
  --help           print this`;

function refuse(message) {
  console.error(`bench:plots: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  try {
    const { values } = parseArgs({ options: OPTIONS, allowPositionals: false });
    if (values.only !== undefined && !NAMES.includes(values.only)) refuse(`unknown benchmark '${values.only}'`);
    if ([values.run, values.check, values.from].filter(Boolean).length > 1)
      refuse('--run, --from, --check: one of them');
    const misplaced = Object.keys(values).filter((name) => (name in PASSED || name === 'only') && !values.run);
    if (misplaced.length > 0) refuse(`--${misplaced[0]} needs --run`);
    return values;
  } catch (error) {
    return refuse(error.message);
  }
}

const kept = () => (existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : null);

function keep(results) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(RESULTS, serialized(results));
}

/** Runs what is asked for; what is done is kept at once. A benchmark that fails keeps its earlier figures, and is named. */
async function run(values) {
  const given = Object.keys(PASSED).filter((name) => values[name] !== undefined);
  const passed = given.flatMap((name) => (values[name] === true ? [`--${name}`] : [`--${name}`, values[name]]));
  // Folders are nobody's business, that there was one is.
  const isFolder = (name) => name === 'data' || name === 'dir';
  const told = given.map((name) =>
    values[name] === true || isFolder(name) ? `--${name}` : `--${name} ${values[name]}`,
  );
  const folders = given.filter(isFolder).map((name) => values[name]);
  for (const name of values.only ? [values.only] : NAMES) {
    try {
      const entries = entriesOf(await runOne(name, passed), { options: told, folders });
      keep(merged(kept(), NAMES, entries));
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      process.exitCode = 1;
      keep(merged(kept(), NAMES, [], [{ name, reason: error.message }]));
    }
  }
}

/** Every file that results make, by address. */
function filesOf(results) {
  const pictures = new Map(results.benchmarks.map((benchmark) => [benchmark.name, chartsOf(benchmark)]));
  const files = new Map([...pictures.values()].flat().map(({ file, svg }) => [new URL(file, FOLDER).href, svg]));
  return files.set(PAGE.href, pageOf(readFileSync(PAGE, 'utf8'), results, pictures, LAYOUTS));
}

const svgs = () => readdirSync(FOLDER).filter((file) => file.endsWith('.svg'));

function write(files) {
  for (const file of svgs()) if (!files.has(new URL(file, FOLDER).href)) rmSync(new URL(file, FOLDER));
  for (const [href, content] of files) writeFileSync(new URL(href), content);
  console.log(`${files.size - 1} pictures and docs/benchmarks.md`);
}

function check(files) {
  const isSame = (href, content) => existsSync(new URL(href)) && readFileSync(new URL(href), 'utf8') === content;
  const other = [...files].filter(([href, content]) => !isSame(href, content)).map(([href]) => href);
  const left = svgs()
    .map((file) => new URL(file, FOLDER).href)
    .filter((href) => !files.has(href));
  for (const href of [...other, ...left])
    console.error(`not made from the results: ${href.slice(href.indexOf('/docs/') + 1)}`);
  if (other.length + left.length > 0) process.exitCode = 1;
  else console.log('docs/benchmarks.md and its pictures are made from docs/benchmarks/results.json');
}

const values = options();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
if (values.run) await run(values);
if (values.from) keep(merged(kept(), NAMES, entriesOf(JSON.parse(readFileSync(values.from, 'utf8')))));
const results = kept();
if (!results) refuse('there are no results yet: --run or --from');
const files = filesOf(results);
if (values.check) check(files);
else write(files);
