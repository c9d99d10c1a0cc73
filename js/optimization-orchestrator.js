'use strict';

const { AgentwiseError, messageOf } = require('./errors.js');
const { OptimizationCore, requireRunning } = require('./optimization-core.js');
const { emit } = require('./emit.js');
const { measureCalls } = require('./measured.js');

class OptimizationOrchestrator extends OptimizationCore {
  #started;
  /** Why the start failed. */
  #failure;

  /**
   * Begins at once: what is wrong with the configuration is thrown here, a later failure is emitted as `error` if somebody
   * listens, and rejects the calls that need a running system.
   */
  constructor(config, tokenOptimizer) {
    super(config, {}, tokenOptimizer);
    this._open();
    this.#started = this._begin().catch((error) => {
      // A shutdown that was asked for is no failure.
      if (this._state === 'stopped') return;
      this.#failure = error;
      if (this.listenerCount('error') > 0) emit(this, 'error', error);
    });
  }

  /** What is called before the orchestrator is ready waits until it is. */
  _starting() {
    return this.#started;
  }

  _refusal() {
    if (this._state === 'stopped') return super._refusal();
    const cause = this.#failure;
    const message = cause
      ? `the orchestrator could not start (${messageOf(cause)}); create a new one`
      : "the orchestrator is not ready yet; wait for its event 'initialized'";
    return new AgentwiseError('E_NOT_INITIALIZED', message, { cause });
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
