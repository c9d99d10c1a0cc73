'use strict';

/** Settings of both ends of a shared context: one row each with default and range, checked in one place. */

const args = require('../arguments.js');
const { AgentwiseError } = require('../errors.js');

const MB = 1 << 20;
const DAY_MS = 86_400_000;

/** Name: default, lowest, highest. Times in ms, sizes in bytes. */
const CLIENT_NUMBERS = {
  // Of one attempt, from the first byte to the last.
  requestTimeoutMs: [5000, 1, DAY_MS],
  connectTimeoutMs: [2000, 1, DAY_MS],
  // Of an answer and of a live message, before and after decompression.
  maxBytes: [16 * MB, 1024, 1024 * MB],
  // As the server's own default: what it would refuse is refused here.
  maxContextBytes: [10 * MB, 2, 1024 * MB],
  retries: [2, 0, 20],
  retryDelayMs: [100, 1, DAY_MS],
  maxRetryDelayMs: [10_000, 1, DAY_MS],
  pingIntervalMs: [30_000, 10, DAY_MS],
  pongTimeoutMs: [10_000, 10, DAY_MS],
};

const SERVER_NUMBERS = {
  port: [3003, 0, 65_535],
  maxContextBytes: [10 * MB, 2, 512 * MB],
  maxProjects: [1000, 1, 1_000_000],
  // Changes of one project by which readers catch up.
  maxHistory: [1000, 0, 1_000_000],
  maxHistoryBytes: [10 * MB, 0, 1024 * MB],
  // Contexts and history of all projects.
  maxTotalBytes: [512 * MB, 1024, 1024 * 1024 * MB],
  maxSubscribers: [1000, 0, 100_000],
  // What waits for one subscriber that does not read.
  maxBacklogBytes: [16 * MB, 1, 1024 * MB],
  maxConnections: [2000, 1, 1_000_000],
  // Bodies that are being received.
  maxPendingBytes: [64 * MB, 1024, 1024 * 1024 * MB],
  requestTimeoutMs: [30_000, 10, DAY_MS],
  headersTimeoutMs: [10_000, 10, DAY_MS],
  idleTimeoutMs: [60_000, 10, DAY_MS],
  pingIntervalMs: [30_000, 10, DAY_MS],
  closeTimeoutMs: [2000, 0, DAY_MS],
};

function numbers(given, table) {
  const found = {};
  for (const [name, [standard, min, max]] of Object.entries(table)) {
    const value = args.optionalNumber(`options.${name}`, given[name], min) ?? standard;
    if (value > max || !Number.isInteger(value)) {
      throw new AgentwiseError(
        'E_INVALID_ARGUMENT',
        `options.${name} must be a whole number from ${min} to ${max}, got ${value}`,
      );
    }
    found[name] = value;
  }
  return found;
}

function refuseUnknown(given, table, others) {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name) && !others.includes(name)) {
      throw new AgentwiseError('E_INVALID_ARGUMENT', `options.${name.slice(0, 100)} is not known`);
    }
  }
}

/** Whether `host`, as in a URL or without the brackets of IPv6, is this machine only. */
function isLoopback(host) {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return name === 'localhost' || name === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** Longest names of projects and agents, UTF-16 units. */
const MAX_NAME = 256;

/** What is wrong with a name of a project or an agent, or undefined. */
function nameProblem(value) {
  if (typeof value !== 'string') return 'a string';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused.
  if (value === '' || value.length > MAX_NAME || !value.isWellFormed() || /[\u0000-\u001f\u007f]/.test(value)) {
    return `text of 1 to ${MAX_NAME} characters without control characters`;
  }
  // As a part of a path these two are taken for folders.
  return value === '.' || value === '..' ? 'a name other than "." and ".."' : undefined;
}

function name(label, value) {
  const problem = nameProblem(value);
  if (problem) throw new AgentwiseError('E_INVALID_ARGUMENT', `${label} must be ${problem}`);
  return value;
}

/** A secret as it goes into a header. Its text is never shown. */
function token(value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,4096}$/.test(value)) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      'options.token must be 1 to 4096 visible ASCII characters without spaces',
    );
  }
  return value;
}

function address(value, bearer, allowInsecure) {
  const text = args.optionalString('options.url', value) ?? 'http://localhost:3003';
  const refuse = (what) => new AgentwiseError('E_INVALID_ARGUMENT', `options.url ${what}`);
  if (!URL.canParse(text)) throw refuse('must be a URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('must begin with http:// or https://');
  if (url.username || url.password) throw refuse('must not hold a user or a password: use options.token');
  if (url.search || url.hash) throw refuse('must have neither a query nor a fragment');
  if (bearer && url.protocol === 'http:' && !isLoopback(url.hostname) && !allowInsecure) {
    throw refuse(
      'must begin with https:// as a token would be sent in clear; options.allowInsecure: true permits that',
    );
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

const CLIENT_OTHERS = ['projectId', 'agentId', 'url', 'token', 'allowInsecure', 'liveUpdates'];

/** @throws {AgentwiseError} `E_INVALID_ARGUMENT` */
function clientSettings(value) {
  const given = args.options('options', value);
  refuseUnknown(given, CLIENT_NUMBERS, CLIENT_OTHERS);
  const bearer = token(given.token);
  return {
    ...numbers(given, CLIENT_NUMBERS),
    projectId: name('options.projectId', given.projectId),
    agentId: given.agentId === undefined || given.agentId === null ? undefined : name('options.agentId', given.agentId),
    url: address(given.url, bearer, args.optionalBoolean('options.allowInsecure', given.allowInsecure)),
    token: bearer,
    liveUpdates: given.liveUpdates === undefined || args.optionalBoolean('options.liveUpdates', given.liveUpdates),
  };
}

const SERVER_OTHERS = ['host', 'token', 'allowedHosts', 'allowedOrigins'];

function texts(label, value) {
  return (args.optionalTexts(label, value) ?? []).map((text) => text.toLowerCase());
}

/** @throws {AgentwiseError} `E_INVALID_ARGUMENT` */
function serverSettings(value) {
  const given = args.options('options', value);
  refuseUnknown(given, SERVER_NUMBERS, SERVER_OTHERS);
  const host = (args.optionalString('options.host', given.host) ?? '127.0.0.1').replace(/^\[|\]$/g, '');
  // Node would listen everywhere.
  if (host === '')
    throw new AgentwiseError('E_INVALID_ARGUMENT', 'options.host must be a name or an address, got none');
  const bearer = token(given.token);
  if (!isLoopback(host) && !bearer) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      'options.host reaches beyond this machine: that needs options.token, so that not everybody reads the contexts',
    );
  }
  return {
    ...numbers(given, SERVER_NUMBERS),
    host,
    token: bearer,
    allowedHosts: texts('options.allowedHosts', given.allowedHosts),
    allowedOrigins: texts('options.allowedOrigins', given.allowedOrigins),
  };
}

module.exports = { clientSettings, serverSettings, isLoopback, nameProblem };
