'use strict';

/** The commands `config check`, `config explain` and `config schema`. None of them starts a system. */

const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { AgentwiseError } = require('../../errors.js');
const { OK, CRITICAL } = require('../exit-codes.js');
const { clipped, counted, visible } = require('../text.js');

const SCHEMA = join(__dirname, '..', '..', '..', 'config', 'optimization.schema.json');

module.exports = function add(program, { action, examples }) {
  const config = program
    .command('config')
    .description('the configuration: whether it is right, and where each value comes from');
  config
    .command('check')
    .description('every problem of the configuration; exit code 0 none, 2 some')
    .argument('[file]', 'this one instead of the file of the environment')
    .addHelpText('after', examples('config check', 'config check config/optimization.json', 'config check --json'))
    .action(action(check));
  config
    .command('explain')
    .description(
      'each effective setting with its value and where that comes from; without an argument, those that are not defaults',
    )
    .argument('[setting]', 'this one, or all below it: cache, or cache.ttlSeconds')
    .option('--all', 'defaults too')
    .addHelpText('after', examples('config explain', 'config explain cache.ttlSeconds', 'config explain cache --all'))
    .action(action(explain));
  config
    .command('schema')
    .description('the JSON Schema of configuration files')
    .withoutGlobals('environment', 'config')
    .addHelpText('after', examples('config schema'))
    .action(action(async () => ({ text: readFileSync(SCHEMA, 'utf8').trimEnd() })));
};

async function check(given) {
  const { checkedConfiguration } = require('../configuration.js');
  const [file] = given.args;
  const result = checkedConfiguration(given, { file });
  const { problems, warnings } = result;
  const { paint } = given.output;
  const line = (kind, style) => (row) => {
    const where = [row.path, row.source].filter(Boolean).map(visible).join(', ');
    return `${paint(kind, style)}  ${where ? `${where}: ` : ''}${visible(row.message)}`;
  };
  const lines = [...problems.map(line('problem', 'red')), ...warnings.map(line('warning', 'yellow'))];
  const name = visible(result.file ?? 'built-in defaults');
  const sum = problems.length === 0 ? 'no problems' : counted(problems.length, 'problem');
  return {
    data: { file: result.file, problems, warnings },
    text: [...lines, `${name}: ${sum}`].join('\n'),
    code: problems.length === 0 ? OK : CRITICAL,
  };
}

/** Longest value that a table shows whole, columns. */
const VALUE_WIDTH = 60;

/** What code gives is given by the command line here. */
const SOURCES = { code: 'this command', variable: 'environment variable' };

function originText({ source, name }) {
  const what = SOURCES[source] ?? source;
  return name ? `${what} ${name}` : what;
}

/** The settings, by path; a configuration with problems has none. */
function explained(given) {
  const { checkedConfiguration, requireSound } = require('../configuration.js');
  const checked = checkedConfiguration(given);
  requireSound(checked);
  return { file: checked.file, settings: checked.explanation.settings };
}

/** The setting that `wanted` may mean: one that begins so, itself or its last part, or the nearest; also what is above settings. */
function meant(wanted, names) {
  const { nearest } = require('../nearest.js');
  const start = wanted.toLowerCase();
  const begins = (name) =>
    [name, name.slice(name.lastIndexOf('.') + 1)].some((part) => part.toLowerCase().startsWith(start));
  const above = names.filter((name) => name.includes('.')).map((name) => name.slice(0, name.lastIndexOf('.')));
  return names.find(begins) ?? nearest(wanted, [...names, ...above]);
}

/** Those that `wanted` names, itself or by what is above them. */
function under(settings, wanted) {
  const all = Object.entries(settings);
  const found = all.filter(([path]) => wanted === undefined || path === wanted || path.startsWith(`${wanted}.`));
  if (found.length > 0 || wanted === undefined) return found;
  const near = wanted === '' ? null : meant(wanted, Object.keys(settings));
  const hint = near ? `the nearest is ${near}` : 'config explain --all has all of them';
  throw new AgentwiseError('E_INVALID_ARGUMENT', `there is no setting ${visible(wanted)}; ${hint}`);
}

async function explain(given) {
  const { file, settings } = explained(given);
  const [wanted] = given.args;
  const { all: isAll, json } = given.options;
  const found = under(settings, wanted);
  const shown = found.filter(([, { source }]) => wanted !== undefined || isAll || json || source !== 'default');
  const { paint, table } = given.output;
  const rows = shown.map(([path, setting]) => [
    path,
    clipped(visible(JSON.stringify(setting.value ?? null)), VALUE_WIDTH),
    paint(visible(originText(setting)), 'dim'),
  ]);
  const rest = found.length - shown.length;
  const lines = [`configuration: ${visible(file ?? 'built-in defaults')}`];
  if (rows.length > 0) lines.push(table(rows));
  if (rest > 0) lines.push(`${counted(rest, 'setting')} ${rest === 1 ? 'is' : 'are'} as built in; see --all`);
  return { data: { file, settings: Object.fromEntries(shown) }, text: lines.join('\n') };
}
