'use strict';

const { OptimizationCore, requireRunning } = require('./optimization-core.js');
const { emit } = require('./emit.js');
const { measureCalls } = require('./measured.js');

class OptimizationOrchestrator extends OptimizationCore {
  #started;

  /**
   * Begins at once: what is wrong with the configuration is thrown here, a later failure is emitted as `error` if somebody
   * listens, and rejects the calls that need a running system.
   */
  constructor(config, tokenOptimizer) {
    super(config, {}, tokenOptimizer);
    this._open();
    this.#started = this._begin().catch((error) => {
      if (this.listenerCount('error') > 0) emit(this, 'error', error);
    });
  }

  /** What is called before the orchestrator is ready waits until it is. */
  _starting() {
    return this.#started;
  }

  async warmUp() {
    await this.#started;
    await requireRunning(this).warmUp();
    emit(this, 'warmUpCompleted');
  }

  async generateOptimizationReport(options) {
    await this.#started;
    return requireRunning(this).writeReport(options);
  }
}

measureCalls(OptimizationOrchestrator, (system) => system.productionMonitor, { generateOptimizationReport: undefined });

module.exports = { OptimizationOrchestrator };
