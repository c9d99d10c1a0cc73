'use strict';

/** The name that somebody may have meant. */

/** Edits (a letter more, less, another, or two that changed places) from one text to the other. */
function distance(a, b) {
  let [before, last] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}

/** Longest text that is compared; settings are shorter. */
const LONGEST = 100;

/** The nearest of `names` to `text`, if it is near: a third of its letters may be wrong. The last part of a path counts too. */
function nearest(text, names) {
  if (text.length > LONGEST) return null;
  const wanted = text.toLowerCase();
  let best = { name: null, edits: Number.POSITIVE_INFINITY };
  for (const name of names) {
    for (const candidate of [name, name.slice(name.lastIndexOf('.') + 1)]) {
      const edits = distance(wanted, candidate.toLowerCase());
      if (edits < best.edits && edits * 3 <= candidate.length) best = { name, edits };
    }
  }
  return best.name;
}

module.exports = { nearest };
