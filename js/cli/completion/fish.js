'use strict';

/** Completion for fish. */

const quoted = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`;

function optionLine(start, condition, option) {
  const { names, description, takes, kind, choices } = option;
  const words = [start, '-n', condition];
  for (const name of names) words.push(name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`);
  words.push(`-d ${quoted(description)}`);
  if (takes === 'always') words.push('-r');
  if (choices.length > 0) words.push(`-a ${quoted(choices.join(' '))}`);
  else if (kind === 'file') words.push('-F');
  else if (kind === 'directory') words.push(`-a '(__fish_complete_directories)'`);
  return words.join(' ');
}

/**
 * @param {string} name of the program
 * @param {object[]} nodes see `tree.js`
 */
function fishScript(name, nodes) {
  const fn = `__${name.replaceAll('-', '_')}`;
  const start = `complete -c ${name}`;
  const withValue = new Set(
    nodes.flatMap(({ options }) => options.filter(({ takes }) => takes === 'always').flatMap(({ names }) => names)),
  );
  const lines = [];
  for (const { path, commands, options, argument } of nodes) {
    const condition = quoted(`${fn}_at ${path.join(' ')}`.trim());
    for (const sub of commands) {
      lines.push(`${start} -n ${condition} -a ${sub.name} -d ${quoted(sub.description)}`);
    }
    if (argument.choices.length > 0) lines.push(`${start} -n ${condition} -a ${quoted(argument.choices.join(' '))}`);
    if (argument.kind === 'file' || argument.kind === 'directory') lines.push(`${start} -n ${condition} -F`);
    for (const option of options) lines.push(optionLine(start, condition, option));
  }
  const paths = nodes.slice(1).map(({ path }) => quoted(path.join(' ')));
  return `# fish completion of ${name}: ${name} completion fish | source
function ${fn}_at
  set -l path
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${[...withValue].join(' ')}
      set skip 1
    else if not string match -q -- '-*' $word
      if contains -- (string join ' ' $path $word) ${paths.join(' ')}
        set path $path $word
      end
    end
  end
  test (string join ' ' '' $path) = (string join ' ' '' $argv)
end
${start} -f
${lines.join('\n')}
`;
}

module.exports = { fishScript };
