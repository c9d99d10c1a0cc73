'use strict';

/** The commands `config check`, `config explain` and `config schema`. None of them starts a system. */

const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { AgentwiseError } = require('../../errors.js');
const { OK, CRITICAL } = require('../exit-codes.js');
const { counted } = require('../text.js');

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
  const result = checkedConfiguration(given, file);
  const { problems, warnings } = result;
  const { paint, visible } = given.output;
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

const SOURCES = {
  default: 'default',
  file: 'file',
  code: 'code',
  variable: 'environment variable',
  update: 'update',
  tuning: 'tuning',
};

function explainedText({ source, name, from }) {
  const what = SOURCES[source] ?? source;
  const where = name ?? from;
  return where ? `${what} ${where}` : what;
}

async function explain(given) {
  const { checkedConfiguration } = require('../configuration.js');
  const result = checkedConfiguration(given);
  if (result.problems.length > 0) {
    const { path, message } = result.problems[0];
    const more = result.problems.length > 1 ? `; ${counted(result.problems.length, 'problem')}, see config check` : '';
    throw new AgentwiseError('E_CONFIG_INVALID', `${path ? `${path}: ` : ''}${message}${more}`);
  }
  const [wanted] = given.args;
  const all = Object.entries(result.settings).filter(([path]) => isUnder(path, wanted));
  if (all.length === 0 && wanted !== undefined) {
    const { nearest } = require('../nearest.js');
    const near = nearest(wanted, Object.keys(result.settings));
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      `there is no setting ${wanted}${near ? `; the nearest is ${near}` : ''}`,
    );
  }
  const shown = all.filter(([, { source }]) => wanted !== undefined || given.options.all || source !== 'default');
  const { dim } = { dim: (text) => given.output.paint(text, 'dim') };
  const rows = shown.map(([path, setting]) => [
    path,
    given.output.visible(JSON.stringify(setting.value ?? null)),
    dim(given.output.visible(explainedText(setting))),
  ]);
  const file = `configuration: ${given.output.visible(result.file ?? 'built-in defaults')}`;
  const rest = all.length - shown.length;
  const note = rest > 0 ? [`${counted(rest, 'setting')} ${rest === 1 ? 'is' : 'are'} as built in; see --all`] : [];
  return {
    data: { file: result.file, settings: Object.fromEntries(given.options.json && wanted === undefined ? all : shown) },
    text: [file, ...(rows.length > 0 ? [given.output.table(rows)] : []), ...note].join('\n'),
  };
}

const isUnder = (path, wanted) => wanted === undefined || path === wanted || path.startsWith(`${wanted}.`);
