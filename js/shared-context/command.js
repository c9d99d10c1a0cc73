'use strict';

/** The command `shared-context`: a server that runs until it is asked to end. */

const { readFileSync } = require('node:fs');
const { AgentwiseError } = require('../errors.js');

const DEFAULT_PORT = '3003';

/** Longest file that is read for a token. */
const MAX_TOKEN_FILE = 8192;

function portOf(text = DEFAULT_PORT) {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new AgentwiseError('E_INVALID_ARGUMENT', '--port must be a whole number from 0 to 65535');
}

/** The token without the newline at the end of its file. Arguments are seen by every user of the machine: it is never one. */
function tokenOf(file) {
  if (file === undefined) return process.env.SHARED_CONTEXT_TOKEN || undefined;
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AgentwiseError('E_IO', `cannot read the token file ${file} (${cause.code})`, { cause });
  }
  const token = text.trim();
  if (token === '' || token.length > MAX_TOKEN_FILE) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `the token file ${file} holds no token`);
  }
  return token;
}

/** Resolves with the signal that asks the process to end. A second one ends it at once. */
function asked() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(signal));
  });
}

/**
 * @param {{ port?: string, host?: string, tokenFile?: string, json: boolean }} request as given on the command line
 * @returns {Promise<number>} the exit code
 */
async function serve({ port, host, tokenFile, json }) {
  // Loaded here, so that a module that does not load is told like any other failure.
  const { startSharedContextServer } = require('./server.js');
  const end = asked();
  const server = await startSharedContextServer({ port: portOf(port), host, token: tokenOf(tokenFile) });
  const started = json ? JSON.stringify({ url: server.url, port: server.port }) : `shared context on ${server.url}`;
  process.stdout.write(`${started}\n`);
  await end;
  await server.close();
  return 0;
}

module.exports = { serve };
