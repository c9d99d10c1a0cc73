'use strict';

/** A whole system in memory: the real one, on a clock and a machine of the test, without files, threads and handlers. */

const args = require('../arguments.js');
const { AgentwiseError, call } = require('../errors.js');
const { runningOf } = require('../optimization-core.js');
const { ProductionOptimizationSystem } = require('../production-optimization-system.js');
const { handedVariables } = require('../variables.js');
const native = require('../binding.js');
const { FakeClock, join } = require('./fake-clock.js');
const { CALM, changed, figuresJson, heapOf } = require('./machine.js');

/** What a test system is in unless the test says: all parts are on. */
const ENVIRONMENT = 'production';

class TestSystem extends ProductionOptimizationSystem {
  #clock;
  #machine;
  #variables;
  /** Its place on the clock. */
  #seat = null;
  #isOver = false;

  constructor(config, { clock, machine, env, plugins }) {
    super(config, plugins);
    this.#clock = clock;
    this.#machine = changed(CALM, machine);
    this.#variables = handedVariables(env);
  }

  get clock() {
    return this.#clock;
  }

  get machine() {
    return this.#machine;
  }

  setMachine(partial) {
    const next = changed(this.#machine, partial);
    if (this.#seat !== null && !this.#isOver) call(this.#seat.handle.setMachine, figuresJson(next));
    this.#machine = next;
  }

  get _around() {
    return {
      isDriven: true,
      open: (json, wake) => this.#open(json, wake),
      attend: () => () => {},
      now: () => this.#seat?.elapsed() ?? 0,
      setTimeout: (work, ms) => this.#seat.setTimeout(work, ms),
      clearTimeout: (timer) => this.#seat?.clearTimeout(timer),
      heap: () => heapOf(this.#machine),
      arrayBuffers: () => 0,
      // Of a heap that is only said nothing can be collected.
      collectGarbage: () => true,
      isCollectionDue: () => true,
      figuresOf: () => ({ figures: this.#figures(), agents: [], advice: [] }),
    };
  }

  #open(json, wake) {
    const figures = figuresJson(this.#machine);
    const [cwd, wall] = [process.cwd(), this.#clock.now()];
    const open = (elapsed) => native.openTestSystem(json, cwd, this.#variables, figures, [elapsed, wall], wake);
    this.#seat = join(this.#clock, open, () => runningOf(this)?.wake());
    return this.#seat.handle;
  }

  #figures() {
    const { heapUsed, heapLimit } = this.#machine;
    return { 'memory.heapUsed': heapUsed, 'memory.heapLimit': heapLimit, 'memory.external': 0 };
  }

  _ending() {
    super._ending();
    this.#isOver = true;
    this.#seat?.leave();
  }
}

/** The configuration of a test system: what would write or print is off unless the test asks for it. */
function configurationOf(config) {
  const given = args.options('config', config);
  if (given.configFile !== undefined && given.configFile !== null) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      'config.configFile: a test system reads no files; pass the settings themselves',
    );
  }
  const monitoring = args.options('config.monitoring', given.monitoring);
  return {
    environment: ENVIRONMENT,
    finalReport: false,
    ...given,
    monitoring: { console: false, ...monitoring },
  };
}

async function createTestSystem(config, surroundings) {
  const { clock, machine, env, plugins, ...others } = args.options('surroundings', surroundings);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      `surroundings.${unknown} is not known; known are clock, machine, env, plugins`,
    );
  }
  if (clock !== undefined && !(clock instanceof FakeClock)) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      'surroundings.clock must be a FakeClock of the same copy of this module',
    );
  }
  const system = new TestSystem(configurationOf(config), {
    clock: clock ?? new FakeClock(),
    machine,
    env: args.options('surroundings.env', env),
    plugins,
  });
  try {
    await system.initialize();
  } catch (error) {
    // What was begun is not left on the clock.
    await system.shutdown();
    throw error;
  }
  return system;
}

module.exports = { createTestSystem };
