'use strict';

/**
 * The command `health`. Of several systems that run here the worst one counts. A system that does not answer is down; one
 * that left a state but never shut down was killed or crashed, which is a warning at least.
 */

const { OK, WARNING, CRITICAL, UNKNOWN } = require('../exit-codes.js');

const CODES = { healthy: OK, warning: WARNING, critical: CRITICAL, down: CRITICAL };

const STYLES = { healthy: 'green', warning: 'yellow', critical: 'red', down: 'red' };

const codeOf = ({ overall }) => CODES[overall] ?? UNKNOWN;

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
  const { answersFor, created, endedWell } = require('../running.js');
  const found = await answersFor(given, '/health');
  if (found.source === 'live') return worstOf(found.answers);
  if (found.source === 'created') {
    const health = { ...(await created(given)).getHealthStatus(), source: 'created' };
    return { health, code: codeOf(health), about: found };
  }
  const { health: stored, savedAt, pid, ended } = found.state;
  const health = { ...stored, source: 'stored', savedAt, pid, ended };
  const code = codeOf(health);
  return { health, code: code === OK && !endedWell(found.state) ? WARNING : code, about: found };
}

/** The health of the worst of several systems, with a line for each. */
function worstOf(answers) {
  const systems = answers.map(({ answer: health, error, pid, environment, startedAt, project }) => ({
    pid,
    environment,
    startedAt,
    project,
    health: health ?? { overall: 'down', score: 0, message: error },
  }));
  const [worst] = [...systems].sort((a, b) => codeOf(b.health) - codeOf(a.health));
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
  const summary = `${paint(overall, STYLES[overall] ?? 'red')}, score ${score} of 100${message ? `: ${visible(message)}` : ''}`;
  const rows = [
    ['source', source],
    ['health', summary],
    ...Object.entries(components).map(([name, part]) => [name, part ? `${part.score}` : 'off']),
  ];
  if (systems.length > 1) {
    for (const { pid, overall: other, score: points } of systems) {
      rows.push([`process ${pid}`, `${paint(other, STYLES[other] ?? 'red')}, score ${points}`]);
    }
  }
  return [table(rows), ...recommendations.map((line) => visible(line))].join('\n');
}
