'use strict';

/** The command `shared-context`: a server that runs until it is asked to end. */

const fs = require('node:fs');
const { AgentwiseError } = require('../../errors.js');

const DEFAULT_PORT = '3003';

/** Longest file that is read for a token. */
const MAX_TOKEN_FILE = 8192;

const PORT_VARIABLE = 'SHARED_CONTEXT_PORT';

/** What Kubernetes and Docker set of the same name for a service that is called `shared-context`: an address, and no port of ours. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;

/** The option, else the variable, else the default; 0 to 65535. */
function portOf(option) {
  const variable = process.env[PORT_VARIABLE] || undefined;
  const isLink = variable !== undefined && SERVICE_LINK.test(variable);
  const text = option ?? (isLink ? undefined : variable) ?? DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  const name = option === undefined ? `the variable ${PORT_VARIABLE}` : '--port';
  throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be a whole number from 0 to 65535`);
}

/** The token without the newline at the end of its file. Arguments are seen by every user of the machine: it is never one. */
function tokenOf(file) {
  if (file === undefined) return process.env.SHARED_CONTEXT_TOKEN || undefined;
  let bytes;
  try {
    bytes = startOf(file);
  } catch (cause) {
    throw new AgentwiseError('E_IO', `cannot read the token file ${file} (${cause.code})`, { cause });
  }
  const token = bytes?.toString('utf8').trim() ?? '';
  if (token === '' || bytes.length > MAX_TOKEN_FILE) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `the token file ${file} holds no token`);
  }
  return token;
}

/** As much of a regular file as tells whether it is too long; `null` for what else may never end. */
function startOf(file) {
  const opened = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
  try {
    if (!fs.fstatSync(opened).isFile()) return null;
    const bytes = Buffer.alloc(MAX_TOKEN_FILE + 1);
    return bytes.subarray(0, fs.readSync(opened, bytes, 0, bytes.length, 0));
  } finally {
    fs.closeSync(opened);
  }
}

/** The server's names of what the options here are called. */
const OPTIONS = {
  'options.host': '--host',
  'options.token': 'a token (--token-file, or the variable SHARED_CONTEXT_TOKEN)',
};

/** What the server refuses, by the names that were used here. */
function named(error) {
  if (error.code !== 'E_INVALID_ARGUMENT') return error;
  const message = error.message.replace(/options\.\w+/g, (name) => OPTIONS[name] ?? name);
  return new AgentwiseError(error.code, message, { cause: error });
}

/** Resolves when the process is asked to end. */
function asked(signal) {
  return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

module.exports = function add(program, { action, examples }) {
  program
    .command('shared-context')
    .description('serves contexts that agents share, until SIGINT or SIGTERM; prints its URL')
    .option(
      '--port <number>',
      'where it listens; 0 for any free one (default: the variable SHARED_CONTEXT_PORT, else 3003)',
    )
    .option('--host <name>', "address that it listens on; any other machine's needs a token (default: 127.0.0.1)")
    .option(
      '--token-file <path>',
      'file with the token that clients must have (default: the variable SHARED_CONTEXT_TOKEN)',
    )
    .withoutGlobals('environment', 'config')
    .addHelpText(
      'after',
      examples('shared-context', 'shared-context --port 0 --json', 'shared-context --host 0.0.0.0 --token-file token'),
    )
    .action(
      action(async (given) => {
        const { port, host, tokenFile, json } = given.options;
        const token = tokenOf(tokenFile);
        const { output, signal } = given;
        // Loaded here, so that a module that does not load is told like any other failure.
        const { startSharedContextServer } = require('../../shared-context/server.js');
        const end = asked(signal);
        const server = await startSharedContextServer({ port: portOf(port), host, token }).catch((error) => {
          throw named(error);
        });
        output.line(json ? JSON.stringify({ url: server.url, port: server.port }) : `shared context on ${server.url}`);
        await end;
        await server.close();
        return {};
      }),
    );
};
