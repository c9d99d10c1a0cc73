'use strict';

/** The calls of `optimizeAgentContext` of one system: reading, waiting for turns, the core, and the result. */

const { setImmediate: nextTurn } = require('node:timers/promises');
const args = require('./arguments.js');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const { capture, encode, columnsOf, giveBack, release, inOrder } = require('./document.js');
const { build, explain, filterResult, optimizedResult, addDropped, milliseconds, SLICE_MS } = require('./result.js');
const { cancellable, unlessAborted } = require('./jobs.js');
const { KnownReadings } = require('./known-readings.js');

/** Contexts with more text are handed to the core in a turn of their own: it copies them. */
const AT_ONCE_BYTES = 2 << 20;

class OptimizeCalls {
  #host;
  /** The last call of each agent that has one under way. */
  #turns = new Map();
  /** Of the core; also for results that are looked at when the system is gone. */
  #droppedOf;
  /** Ends the calls that are left. */
  #end = new AbortController();
  #known = new KnownReadings();
  #letGo;
  #over = new Promise((resolve) => {
    this.#letGo = resolve;
  });

  /**
   * @param {{
   *   native: () => object | null,
   *   isBookedLater: () => boolean,
   *   others: (agentId: string, kept: unknown, about: object, whose: object) => Promise<unknown>,
   *   forget: (agentId: string) => void,
   *   hears: (event: string) => boolean,
   *   emit: (event: string, data: object) => void,
   * }} host the system; `others` may send something else than it would, `forget` is told whose result nobody gets
   */
  constructor(host) {
    this.#host = host;
  }

  /** Promises of calls under way; they never reject. */
  get pending() {
    return [...this.#turns.values()];
  }

  /** Whose they are. */
  get agents() {
    return [...this.#turns.keys()];
  }

  /** Calls off all that are under way: what they have in Node's pool ends early. They reject with `E_SHUT_DOWN` after `over()`. */
  abandon() {
    this.#end.abort(shutDown());
  }

  /** The system has ended. */
  over() {
    this.#letGo();
    this.#known.end();
  }

  async run(agentId, context, options) {
    args.string('agentId', agentId);
    const request = this.#request(options);
    request.signal?.throwIfAborted();
    // A delta says what changed since the agent's last result: calls for one agent run one after the other. What the caller may
    // change of the context is read now all the same.
    const before = this.#turns.get(agentId);
    const started = performance.now();
    const reading = capture(context);
    reading.ms = milliseconds(started);
    // What others make of it belongs to the turn: a shutdown waits for it.
    const turn = callAsync(() => this.#turn(agentId, request, reading, before));
    const ended = Promise.allSettled([before, turn]);
    ended.then(() => {
      if (this.#turns.get(agentId) === ended) this.#turns.delete(agentId);
    });
    this.#turns.set(agentId, ended);
    const { source } = reading;
    let isKept = false;
    try {
      const { output, others } = await turn;
      if (output.filter && this.#host.hears('contextFiltered')) {
        this.#host.emit('contextFiltered', filterResult(source, output.filter, { agentId, original: context }));
      }
      const explained = request.includeDebugInfo && { mode: request.mode ?? 'auto', readMs: reading.ms };
      // What is explained looks at the source when it is asked.
      isKept = explained && output.filter !== undefined;
      if (others) {
        const { result } = others;
        if (result === null || typeof result !== 'object') return result;
        return explain(source, output, JSON.parse(output.delta), result, explained, performance.now());
      }
      return await optimizedResult(source, output, this.#droppedOf, explained);
    } catch (error) {
      // Who waits for the end first, and looks at calls then, must find no rejection that nobody handled.
      if (error === this.#end.signal.reason) await this.#over;
      throw error;
    } finally {
      if (!isKept) release(source);
    }
  }

  #request(options) {
    const given = args.options('options', options);
    const includeDebugInfo = args.optionalBoolean('options.includeDebugInfo', given.includeDebugInfo);
    const mode = args.optionalOneOf('options.mode', given.mode, ['auto', 'full', 'delta']);
    return {
      ...args.filterOptions(options),
      includeDebugInfo,
      isExplained: includeDebugInfo || this.#host.hears('contextFiltered'),
      mode,
      model: args.optionalString('options.model', given.model),
      encoding: args.optionalOneOf('options.encoding', given.encoding, ['keys', 'blocks']),
    };
  }

  async #turn(agentId, request, reading, before) {
    // Who asks for more is always given it by the core.
    const isSimple = request.mode !== 'full' && !request.isExplained && !this.#host.isBookedLater();
    let pending;
    let known;
    let name;
    try {
      name = isSimple && !before ? await this.#nameOf(agentId, reading) : undefined;
      const again = name && (await this.#again(agentId, request, name));
      if (again) return { output: again };
      await this.#encoded(reading, request.signal);
      // Who waits for a turn can leave at once; what was begun is ended by the core.
      if (before) await unlessAborted(before, request.signal, this.#end.signal);
      const native = this.#native();
      const columns = inOrder(columnsOf(reading));
      pending = this.#work(native, agentId, request, (...asked) => call(native.optimize, ...asked, ...columns));
      // Its failure is told below.
      pending.catch(() => {});
      if (isSimple && !name) {
        // The core has just hashed and copied it.
        if (reading.textBytes > AT_ONCE_BYTES) await nextTurn();
        known = await this.#known.columnsOf(agentId, reading);
      }
    } finally {
      giveBack(reading);
    }
    const output = await pending;
    if (!output.name) this.#known.clear();
    else if (isSimple && !name) this.#known.note(agentId, reading, known, output);
    return { output, others: await this.#othersResult(agentId, reading.source, output, request) };
  }

  /** What the core called the agent's last context, if this one reads the same. */
  async #nameOf(agentId, reading) {
    // The walk held up the thread long enough.
    if (reading.ms > SLICE_MS) await nextTurn();
    return this.#known.nameOf(agentId, reading);
  }

  /** What is sent for a context of that name, if it is to be sent that nothing changed. */
  async #again(agentId, request, name) {
    const native = this.#native();
    const ask = (...asked) => call(native.optimizeAgain, ...asked, name);
    const output = await this.#work(native, agentId, request, ask);
    if (output && !output.name) this.#known.clear();
    return output;
  }

  /** Makes UTF-8 of the texts: at once if it takes no time to speak of, else a part in each turn of the event loop. */
  #encoded(reading, signal) {
    const started = performance.now();
    const isDone = encode(reading, started + SLICE_MS - reading.ms);
    reading.ms = milliseconds(started - reading.ms);
    return isDone && reading.textBytes <= AT_ONCE_BYTES ? undefined : inSlices(reading, [signal, this.#end.signal]);
  }

  #native() {
    // Gone when the deadline of a shutdown passed while a call waited for its turn.
    const native = this.#host.native();
    if (!native) throw shutDown();
    return native;
  }

  /** @param {(...asked: unknown[]) => T} begin what the core is to do with what is asked @template T */
  #work(native, agentId, { asked, encoding, model, mode, isExplained, signal }, begin) {
    this.#droppedOf = native.droppedOf;
    const id = args.exactText(agentId);
    const rest = [encoding, model, mode, this.#host.isBookedLater(), isExplained];
    return cancellable(native, [signal, this.#end.signal], (job) => begin(id, job, ...asked, ...rest));
  }

  /** What others make of the filtered context. */
  async #othersResult(agentId, source, output, { asked, model, mode, signal }) {
    const about = output.delta === '' ? undefined : JSON.parse(output.delta);
    if (!about?.isUnbooked) return undefined;
    const kept = (await build(source, output, [0])).get(0);
    const whose = { maxTokens: asked[1], model, mode, keys: source.keys, signals: [signal, this.#end.signal] };
    let result;
    try {
      result = await this.#host.others(agentId, kept, about, whose);
    } catch (error) {
      // The core takes it that the agent has this context: its next result must not build on it.
      this.#host.forget(agentId);
      throw error;
    }
    if (result === undefined) return undefined;
    if (result !== null && typeof result === 'object' && result !== kept) addDropped(result, output, this.#droppedOf);
    return { result };
  }
}

const shutDown = () => new AgentwiseError('E_SHUT_DOWN', 'the system was shut down; create a new one');

async function inSlices(reading, signals) {
  for (;;) {
    await nextTurn();
    for (const signal of signals) signal?.throwIfAborted();
    const started = performance.now();
    const isDone = encode(reading, started + SLICE_MS);
    reading.ms = milliseconds(started - reading.ms);
    if (isDone) break;
  }
}

module.exports = { OptimizeCalls };
