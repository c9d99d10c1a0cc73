'use strict';

/**
 * The tree of commands. Only the file of the command that was asked for is loaded; for help, completion and a name that
 * is not known all are.
 */

const { Command, Help, Option } = require('commander');
const { UsageError } = require('./failures.js');

const NAME = 'agentwise-optimization';

/** In the order of the help. Each is a file in `commands/` that adds the command of its name. */
const COMMANDS = [
  'health',
  'status',
  'stats',
  'report',
  'tuning',
  'cache',
  'config',
  'shared-context',
  'alert-test',
  'doctor',
  'migrate',
  'completion',
  'help',
];

/** An option with values to choose from, for help and completion. Whoever takes the value says what is wrong with another one. */
function chosen(flags, description, choices) {
  return Object.assign(new Option(flags, description), { argChoices: choices });
}

/** Options of all commands. */
const GLOBALS = [
  chosen('-e, --environment <name>', 'whose configuration; default: NODE_ENV if it is one, else development', [
    'development',
    'staging',
    'production',
  ]),
  ['-c, --config <file>', 'the configuration file (default: the one of the environment in config/)'],
  ['--json', 'the same as data, on standard output'],
  ['--no-color', 'no colours; without it, only on a terminal, and as NO_COLOR and FORCE_COLOR say'],
  ['-q, --quiet', 'no warnings and no progress on standard error'],
];

const HELP = { helpWidth: 100, showGlobalOptions: true };

/** commander's, with errors that are thrown, and commands that take not all of the options of all commands. */
class OwnCommand extends Command {
  #refused = [];

  createCommand(name) {
    return new OwnCommand(name);
  }

  createHelp() {
    return Object.assign(new OwnHelp(), this.configureHelp());
  }

  /** Names the options of all commands that mean nothing to this one: `withoutGlobals('environment')`. */
  withoutGlobals(...names) {
    this.#refused.push(...names);
    return this;
  }

  get refusedGlobals() {
    return this.#refused;
  }

  /** Every error of parsing comes here. commander's text begins with `error: ` and may have a second line, a suggestion. */
  error(message, { code } = {}) {
    const path = pathOf(this).slice(1).concat(this.args).join(' ');
    if (code === 'commander.excessArguments') throw new UsageError(this, `too many arguments: ${path}`);
    throw new UsageError(this, message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '));
  }

  /** Asked for by commander where a command of a group is missing. */
  help(context) {
    if (context?.error) throw new UsageError(this, 'a command is missing');
    super.help(context);
  }
}

class OwnHelp extends Help {
  visibleGlobalOptions(command) {
    return super
      .visibleGlobalOptions(command)
      .filter((option) => !command.refusedGlobals.includes(option.attributeName()));
  }
}

/** The names of `command` and of those above it, from the program's on. */
function pathOf(command) {
  const names = [];
  for (let at = command; at; at = at.parent) names.unshift(at.name());
  return names;
}

/** `Examples:` and the lines, for `addHelpText('after', …)`. */
function examples(...lines) {
  return `\nExamples:\n${lines.map((line) => `  ${NAME} ${line}`).join('\n')}`;
}

/**
 * @param {string[]} argv without the program and the script
 * @param {Function} action wraps what a command does, see `run.js`
 * @param {{ all?: boolean }} [options] `all`: with every command, whatever `argv` says
 */
function programFor(argv, action, { all = false } = {}) {
  const program = new OwnCommand(NAME)
    .description('Looks into and after the optimization layer of this directory.')
    .usage('<command> [options]')
    .version(require('../../package.json').version, '-V, --version', 'the version of this package')
    .helpOption('-h, --help', 'how to use it, with examples')
    .helpCommand(false)
    .configureHelp(HELP)
    .exitOverride()
    .addHelpText('after', examples('health --json', 'status --environment production', 'help stats'))
    .addHelpText(
      'after',
      '\nExit codes: 0 all is well, 1 warning, 2 critical, 3 unknown: also every failure and usage error.',
    );
  for (const option of GLOBALS) program.addOption(Array.isArray(option) ? new Option(...option) : option);
  const [name] = program.parseOptions(argv).operands;
  const isKnown = COMMANDS.includes(name) && name !== 'help' && name !== 'completion';
  for (const file of isKnown && !all ? [name] : COMMANDS) {
    require(`./commands/${file}.js`)(program, { action, examples, chosen });
  }
  return program;
}

module.exports = { programFor, pathOf, examples, COMMANDS, NAME };
