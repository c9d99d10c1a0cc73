'use strict';

/** What stands in the place of a module of an Agentwise. */

const path = require('node:path');
const { namesOf, offeredBy } = require('./exported.js');
const { BOM, lineEndOf, originalOf } = require('./modules.js');

/** What each class has beside it that callers may name, where the original does not tell what it exports. */
const BESIDE = {
  MemoryManager: ['MemoryAlert', 'MemoryConfig', 'MemoryUsage'],
  OptimizationOrchestrator: ['OptimizationConfig'],
  ProductionOptimizationSystem: ['SystemConfig'],
  TokenOptimizer: ['ContextDiff', 'OptimizationStrategy', 'TokenUsageMetrics'],
  AdvancedCacheManager: ['CacheConfig', 'CacheEntry', 'CacheStats', 'SimilarQuery'],
  AgentContextFilter: ['ContextElement', 'ContextFilterConfig'],
  ProductionMonitor: ['Alert', 'MonitoringConfig', 'SystemMetrics'],
};

/**
 * Statements that re-export from `entry` what the original exported or callers import, as far as this package has it, and no
 * more: a name that was not there before might be one that another module has, where a third exports all of both.
 */
function statementsFor({ file, entry, imported = [] }, original) {
  const { names, isWhole } = namesOf(original);
  const className = path.posix.basename(file, '.ts');
  const wanted = [...new Set([...names, ...imported, ...(isWhole ? [] : [className, ...BESIDE[className]])])];
  const offered = offeredBy(entry);
  const types = wanted.filter((name) => offered.get(name) === true);
  const values = wanted.filter((name) => offered.get(name) === false);
  const lines = [`export { ${['default', ...values].join(', ')} } from '${entry}';`];
  // A list of its own: each file may be compiled by itself.
  if (types.length > 0) lines.push(`export type { ${types.join(', ')} } from '${entry}';`);
  return lines;
}

/** The lines that take the place of `original`, with its line ends, and a byte order mark if it has one. */
function replacementFor(module, original) {
  const name = originalOf(path.posix.basename(module.file));
  const lines = [`// In place of the module that stands beside in ${name}.`, ...statementsFor(module, original), ''];
  return (original.startsWith(BOM) ? BOM : '') + lines.join(lineEndOf(original));
}

module.exports = { replacementFor };
