'use strict';

/** Servers that alerts are sent to, on the loopback: they keep what they got, and misbehave as they are told. */

const http = require('node:http');
const net = require('node:net');
const { until } = require('../memory-manager/support.js');

const listening = (server) =>
  new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });

/**
 * What an HTTP server does with a request, by name. Each gets `(request, response, socket)`.
 *
 * - `ok`, `refused` (400), `broken` (500), `busy` (429, again in a second), `moved`: answers
 * - `silent`: never answers; `closes`: ends the connection without one; `drips`: a byte now and then, for ever
 */
const BEHAVIOURS = {
  ok: (_, response) => response.end('ok'),
  refused: (_, response) => response.writeHead(400).end('invalid_payload'),
  broken: (_, response) => response.writeHead(500).end('no'),
  busy: (_, response) => response.writeHead(429, { 'Retry-After': '1' }).end(),
  moved: (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
  garbage: (_, response) => response.socket.end('this is no HTTP\r\n\r\n'),
  huge: (_, response) => response.writeHead(200).end(Buffer.alloc(8 << 20, 'x')),
  silent: () => {},
  closes: (_, response) => response.socket.destroy(),
  drips: (_, { socket }) => {
    // A head that never ends: with one that does the alert has arrived, whatever becomes of the body.
    socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    const timer = setInterval(() => socket.write('x'), 100);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
  },
};

/** `open(…)` gives servers that are closed after the test. */
function useServers() {
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((server) => server.close()));
  });
  const own = (server) => {
    opened.push(server);
    return server;
  };
  return {
    /** Does what is named for one request after the other, and the last for all that follow. */
    open: async (...behaviours) => own(await httpServer(behaviours.length > 0 ? behaviours : ['ok'])),
    openMail: async (options) => own(await mailServer(options)),
  };
}

async function httpServer(behaviours) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // The client left.
    }
    const body = Buffer.concat(chunks).toString('utf8');
    const { method, url, headers } = request;
    const at = Math.min(requests.length, behaviours.length - 1);
    requests.push({ method, url, headers, body, at: Date.now(), json: () => JSON.parse(body) });
    BEHAVIOURS[behaviours[at]](request, response);
  });
  const port = await listening(server);
  return {
    port,
    requests,
    url: (name = '/services/T000/B000/s3cr3tOfTheUrl') => `http://127.0.0.1:${port}${name}`,
    /** The requests, once there are so many. */
    got: async (count) => {
      await until(() => requests.length >= count);
      return requests;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/** Answers to the commands of SMTP, but for what follows DATA. */
function answerOf(command, { isRefused, needsPassword }) {
  const [word] = command.toUpperCase().split(/[ :]/);
  switch (word) {
    case 'EHLO':
      return needsPassword ? '250-mail\r\n250 AUTH PLAIN LOGIN' : '250-mail\r\n250 8BITMIME';
    case 'HELO':
    case 'MAIL':
    case 'RSET':
    case 'NOOP':
      return '250 ok';
    case 'AUTH':
      return '235 ok';
    case 'RCPT':
      return isRefused ? '550 no such user' : '250 ok';
    case 'DATA':
      return '354 go on';
    case 'QUIT':
      return '221 bye';
    default:
      return '502 unknown';
  }
}

/** A mail server: `isRefused` recipients, one that is `silent` or that `closes`, one with `needsPassword`. */
async function mailServer({ isRefused = false, silent = false, closes = false, needsPassword = false } = {}) {
  const mails = [];
  const commands = [];
  const sockets = new Set();
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    if (silent) return;
    if (closes) {
      socket.destroy();
      return;
    }
    socket.write('220 mail ESMTP\r\n');
    let waiting = '';
    let data = null;
    socket.setEncoding('utf8').on('data', (text) => {
      waiting += text;
      for (let end = waiting.indexOf('\r\n'); end >= 0; end = waiting.indexOf('\r\n')) {
        const line = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        if (data === null) {
          commands.push(line);
          const answer = answerOf(line, { isRefused, needsPassword });
          if (answer.startsWith('354')) data = [];
          socket.write(`${answer}\r\n`);
        } else if (line === '.') {
          mails.push(data.join('\r\n'));
          data = null;
          socket.write('250 queued\r\n');
        } else {
          data.push(line.replace(/^\.\./, '.'));
        }
      }
    });
  });
  const port = await listening(server);
  return {
    port,
    mails,
    commands,
    connections: () => connections,
    url: (userinfo = '') => `smtp://${userinfo}127.0.0.1:${port}`,
    got: async (count) => {
      await until(() => mails.length >= count);
      return mails;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A mail's text, without its transfer encoding. */
function textOf(mail) {
  const quoted = mail.replace(/=\r\n/g, '').replace(/((?:=[0-9A-F]{2})+)/g, (bytes) => {
    return Buffer.from(bytes.replaceAll('=', ''), 'hex').toString('utf8');
  });
  // Parts in base64, one after the other.
  const decoded = [...mail.matchAll(/base64\r\n(?:[^\r\n]+\r\n)*\r\n([A-Za-z0-9+/=\r\n]+)/g)].map(([, part]) =>
    Buffer.from(part, 'base64').toString('utf8'),
  );
  return [quoted, ...decoded].join('\n');
}

module.exports = { BEHAVIOURS, textOf, useServers };
