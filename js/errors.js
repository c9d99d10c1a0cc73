'use strict';

/**
 * An error of this package. `code` is stable (`E_CONFIG_INVALID`, `E_CONTEXT_INVALID`, …); `problems` lists every
 * problem of a refused configuration.
 */
class AgentwiseError extends Error {
  constructor(code, message, options = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.problems?.length > 0) this.problems = options.problems;
  }

  get name() {
    return 'AgentwiseError';
  }
}

/** What something thrown says; anything may be thrown, also what cannot be turned into text. */
function messageOf(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return 'something that cannot be shown';
  }
}

/** Errors cross the boundary as JSON behind this mark (see `src/binding/call.rs`). */
const MARK = '\u0001agentwise:';

/** The package's error for what the native module threw; anything else as it is. */
function decode(error) {
  const message = error?.message;
  if (typeof message !== 'string' || !message.startsWith(MARK)) return error;
  const { code, message: text, problems } = JSON.parse(message.slice(MARK.length));
  return new AgentwiseError(code, text, { problems });
}

/** Calls a native function and decodes what it throws. */
function call(fn, ...args) {
  try {
    return fn(...args);
  } catch (error) {
    throw decode(error);
  }
}

/** Awaits a native call and decodes what it rejects with. */
async function callAsync(fn, ...args) {
  try {
    return await fn(...args);
  } catch (error) {
    throw decode(error);
  }
}

module.exports = { AgentwiseError, messageOf, decode, call, callAsync };
