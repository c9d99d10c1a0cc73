'use strict';

/** What can be asked of a production monitor: the class `ProductionMonitor` by itself, and `system.productionMonitor`. */

const { PerformanceObserver, performance } = require('node:perf_hooks');
const args = require('./arguments.js');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const { metricsOf, historyOf } = require('./metrics-history.js');
const { answersOf } = require('./monitored-parts.js');
const { revive } = require('./revive.js');
const { PROCESS } = require('./surroundings.js');

/** No longer name is told to the core, which cuts it at as many bytes. */
const MAX_NAME = 64;

/** Bits of what `pulse` asks for. */
const FIGURES = 1;
const ANSWERS = 2;

/** Requests that are handed over in one call, each as operation, ms and whether it failed. */
const BATCH = 256;
const CELLS = 3;

/** Names of operations that are remembered here; the core bounds them once more. */
const MAX_OPERATIONS = 1000;
const MAX_HOURS = 24 * 3650;

/** What the monitor said; there is none after a shutdown, or when a system's monitoring was switched off. */
function known(said) {
  if (said === null || said === undefined) throw new AgentwiseError('E_NOT_AVAILABLE', 'production monitoring is off');
  return said;
}

const parsed = (json) => JSON.parse(known(json), revive);

const withDates = (silence) => ({ ...silence, from: new Date(silence.from) });

function hoursOf(hours = 24) {
  return Math.min(args.number('hours', hours), MAX_HOURS);
}

/** Set by the class below, which alone can see it. */
let measureIn;

class MonitorView {
  static {
    measureIn = (view, operation, work, hasFailed) => view.#measure(operation, work, hasFailed);
  }

  #native;
  #parts;
  #emitWaiting;
  #batch = new Float64Array(BATCH * CELLS);
  #used = 0;
  /** By name, the number of an operation. */
  #operations = new Map();
  #utilization = performance.eventLoopUtilization();
  #pauses = null;
  #isStopped = false;
  #around;

  /**
   * `parts`: those that only JavaScript can ask; none for a system, which asks its own. `around`: where figures of the process
   * come from.
   */
  constructor(native, emitWaiting, parts = {}, around = PROCESS) {
    this.#around = around;
    this.#native = native;
    this.#emitWaiting = emitWaiting;
    this.#parts = parts;
  }

  /** Made where no view is in scope: the observer must not keep a forgotten one. */
  static #observe(view) {
    return new PerformanceObserver((list) => view.deref()?.#takePauses(list.getEntries()));
  }

