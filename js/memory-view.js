'use strict';

/** What can be asked of a memory manager: the class `MemoryManager` by itself, and `system.memoryManager`. */

const args = require('./arguments.js');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const { whenAborted } = require('./jobs.js');
const { dropDecoded } = require('./references.js');
const { revive } = require('./revive.js');
const { PROCESS } = require('./surroundings.js');

/** Cells of the board, as `src/memory/board.rs` has them. */
const THROTTLED = 0;
const VERSION = 1;
const FACTOR = 2;
const THROTTLED_FACTOR = 3;

/** Bits of what `takeHeap` asks for. */
const COLLECT = 1;
const DROP_DECODED = 2;

/** Longer lists of throttled agents stay with the core. */
const MAX_LISTED = 1000;
/** Agents that were asked for are told to the core in one call this often, ms: it forgets who is not used for ten minutes. */
const TOUCHED_EVERY_MS = 30_000;
/** No more of them are remembered in between. */
const MAX_TOUCHED = 10_000;
/** No id that is registered is longer. */
const MAX_TOUCHED_LENGTH = 1024;
/** V8's figures are read no more often than this by calls, ms. */
const HEAP_EVERY_MS = 20;
/** The longest time that a timer can have. */
const LONGEST_MS = 2 ** 31 - 1;
const MB = 2 ** 20;

/** What a manager said; there is none after a shutdown, or when a system's memory management was switched off. */
function known(said) {
  if (said === null || said === undefined) throw new AgentwiseError('E_NOT_AVAILABLE', 'memory management is off');
  return said;
}

class MemoryView {
  #native;
  #board;
  #emitWaiting;
  /** Throttled agents, or those that are not when `#isAllBut`, as of `#version`; `null`: too many to list. */
  #listed = new Set();
  #isAllBut = false;
  #version = -1;
  /** Agents that were asked for since the core was last told, and whether there is room for more. */
  #touched = new Set();
  #hasRoom = true;
  #touchedTold;
  #heapRead;
  /** By number, how a wait ends. */
  #waits = new Map();
  #keepAlive;
  #isStopped = false;
  #around;

  /** `around`: where time and V8's figures come from. */
  constructor(native, emitWaiting, around = PROCESS) {
    this.#around = around;
    this.#touchedTold = around.now();
    this.#heapRead = around.now() - HEAP_EVERY_MS;
    this.#native = native;
    this.#board = native.board;
    this.#emitWaiting = emitWaiting;
  }

