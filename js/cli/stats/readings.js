'use strict';

/** Readings of one system after the other, by whoever answers at the time: systems come and go while `stats` looks. */

const { answersFor, asked, besides, created, firstOf, sourceText } = require('../running.js');

/** The page has the operations apart; without a monitor it has no metrics. */
const metricsOf = (page) => (page?.metrics ? { ...page.metrics, operations: page.latencies ?? {} } : undefined);

class Readings {
  #given;
  #system = null;

  constructor(given) {
    this.#given = given;
  }

  /** @returns {Promise<{ source: string, head: string, pid?: number, at: number, status: object, metrics?: object, besides: object }>} */
  async next() {
    const found = await answersFor(this.#given, '/status');
    if (found.source === 'live') return this.#ofLive(found);
    if (found.source === 'stored') {
      const { status, savedAt, pid } = found.state;
      return {
        source: 'stored',
        head: sourceText(found),
        pid,
        at: new Date(savedAt).getTime(),
        status,
        besides: besides(found),
      };
    }
    // Made once: it has figures of its own to go on with.
    this.#system ??= await created(this.#given);
    const metrics = await this.#system.productionMonitor?.getCurrentMetrics();
    return {
      source: 'created',
      head: sourceText(found),
      at: Date.now(),
      status: this.#system.getStatus(),
      metrics: metrics ?? undefined,
      besides: besides(found),
    };
  }

  async #ofLive(found) {
    const { answer: status, system, about } = firstOf(found);
    const { answer: page } = await asked(system, '/metrics.json');
    return {
      source: 'live',
      head: sourceText(about),
      pid: about.pid,
      at: Date.now(),
      status,
      metrics: metricsOf(page),
      besides: besides(found),
    };
  }
}

module.exports = { Readings };
