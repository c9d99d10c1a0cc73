'use strict';

/** Matchers for how a system is, and for what it tells. */

const { AgentwiseError } = require('../../errors.js');
const { bound, checkAtWork, has, isLike, known, lines, misuse, outcome, wantedValue } = require('./saying.js');

/** What an alert can be asked about, and what it may be. */
const ALERT = {
  component: ['memory', 'cache', 'cpu', 'disk', 'agents', 'performance'],
  type: ['info', 'warning', 'critical'],
  title: 'a text',
  message: 'a text',
  resolved: [true, false],
};
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

const isExpression = (value) => Object.prototype.toString.call(value) === '[object RegExp]';

/** Refuses what no alert ever is. Asymmetric matchers of a test framework may be anything. */
function wantedAlert(name, expected) {
  const wanted = known(name, expected, Object.keys(ALERT));
  for (const [key, value] of Object.entries(wanted)) {
    const allowed = ALERT[key];
    const isText = allowed === 'a text';
    if (isText ? typeof value === 'string' : allowed.includes(value)) continue;
    if (typeof value?.asymmetricMatch === 'function' || (isExpression(value) && key !== 'resolved')) continue;
    const what = isText ? `${allowed} or an expression` : `one of ${allowed.join(', ')}`;
    const said = typeof value === 'string' ? JSON.stringify(value) : `a value of type ${typeof value}`;
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name}: "${key}" must be ${what}, not ${said}`);
  }
  return wanted;
}

function toHaveRaisedAlert(subject, expected) {
  const wanted = wantedAlert('toHaveRaisedAlert', expected);
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
  const atLeast = bound('toBeHealthy', known('toBeHealthy', expected, ['atLeast']).atLeast);
  if (typeof subject?.getHealthStatus !== 'function') throw misuse('toBeHealthy', 'a system', subject);
  const health = subject.getHealthStatus();
  if (typeof health?.overall !== 'string') throw misuse('toBeHealthy', 'a system that says how it is', health);
  const { overall, score, components = {}, recommendations = [], message } = health;
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
  checkAtWork('toHaveThrottled', subject);
  const isThrottled = subject.shouldThrottleAgent(agentId);
  if (typeof isThrottled !== 'boolean') throw misuse('toHaveThrottled', 'an answer of yes or no', isThrottled);
  const reason = subject.throttleReason?.(agentId);
  return outcome(this, {
    name: 'toHaveThrottled',
    argument: 'agentId',
    pass: isThrottled,
    subject: 'the system',
    expected: `have ${this.utils.printExpected(agentId)} throttled`,
    received: reason ? `It is, because: ${reason.message ?? JSON.stringify(reason)}` : 'It is not',
  });
}

/** Received is what makes it happen: a function, called while the matcher listens. */
async function toEmit(work, emitter, event, ...expected) {
  if (typeof work !== 'function') throw misuse('toEmit', 'a function during which the event is expected', work);
  if (typeof emitter?.on !== 'function' || typeof emitter.off !== 'function')
    throw misuse('toEmit', 'an emitter', emitter);
  if (typeof event !== 'string') throw misuse('toEmit', 'the name of an event', event);
  const [wanted] = expected;
  if (expected.length > 0) wantedValue('toEmit', wanted);
  const told = [];
  const listener = (data) => told.push(data);
  emitter.on(event, listener);
  try {
    await work();
  } finally {
    emitter.off(event, listener);
  }
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
