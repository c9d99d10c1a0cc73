'use strict';

/** What went wrong, as the command line tells it. */

const { AgentwiseError, messageOf } = require('../errors.js');
const { visible } = require('./text.js');

/** The command line was not understood; `command` is the one whose usage helps. */
class UsageError extends AgentwiseError {
  constructor(command, message) {
    super('E_USAGE', message);
    this.command = command;
  }
}

/** One line, with the code once: Node's own messages begin with theirs. What it names may hold anything: it is escaped. */
function failureText(error) {
  const [first] = messageOf(error).split('\n');
  const line = visible(first);
  return error?.code && !line.startsWith(error.code) ? `${error.code}: ${line}` : line;
}

module.exports = { UsageError, failureText };
