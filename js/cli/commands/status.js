'use strict';

/** The command `status`. Of several systems that run here it shows the newest, or the one of `--pid`. */

const { AgentwiseError } = require('../../errors.js');

module.exports = function add(program, { action, examples }) {
  program
    .command('status')
    .description('components, figures and effective settings')
    .option('--pid <number>', 'of this process, where several systems run here')
    .option('--offline', 'asks no running system and reads no stored state: makes one for the question')
    .addHelpText(
      'after',
      examples('status', 'status --json', 'status --pid 4711', 'status --environment production --offline'),
    )
    .action(
      action(async (given) => {
        const { sourceText } = require('../running.js');
        const { status, about } = await answer(given);
        return { data: dataOf(status, about), text: textOf(status, sourceText(about), given.output) };
      }),
    );
};

async function answer(given) {
  const { answersFor, created, firstOf } = require('../running.js');
  const found = await answersFor(given, '/status', (systems) => chosen(systems, given.options.pid));
  if (found.source === 'live') {
    const { answer: status, about } = firstOf(found);
    const running = found.systems.map(({ pid, environment }) => ({ pid, environment }));
    const { pid, startedAt } = about;
    return {
      status: { ...status, source: 'live', pid, startedAt, systems: running },
      about: { ...about, warnings: found.warnings },
    };
  }
  if (given.options.pid !== undefined) chosen([], given.options.pid);
  if (found.source === 'created') {
    return { status: { ...(await created(given)).getStatus(), source: 'created' }, about: found };
  }
  const { status, savedAt, pid, ended } = found.state;
  return { status: { ...status, source: 'stored', savedAt, pid, ended }, about: found };
}

/** A status has warnings of its own. */
function dataOf(status, about) {
  const { besides } = require('../running.js');
  const { warnings = [], ...others } = besides(about);
  const own = Array.isArray(status.warnings) ? status.warnings : [];
  return { ...status, ...others, ...(warnings.length > 0 && { warnings: [...own, ...warnings] }) };
}

/** The one of `pid`, else all. */
function chosen(systems, pid) {
  const found = pid === undefined ? systems : systems.filter((system) => `${system.pid}` === pid);
  if (found.length > 0) return found;
  const running = systems.map((candidate) => candidate.pid).join(', ') || 'none';
  throw new AgentwiseError('E_INVALID_ARGUMENT', `no system of process ${pid} runs here; running: ${running}`);
}

function textOf(status, source, { table, visible }) {
  const { memoryManager: memory, cacheManager: cache, contextFilter: filter } = status.components;
  return table([
    ['source', source],
    ['environment', visible(status.environment)],
    ['configuration', visible(status.configFile ?? 'built-in defaults')],
    ['score', `${visible(status.overallScore)} of 100`],
    ['memory', memory ? visible(memoryText(memory)) : 'off'],
    ['cache', cache ? visible(`${cache.l1.entries} of ${cache.l1.maxSize} entries, ${cache.l1.sizeMB} MB`) : 'off'],
    ['context filter', filter ? `${filter.agentSpecializations.length} specializations` : 'off'],
  ]);
}

/** What the system does not say is not shown as a figure. */
function memoryText({ process: { rss }, limits, percentage }) {
  return rss === null ? 'unknown' : `${rss} MB of ${limits?.effective} MB (${percentage} %)`;
}
