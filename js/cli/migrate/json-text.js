'use strict';

/**
 * Changes members of an object in a JSON text and leaves every other character as it is: indentation, order, line ends,
 * a byte order mark. Works on texts that `JSON.parse` takes, and on members of the root and of the objects in it, no deeper.
 */

const { BOM, lineEndOf } = require('./modules.js');

const SPACE = /[\t\n\r ]*/y;

function afterSpace(text, at) {
  SPACE.lastIndex = at;
  return at + SPACE.exec(text)[0].length;
}

function afterString(text, at) {
  let end = at + 1;
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

/** Without recursion: a value may be nested as deep as it likes. */
function afterValue(text, at) {
  let [end, depth] = [at, 0];
  do {
    const character = text[end];
    if (character === '"') end = afterString(text, end);
    else {
      if (character === '{' || character === '[') depth++;
      if (character === '}' || character === ']') depth--;
      end++;
    }
    if (depth === 0 && (end === text.length || /[\s,}\]]/.test(text[end]))) return end;
  } while (end < text.length);
  return end;
}

/**
 * The object that begins at `start`: `{ start, end, members: [{ key, from, valueFrom, to }] }`, `from` where the key
 * begins, `to` behind the value. `null` if there is no object.
 */
function objectAt(text, start) {
  if (text[start] !== '{') return null;
  const members = [];
  let at = afterSpace(text, start + 1);
  while (text[at] !== '}') {
    const keyEnd = afterString(text, at);
    const valueFrom = afterSpace(text, afterSpace(text, keyEnd) + 1);
    const to = afterValue(text, valueFrom);
    members.push({ key: JSON.parse(text.slice(at, keyEnd)), from: at, keyEnd, valueFrom, to });
    at = afterSpace(text, to);
    if (text[at] === ',') at = afterSpace(text, at + 1);
  }
  return { start, end: at + 1, members };
}

const rootOf = (text) => objectAt(text, afterSpace(text, text.startsWith(BOM) ? 1 : 0));

/** Of two members of one name the last one counts, as for `JSON.parse`. */
const memberOf = (object, key) => object.members.findLast((member) => member.key === key);

const splice = (text, from, to, insert) => text.slice(0, from) + insert + text.slice(to);

/** The white space before the first member: its line end and indentation. As npm writes it where there is no member. */
const gapOf = (text, { start, members: [first] }) => (first ? text.slice(start + 1, first.from) : '\n  ');

/** What stands between a key and its value. */
const colonOf = (text, { members: [first] }) => (first ? text.slice(first.keyEnd, first.valueFrom) : ': ');

/** In the order of the names if the members are in it, else at the end. */
function placeFor({ members }, key) {
  const isSorted = members.every((member, at) => at === 0 || members[at - 1].key <= member.key);
  const after = isSorted ? members.findIndex((member) => member.key > key) : -1;
  return after === -1 ? members.length : after;
}

function insertInto(text, object, key, value, isInOrder) {
  const gap = gapOf(text, object);
  const member = `${JSON.stringify(key)}${colonOf(text, object)}${value}`;
  if (object.members.length === 0) return splice(text, object.start + 1, object.end - 1, `${gap}${member}\n`);
  const place = isInOrder ? placeFor(object, key) : object.members.length;
  if (place < object.members.length) {
    const { from } = object.members[place];
    return splice(text, from, from, `${member},${gap}`);
  }
  const { to } = object.members.at(-1);
  return splice(text, to, to, `,${gap}${member}`);
}

/** An object with one member, indented as one of the root. */
function objectText(text, root, key, value) {
  const gap = gapOf(text, root);
  const member = `${JSON.stringify(key)}${colonOf(text, root)}${value}`;
  if (!gap.includes('\n')) return `{${member}}`;
  const indent = gap.slice(gap.lastIndexOf('\n') + 1);
  const end = lineEndOf(gap);
  return `{${end}${indent}${indent}${member}${end}${indent}}`;
}

/**
 * `text` with `section[key]` set to the text `value`. A section that is not there is made; where members stand in the order
 * of their names and `isInOrder`, so does the new one.
 */
function withMember(text, section, key, value, { isInOrder = false } = {}) {
  const json = JSON.stringify(value);
  const root = rootOf(text);
  const found = memberOf(root, section);
  if (!found) return insertInto(text, root, section, objectText(text, root, key, json), false);
  const object = objectAt(text, found.valueFrom);
  const member = memberOf(object, key);
  if (member) return splice(text, member.valueFrom, member.to, json);
  if (object.members.length > 0) return insertInto(text, object, key, json, isInOrder);
  return splice(text, object.start, object.end, objectText(text, root, key, json));
}

function withoutOne(text, object, member) {
  const { members } = object;
  const at = members.indexOf(member);
  if (members.length === 1) return splice(text, object.start + 1, object.end - 1, '');
  if (at === members.length - 1) return splice(text, members[at - 1].to, member.to, '');
  return splice(text, member.from, members[at + 1].from, '');
}

/** `text` without `section[key]`; with `isWhole`, also without a section that is then empty. */
function withoutMember(text, section, key, { isWhole = false } = {}) {
  const root = rootOf(text);
  const found = memberOf(root, section);
  const object = found && objectAt(text, found.valueFrom);
  const member = object && memberOf(object, key);
  if (!member) return text;
  if (isWhole && object.members.length === 1) return withoutOne(text, root, found);
  return withoutOne(text, object, member);
}

module.exports = { withMember, withoutMember };
