'use strict';

/** Calls of a system that go to one of its parts, and which of its calls its monitor counts. */

const { measureCalls } = require('./measured.js');
const { addTuning } = require('./system-tuning.js');
const { hasFailed } = require('./result.js');

/** Systems with a monitor go on until they are shut down, whoever holds them: they have alerts to tell, maybe a port. */
const monitored = new Set();

function hold(system, isMonitored) {
  if (isMonitored) monitored.add(system);
  else monitored.delete(system);
}

/** `runningOf` gives what runs, or `null`; `requireRunning` that, or throws. */
function addParts(System, { runningOf, requireRunning }) {
  const { prototype } = System;
  for (const name of ['acknowledge', 'resetAgent', 'trackUsage', 'getOptimizationReport']) {
    prototype[name] = function (...given) {
      return requireRunning(this).tokens[name](...given);
    };
  }

  const memoryOf = (system) => runningOf(system)?.memory;
  const monitorOf = (system) => {
    const running = runningOf(system);
    return running?.isMonitored ? running.monitor : null;
  };

  prototype.throttleReason = function (agentId) {
    return memoryOf(this)?.throttleReason(agentId) ?? null;
  };

  prototype.whenUnthrottled = async function (agentId, options) {
    await memoryOf(this)?.whenUnthrottled(agentId, options);
  };

  prototype.resolveBlocks = async function (result, options) {
    return requireRunning(this).tokens.resolveBlocks(result, options);
  };

  addTuning(System, requireRunning);

  measureCalls(System, monitorOf, {
    optimizeAgentContext: hasFailed,
    getCachedResponse: undefined,
    cacheResponse: undefined,
    resolveReference: undefined,
    resolveBlocks: undefined,
    performMaintenance: undefined,
  });
}

module.exports = { addParts, hold };
