'use strict';

/** Readings of one system after the other, by whoever answers at the time: systems come and go while `stats` looks. */

const { asked, created, sourceFor, sourceText } = require('../running.js');

/** The page has the operations apart; without a monitor it has no metrics. */
const metricsOf = (page) => (page?.metrics ? { ...page.metrics, operations: page.latencies ?? {} } : undefined);

class Readings {
  #given;
  #system = null;

  constructor(given) {
    this.#given = given;
  }

  /** @returns {Promise<{ source: string, head: string, pid?: number, at: number, status: object, metrics?: object }>} */
  async next() {
    const found = await sourceFor(this.#given);
    if (found.source === 'live') {
      const live = await this.#ofLive(found.systems);
      if (live) return live;
    }
    if (found.source === 'stored') {
      const { status, savedAt, pid } = found.state;
      return { source: 'stored', head: sourceText(found), pid, at: new Date(savedAt).getTime(), status };
    }
    // Made once: it has figures of its own to go on with.
    this.#system ??= await created(this.#given);
    const metrics = await this.#system.productionMonitor?.getCurrentMetrics();
    const head = sourceText({ source: 'created' });
    return { source: 'created', head, at: Date.now(), status: this.#system.getStatus(), metrics: metrics ?? undefined };
  }

  /** The newest that answers. */
  async #ofLive(systems) {
    for (const system of systems) {
      const { answer: status, pid, environment, startedAt } = await asked(system, '/status');
      if (status === undefined) continue;
      const { answer: page } = await asked(system, '/metrics.json');
      const head = sourceText({ source: 'live', pid, environment, startedAt, systems: systems.length });
      return { source: 'live', head, pid, at: Date.now(), status, metrics: metricsOf(page) };
    }
    return null;
  }
}

module.exports = { Readings };
