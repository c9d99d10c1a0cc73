'use strict';

const { EventEmitter } = require('node:events');
const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { read, release } = require('./document.js');
const { filterResult } = require('./result.js');
const { emit } = require('./emit.js');
const native = require('./binding.js');

class AgentContextFilter extends EventEmitter {
  #native;
  #heldMb = 0;

  constructor(config = {}) {
    super();
    this.#native = call(native.openFilter, args.configurationJson(config));
  }

  async filterContext(agentId, context, currentMemoryUsage = 0, systemLoad = 0) {
    args.string('agentId', agentId);
    args.number('currentMemoryUsage', currentMemoryUsage);
    args.number('systemLoad', systemLoad);
    this.#heldMb = currentMemoryUsage;
    const { source, result: pending } = read(context, ({ kinds, ends, lengths, numbers, text }) =>
      call(this.#native.filter, agentId, currentMemoryUsage, systemLoad, kinds, ends, lengths, numbers, text),
    );
    try {
      const output = await callAsync(() => pending);
      const result = filterResult(source, output, { agentId, original: context });
      emit(this, 'contextFiltered', result);
      return result;
    } finally {
      release(source);
    }
  }

  addAgentSpecialization(specialization) {
    call(this.#native.addSpecialization, args.configurationJson(args.options('specialization', specialization)));
    emit(this, 'specializationAdded', specialization);
  }

  getFilterStats() {
    return {
      agentSpecializations: this.#native.specializations(),
      cachedContexts: 0,
      currentMemoryUsage: this.#heldMb,
      config: JSON.parse(this.#native.config()),
    };
  }

  getRecommendedContextSize(agentId, systemLoad, memoryUsage) {
    args.string('agentId', agentId);
    args.number('systemLoad', systemLoad);
    return call(this.#native.recommendedMb, agentId, systemLoad, args.number('memoryUsage', memoryUsage));
  }

  updateConfig(partial) {
    const oldConfig = JSON.parse(this.#native.config());
    call(this.#native.updateConfig, args.configurationJson(partial));
    emit(this, 'configUpdated', { oldConfig, newConfig: JSON.parse(this.#native.config()) });
  }
}

module.exports = { AgentContextFilter };
