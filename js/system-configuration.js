'use strict';

/** The settings of a running system: updates, where each value is from, and the file that they come from. */

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { weakly } = require('./native-emitter.js');

/** How often the file is looked at, ms: a few system calls on a thread of Node's pool. */
const LOOK_MS = 1_000;

/** How soon again while something happens to it, ms. */
const LOOK_AGAIN_MS = 120;

class SystemConfiguration {
  #native;
  #changed;
  #timer = null;
  #isLooking = false;
  #isStopped = false;
  /** The last of the changes that were asked for; it never rejects. */
  #last = Promise.resolve();

  /**
   * @param {object} native of a system
   * @param {() => void} changed called after the settings may have changed, by whatever; must not hold the system
   */
  constructor(native, changed) {
    this.#native = native;
    this.#changed = changed;
  }

  /** Begins to look at the file, unless the configuration says not to. Keeps neither process nor system alive. */
  watch() {
    if (this.#isStopped || this.#timer !== null || !call(this.#native.watchesConfiguration)) return;
    this.#timer = setInterval(weakly(this, SystemConfiguration.#look), LOOK_MS).unref();
  }

  static async #look(self) {
    // One look at a time: the first may wait for an update.
    if (self.#isLooking || self.#isStopped) return;
    self.#isLooking = true;
    try {
      const isUnsettled = await self.#native.watchConfiguration();
      if (self.#isStopped) return;
      if (isUnsettled) setTimeout(weakly(self, SystemConfiguration.#look), LOOK_AGAIN_MS).unref();
      else self.#changed();
    } catch {
      // The system was shut down meanwhile.
    } finally {
      self.#isLooking = false;
    }
  }

  /** Ends the looks. Idempotent. */
  stop() {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  async update(partial, options) {
    const { save } = args.options('options', options);
    const isSaved = args.optionalBoolean('options.save', save) === true;
    // Nothing was given: not what a caller means who asks for a change.
    const json = args.configurationJson(partial ?? null);
    await this.#inTurn(this.#native.updateConfiguration, json, isSaved);
  }

  async reload() {
    return JSON.parse(await this.#inTurn(this.#native.reloadConfiguration));
  }

  /** One change after the other: of two for one setting, that which was asked for last holds. */
  #inTurn(change, ...given) {
    const turn = this.#last.then(async () => {
      try {
        return await callAsync(change, ...given);
      } finally {
        this.#changed();
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  explain() {
    return JSON.parse(call(this.#native.explainConfiguration));
  }
}

module.exports = { SystemConfiguration };
