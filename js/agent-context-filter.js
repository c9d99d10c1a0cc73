'use strict';

const { EventEmitter } = require('node:events');
const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { read, release, inOrder } = require('./document.js');
const { filterResult } = require('./result.js');
const { emit } = require('./emit.js');
const { cancellable } = require('./jobs.js');
const native = require('./binding.js');

class AgentContextFilter extends EventEmitter {
  #native;
  #heldMb = 0;
  /** The first look at the files of agents, until what it found is told. */
  #firstLook;

  constructor(config = {}) {
    super();
    this.#native = call(native.openFilter, args.configurationJson(config), process.cwd());
    // Files of agents are read on the thread pool; every filtering looks at them again.
    this.#firstLook = callAsync(this.#native.refreshAgents).then(
      (changes) => this.#tell(changes),
      () => {},
    );
  }

  async filterContext(agentId, context, currentMemoryUsage = 0, systemLoad = 0, options = undefined) {
    args.string('agentId', agentId);
    args.number('currentMemoryUsage', currentMemoryUsage);
    args.number('systemLoad', systemLoad);
    const { asked, signal } = args.filterOptions(options);
    signal?.throwIfAborted();
    this.#heldMb = currentMemoryUsage;
    const { source, result: pending } = read(context, (columns) =>
      cancellable(this.#native, [signal], (job) =>
        call(this.#native.filter, agentId, currentMemoryUsage, systemLoad, job, ...asked, ...inOrder(columns)),
      ),
    );
    try {
      const output = await callAsync(() => pending);
      // What a filtering goes by is told before its result, whoever looked first.
      await this.#firstLook;
      signal?.throwIfAborted();
      this.#tell(output.changes);
      const result = filterResult(source, output, { agentId, original: context });
      emit(this, 'contextFiltered', result);
      return result;
    } finally {
      release(source);
    }
  }

  addAgentSpecialization(specialization) {
    call(
      this.#native.addSpecialization,
      args.configurationJson(args.options('specialization', specialization), 'E_INVALID_ARGUMENT'),
    );
    emit(this, 'specializationAdded', specialization);
  }

  async resolveReference(reference) {
    return JSON.parse(call(this.#native.resolve, args.string('reference', reference)));
  }

  getFilterStats() {
    return {
      agentSpecializations: this.#native.specializations(),
      ...JSON.parse(this.#native.held()),
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

  /** Emits what changed among the files of agents. */
  #tell(changes) {
    for (const [name, data] of JSON.parse(changes)) emit(this, name, data);
  }
}

module.exports = { AgentContextFilter };
