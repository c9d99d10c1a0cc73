'use strict';

/** Runs one command and ends the process as the command says. */

const { endBy } = require('../ending.js');
const { AgentwiseError } = require('../errors.js');
const { ENVIRONMENTS, requireFile } = require('./configuration.js');
const { OK, UNKNOWN } = require('./exit-codes.js');
const { UsageError, failureText } = require('./failures.js');
const { outputOf } = require('./output.js');
const { programFor, pathOf } = require('./program.js');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Aborted by a signal, once a command looks at it, and by an output that nobody reads any more. */
class Ending {
  #controller = new AbortController();
  #isWatched = false;
  #by = null;

  /** From here on the first signal only asks; a second one ends the process. */
  get signal() {
    if (!this.#isWatched) {
      this.#isWatched = true;
      for (const name of SIGNALS) process.once(name, () => this.#ask(name));
    }
    return this.#controller.signal;
  }

  /** The name of the signal that asked, or `null`. */
  get by() {
    return this.#by;
  }

  abort() {
    this.#controller.abort();
  }

  #ask(name) {
    this.#by ??= name;
    this.#controller.abort();
  }
}

/** What a command is called with. Systems that it opens are shut down after it. */
class Given {
  #ending;
  #opened = [];
  #told = new Set();

  constructor(command, ending) {
    this.args = command.args;
    this.options = command.optsWithGlobals();
    this.output = outputOf(this.options);
    this.command = command;
    this.#ending = ending;
  }

  get signal() {
    return this.#ending.signal;
  }

  /** `--environment`, else `NODE_ENV` if it names one, else `undefined`. */
  get askedEnvironment() {
    const { NODE_ENV } = process.env;
    return this.options.environment ?? (ENVIRONMENTS.includes(NODE_ENV) ? NODE_ENV : undefined);
  }

  /** The one of a system that is made here; development where nothing was said. */
  get environment() {
    return this.askedEnvironment ?? ENVIRONMENTS[0];
  }

  /**
   * What a system of this directory is made with.
   */
  systemConfig(config = {}) {
    const { config: configFile } = this.options;
    if (configFile !== undefined) requireFile(configFile);
    const file = configFile === undefined ? {} : { configFile };
    // It is not the application's: nobody is to take it for that, now or later.
    return { ...config, ...file, environment: this.environment, finalReport: false, liveSocket: false };
  }

  /** An initialized system of this directory; its warnings go to standard error. */
  open = async (config) => {
    // Loaded here, so that a native module that does not load is told like any other failure.
    const { ProductionOptimizationSystem } = require('../production-optimization-system.js');
    const system = new ProductionOptimizationSystem(this.systemConfig(config));
    system.on('warning', (warning) => this.warn(`${warning.path}: ${warning.message}`));
    await system.initialize();
    this.#opened.push(system);
    return system;
  };

  /** A line on standard error, unless `--quiet`. */
  warn(message) {
    if (!this.options.quiet) process.stderr.write(`warning: ${this.output.visible(message)}\n`);
  }

  /** The same, once for the whole command: `stats --watch` finds it again and again. */
  warnOnce(message) {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.warn(message);
  }

  async close() {
    await Promise.all(this.#opened.splice(0).map((system) => system.shutdown()));
  }
}

function printed({ data, text }, isJson) {
  if (isJson && data !== undefined) return `${JSON.stringify(data, null, 2)}\n`;
  return text === undefined ? '' : `${text}\n`;
}

/** Options of all commands that this one does not take. */
function refuseForeign(command) {
  for (const name of command.refusedGlobals) {
    if (command.optsWithGlobals()[name] === undefined) continue;
    throw new UsageError(command, `--${name} is not an option of ${pathOf(command).slice(1).join(' ')}`);
  }
}

/**
 * What commander calls for a command.
 *
 * @param {(given: Given) => Promise<{ data?: unknown, text?: string, code?: number }>} work `data` is printed with
 * `--json`, else `text`; `code` is the exit code, 0 if absent
 */
function actionFor(ending) {
  return (work) =>
    async (...parsed) => {
      const command = parsed.at(-1);
      refuseForeign(command);
      const given = new Given(command, ending);
      try {
        const result = await work(given);
        process.stdout.write(printed(result, given.options.json));
        process.exitCode ??= result.code ?? OK;
      } finally {
        await given.close();
      }
    };
}

function usageText({ command, ...error }, message) {
  const help = [...pathOf(command), '--help'].join(' ');
  return `${error.code}: ${message}\nUsage: ${command.createHelp().commandUsage(command)}\nSee ${help}\n`;
}

/** Node's own message for a working directory that was removed names a system call only. */
const explained = (error) =>
  error?.syscall === 'uv_cwd' ? new AgentwiseError('E_IO', 'the working directory does not exist any more') : error;

function fail(cause, ending) {
  const error = explained(cause);
  // Its work was ended because it was asked to: it ends as the signal would have ended it.
  if (ending.by) {
    endBy(ending.by);
    return;
  }
  process.exitCode = UNKNOWN;
  if (error instanceof UsageError) process.stderr.write(usageText(error, failureText(error).replace(/^E_USAGE: /, '')));
  else process.stderr.write(`${failureText(error)}\n`);
}

/** `| head` closes the pipe: that is no failure, but there is nobody to go on for. Of other errors the first is told. */
function watchOutputs(ending) {
  let isTold = false;
  process.stdout.on('error', (error) => {
    ending.abort();
    if (error.code === 'EPIPE' || isTold) return;
    isTold = true;
    fail(new AgentwiseError('E_IO', `cannot write the output (${error.code})`), ending);
  });
  process.stderr.on('error', () => {});
}

/** @param {string[]} argv without the program and the script */
async function main(argv) {
  const ending = new Ending();
  watchOutputs(ending);
  process.on('uncaughtException', (error) => {
    fail(error, ending);
    process.exit();
  });
  try {
    const program = programFor(argv, actionFor(ending));
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    // How commander says that help or the version was printed.
    if (error?.name === 'CommanderError' && error.exitCode === 0) return;
    fail(error, ending);
  }
}

module.exports = { main };
