'use strict';

/** The commands `cache …`: what this directory's cache holds, while others use it. */

module.exports = function add(program, { action, examples, chosen }) {
  const cache = program.command('cache').description('what the cache on disk holds; also while applications use it');
  const run = (name) => action(async (given) => require('../cache/actions.js')[name](given));
  const collected = (name, names = []) => [...names, name];

  /** A command with what all of them take. */
  const command = (name, description) =>
    cache
      .command(name)
      .description(description)
      .option('--dir <directory>', 'the cache directory (default: the configured one)');
  const scoped = (name, description) =>
    command(name, description)
      .option('--project <id>', 'whose keys: the root namespace (default: the configured one)')
      .option('--namespace <name>', 'a namespace below it; given again, one below that', collected);
  const everywhere = (name, description) =>
    scoped(name, description).option('--all', 'of every project and namespace of the directory');
  const layer = () => chosen('--layer <layer>', 'that this layer holds', ['L2', 'L3']);

  everywhere('ls', 'the keys, one a line')
    .argument('[prefix]', 'that begin with this')
    .addOption(layer())
    .option('--tag <tag>', 'with this tag')
    .option('--agent <id>', 'that only this agent sees')
    .option('--model <name>', 'of this model')
    .option('--limit <count>', 'at most so many (default: all)')
    .option('--after <cursor>', 'only those after the entry with this cursor, see --json')
    .option('-l, --long', 'with layer, size, uses, life and owner')
    .addHelpText('after', examples('cache ls', 'cache ls user: --long', 'cache ls --tag faq --json', 'cache ls --all'))
    .action(run('ls'));
  scoped('get', 'one entry: what is known of it, and its value; exit code 1 if there is none')
    .argument('<key>', 'its key')
    .option('--agent <id>', 'as this agent would see it')
    .option('--model <name>', 'of this model')
    .option('--raw', 'only the value, as it is')
    .addHelpText('after', examples('cache get question', 'cache get question --agent coder', 'cache get page --raw'))
    .action(run('get'));
  everywhere('rm', 'removes entries by key, by tag or by prefix, whoever sees them')
    .argument('[keys...]', 'these keys')
    .option('--tag <tag>', 'all with this tag')
    .option('--prefix <text>', 'all whose key begins with this')
    .option('--agent <id>', 'only those that only this agent sees')
    .option('--model <name>', 'only those of this model')
    .addHelpText('after', examples('cache rm question other', 'cache rm --tag faq', 'cache rm --prefix user:7:'))
    .action(run('rm'));
  everywhere('clear', 'removes everything, of one layer or all')
    .argument('[layer]', 'L2 or L3')
    .option('-y, --yes', 'does not ask; needed where there is no terminal')
    .addHelpText('after', examples('cache clear', 'cache clear L3 --yes', 'cache clear --project shop --yes'))
    .action(run('clear'));
  command('stats', 'entries and sizes of the whole directory')
    .addHelpText('after', examples('cache stats', 'cache stats --json'))
    .action(run('stats'));
  command('verify', 'reads every entry and checks it; exit code 0 sound, 1 damaged entries, 2 a damaged database')
    .option('--dry-run', 'removes and mends nothing')
    .addHelpText('after', examples('cache verify', 'cache verify --dry-run --json'))
    .action(run('verify'));
  command('compact', 'removes expired entries and gives free room back; live entries are not touched')
    .addHelpText('after', examples('cache compact', 'cache compact --dir .cache'))
    .action(run('compact'));
};