  registerAgentMemory(agentId, contextBytes, cacheBytes) {
    const id = args.exactText(args.string('agentId', agentId));
    args.number('contextBytes', contextBytes);
    args.number('cacheBytes', cacheBytes);
    this.#readHeap();
    call(this.#native.register, id, contextBytes, cacheBytes);
    this.#afterCall();
  }

  forgetAgent(agentId) {
    const id = args.exactText(args.string('agentId', agentId));
    this.#touched.delete(agentId);
    const isKnown = call(this.#native.forget, id);
    this.#afterCall();
    return isKnown;
  }

  shouldThrottleAgent(agentId) {
    if (typeof agentId !== 'string') args.string('agentId', agentId);
    if (this.#hasRoom && agentId.length <= MAX_TOUCHED_LENGTH)
      this.#hasRoom = this.#touched.add(agentId).size < MAX_TOUCHED;
    return this.#board[THROTTLED] !== 0 && this.#isThrottled(agentId);
  }

  getRecommendedContextSize(agentId, requestedSize) {
    args.number('requestedSize', requestedSize);
    const isThrottled = this.shouldThrottleAgent(agentId);
    const factor = this.#board[FACTOR];
    if (factor < 1) return Math.floor(requestedSize * factor);
    if (!isThrottled) return requestedSize;
    return Math.floor(requestedSize * this.#board[THROTTLED_FACTOR]);
  }

  throttleReason(agentId) {
    const reason = call(this.#native.reason, args.exactText(args.string('agentId', agentId)));
    return reason ? JSON.parse(reason, revive) : null;
  }

  unthrottleAgent(agentId) {
    const isReleased = call(this.#native.unthrottle, args.exactText(args.string('agentId', agentId)));
    this.#afterCall();
    return isReleased;
  }

  async whenUnthrottled(agentId, options) {
    const id = args.exactText(args.string('agentId', agentId));
    const given = args.options('options', options);
    const signal = args.signal('options.signal', given.signal);
    const timeout = args.optionalNumber('options.timeout', given.timeout);
    signal?.throwIfAborted();
    const number = call(this.#native.wait, id);
    if (number === 0) return;
    const ends = [];
    try {
      await new Promise((resolve, reject) => {
        this.#waits.set(number, resolve);
        ends.push(whenAborted(signal, () => reject(signal.reason)));
        // A timer cannot be longer; who waits for weeks waits.
        if (timeout <= LONGEST_MS) {
          const late = () =>
            reject(new AgentwiseError('E_TIMEOUT', `the agent is still throttled after ${timeout} ms`));
          const timer = this.#around.setTimeout(late, timeout);
          ends.push(() => this.#around.clearTimeout(timer));
        }
        // A wait is work under way: the process does not end before it. Time that does not pass by itself is not waited for.
        if (!this.#around.isDriven) this.#keepAlive ??= setInterval(() => this.turn(), 1000);
      });
    } finally {
      for (const end of ends) end();
      if (this.#waits.delete(number)) this.#native.cancelWait(number);
      if (this.#waits.size === 0) {
        clearInterval(this.#keepAlive);
        this.#keepAlive = undefined;
      }
    }
  }

  updateContextAccess(key) {
    call(this.#native.touchContext, args.exactText(args.string('key', key)));
  }

  holdContext(key, options) {
    const id = args.exactText(args.string('key', key));
    const given = args.options('options', options);
    const agentId = args.exactText(args.string('options.agentId', given.agentId));
    const bytes = args.number('options.bytes', given.bytes);
    const importance = args.optionalFraction('options.importance', given.importance) ?? 0.5;
    call(this.#native.holdContext, id, agentId, bytes, importance);
  }

  releaseContext(key) {
    return call(this.#native.releaseContext, args.exactText(args.string('key', key)));
  }

  contextsToDrop(agentId) {
    const id = args.exactText(args.optionalString('agentId', agentId));
    return JSON.parse(call(this.#native.contextsToDrop, id), revive);
  }

  getMemoryStats() {
    const stats = JSON.parse(known(call(this.#native.stats, ...this.#around.heap())), revive);
    stats.process.arrayBuffers = Math.round((this.#around.arrayBuffers() / MB) * 100) / 100;
    this.#afterCall();
    return stats;
  }

  getMemoryHistory() {
    return JSON.parse(call(this.#native.history), revive);
  }

  getHealth() {
    return JSON.parse(known(call(this.#native.health)));
  }

  getHealthScore() {
    return known(call(this.#native.healthScore));
  }

  async performMaintenance() {
    const { freed, isCollected } = this.#collect();
    const released = await callAsync(this.#native.releaseMemory);
    this.#afterCall();
    return { garbageCollected: isCollected, freedMemory: Math.round(((freed + released) / MB) * 100) / 100 };
  }

  async exportMemoryReport(path) {
    const target = args.optionalPath('path', path);
    return known(await callAsync(this.#native.writeReport, target, process.cwd(), ...this.#around.heap()));
  }

  /** What the core wakes JavaScript for: figures of the heap, garbage, waits that are over. */
  turn() {
    if (this.#isStopped) return;
    if (this.#around.now() - this.#touchedTold >= TOUCHED_EVERY_MS) this.#tellTouched();
    if (this.#takeHeap() & COLLECT && this.#around.isCollectionDue()) this.#collect();
    this.#endWaits();
  }

  /** There is no manager any more, for now: who waits goes on. */
  released() {
    for (const resolve of this.#waits.values()) resolve();
    this.#waits.clear();
  }

  /** Nobody watches any more: who waits goes on. */
  stopped() {
    this.#isStopped = true;
    this.#touched.clear();
    this.released();
  }

  #isThrottled(agentId) {
    const version = this.#board[VERSION];
    if (version !== this.#version) {
      const list = JSON.parse(this.#native.throttledList(MAX_LISTED) ?? 'null');
      this.#isAllBut = list?.isAllBut ?? false;
      this.#listed = list && new Set(list.ids.map(args.originalText));
      this.#version = version;
    }
    if (this.#listed === null) return call(this.#native.isThrottled, args.exactText(agentId));
    return this.#listed.has(agentId) !== this.#isAllBut;
  }

  #tellTouched() {
    this.#touchedTold = this.#around.now();
    this.#hasRoom = true;
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched].map(args.exactText);
    this.#touched.clear();
    this.#native.useAgents(touched);
  }

  #readHeap() {
    if (this.#around.now() - this.#heapRead >= HEAP_EVERY_MS) this.#takeHeap();
  }

  #takeHeap() {
    const wanted = this.#native.takeHeap(...this.#around.heap());
    this.#heapRead = this.#around.now();
    if ((wanted & DROP_DECODED) !== 0) dropDecoded();
    return wanted;
  }

  #collect() {
    const before = this.#around.heap();
    const started = this.#around.now();
    const isCollected = this.#around.collectGarbage();
    const ms = this.#around.now() - started;
    return { isCollected, freed: call(this.#native.collected, ...before, ...this.#around.heap(), ms) };
  }

  #endWaits() {
    if (this.#waits.size === 0) return;
    for (const number of this.#native.takeReleased()) {
      const resolve = this.#waits.get(number);
      this.#waits.delete(number);
      resolve?.();
    }
  }

  #afterCall() {
    this.#endWaits();
    this.#emitWaiting();
  }
}

module.exports = { MemoryView };
