'use strict';

/** Matchers for how a system is, and for what it tells. */

const { has, isLike, known, lines, misuse, outcome } = require('./saying.js');

const ALERT = ['component', 'type', 'title', 'message', 'resolved'];
const HOURS = 24;

/** The monitor of a system, or a monitor by itself. */
function monitorOf(name, subject) {
  if (typeof subject?.getRecentAlerts === 'function') return subject;
  const monitor = subject?.productionMonitor;
  if (monitor === null) {
    throw misuse(name, 'a system that is at work and has a monitor (enableProductionMonitoring)', monitor);
  }
  if (typeof monitor?.getRecentAlerts !== 'function') throw misuse(name, 'a system or a monitor', subject);
  return monitor;
}

function toHaveRaisedAlert(subject, expected) {
  const wanted = known('toHaveRaisedAlert', expected, ALERT);
  const alerts = monitorOf('toHaveRaisedAlert', subject).getRecentAlerts(HOURS);
  const said = alerts.map(({ component, type, title, message, resolved }) => {
    return `${component}, ${type}: ${title} (${message})${resolved ? ', over' : ''}`;
  });
  return outcome(this, {
    name: 'toHaveRaisedAlert',
    argument: expected === undefined ? '' : 'alert',
    pass: alerts.some((alert) => has(this, alert, wanted)),
    subject: 'the monitor',
    expected: `have raised ${expected === undefined ? 'an alert' : `an alert with ${this.utils.printExpected(wanted)}`}`,
    received: `Alerts of the last ${HOURS} hours:\n${lines(said, 'none')}`,
  });
}

function toBeHealthy(subject, expected) {
  const { atLeast } = known('toBeHealthy', expected, ['atLeast']);
  if (typeof subject?.getHealthStatus !== 'function') throw misuse('toBeHealthy', 'a system', subject);
  const { overall, score, components = {}, recommendations = [], message } = subject.getHealthStatus();
  const parts = Object.entries(components).map(([name, part]) => `${name}: ${part === null ? 'off' : part.score}`);
  const notes = [...parts, ...recommendations, ...(message === undefined ? [] : [message])];
  return outcome(this, {
    name: 'toBeHealthy',
    argument: expected === undefined ? '' : 'expected',
    pass: overall === 'healthy' && score >= (atLeast ?? 0),
    subject: 'the system',
    expected: `be healthy${atLeast === undefined ? '' : ` with a score of at least ${this.utils.printExpected(atLeast)}`}`,
    received: `Received: ${this.utils.printReceived(overall)}, score ${this.utils.printReceived(score)}\n${lines(notes, 'nothing more is known')}`,
  });
}

function toHaveThrottled(subject, agentId) {
  if (typeof subject?.shouldThrottleAgent !== 'function')
    throw misuse('toHaveThrottled', 'a system or a memory manager', subject);
  if (typeof agentId !== 'string') throw misuse('toHaveThrottled', 'the id of an agent', agentId);
  const reason = subject.throttleReason?.(agentId);
  return outcome(this, {
    name: 'toHaveThrottled',
    argument: 'agentId',
    pass: subject.shouldThrottleAgent(agentId) === true,
    subject: 'the system',
    expected: `have ${this.utils.printExpected(agentId)} throttled`,
    received: reason ? `It is, because: ${reason.message ?? JSON.stringify(reason)}` : 'It is not',
  });
}

/** Received is what makes it happen: a function, called while the matcher listens. */
async function toEmit(work, emitter, event, ...expected) {
  if (typeof work !== 'function') throw misuse('toEmit', 'a function during which the event is expected', work);
  if (typeof emitter?.on !== 'function') throw misuse('toEmit', 'an emitter', emitter);
  if (typeof event !== 'string') throw misuse('toEmit', 'the name of an event', event);
  const told = [];
  const listener = (data) => told.push(data);
  emitter.on(event, listener);
  try {
    await work();
  } finally {
    emitter.off(event, listener);
  }
  const [wanted] = expected;
  const fits = (data) => {
    const isPartial =
      wanted !== null && typeof wanted === 'object' && Object.getPrototypeOf(wanted) === Object.prototype;
    return isPartial ? has(this, data, wanted) : isLike(this, data, wanted);
  };
  return outcome(this, {
    name: 'toEmit',
    argument: 'emitter, event',
    pass: expected.length === 0 ? told.length > 0 : told.some(fits),
    subject: 'the emitter',
    expected: `emit ${this.utils.printExpected(event)}${expected.length === 0 ? '' : ` with ${this.utils.printExpected(wanted)}`}`,
    received: `Emitted meanwhile:\n${lines(
      told.map((data) => this.utils.printReceived(data)),
      'nothing of that name',
    )}`,
  });
}

module.exports = { toHaveRaisedAlert, toBeHealthy, toHaveThrottled, toEmit };
