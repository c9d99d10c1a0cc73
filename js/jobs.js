'use strict';

const args = require('./arguments.js');
const { call, callAsync, decode } = require('./errors.js');

/** Stands for a call that nobody follows. */
const NO_JOB = 0;

/** How often progress is looked at, ms. */
const PROGRESS_MS = 100;

/**
 * Runs a long call of the core that can be cancelled and followed.
 * @param {object} native functions of a cache
 * @param {{ signal?: AbortSignal, onProgress?: (entries: number) => void }} options
 * @param {(job: number) => Promise<string>} begin
 */
async function followed(native, { signal, onProgress }, begin) {
  args.signal('options.signal', signal)?.throwIfAborted();
  const job = call(native.newJob);
  const cancel = () => native.cancelJob(job);
  signal?.addEventListener('abort', cancel, { once: true });
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
    signal?.removeEventListener('abort', cancel);
  }
}

/**
 * Runs a call of the core that can be cancelled.
 * @param {object} native functions of a handle
 * @param {AbortSignal | undefined} signal
 * @param {(job: number) => Promise<T>} begin called at once; rejects with the signal's reason if that came first
 * @template T
 */
function cancellable(native, signal, begin) {
  if (!signal) return begin(NO_JOB);
  // Not thrown: a getter of the context that is being read may have aborted.
  if (signal.aborted) return Promise.reject(signal.reason);
  const job = call(native.newJob);
  const cancel = () => native.cancelJob(job);
  signal.addEventListener('abort', cancel, { once: true });
  return (async () => {
    try {
      return await begin(job);
    } catch (error) {
      throw decode(error)?.code === 'E_CANCELLED' ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', cancel);
      native.endJob(job);
    }
  })();
}

/** What `promise` gives, or a rejection with the signal's reason if that comes first. */
async function unlessAborted(promise, signal) {
  if (!signal) return promise;
  const { promise: aborted, reject } = withReject();
  const end = () => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function withReject() {
  let reject;
  const promise = new Promise((_, no) => {
    reject = no;
  });
  return { promise, reject };
}

module.exports = { followed, cancellable, unlessAborted };
