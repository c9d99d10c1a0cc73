'use strict';

/** Figures of a server in the text format of Prometheus. Labels have few values, never a name of a project or an agent. */

const PREFIX = 'agentwise_shared_context';

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

/** Gauges by name, with what they say. */
const GAUGES = {
  projects: 'Projects that have a context.',
  stored_bytes: 'Bytes of all contexts and their history.',
  subscribers: 'Open live connections.',
  pending_bytes: 'Bytes of bodies that are being received.',
};

const COUNTERS = {
  requests_total: 'Answered requests by method and status.',
  writes_total: 'Writes that changed something, by kind.',
  unchanged_writes_total: 'Writes that changed nothing or came twice.',
  overwritten_keys_total: 'Keys that were changed by another agent since the base of the diff that set them.',
  messages_total: 'Messages to subscribers.',
  slow_subscribers_total: 'Subscribers that were disconnected because too much waited for them.',
  dead_subscribers_total: 'Subscribers that were disconnected because they did not answer a ping.',
  refused_subscribers_total: 'Live connections that were refused.',
};

class Metrics {
  #counts = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, new Map()]));

  add(name, by = 1, labels = '') {
    const counts = this.#counts[name];
    counts.set(labels, (counts.get(labels) ?? 0) + by);
  }

  request(method, status) {
    // Any text can come as a method.
    const known = METHODS.includes(method) ? method : 'other';
    this.add('requests_total', 1, `{method="${known}",status="${status}"}`);
  }

  write(kind, isChange, overwritten = 0) {
    if (isChange) this.add('writes_total', 1, `{kind="${kind}"}`);
    else this.add('unchanged_writes_total');
    if (overwritten > 0) this.add('overwritten_keys_total', overwritten);
  }

  /** @param {Record<keyof GAUGES, number>} gauges */
  text(gauges) {
    const lines = [];
    for (const [name, help] of Object.entries(GAUGES)) {
      lines.push(
        `# HELP ${PREFIX}_${name} ${help}`,
        `# TYPE ${PREFIX}_${name} gauge`,
        `${PREFIX}_${name} ${gauges[name]}`,
      );
    }
    for (const [name, help] of Object.entries(COUNTERS)) {
      lines.push(`# HELP ${PREFIX}_${name} ${help}`, `# TYPE ${PREFIX}_${name} counter`);
      const counts = this.#counts[name];
      if (counts.size === 0 && !/requests|writes_total/.test(name)) lines.push(`${PREFIX}_${name} 0`);
      for (const [labels, count] of counts) lines.push(`${PREFIX}_${name}${labels} ${count}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

module.exports = { Metrics };
