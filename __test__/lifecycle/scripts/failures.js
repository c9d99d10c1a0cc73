/** Meets internal failures as its argument says and prints what came of them. */

const native = require('../../../js/binding.js');

// The handle of a system is private: it is kept here on its way to the facade.
const handles = [];
const { openSystem } = native;
native.openSystem = (...args) => {
  const handle = openSystem(...args);
  handles.push(handle);
  return handle;
};

const { ProductionOptimizationSystem, AgentwiseError, countTokens } = require('../../../index.js');
const { call, callAsync } = require('../../../js/errors.js');
const { CONFIG, SMALL } = require('./contexts.js');

function seen(error) {
  return { isOurs: error instanceof AgentwiseError, name: error.name, code: error.code, message: error.message };
}

const SCENARIOS = {
  sync: () => {
    const errors = [];
    for (let round = 0; round < 3; round++) {
      try {
        call(native.panicForTest);
      } catch (error) {
        errors.push(seen(error));
      }
    }
    return { errors, worksAfterwards: countTokens('hello world') === 2 };
  },
  async: async () => {
    // More at once than the thread pool has threads: a thread that had a panic takes further work.
    const calls = Array.from({ length: 20 }, () => callAsync(native.panicForTestAsync).catch(seen));
    return { errors: await Promise.all(calls), worksAfterwards: countTokens('hello world') === 2 };
  },
  'unhandled rejection': () => {
    void callAsync(native.panicForTestAsync);
  },
  stage: async () => {
    const [sound, system] = [
      await ProductionOptimizationSystem.create(CONFIG),
      await ProductionOptimizationSystem.create(CONFIG),
    ];
    const events = [];
    for (const name of ['optimizationError', 'agentContextOptimized', 'contextOptimized']) {
      for (const each of [sound, system]) each.on(name, (event) => events.push([name, event]));
    }
    const copy = structuredClone(SMALL);
    const expected = await sound.optimizeAgentContext('frontend-specialist', SMALL);
    const eventsExpected = events.splice(0);
    for (const stage of ['filter', 'tokens']) handles[1].failNextStage(stage);
    const failed = await system.optimizeAgentContext('frontend-specialist', SMALL);
    const eventsOfFailure = events.splice(0);
    const health = system.getHealthStatus();
    const after = await system.optimizeAgentContext('frontend-specialist', SMALL);
    const eventsAfter = events.splice(0);
    await system.shutdown();
    return {
      failed,
      failedType: failed.type,
      failedTokensSaved: failed.tokensSaved,
      enumerable: Object.keys(failed),
      isOriginal: JSON.stringify(failed) === JSON.stringify(copy),
      callersObjectUnchanged: JSON.stringify(SMALL) === JSON.stringify(copy) && !('type' in SMALL),
      afterIsAsExpected: JSON.stringify(after) === JSON.stringify(expected) && after.type === 'full',
      eventsExpected,
      eventsOfFailure,
      eventsAfter,
      health,
    };
  },
};

(async () => {
  const result = await SCENARIOS[process.argv[2]]();
  if (result) console.log(JSON.stringify(result));
})();
