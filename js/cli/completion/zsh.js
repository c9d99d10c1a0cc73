'use strict';

/** Completion for zsh, by its `_arguments` and `_describe`. */

/** Inside single quotes. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Brackets and colons have a meaning for `_arguments`, colons for `_describe`. */
const escaped = (text) => text.replace(/[\\[\]:]/g, '\\$&');

function actionOf({ kind, choices }) {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  return { file: '_files', directory: '_files -/' }[kind] ?? ' ';
}

function specsOf(option) {
  const { names, description, takes } = option;
  const value = { always: `:value:${actionOf(option)}`, perhaps: `::value:${actionOf(option)}`, never: '' }[takes];
  const excluded = `(${names.join(' ')})`;
  return names.map((name) => {
    const assigned = takes === 'never' ? '' : name.startsWith('--') ? '=' : '+';
    return quoted(`${excluded}${name}${assigned}[${escaped(description)}]${value}`);
  });
}

const functionName = (program, path) => ['', program, ...path].join('_').replaceAll('-', '_');

function functionOf(program, node) {
  const options = node.options.flatMap(specsOf);
  const body = ['  local curcontext=$curcontext state line', '  typeset -A opt_args'];
  if (node.commands.length > 0) {
    const commands = node.commands.map(({ name, description }) => quoted(`${name}:${escaped(description)}`));
    body.push(
      `  local -a commands=(\n    ${commands.join('\n    ')}\n  )`,
      `  _arguments -C ${[...options, `'1: :->command'`, `'*:: :->rest'`].join(' \\\n    ')}`,
      `  case $state in`,
      `    command) _describe command commands ;;`,
      `    rest)`,
      `      case $line[1] in`,
      ...node.commands.map(({ name }) => `        ${name}) ${functionName(program, [...node.path, name])} ;;`),
      `      esac`,
      `      ;;`,
      `  esac`,
    );
  } else {
    const { kind } = node.argument;
    const rest = kind === null ? [] : [quoted(`*: :${actionOf(node.argument)}`)];
    body.push(`  _arguments ${[...options, ...rest].join(' \\\n    ')}`);
  }
  return `${functionName(program, node.path)}() {\n${body.join('\n')}\n}\n`;
}

/**
 * @param {string} name of the program
 * @param {object[]} nodes see `tree.js`
 */
function zshScript(name, nodes) {
  const fn = functionName(name, []);
  return `#compdef ${name}
# zsh completion of ${name}: source <(${name} completion zsh), after compinit
${nodes.map((node) => functionOf(name, node)).join('\n')}
if [ "$funcstack[1]" = ${fn} ]; then
  ${fn} "$@"
else
  compdef ${fn} ${name}
fi
`;
}

module.exports = { zshScript };
