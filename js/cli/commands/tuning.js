'use strict';

/** The command `tuning`: what auto-tuning tried, kept and undid. It changes nothing. */

module.exports = function add(program, { action, examples }) {
  program
    .command('tuning')
    .description('what auto-tuning tried, kept and undid')
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText('after', examples('tuning', 'tuning --json'))
    .action(
      action(async (given) => {
        const { Readings } = require('../stats/readings.js');
        const { source, head, pid, status } = await new Readings(given).next();
        const about = status.tuning ?? { enabled: status.autoTuning === true };
        const history = about.history ?? status.tuningHistory ?? [];
        return {
          data: { source, pid, ...about, history },
          text: textOf({ head, about, history }, given.output),
        };
      }),
    );
};

const STYLES = { kept: 'green', undone: 'yellow', trying: 'cyan', abandoned: 'dim' };

function textOf({ head, about, history }, { paint, table, visible }) {
  const { enabled, steps = 0, kept = 0, undone = 0 } = about;
  const rows = [
    ['source', head],
    ['auto-tuning', enabled ? `on: ${steps} steps, ${kept} kept, ${undone} undone` : 'off: set autoTuning'],
  ];
  const changes = history.map(({ at, setting, from, to, outcome, why, reason }) => [
    new Date(at).toISOString(),
    visible(setting),
    visible(`${JSON.stringify(from)} → ${JSON.stringify(to)}`),
    paint(visible(outcome), STYLES[outcome] ?? 'bold'),
    visible(why ?? reason ?? ''),
  ]);
  return [table(rows), '', changes.length > 0 ? table(changes) : 'nothing was changed'].join('\n');
}
