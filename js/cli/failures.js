'use strict';

/** What went wrong, as the command line tells it. */

const { AgentwiseError, messageOf } = require('../errors.js');
const { clipped, visible } = require('./text.js');

/** The command line was not understood; `command` is the one whose usage helps. */
class UsageError extends AgentwiseError {
  constructor(command, message) {
    super('E_USAGE', message);
    this.command = command;
  }
}

/** Longest line that is told, columns: some ten problems of a configuration. */
const LONGEST = 2000;

/** What is too long to be read, cut; of a configuration, with where the rest is. */
function cut(line, code) {
  if (line.length <= LONGEST) return line;
  return `${clipped(line, LONGEST)}${code === 'E_CONFIG_INVALID' ? ' all of them: config check' : ''}`;
}

/** One line, with the code once: Node's own messages begin with theirs. What it names may hold anything: it is escaped. */
function failureText(error) {
  const [first] = messageOf(error).split('\n');
  const line = cut(visible(first), error?.code);
  return error?.code && !line.startsWith(error.code) ? `${error.code}: ${line}` : line;
}

module.exports = { UsageError, failureText };
