'use strict';

/** The command `tuning`: what auto-tuning tried, kept and undid. It changes nothing. */

module.exports = function add(program, { action, examples }) {
  program
    .command('tuning')
    .description('what auto-tuning tried, kept and undid')
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText('after', examples('tuning', 'tuning --json', 'tuning --environment production'))
    .action(
      action(async (given) => {
        const { besides, sourceText } = require('../running.js');
        const { found, tuning, ...whose } = await answer(given);
        return {
          data: { ...whose, ...tuning, ...besides(found) },
          text: textOf(tuning, sourceText(found), given.output),
        };
      }),
    );
};

/** Of several systems the newest that answers. A state that was stored has the sums only. */
async function answer(given) {
  const { answersFor, created, firstOf } = require('../running.js');
  const found = await answersFor(given, '/tuning');
  if (found.source === 'live') {
    const { answer: tuning, about } = firstOf(found);
    return { source: 'live', pid: about.pid, found: { ...about, warnings: found.warnings }, tuning };
  }
  if (found.source === 'stored') {
    const { pid, status } = found.state;
    return { source: 'stored', pid, found, tuning: { ...status.tuning, history: [] } };
  }
  const system = await created(given);
  return { source: 'created', found, tuning: { ...system.getStatus().tuning, history: system.tuningHistory } };
}

const STYLES = { kept: 'green', undone: 'yellow', trying: 'cyan', abandoned: 'dim' };

function textOf({ enabled, steps = 0, kept = 0, undone = 0, history }, source, { paint, table, visible }) {
  const rows = [
    ['source', source],
    ['auto-tuning', visible(`${enabled ? 'on' : 'off'}, ${steps} steps: ${kept} kept, ${undone} undone`)],
  ];
  const changes = history.map(({ at, setting, from, to, outcome, why, reason }) => [
    new Date(at).toISOString(),
    visible(setting),
    visible(`${JSON.stringify(from)} → ${JSON.stringify(to)}`),
    paint(visible(outcome), STYLES[outcome] ?? 'bold'),
    visible(why ?? reason),
  ]);
  return [table(rows), '', changes.length > 0 ? table(changes) : 'no change to show'].join('\n');
}
