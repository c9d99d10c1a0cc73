/**
 * Where the functions and classes of a Python source are, by indentation. Reads strings, comments and brackets, so that a
 * `def` in a docstring is none and a signature may have many lines; it does not check the syntax.
 */

const TAB = 8;

// Everything in which a line feed does not end a statement, or which ends one; the rest is passed over.
const PIECE =
  /#[^\n]*|("""|''')(?:\\[\s\S]|(?!\1)[\s\S])*(?:\1|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?|[([{]|[)\]}]|\\\r?\n|\n/g;
const DEFINITION = /^(?:async\s+def|def|class)\s+(\w+)/;

/** The statements of a source, `{ first, last, indent, text }`, lines counted from 0. */
function* statements(source) {
  let depth = 0;
  let line = 0;
  let first = 0;
  let start = 0;
  const statement = (end) => {
    const whole = source.slice(start, end);
    const text = whole.trimStart();
    if (text === '' || text.startsWith('#')) return undefined;
    const blank = whole.slice(0, whole.length - text.length);
    const spaces = blank.slice(blank.lastIndexOf('\f') + 1).replaceAll('\t', ' '.repeat(TAB));
    return { first, last: line, indent: spaces.length, text };
  };
  for (const { 0: piece, index } of source.matchAll(PIECE)) {
    if (piece === '\n' && depth === 0) {
      const found = statement(index);
      if (found) yield found;
      start = index + 1;
      first = line + 1;
    } else if (piece.length === 1 && '([{'.includes(piece)) depth++;
    else if (piece.length === 1 && ')]}'.includes(piece)) depth = Math.max(0, depth - 1);
    for (let at = piece.indexOf('\n'); at !== -1; at = piece.indexOf('\n', at + 1)) line++;
  }
  const found = statement(source.length);
  if (found) yield found;
}

/**
 * Every function and class: `name` as in `Class.method.inner`, `short` without the functions that it is in, as in
 * `Class.inner`, and the lines from the first decorator to the last of the body, counted from 0.
 */
export function definitions(source) {
  const found = [];
  const open = [];
  let decorators;
  for (const { first, last, indent, text } of statements(source)) {
    while (open.length > 0 && open.at(-1).indent >= indent) open.pop();
    for (const { definition } of open) definition.last = last;
    const [start, name] = DEFINITION.exec(text) ?? [];
    if (name !== undefined) {
      const around = open.map((outer) => outer.name);
      const classes = open.filter(({ isClass }) => isClass).map((outer) => outer.name);
      const definition = {
        name: [...around, name].join('.'),
        short: [...classes, name].join('.'),
        first: decorators ?? first,
        last,
      };
      found.push(definition);
      open.push({ indent, name, isClass: start.startsWith('class'), definition });
    }
    decorators = text.startsWith('@') ? (decorators ?? first) : undefined;
  }
  return found;
}

/** The definitions that a name means: as it is, else with functions around it that the name leaves out. */
export function definitionsOf(all, name) {
  const exact = all.filter((definition) => definition.name === name);
  return exact.length > 0 ? exact : all.filter((definition) => definition.short === name);
}
