'use strict';

/** One question to a running system: HTTP/1.0 over its socket, without the `http` module, which takes longer to load than the answer. */

const net = require('node:net');
const { AgentwiseError, messageOf } = require('../errors.js');

/** A head is a few lines. */
const MOST_HEAD = 64 * 1024;
/** A status of 1,000 agents has half a megabyte. */
const MOST_BODY = 32 * 2 ** 20;
const END_OF_HEAD = '\r\n\r\n';
/** In how many parts a time limit is waited for. */
const SLICES = 5;

/** What a connection says when nobody listens to the socket, or the process has more in its queue than it takes. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'];
const BUSY = ['EAGAIN', 'ETIMEDOUT'];

const garbage = (what) => new AgentwiseError('E_IO', `what answers is no running system: ${what}`);

const late = (timeoutMs) =>
  new AgentwiseError('E_TIMEOUT', `no answer within ${timeoutMs} ms: the process is stopped or very busy`);

function failure(error, timeoutMs) {
  if (NOBODY.includes(error.code))
    return new AgentwiseError('E_NOT_AVAILABLE', 'the system does not run any more', { cause: error });
  if (BUSY.includes(error.code)) return late(timeoutMs);
  return new AgentwiseError('E_IO', `cannot ask the running system: ${messageOf(error)}`, { cause: error });
}

/** Status and JSON of an answer. */
function parse(bytes) {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0 || end > MOST_HEAD) throw garbage('there is no head');
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (!status) throw garbage('it does not speak HTTP');
  const length = lines.map((line) => /^content-length:\s*(\d+)\s*$/i.exec(line)?.[1]).find(Boolean);
  const body = bytes.subarray(end + END_OF_HEAD.length);
  if (length === undefined || Number(length) !== body.length) throw garbage('the answer is cut off');
  if (status !== '200') return { status: Number(status), text: body.toString('utf8').trim() };
  try {
    return { status: 200, json: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    throw garbage(`it does not answer in JSON: ${messageOf(error).slice(0, 100)}`);
  }
}

/**
 * Calls `isOver` after `ms`. Time in which this process itself stood still does not count, but for a slice: an answer that came
 * meanwhile is read first. Returns the function that ends it.
 */
function limited(ms, isOver) {
  let left = SLICES;
  let timer;
  const wait = () => {
    timer = setTimeout(() => (--left > 0 ? wait() : isOver()), ms / SLICES);
  };
  wait();
  return () => clearTimeout(timer);
}

/**
 * Asks the socket at `address` for `path`.
 *
 * @returns {Promise<{ status: number, json?: any, text?: string }>}
 * @throws `E_TIMEOUT`; `E_NOT_AVAILABLE` when nobody listens; `E_IO` for garbage and too much; the signal's reason.
 */
function exchange(address, path, { timeoutMs, signal }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = net.connect({ path: address });
    const parts = [];
    let size = 0;
    let isSettled = false;
    const end = (settle, value) => {
      isSettled = true;
      endLimit();
      signal?.removeEventListener('abort', aborted);
      socket.destroy();
      settle(value);
    };
    const endLimit = limited(timeoutMs, () => end(reject, late(timeoutMs)));
    const aborted = () => end(reject, signal.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    socket.on('error', (error) => end(reject, failure(error, timeoutMs)));
    socket.on('data', (bytes) => {
      size += bytes.length;
      if (size > MOST_BODY + MOST_HEAD) end(reject, garbage(`its answer has more than ${MOST_BODY} bytes`));
      else parts.push(bytes);
    });
    socket.on('close', () => {
      if (isSettled) return;
      try {
        end(resolve, parse(Buffer.concat(parts)));
      } catch (error) {
        end(reject, error);
      }
    });
    socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`);
  });
}

module.exports = { exchange };
