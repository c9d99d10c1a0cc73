'use strict';

/** Completion for bash, 3.2 (of macOS) included. */

const quoted = (words) => `'${words.join(' ')}'`;

/** Words of commands and options need no quoting: the tree's are plain. */
function caseOf(node) {
  const words = [
    ...node.commands.map(({ name }) => name),
    ...node.argument.choices,
    ...node.options.flatMap(({ names }) => names),
  ];
  const files = node.argument.kind === 'file' || node.argument.kind === 'directory' ? ' files=1' : '';
  return `    ${quoted(node.path)}) words=${quoted(words)}${files} ;;`;
}

/** What the value of an option may be. The same name means the same in every command. */
function valueCases(options) {
  const lines = [];
  for (const { names, kind, choices } of options) {
    const pattern = names.join('|');
    if (choices.length > 0) lines.push(`    ${pattern}) words=${quoted(choices)} ;;`);
    else if (kind === 'file') lines.push(`    ${pattern}) files=1 ;;`);
    else if (kind === 'directory') lines.push(`    ${pattern}) files=1 only=-d ;;`);
    else lines.push(`    ${pattern}) ;;`);
  }
  return lines;
}

function byName(nodes, wanted) {
  const found = new Map();
  for (const { options } of nodes) {
    for (const option of options) if (wanted(option) && !found.has(option.names[0])) found.set(option.names[0], option);
  }
  return [...found.values()];
}

/**
 * @param {string} name of the program
 * @param {object[]} nodes see `tree.js`
 */
function bashScript(name, nodes) {
  const fn = `_${name.replaceAll('-', '_')}`;
  const withValue = byName(nodes, ({ takes }) => takes === 'always');
  const paths = nodes.slice(1).map(({ path }) => quoted(path));
  return `# bash completion of ${name}: eval "$(${name} completion bash)"
${fn}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev='' path='' next words='' files='' only=-f i
  local IFS=$' \\t\\n'
  COMPREPLY=()
  if [ "$COMP_CWORD" -gt 0 ]; then prev=\${COMP_WORDS[COMP_CWORD - 1]}; fi
  # bash takes "--name=value" apart.
  if [ "$cur" = '=' ]; then
    cur=''
  elif [ "$prev" = '=' ] && [ "$COMP_CWORD" -gt 1 ]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${withValue.flatMap(({ names }) => names).join('|')})
        i=$((i + 1))
        if [ "\${COMP_WORDS[i]}" = '=' ]; then i=$((i + 1)); fi
        ;;
      -*) ;;
      *)
        next="\${path:+$path }\${COMP_WORDS[i]}"
        case $next in ${paths.join('|')}) path=$next ;; esac
        ;;
    esac
  done
  case $prev in
${valueCases(withValue).join('\n')}
    *)
      case $path in
${nodes
  .map(caseOf)
  .map((line) => `    ${line}`)
  .join('\n')}
      esac
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [ -n "$files" ] && [ "\${cur#-}" = "$cur" ]; then
    IFS=$'\\n'
    COMPREPLY+=($(compgen "$only" -- "$cur"))
    compopt -o filenames 2>/dev/null
  fi
}
complete -F ${fn} ${name}
`;
}

module.exports = { bashScript };
