'use strict';

const args = require('./arguments.js');
const { call, callAsync, decode } = require('./errors.js');

/** Stands for a call that nobody follows. */
const NO_JOB = 0;

/** How often progress is looked at, ms. */
const PROGRESS_MS = 100;

/** By signal, what is cancelled when it fires, and the one listener for all of it. */
const waitingFor = new WeakMap();

/**
 * Calls `cancel` when `signal` fires, until the function that it gives back is called. One listener a signal: Node warns
 * of a leak from eleven on, and one signal may stop many agents.
 */
function whenAborted(signal, cancel) {
  if (!signal) return () => {};
  let waiting = waitingFor.get(signal);
  if (!waiting) {
    const cancels = new Set();
    const listener = () => {
      for (const each of cancels) each();
    };
    waiting = { cancels, listener };
    waitingFor.set(signal, waiting);
    signal.addEventListener('abort', waiting.listener, { once: true });
  }
  waiting.cancels.add(cancel);
  return () => {
    waiting.cancels.delete(cancel);
    if (waiting.cancels.size > 0) return;
    signal.removeEventListener('abort', waiting.listener);
    if (waitingFor.get(signal) === waiting) waitingFor.delete(signal);
  };
}

/**
 * Runs a long call of the core that can be cancelled and followed.
 * @param {object} native functions of a cache
 * @param {{ signal?: AbortSignal, onProgress?: (entries: number) => void }} options
 * @param {(job: number) => Promise<string>} begin
 */
async function followed(native, { signal, onProgress }, begin) {
  args.signal('options.signal', signal)?.throwIfAborted();
  const job = call(native.newJob);
  const letGo = whenAborted(signal, () => native.cancelJob(job));
  let last = 0;
  const timer = onProgress
    ? setInterval(() => {
        const entries = native.jobProgress(job);
        if (entries === last) return;
        last = entries;
        onProgress(entries);
      }, PROGRESS_MS)
    : undefined;
  try {
    return JSON.parse(await callAsync(begin, job));
  } catch (error) {
    if (error?.code === 'E_CANCELLED' && signal) throw signal.reason;
    throw error;
  } finally {
    clearInterval(timer);
    letGo();
  }
}

/**
 * Runs a call of the core that can be cancelled.
 * @param {object} native functions of a handle
 * @param {(AbortSignal | undefined)[]} signals
 * @param {(job: number) => Promise<T>} begin called at once; rejects with the reason of the signal that came first
 * @template T
 */
function cancellable(native, signals, begin) {
  const given = signals.filter((signal) => signal !== undefined);
  if (given.length === 0) return begin(NO_JOB);
  const firstAborted = () => given.find((signal) => signal.aborted);
  // Not thrown: a getter of the context that is being read may have aborted.
  if (firstAborted()) return Promise.reject(firstAborted().reason);
  const job = call(native.newJob);
  const cancel = () => native.cancelJob(job);
  const letGo = given.map((signal) => whenAborted(signal, cancel));
  return (async () => {
    try {
      return await begin(job);
    } catch (error) {
      throw decode(error)?.code === 'E_CANCELLED' ? firstAborted().reason : error;
    } finally {
      for (const end of letGo) end();
      native.endJob(job);
    }
  })();
}

/** What `promise` gives, or a rejection with the reason of the signal that comes first. */
async function unlessAborted(promise, ...signals) {
  const given = signals.filter((signal) => signal !== undefined);
  if (given.length === 0) return promise;
  const letGo = [];
  const aborted = new Promise((_, reject) => {
    for (const signal of given) {
      if (signal.aborted) reject(signal.reason);
      else letGo.push(whenAborted(signal, () => reject(signal.reason)));
    }
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    for (const end of letGo) end();
  }
}

/** What `promise` gives, or a rejection with `late` if it takes longer. */
async function within(promise, ms, late) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(reject, ms, late);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether all of `promises`, which never reject, are settled in time. */
async function settledWithin(promises, ms) {
  let timer;
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([Promise.all(promises).then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { whenAborted, followed, cancellable, unlessAborted, within, settledWithin };
