'use strict';

/** Who may ask a server: the right host name, no page of somebody else's, the token. For requests and live updates alike. */

const { createHash, timingSafeEqual } = require('node:crypto');
const { Refusal } = require('./store.js');
const { isLoopback } = require('./settings.js');

const digest = (text) => createHash('sha256').update(text).digest();

/** The host name of a `Host` header or an origin, or undefined if it is none. */
function hostNameOf(authority) {
  return URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`).hostname : undefined;
}

/**
 * @param {{ host: string, token?: string, allowedHosts: string[], allowedOrigins: string[] }} settings
 * @returns {(request: import('node:http').IncomingMessage, options?: { isOpen?: boolean }) => void} throws a Refusal;
 * `isOpen`: no token is needed
 */
function guard({ host, token, allowedHosts, allowedOrigins }) {
  const isLocal = isLoopback(host);
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);

  function checkHost(request) {
    // A page whose name was made to point here would read everything; its requests carry its own name.
    const name = hostNameOf(request.headers.host ?? '');
    if (name === undefined || (isLocal && !isLoopback(name) && !allowedHosts.includes(name))) {
      throw new Refusal(403, 'HOST', 'the Host header does not name this server');
    }
  }

  function checkOrigin(request) {
    const { origin, host: own } = request.headers;
    if (origin === undefined || allowedOrigins.includes(origin.toLowerCase())) return;
    // Only browsers send it; the server has no pages, so that a page of its own origin is the user's.
    if (origin.toLowerCase() !== `http://${own?.toLowerCase()}`) {
      throw new Refusal(403, 'ORIGIN', 'pages of this origin may not ask this server');
    }
  }

  function checkToken(request) {
    // Digests have one length, and comparing them tells nothing of the token.
    if (expected && !timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      throw new Refusal(401, 'TOKEN', 'this server needs its token as "Authorization: Bearer <token>"');
    }
  }

  return (request, { isOpen = false } = {}) => {
    checkHost(request);
    checkOrigin(request);
    if (!isOpen) checkToken(request);
  };
}

module.exports = { guard };