  /** What the core wakes JavaScript for: a sign of life, figures that only this thread can read, answers of parts. */
  turn() {
    if (this.#isStopped) return;
    const asked = this.#native.pulse();
    if (asked === 0) return;
    // Somebody watches: from now on pauses are wanted.
    if (this.#pauses === null && !this.#around.isDriven) {
      this.#pauses = MonitorView.#observe(new WeakRef(this));
      this.#pauses.observe({ entryTypes: ['gc'] });
      this.#native.watchPauses();
    }
    if (asked & FIGURES) this.#handFigures();
    if (asked & ANSWERS) this.#handAnswers();
  }

  /** There is another monitor than before: what was agreed on with that one holds no more. */
  renewed() {
    this.#operations.clear();
    this.#used = 0;
    if (this.#pauses !== null) this.#native.watchPauses();
  }

  /** Hands over what waits, before the end. */
  flush() {
    this.#flush();
  }

  stopped() {
    this.#isStopped = true;
    this.#pauses?.disconnect();
  }

  recordRequest(operation, durationMs, options) {
    if (typeof operation !== 'string') args.string('operation', operation);
    if (typeof durationMs !== 'number') args.number('durationMs', durationMs);
    const isError =
      options === undefined ? false : args.optionalBoolean('options.error', args.options('options', options).error);
    this.#record(operation, durationMs, isError === true);
  }

  measure(operation, work) {
    if (typeof operation !== 'string') args.string('operation', operation);
    if (typeof work !== 'function') args.func('work', work);
    return this.#measure(operation, work);
  }

  /** Runs `work` and records how long it took; `hasFailed` says whether a result is a failure all the same. */
  #measure(operation, work, hasFailed) {
    const started = performance.now();
    let result;
    let isLater;
    try {
      result = work();
      isLater = typeof result?.then === 'function';
    } catch (error) {
      this.#record(operation, performance.now() - started, true);
      throw error;
    }
    if (!isLater) {
      this.#record(operation, performance.now() - started, hasFailed?.(result) === true);
      return result;
    }
    // What is given back is what follows: what begins its work when it is asked is asked once, and a failure that nobody
    // handles is still one.
    return Promise.resolve(result).then(
      (value) => {
        this.#record(operation, performance.now() - started, hasFailed?.(value) === true);
        return value;
      },
      (error) => {
        this.#record(operation, performance.now() - started, true);
        throw error;
      },
    );
  }

  getOverallHealth() {
    return parsed(this.#native.overall());
  }

  getCurrentMetrics() {
    this.#flush();
    return metricsOf(this.#native.current());
  }

  getMetricsHistory(hours, options) {
    const asked = hoursOf(hours);
    const most = args.optionalNumber('options.maxPoints', args.options('options', options).maxPoints, 2);
    return historyOf(call(this.#native.history, asked, most === undefined ? null : Math.floor(most)));
  }

  getRecentAlerts(hours) {
    return parsed(this.#native.alerts(hoursOf(hours)));
  }

  resolveAlert(id) {
    const isResolved = call(this.#native.resolveAlert, args.string('id', id));
    this.#emitWaiting();
    return isResolved;
  }

  createAlert(alert) {
    const created = known(call(this.#native.createAlert, args.jsonOf('alert', args.options('alert', alert))));
    this.#emitWaiting();
    return JSON.parse(created, revive);
  }

  silence(silence) {
    const given = { ...args.options('silence', silence) };
    if (given.until instanceof Date) given.until = given.until.getTime();
    return withDates(parsed(call(this.#native.silence, args.jsonOf('silence', given))));
  }

  getSilences() {
    return parsed(this.#native.silences()).map(withDates);
  }

  removeSilence(id) {
    return known(call(this.#native.removeSilence, args.string('id', id)));
  }

  getStatus() {
    this.#flush();
    const status = parsed(call(this.#native.status));
    status.silences = status.silences.map(withDates);
    status.metrics = metricsOf(this.#native.current());
    return status;
  }

  getRecommendations() {
    return parsed(call(this.#native.recommendations));
  }

  getDegradations() {
    return parsed(this.#native.degradations());
  }

  metricsText(options) {
    this.#flush();
    const format = args.optionalOneOf('options.format', args.options('options', options).format, [
      'prometheus',
      'openmetrics',
    ]);
    return known(call(this.#native.metricsText, format === 'openmetrics'));
  }

  async testAlert(options) {
    const channel = args.optionalString('options.channel', args.options('options', options).channel);
    return JSON.parse(known(await callAsync(this.#native.test, channel ?? null)));
  }

  async exportReport(path, options) {
    this.#flush();
    const target = args.optionalPath('path', path);
    const format = args.optionalOneOf('options.format', args.options('options', options).format, ['json', 'html']);
    return known(await callAsync(this.#native.writeReport, target ?? null, process.cwd(), format ?? null));
  }

  #record(operation, durationMs, isError) {
    let index = this.#operations.get(operation);
    if (index === undefined) {
      // A long name is none to be remembered whole.
      const name = operation.length > MAX_NAME ? operation.slice(0, MAX_NAME) : operation;
      index = this.#operations.get(name) ?? this.#native.operation(args.exactText(name));
      if (this.#operations.size < MAX_OPERATIONS) this.#operations.set(name, index);
    }
    const at = this.#used;
    this.#batch[at] = index;
    this.#batch[at + 1] = durationMs;
    this.#batch[at + 2] = isError ? 1 : 0;
    this.#used = at + CELLS;
    if (this.#used === this.#batch.length) this.#flush();
  }

  #flush() {
    if (this.#used === 0) return;
    const used = this.#used;
    this.#used = 0;
    this.#native.record(this.#batch.subarray(0, used));
  }

  #takePauses(entries) {
    if (this.#isStopped) return;
    for (const { detail, duration } of entries) this.#native.pause(detail.kind, duration);
  }

  #handFigures() {
    this.#flush();
    const before = this.#utilization;
    this.#utilization = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(this.#utilization, before);
    this.#native.handFigures(JSON.stringify(this.#around.figuresOf(this.#parts, utilization)));
  }

  #handAnswers() {
    answersOf(this.#parts).then((answers) => {
      if (!this.#isStopped) this.#native.handAnswers(JSON.stringify(answers));
    });
  }
}

module.exports = { MonitorView, measureIn };
