'use strict';

const { measureIn } = require('./monitor-view.js');

/** Makes calls of a class requests that a monitor counts and times, where there is one. */

/**
 * `isFailure` says of a result whether it is a failure all the same, by the name of the call.
 *
 * @param {Function} Class
 * @param {(object: object) => import('./monitor-view.js').MonitorView | null} monitorOf
 * @param {Record<string, ((result: unknown, given: unknown[]) => boolean) | undefined>} calls
 */
function measureCalls(Class, monitorOf, calls) {
  for (const [name, isFailure] of Object.entries(calls)) {
    const original = Class.prototype[name];
    const measured = {
      [name](...given) {
        const monitor = monitorOf(this);
        if (monitor === null) return original.apply(this, given);
        const hasFailed = isFailure && ((result) => isFailure(result, given));
        return measureIn(monitor, name, () => original.apply(this, given), hasFailed);
      },
    }[name];
    Object.defineProperty(measured, 'length', { value: original.length, configurable: true });
    Object.defineProperty(Class.prototype, name, { value: measured, writable: true, configurable: true });
  }
}

module.exports = { measureCalls };
