'use strict';

/** The tree of commands as completion needs it: plain names, choices and texts. */

/** What the value of an option is, by how its help calls it. */
const VALUES = { file: 'file', path: 'file', dir: 'directory' };

const valueName = (flags) => flags.match(/[<[]([\w-]+?)(?:\.\.\.)?[\]>]/)?.[1];

function optionOf(option) {
  const { long, short, description, argChoices, required, optional, flags } = option;
  const takes = required ? 'always' : optional ? 'perhaps' : 'never';
  const kind = takes === 'never' ? null : (VALUES[valueName(flags)] ?? 'text');
  return { names: [long, short].filter(Boolean), description, takes, kind, choices: argChoices ?? [] };
}

/** The first argument: its choices, or that it is a file. */
function argumentOf(command) {
  const [argument] = command.registeredArguments;
  if (!argument) return { kind: null, choices: [] };
  return { kind: VALUES[argument.name()] ?? 'text', choices: argument.argChoices ?? [] };
}

/**
 * Every command of `program` with what may follow it, the program first: `{ path, description, commands, options,
 * argument }`; `path` are the names from the program's own on, without it.
 */
function treeOf(program) {
  const globals = program.options.map(optionOf);
  const nodes = [];
  const visit = (command, path) => {
    const names = command.commands.map((sub) => ({ name: sub.name(), description: sub.description() }));
    const refused = new Set(command.refusedGlobals.map((name) => `--${name}`));
    const own = path.length > 0 ? command.options.map(optionOf) : [];
    const shared = globals.filter(({ names: [long] }) => !refused.has(long));
    const help = { names: ['--help', '-h'], description: 'how to use it', takes: 'never', kind: null, choices: [] };
    const argument = argumentOf(command);
    if (path[0] === 'help') argument.choices = program.commands.map((sub) => sub.name());
    nodes.push({
      path,
      description: command.description(),
      commands: names,
      options: [...own, ...shared, help],
      argument,
    });
    for (const sub of command.commands) visit(sub, [...path, sub.name()]);
  };
  visit(program, []);
  return nodes;
}

module.exports = { treeOf };
