'use strict';

/** The command `help`: the help of a command, also of one in a group (`help config check`). */

module.exports = function add(program, { action, examples }) {
  program
    .command('help')
    .description('how to use a command')
    .argument('[command...]', 'its name, or its names: config check')
    .addHelpText('after', examples('help', 'help health', 'help config check'))
    .withoutGlobals('environment', 'config')
    .action(
      action(async ({ args }) => {
        let command = program;
        for (const name of args) {
          const next = command.commands.find((candidate) => candidate.name() === name);
          // commander finds the nearest name.
          if (!next) Object.assign(command, { args: [name] }).unknownCommand();
          command = next;
        }
        command.outputHelp();
        return {};
      }),
    );
};
