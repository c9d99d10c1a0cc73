'use strict';

const { AgentwiseError } = require('./errors.js');
const { OptimizationCore, requireRunning } = require('./optimization-core.js');
const { emit } = require('./emit.js');
const { measureCalls } = require('./measured.js');
const { version } = require('../package.json');

/** Where the one of this process is: every copy of this version of the package in the process finds it there. */
const INSTANCE = Symbol.for(`agentwise-optimization@${version}.instance`);

class ProductionOptimizationSystem extends OptimizationCore {
  #starting = null;

  // biome-ignore lint/complexity/noUselessConstructor: a system takes no token optimizer
  constructor(config, plugins) {
    super(config, plugins);
  }

  static async create(config, plugins) {
    // biome-ignore lint/complexity/noThisInStatic: of the class that it is called on, where it is called on one
    const Class = typeof this === 'function' ? this : ProductionOptimizationSystem;
    const system = new Class(config, plugins);
    await system.initialize();
    return system;
  }

  static async getInstance(config, plugins) {
    const current = process[INSTANCE];
    if (current) return current.started;
    if (config === undefined || config === null) {
      throw new AgentwiseError(
        'E_CONFIG_REQUIRED',
        'configuration required: the first getInstance() call needs a config',
      );
    }
    const system = new ProductionOptimizationSystem(config, plugins);
    const instance = { system, started: system.initialize().then(() => system) };
    setInstance(instance);
    instance.started.catch(() => forgetInstance(system));
    return instance.started;
  }

  async initialize() {
    if (this._state === 'stopped') throw this._refusal();
    if (this.#starting) {
      await this.#starting;
      emit(this, 'warning', { path: 'initialize', message: 'the system is already initialized' });
      return;
    }
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      this.#starting = null;
      throw error;
    }
  }

  async #start() {
    this._open();
    await this._begin();
  }

  async generateSystemReport(options) {
    return requireRunning(this).writeReport(options);
  }

  async startMonitoringDashboard() {
    return { started: false, reason: 'the dashboard is not available in this version' };
  }

  _warmed() {
    emit(this, 'warmUpCompleted');
  }

  _ending() {
    forgetInstance(this);
  }
}

function setInstance(value) {
  Object.defineProperty(process, INSTANCE, { value, configurable: true, enumerable: false });
}

function forgetInstance(system) {
  if (process[INSTANCE]?.system === system) setInstance(null);
}

measureCalls(ProductionOptimizationSystem, (system) => system.productionMonitor, { generateSystemReport: undefined });

module.exports = { ProductionOptimizationSystem };
