'use strict';

/** Calls of a system that go to one of its parts, and which of its calls its monitor counts. */

const { measureCalls } = require('./measured.js');
const { addTuning } = require('./system-tuning.js');

/** Systems with a monitor go on until they are shut down, whoever holds them: they have alerts to tell, maybe a port. */
const monitored = new Set();

function hold(system, isMonitored) {
  if (isMonitored) monitored.add(system);
  else monitored.delete(system);
}

/** Each of the functions gives that part of a system: tokens or an error, the others or `null`. */
function addParts(System, { tokensOf, memoryOf, monitorOf }) {
  const { prototype } = System;
  for (const name of ['acknowledge', 'resetAgent', 'trackUsage', 'getOptimizationReport']) {
    prototype[name] = function (...given) {
      return tokensOf(this)[name](...given);
    };
  }

  prototype.throttleReason = function (agentId) {
    return memoryOf(this)?.throttleReason(agentId) ?? null;
  };

  prototype.whenUnthrottled = async function (agentId, options) {
    await memoryOf(this)?.whenUnthrottled(agentId, options);
  };

  prototype.resolveBlocks = async function (result, options) {
    return tokensOf(this).resolveBlocks(result, options);
  };

  addTuning(System, (system) => tokensOf(system).handle);

  measureCalls(System, monitorOf, {
    // After an internal failure the original is given back.
    optimizeAgentContext: (result, [, context]) =>
      result === context && typeof context === 'object' && context !== null,
    getCachedResponse: undefined,
    cacheResponse: undefined,
    resolveReference: undefined,
    resolveBlocks: undefined,
    performMaintenance: undefined,
    generateSystemReport: undefined,
  });
}

module.exports = { addParts, hold };
