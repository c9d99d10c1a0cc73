/** Texts of given sizes for the token benchmarks. */

import { LANGUAGES } from '../tools/languages.mjs';
import { filesUpTo } from './contexts.mjs';
import { random } from './random.mjs';

export const WORDS =
  'the a of to and in that it is was for on with as be at by from this have or which one had not but what all were when we there can an your said if do will each about how up out them then she many some so these would other into has more two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know get through back much before also around another came come work three word must because does part even place well such here take why things help put years different away again off went old number great tell men say small every found still between name should home big give air line set own under read last never us left end along while might next sound below saw something thought both few those always looked show large often together asked house world going want school important until form food keep children feet land side without boy once animals life enough took sometimes four head above kind began almost live page got earth need far hand high year mother light parts country father let night following picture being study second eyes soon times story boys since white days ever paper hard near sentence better best across during today others however sure means knew try told young miles sun ways thing whole hear example heard several change answer room sea against top turned learn point city play toward five using himself usually'.split(
    ' ',
  );

const pick = (next, list) => list[Math.floor(next() * list.length)];

function sentence(next) {
  const words = Array.from({ length: 6 + Math.floor(next() * 14) }, () => pick(next, WORDS));
  // Now and then something that is in no table of words.
  if (next() < 0.3) words.splice(3, 0, `${pick(next, WORDS)}${pick(next, WORDS)}-${Math.floor(next() * 5000)}`);
  const text = words.join(' ');
  return `${text[0].toUpperCase()}${text.slice(1)}${pick(next, ['.', '.', '.', '?', ', they said.', '; that\'s "it".'])}`;
}

/** Cuts a list of parts to `bytes` and joins it. */
function joined(bytes, makePart, separator) {
  const parts = [];
  for (let size = 0; size < bytes; ) {
    const part = makePart();
    parts.push(part);
    size += Buffer.byteLength(part) + separator.length;
  }
  return parts.join(separator);
}

/** Through bytes and back: one flat string instead of a rope. */
const flat = (text) => Buffer.from(text).toString();

export function sourceCode(bytes) {
  return flat([...filesUpTo(bytes)].map(([path, text]) => `// ${path}\n${text}`).join('\n'));
}

export function proseJson(bytes) {
  const next = random(3);
  let id = 0;
  const article = () =>
    JSON.stringify({
      id: ++id,
      title: sentence(next),
      author: { name: `${pick(next, WORDS)} ${pick(next, WORDS)}`, verified: next() < 0.5 },
      published: new Date(1.6e12 + Math.floor(next() * 1e11)).toISOString(),
      body: Array.from({ length: 8 }, () => sentence(next)).join(' '),
    });
  return flat(`[${joined(bytes, article, ',')}]`);
}

export function mixedLanguages(bytes) {
  const next = random(4);
  const sentences = Object.values(LANGUAGES).flatMap((text) => text.match(/[^.!?。！？।؟]+[.!?。！？।؟]?\s*/gu));
  return flat(joined(bytes, () => `${Math.floor(next() * 1e6)} ${pick(next, sentences)}`, ' '));
}

export function shortStrings(number, length) {
  const next = random(5);
  return Array.from({ length: number }, () => flat(joined(length, () => sentence(next), ' ').slice(0, length)));
}
