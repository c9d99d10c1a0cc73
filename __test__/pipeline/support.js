'use strict';

/** What the specs of the pipeline share: a receiver, systems whose stages can be made to fail, contexts. */

const native = require('../../js/binding.js');
const { ProductionOptimizationSystem, applyDelta } = require('../../index.js');
const { KEEP_ALL } = require('../support.js');

/** A system and `fail(stage)`, which makes the next run of that stage panic. The handle of a system is private: it is kept here on its way. */
async function openFailing(own, config = KEEP) {
  const { openSystem } = native;
  let handle;
  native.openSystem = (...given) => {
    handle = openSystem(...given);
    return handle;
  };
  try {
    const system = own(await ProductionOptimizationSystem.create(config));
    const fail = (...stages) => {
      for (const stage of stages) handle.failNextStage(stage);
    };
    return { system, fail };
  } finally {
    native.openSystem = openSystem;
  }
}

/** Somebody who is sent results, as an agent's prompt is made of them. */
class Receiver {
  context;

  /** Takes over a result, which must fit what is there and come out as it says. */
  async take(system, result) {
    const plain = result.encoding === 'blocks' ? await system.resolveBlocks(result) : result;
    this.context = applyDelta(this.context, plain);
    return this.context;
  }
}

/** Nothing is left out without a limit, however busy the machine is. */
const KEEP = { ...KEEP_ALL, contextFilter: { ...KEEP_ALL.contextFilter, adaptiveReduction: false } };

/** Something is left out of what is large, however busy the machine is. */
const FILTERING = { ...KEEP_ALL, contextFilter: { memoryAwareFiltering: false, adaptiveReduction: false } };

const bytes = (value) => Buffer.byteLength(JSON.stringify(value));

/** A context of files with text enough that parts of it are left out. */
function project(version = 0, more = {}) {
  const files = {};
  for (let at = 0; at < 12; at++) {
    const lines = Array.from(
      { length: 60 },
      (_, line) => `const value${at}_${line} = compute(${line * at}, 'file ${at}');`,
    );
    if (at === version % 12) lines.push(`// version ${version}`);
    files[`src/module${at}.js`] = lines.join('\n');
  }
  return {
    currentTask: 'Fix compute in src/module3.js',
    projectStructure: ['src'],
    recentChanges: [`change ${version}`],
    files,
    notes: 'weather and flowers '.repeat(200),
    ...more,
  };
}

module.exports = { KEEP, FILTERING, openFailing, Receiver, bytes, project };
