/** Contexts of agents at work: random, and one grows out of the other by edits. */

const WORDS =
  'agent context button cache change client commit deploy error event field file filter form handle index input layer limit list login memory message module number parse path query queue read render report request result row schema server session shape state store table task test token type update user value view window worker write'.split(
    ' ',
  );
const TASKS = ['Make the login form responsive', 'Add an index to the table of orders', 'Explain why the deploy fails'];

/** What all that is random here draws from. */
export function dice(random) {
  const below = (count) => Math.floor(random() * count);
  return { random, below, pick: (list) => list[below(list.length)], chance: (share) => random() < share };
}

const line = ({ below, pick }) => Array.from({ length: 4 + below(8) }, () => pick(WORDS)).join(' ');
export const text = (die, lines) => Array.from({ length: lines }, () => `${line(die)} ${die.below(1e6)}\n`).join('');

/** A value of the kinds that contexts have. */
function value(die) {
  const { below, chance, pick } = die;
  if (chance(0.4)) return text(die, 2 + below(60));
  if (chance(0.3)) return below(1e6) / 4;
  if (chance(0.3)) return Array.from({ length: below(12) }, () => ({ id: below(1000), note: line(die) }));
  if (chance(0.2)) return pick([null, true, '', 'größer 日本語 😀', '\u2028"\\']);
  return Object.fromEntries(
    Array.from({ length: below(8) }, () => [`${pick(WORDS)}-${below(50)}`, text(die, below(12))]),
  );
}

export function context(die) {
  const files = Array.from({ length: 3 + die.below(20) }, () => [
    `src/${die.pick(WORDS)}-${die.below(40)}.ts`,
    text(die, 5 + die.below(80)),
  ]);
  return {
    currentTask: die.pick(TASKS),
    projectStructure: { 'package.json': line(die), src: die.below(100) },
    files: Object.fromEntries(files),
    recentChanges: [{ commit: `c${die.below(1e6)}`, message: line(die) }],
    ...Object.fromEntries(Array.from({ length: die.below(6) }, () => [die.pick(WORDS), value(die)])),
  };
}

/** The context of the next turn, as a new value: some of it as before, some edited, some gone, some new. */
export function edited(die, before) {
  const next = structuredClone(before);
  for (let edit = 1 + die.below(4); edit > 0; edit--) {
    const key = die.pick(Object.keys(next));
    const how = die.random();
    if (how < 0.2) delete next[key];
    else if (how < 0.35) next[`${die.pick(WORDS)} ${die.below(20)}`] = value(die);
    else if (typeof next[key] === 'string' && next[key].length > 0) {
      const lines = next[key].split('\n');
      lines.splice(die.below(lines.length), die.below(3), line(die));
      next[key] = lines.join('\n');
    } else next[key] = value(die);
    if (Object.keys(next).length < 2) return context(die);
  }
  // What agents read piles up; it does not for ever.
  return JSON.stringify(next).length > 150_000 ? context(die) : next;
}
