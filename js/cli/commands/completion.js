'use strict';

/** The command `completion`: scripts by which shells complete this program's commands and options. */

const { Argument } = require('commander');

const SHELLS = {
  bash: () => require('../completion/bash.js').bashScript,
  zsh: () => require('../completion/zsh.js').zshScript,
  fish: () => require('../completion/fish.js').fishScript,
};

module.exports = function add(program, { action, examples }) {
  program
    .command('completion')
    .description('prints the script by which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'for which one').choices(Object.keys(SHELLS)))
    .withoutGlobals('environment', 'config')
    .addHelpText('after', examples('completion bash', 'completion zsh', 'completion fish'))
    .addHelpText(
      'after',
      `
To have it in every shell:
  bash  eval "$(${program.name()} completion bash)" in ~/.bashrc
  zsh   source <(${program.name()} completion zsh) in ~/.zshrc, after compinit
  fish  ${program.name()} completion fish | source in ~/.config/fish/config.fish`,
    )
    .action(
      action(async ({ args: [shell] }) => {
        const { treeOf } = require('../completion/tree.js');
        const script = SHELLS[shell]()(program.name(), treeOf(program));
        return { data: { shell, script }, text: script.trimEnd() };
      }),
    );
};
