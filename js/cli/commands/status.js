'use strict';

/** The command `status`. */

module.exports = function add(program, { action, examples }) {
  program
    .command('status')
    .description('components, figures and effective settings')
    .addHelpText('after', examples('status', 'status --json', 'status --environment production'))
    .action(
      action(async ({ open, output }) => {
        const status = (await open()).getStatus();
        return { data: status, text: textOf(status, output) };
      }),
    );
};

function textOf(status, { table, visible }) {
  const { memoryManager: memory, cacheManager: cache, contextFilter: filter } = status.components;
  return table([
    ['environment', status.environment],
    ['configuration', visible(status.configFile ?? 'built-in defaults')],
    ['score', `${status.overallScore} of 100`],
    ['memory', memory ? memoryText(memory) : 'off'],
    ['cache', cache ? `${cache.l1.entries} of ${cache.l1.maxSize} entries, ${cache.l1.sizeMB} MB` : 'off'],
    ['context filter', filter ? `${filter.agentSpecializations.length} specializations` : 'off'],
    ['not available', status.unavailable.join(', ') || 'nothing that is asked for'],
  ]);
}

/** What the system does not say is not shown as a figure. */
function memoryText({ process: { rss }, limits, percentage }) {
  return rss === null ? 'unknown' : `${rss} MB of ${limits.effective} MB (${percentage} %)`;
}
