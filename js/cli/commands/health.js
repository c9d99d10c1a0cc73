'use strict';

/**
 * The command `health`. Of several systems that run here the worst one counts. A system that does not answer is down; one
 * that left a state but never shut down was killed or crashed, which is a warning at least.
 */

const { OK, WARNING, CRITICAL, UNKNOWN } = require('../exit-codes.js');

const CODES = { healthy: OK, warning: WARNING, critical: CRITICAL, down: CRITICAL };

const STYLES = { healthy: 'green', warning: 'yellow', critical: 'red', down: 'red' };

const codeOf = ({ overall }) => CODES[overall] ?? UNKNOWN;

/** What counts more comes later: nobody knows of an unknown one that it is down. */
const SEVERITY = [OK, WARNING, UNKNOWN, CRITICAL];
const severityOf = (health) => SEVERITY.indexOf(codeOf(health));

/** What was found and is not believed may be the application's. */
const atLeastWarning = (code) => (code === OK ? WARNING : code);

module.exports = function add(program, { action, examples }) {
  program
    .command('health')
    .description('health and score; exit code 0 healthy, 1 warning, 2 critical, 3 unknown')
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText('after', examples('health', 'health --json', 'health --environment production', 'health --offline'))
    .action(
      action(async (given) => {
        const { sourceText } = require('../running.js');
        const { health, code, about } = await answer(given);
        return { data: health, text: textOf(health, sourceText(about), given.output), code };
      }),
    );
};

async function answer(given) {
  const { answersFor, created, endedWell, firstOf } = require('../running.js');
  const found = await answersFor(given, '/health');
  if (found.source === 'live') {
    // Nobody says anything that is understood: that is unknown.
    if (found.answers.every(({ isForeign }) => isForeign)) firstOf(found);
    return worstOf(found.answers);
  }
  if (found.source === 'created') {
    const health = { ...(await created(given)).getHealthStatus(), source: 'created' };
    const code = codeOf(health);
    return { health, code: found.ignored > 0 ? atLeastWarning(code) : code, about: found };
  }
  const { health: stored, savedAt, pid, ended } = found.state;
  const health = { ...stored, source: 'stored', savedAt, pid, ended };
  const code = codeOf(health);
  const isDoubtful = found.ignored > 0 || !endedWell(found.state);
  return { health, code: isDoubtful ? atLeastWarning(code) : code, about: found };
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
  const about = { source: 'live', pid, environment, startedAt, systems: systems.length };
  return { health, code: codeOf(health), about };
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
