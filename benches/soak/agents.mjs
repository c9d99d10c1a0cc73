/** Agents at work, each with the other end that gets its results and keeps what they make. */

import { isDeepStrictEqual } from 'node:util';
import { context, edited } from './contexts.mjs';

/** Whether two values are the same as JSON, whatever the order of keys. */
const isSame = (one, other) => isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));

export class Agent {
  #id;
  #system;
  #die;
  #ledger;
  #pkg;
  /** What the other end has; `undefined` before the first. */
  #held;
  #current;
  /** Contexts of before, which come again: A, B, A. */
  #past = [];
  /** What the filter kept, in the order of the calls. */
  #kept = [];
  #isWhole;

  /** @param options `isWhole`: nothing is filtered in this system, so that the other end has to have the context itself */
  constructor(id, system, { die, ledger, pkg, isWhole }) {
    this.#id = id;
    this.#system = system;
    this.#die = die;
    this.#ledger = ledger;
    this.#pkg = pkg;
    this.#isWhole = isWhole;
    this.#current = context(die);
    system.on('contextFiltered', ({ agentId, filtered }) => {
      if (agentId === id) this.#kept.push(structuredClone(filtered));
    });
  }

  async turn() {
    const { chance, pick } = this.#die;
    const [system, ledger] = [this.#system, this.#ledger];
    if (system.shouldThrottleAgent(this.#id)) {
      ledger.count('waited for memory');
      const signal = AbortSignal.timeout(2000);
      await system.whenUnthrottled(this.#id, { signal }).catch(() => ledger.count('gave up waiting'));
    }
    if (chance(0.7)) this.#current = edited(this.#die, this.#current);
    else if (chance(0.5) && this.#past.length > 0) this.#current = pick(this.#past);
    this.#past.push(this.#current);
    if (this.#past.length > 3) this.#past.shift();
    const memory = system.memoryManager;
    memory?.registerAgentMemory(this.#id, JSON.stringify(this.#current).length, 0);
    memory?.updateContextAccess(`${this.#id} context`);
    await (chance(0.15) ? this.#abortedTurn() : chance(0.2) ? this.#twoAtOnce() : this.#plainTurn());
    if (chance(0.03)) system.resetAgent(this.#id);
    if (chance(0.02)) memory?.forgetAgent(this.#id);
  }

  #options() {
    const { chance, pick } = this.#die;
    const options = { encoding: pick(['keys', 'blocks', undefined]), includeDebugInfo: chance(0.1) };
    if (chance(0.2)) options.mode = pick(['full', 'delta']);
    if (!this.#isWhole && chance(0.2)) options.maxTokens = 500 + this.#die.below(20_000);
    return options;
  }

  #call(given, options) {
    this.#ledger.count('contexts optimized');
    return this.#system.optimizeAgentContext(this.#id, given, options);
  }

  async #plainTurn() {
    this.#kept.length = 0;
    const given = this.#current;
    const result = await this.#call(given, this.#options());
    await this.#receive(result, given, this.#kept.shift());
  }

  /** Calls of one agent are worked on in their order, and each result is a delta to the one before. */
  async #twoAtOnce() {
    this.#kept.length = 0;
    const given = [this.#current, edited(this.#die, this.#current)];
    const results = await Promise.all(given.map((each) => this.#call(each, this.#options())));
    // Without a filter, and where one failed, nothing tells what it kept.
    const kept = this.#kept.length === results.length ? [...this.#kept] : [];
    // What follows one that is lost is a delta to it, and lost too.
    for (const [at, result] of results.entries()) {
      if (!(await this.#receive(result, given[at], kept[at]))) break;
    }
    this.#current = given[1];
  }

  /** A call that ends early leaves nothing behind: the next result is a delta to the one before. */
  async #abortedTurn() {
    this.#kept.length = 0;
    const given = this.#current;
    const aborting = new AbortController();
    const timer = setTimeout(() => aborting.abort(), this.#die.below(8));
    try {
      const result = await this.#call(given, { ...this.#options(), signal: aborting.signal });
      await this.#receive(result, given, this.#kept.shift());
    } catch (error) {
      if (error?.name !== 'AbortError') throw error;
      this.#ledger.count('calls aborted');
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes a result on the other end; false where it cannot, and has to ask for the context in full. */
  async #receive(result, given, kept) {
    const ledger = this.#ledger;
    // What a failed stage gives is what there was before it, which the other end reads but does not build on.
    if (result.hash === undefined) {
      ledger.count('results of failed stages');
      const isBefore = isSame(result, given) || (kept !== undefined && isSame(result, kept));
      ledger.check('a failed stage gives what there was before it', isBefore, this.#id);
      return true;
    }
    const message = JSON.parse(JSON.stringify(this.#pkg.toMessage(result)));
    try {
      const plain = message.encoding === 'blocks' ? await this.#system.resolveBlocks(message) : message;
      this.#held = structuredClone(this.#pkg.applyDelta(this.#held, plain));
    } catch (error) {
      // Texts are kept within a bound: one that is gone is said to be, and the context is asked for in full.
      if (error.code === 'E_REFERENCE_UNKNOWN') ledger.count('texts that are gone');
      else ledger.violated('every delta fits what the other end has', `${this.#id}: ${error.code} ${error.message}`);
      this.#held = undefined;
      this.#system.resetAgent(this.#id);
      return false;
    }
    ledger.count(`results ${message.type}`);
    const expected = this.#isWhole ? given : kept;
    const how = this.#isWhole ? 'the context itself' : 'what the filter kept';
    if (expected !== undefined) ledger.check(`what deltas make is ${how}`, isSame(this.#held, expected), this.#id);
    const { debug } = result;
    if (debug?.mode === 'full' || debug?.mode === 'delta') {
      const type = { full: 'full', delta: 'incremental' }[debug.mode];
      ledger.check('a mode is done as asked', message.type === type, `${debug.mode}: ${message.type}`);
    }
    if (debug?.tokens) {
      ledger.check('tokens: original ≥ filtered', debug.tokens.original >= debug.tokens.filtered, () =>
        JSON.stringify([this.#id, debug.tokens]),
      );
    }
    return true;
  }
}
