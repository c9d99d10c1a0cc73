'use strict';

/**
 * The command `health`. Of several systems that run here the worst one counts. A system that does not answer is down; one
 * that went without a shutdown was killed or crashed, which is a warning at least. Where nothing runs, `--live` says down;
 * where nobody can know that, unknown.
 */

const { AgentwiseError } = require('../../errors.js');
const { OK, WARNING, CRITICAL, UNKNOWN } = require('../exit-codes.js');

const CODES = { healthy: OK, warning: WARNING, critical: CRITICAL, down: CRITICAL };

const STYLES = { healthy: 'green', warning: 'yellow', critical: 'red', down: 'red' };

const codeOf = ({ overall }) => CODES[overall] ?? UNKNOWN;

/** What counts more comes later: nobody knows of an unknown one that it is down. */
const SEVERITY = [OK, WARNING, UNKNOWN, CRITICAL];
const severityOf = (health) => SEVERITY.indexOf(codeOf(health));

module.exports = function add(program, { action, examples }) {
  program
    .command('health')
    .description('health and score; exit code 0 healthy, 1 warning, 2 critical, 3 unknown')
    .option('--live', 'only a system that runs counts; where none does: down, exit code 2')
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText(
      'after',
      examples('health', 'health --json', 'health --live --environment production', 'health --offline'),
    )
    .action(
      action(async (given) => {
        const { live, offline } = given.options;
        if (live && offline) throw new AgentwiseError('E_INVALID_ARGUMENT', '--live and --offline exclude each other');
        const { besides, sourceText } = require('../running.js');
        const { health, found, about = found } = await answer(given);
        const text = textOf(health, sourceText(about), given.output);
        return { data: { ...health, ...besides(found) }, text, code: codeOf(health) };
      }),
    );
};

async function answer(given) {
  const { answersFor, created, firstOf } = require('../running.js');
  const found = await answersFor(given, '/health');
  if (found.source === 'live') {
    // Nobody says anything that is understood: that is unknown.
    if (found.answers.every(({ isForeign }) => isForeign)) firstOf(found);
    return { ...worstOf(found.answers), found };
  }
  if (given.options.live) return down(found);
  if (found.source === 'created') {
    return { health: doubted({ ...(await created(given)).getHealthStatus(), source: 'created' }, found), found };
  }
  const { health, savedAt, pid, ended } = found.state;
  return { health: doubted({ ...health, source: 'stored', savedAt, pid, ended }, found), found };
}

/** A system that went without a shutdown is a warning at least, and so is what was found and is not believed: it may be the application's. */
function doubted(health, { gone: [killed], ignored }) {
  const { goneText } = require('../running.js');
  const doubts = [
    killed && goneText(killed),
    ignored > 0 && 'what was found of running systems is not believed',
  ].filter(Boolean);
  if (doubts.length === 0) return health;
  const message = [health.message, ...doubts].filter(Boolean).join('; ');
  return { ...health, overall: codeOf(health) === OK ? 'warning' : health.overall, message };
}

/** Nothing answers, and only a system that runs counts. */
function down(found) {
  if (!found.hasDirectory) {
    throw new AgentwiseError(
      'E_NOT_AVAILABLE',
      'systems of this configuration cannot be asked: without a cache on disk, and on Windows, they have no socket',
    );
  }
  const [why, ...more] = found.doubtful;
  // It may be the application's: nobody knows that nothing runs.
  if (why !== undefined) {
    const others = more.length > 0 ? `; ${more.length} more` : '';
    throw new AgentwiseError(
      'E_NOT_AVAILABLE',
      `whether a system of this directory runs is not known: ${why}${others}`,
    );
  }
  const { lastText } = require('../running.js');
  const message = lastText(found);
  return {
    health: { overall: 'down', score: 0, message, source: 'live', systems: [] },
    found,
    about: { source: 'live', systems: 0 },
  };
}

/** The health of the worst of several systems, with a line for each. */
function worstOf(answers) {
  const systems = answers.map(({ answer: health, error, isForeign, pid, environment, startedAt, project }) => ({
    pid,
    environment,
    startedAt,
    project,
    health: health ?? { overall: isForeign ? 'unknown' : 'down', score: 0, message: error },
  }));
  const [worst] = [...systems].sort((a, b) => severityOf(b.health) - severityOf(a.health));
  const { pid, environment, startedAt } = worst;
  const health = {
    ...worst.health,
    source: 'live',
    pid,
    startedAt,
    systems: systems.map(({ health: { overall, score, message }, ...who }) => ({ ...who, overall, score, message })),
  };
  return { health, about: { source: 'live', pid, environment, startedAt, systems: systems.length } };
}

function textOf(health, source, { paint, table, visible }) {
  const { overall, score, message, components = {}, recommendations = [], systems = [] } = health;
  const summary = `${paint(visible(overall), STYLES[overall] ?? 'red')}, score ${visible(score)} of 100${message ? `: ${visible(message)}` : ''}`;
  const rows = [
    ['source', source],
    ['health', summary],
    ...Object.entries(components).map(([name, part]) => [visible(name), part ? visible(part.score) : 'off']),
  ];
  if (systems.length > 1) {
    for (const { pid, overall: other, score: points } of systems) {
      rows.push([`process ${pid}`, `${paint(visible(other), STYLES[other] ?? 'red')}, score ${visible(points)}`]);
    }
  }
  return [table(rows), ...recommendations.map((line) => visible(line))].join('\n');
}
