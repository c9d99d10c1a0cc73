/** The texts of __test__/fixtures/token-corpus.json, by name. Each is there for something a tokenizer can get wrong. */

import { LANGUAGES } from './languages.mjs';

/** `text` over and over, each time with another number, up to about `length` characters. */
function grown(text, length) {
  let result = text;
  for (let part = 2; result.length < length; part++) result += `\n${part}. ${text}`;
  return [...result.slice(0, length)].filter((character) => character.isWellFormed()).join('');
}

// Different lengths, so that texts end in the middle of words and of clusters.
const languages = Object.entries(LANGUAGES).map(([language, text], at) => [
  `language: ${language}`,
  at % 3 === 0 ? grown(text, 700 + at * 10) : text,
]);

const javascript = `import { readFile } from 'node:fs/promises';

// Counts words; "words" are what \\s+ leaves.
export async function countWords(path, { encoding = 'utf8', limit = 1_000_000 } = {}) {
  const text = await readFile(path, encoding);
  const words = text.trim().split(/\\s+/u).filter((word) => word !== '');
  if (words.length >= limit) throw new RangeError(\`\${path}: \${words.length} >= \${limit}\`);
  return words?.length ?? 0; // => number
}
`;

const typescript = `type Result<T, E extends Error = Error> = { ok: true; value: T } | { ok: false; error: E };

export abstract class XMLHTTPRequestPool<TItem extends object> implements Disposable {
  protected readonly #items = new Map<string, WeakRef<TItem>>();
  public get size(): number { return this.#items.size; }
  abstract fetchURL<K extends keyof TItem>(url: URL, key?: K): Promise<Result<TItem[K]>>;
}
`;

const python = `from __future__ import annotations
import dataclasses as dc

@dc.dataclass(slots=True)
class Point:
    x: float = 0.0
    y: float = 0.0

    def __add__(self, other: "Point") -> "Point":
        """Adds two points: \`Point(1, 2) + Point(3, 4)\`."""
        return Point(self.x + other.x, self.y + other.y)

if __name__ == "__main__":
    print(f"{Point(1.5, -2e-3) + Point(y=0x1F):>10}", *[i ** 2 for i in range(10) if i % 3 != 0], sep="\\t")
`;

const rust = `use std::{collections::HashMap, sync::Arc};

/// Keeps \`T\` for as long as \`'a\`.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder<'a, T: ?Sized + 'static> { inner: &'a [u8], map: HashMap<&'a str, Arc<T>> }

impl<'a, T> Holder<'a, T> {
    pub fn get(&self, key: &'a str) -> Option<&Arc<T>> {
        self.map.get(key).filter(|_| !self.inner.is_empty()).or_else(|| unreachable!("no {key:?}"))
    }
}
`;

const c = `#include <stdio.h>
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static const char *const names[] = { "one", "two", NULL };

int main(int argc, char **argv) {
\tunsigned long long total = 0ULL;
\tfor (int i = 0; i < argc && argv[i] != NULL; ++i) {
\t\ttotal += (unsigned)MAX(i, 0x7fffffff) << (i & 31);
\t\tprintf("%-8s|%5d|%#llx\\n", argv[i], i, total);
\t}
\treturn *names[0] == 'o' ? 0 : -1; /* never -1 */
}
`;

const go = `package main

import (
\t"context"
\t"fmt"
)

type Store[K comparable, V any] struct{ items map[K]V }

func (s *Store[K, V]) Get(ctx context.Context, key K) (value V, err error) {
\tselect {
\tcase <-ctx.Done():
\t\treturn value, fmt.Errorf("get %v: %w", key, ctx.Err())
\tdefault:
\t}
\tvalue, ok := s.items[key]
\tif !ok { return value, fmt.Errorf("no %v", key) }
\treturn value, nil
}
`;

const sql = `WITH RECURSIVE tree(id, parent_id, depth) AS (
  SELECT id, parent_id, 0 FROM nodes WHERE parent_id IS NULL
  UNION ALL
  SELECT n.id, n.parent_id, t.depth + 1 FROM nodes AS n JOIN tree t ON t.id = n.parent_id
)
SELECT depth, COUNT(*) AS "how many", ROUND(AVG(id), 2) FROM tree GROUP BY 1 HAVING COUNT(*) >= 10 ORDER BY 2 DESC LIMIT 100; -- end
`;

const shell = `#!/usr/bin/env bash
set -euo pipefail
for file in "$@"; do
  [[ -f "$file" ]] || { echo "no file: \${file@Q}" >&2; exit 1; }
  sha256sum -- "$file" | awk '{print $1}' >>"\${OUT:-/tmp/sums.txt}"
done && printf '%s\\n' "done: $(( $# * 2 ))%"
`;

const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tokens &amp; more</title>
<style>.card > a:not(.off)::before { content: "\\201C"; margin: 0 -1.5em; color: #ff00aa80 }</style></head>
<body data-n='12'><!-- comment --><p class="card">5 &lt; 6 &mdash; <a href="/a/b?c=d&e=f#g">link</a><br/></p></body></html>
`;

const yaml = `name: build
on: { push: { branches: [main, "release/**"] } }
jobs:
  test:
    runs-on: \${{ matrix.os }}
    strategy:
      matrix: { os: [ubuntu-24.04, windows-2025], node: [20, 22, 24] }
    steps:
      - uses: actions/checkout@v5
      - run: |
          npm ci
          npm test -- --ci
`;

const markdown = `# Title

* one **bold** and _slanted_
* two [link](https://example.org/a_(b)) and \`code\`

| a | b |
|---|--:|
| 1 | 2.50 |

> quoted
>> twice

1. first
   \`\`\`js
   console.log('fenced');
   \`\`\`
`;

const json = JSON.stringify({
  id: 17,
  name: 'Zoë "Z" O\'Neil',
  tags: ['a', 'b/c', ''],
  nested: { none: null, yes: true, no: false, list: [[], {}, [1, [2, [3]]]] },
  price: 12.5e-7,
  path: 'C:\\temp\\new\ttab',
});

const diff = `diff --git a/src/app.js b/src/app.js
index 3b18e51..a94a8fe 100644
--- a/src/app.js
+++ b/src/app.js
@@ -12,7 +12,8 @@ export function start(port) {
   const app = create();
-  app.listen(port);
+  app.listen(port, '127.0.0.1');
+  app.on('error', (error) => log.error(error));
   return app;
 }
\\ No newline at end of file
`;

const log = Array.from(
  { length: 12 },
  (_, i) =>
    `2025-03-${String(10 + i)}T08:${10 + i}:0${i % 10}.${100 + i * 7}Z ${['INFO', 'WARN', 'ERROR', 'DEBUG'][i % 4]} [worker-${i}] request_id=${(i * 2654435761).toString(16)} took ${i * 13.37}ms status=${200 + i * 25} path=/api/v1/users/${i * 1111}`,
).join('\n');

const stack = `TypeError: Cannot read properties of undefined (reading 'length')
    at Object.<anonymous> (/srv/app/dist/index.js:1337:42)
    at async Promise.all (index 0)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
`;

const urls = [
  'https://user:pa%20ss@sub.example.co.uk:8443/a/b//c/../d.html;v=1.2?q=1&r=%E2%82%AC&s[]=x#frag/ment',
  'http://[2001:db8::1]:80/index.php?id=1',
  'file:///C:/Program%20Files/x.txt',
  'mailto:first.last+tag@example.com',
  'git@example.com:owner/repo.git',
  '//cdn.example.net/lib@1.2.3/dist/lib.min.js',
].join(' ');

const bytes = Array.from({ length: 600 }, (_, i) => (i * 167 + (i >> 3) * 31 + 7) & 255);
const base64 = Buffer.from(bytes).toString('base64');
const hex = Buffer.from(bytes).toString('hex');

const contractions =
  "I'm you're he's we'll they'd I've don't | I'M YOU'RE HE'S WE'LL THEY'D I'VE DON'T | i'M yoU'rE We'Ll thEy'D I'vE doN'T | 's 'S 't 'll 'LL 'lL ' s 'x 'd'd'd don''t rock'n'roll O'Reilly's 'twas it's' '";

const caseChanges =
  'camelCase PascalCase snake_case SCREAMING_SNAKE kebab-case XMLHttpRequest iOS macOS eBay aB AbC aBcD ABCdef ABC1def2 Ⅷth ǅ ªº straßeSTRASSE ÀÉÎõü ʰʲ';

const named = {
  empty: '',
  'one space': ' ',
  'one newline': '\n',
  'one letter, once': 'a',
  'one letter, twice': 'aa',
  'one letter, 7 times': 'aaaaaaa',
  'one letter, 100 times': 'a'.repeat(100),
  'one letter, 4096 times': 'a'.repeat(4096),
  'capital letter, 129 times': 'Q'.repeat(129),
  'umlaut, 300 times': 'ü'.repeat(300),
  'ideograph, 128 times': '的'.repeat(128),
  'emoji, 70 times': '😀'.repeat(70),
  'two letters, 500 times': 'ab'.repeat(500),
  'equal signs, 1000 times': '='.repeat(1000),
  'dashes and slashes': `${'-'.repeat(79)}\n${'/'.repeat(81)}\n${'*/'.repeat(33)}\r\n`,
  'spaces, 600 times': ' '.repeat(600),
  'tabs, 90 times': '\t'.repeat(90),
  'newlines, 90 times': '\n'.repeat(90),
  'digits, 300': '31415926535897932384626433832795028841971693993751'.repeat(6),
  'zero, 1000 times': '0'.repeat(1000),
  numbers:
    '0 1 12 123 1234 12345 1,234,567.89 -42 +7 3.14e-10 0xDEADBEEF 0b1010 1_000_000 50% $9.99 №5 ½ ¾ ² ³ ₁₀ ①② Ⅳ ٣٤٥ ৭৮ ๑๒ １２３ 1st 2nd v1.2.3-rc.4+build.5',
  'long words': `${'Antidisestablishmentarianism'.repeat(9)} Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch ${'pneumonoultramicroscopicsilicovolcanoconiosis'.repeat(4)}`,
  'random letters': Array.from(bytes, (byte) => String.fromCharCode(97 + (byte % 26))).join(''),
  'random printable': Array.from(bytes, (byte) => String.fromCharCode(32 + (byte % 95))).join(''),
  contractions,
  'typographic apostrophes': 'I’m you’re don’t it’s ‘quoted’ “double” l’été',
  'case changes': caseChanges,
  emoji: '😀😃👍🏽👩🏿‍🚀👨‍👩‍👧‍👦🏳️‍🌈🏴‍☠️❤️‍🔥🇩🇪🇫🇷🇯🇵🇺🇳🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣#️⃣ ☺︎☺️ text😀text 😀 😀\n😀',
  'combining marks': 'é ä̈ ñ̃ Ǻ q̣̇ z̷̢͖̿a̸͉͝l̵̤̐g̶̮̈o̴ ế Việt ́alone ̈ ̈Upper ̈lower ำ ् क्षि 한글',
  'marks after spaces and capitals': ' ́A ́AB ́a A\u0301B aB\u0301 \u0301\u0301\u0301 1\u0301 .\u0301x \n\u0301y',
  'symbols and punctuation':
    '!?…—–«»„“”‚‘’•·§¶†‡©®™°±×÷≤≥≠≈∞∑∫√∂∇∈∉⊂⊆∀∃¬∧∨⇒⇔←↑→↓ $€£¥₹₿ ♠♥♦♣ ½ {}[]()<>|\\/~`^_#@&*+=%',
  'box drawing': '┌──────┬─────┐\n│ name │ qty │\n├──────┼─────┤\n│ ████ │ ░▒▓ │\n└──────┴─────┘\n',
  mathematics: '∀ε>0 ∃δ>0: |x−x₀|<δ ⇒ |ƒ(x)−ƒ(x₀)|<ε; 𝑎²+𝑏²=𝑐², 𝔸𝔹ℂ, ∑ᵢ₌₁ⁿ i = n(n+1)⁄2',
  'full width': 'Ｆｕｌｌ　ｗｉｄｔｈ　ＡＢＣ！？（１２３）～',
  'Unicode spaces':
    'a\u00a0b\u2003c\u2009d\u3000e\u202ff\u2028g\u2029h\u200bi\u200cj\u200dk\u2060l \u00a0 m\u00a0\u00a0\u00a0n',
  'right-to-left marks': '\u200fשלום\u200e abc \u202bعربي\u202c \u2066x\u2069 ـــــ',
  'private use and unassigned planes': '\ue000\uf8ff\u{f0000}\u{10ffff} \u{1d11e}\u{20000}\u{2a6d6} \ufffd',
  'rare scripts': '𐍈𐌰 𓀀𓁐 𒀀𒁀 ⠓⠑⠇⠇⠕ ᚠᚢᚦ ᠮᠣᠩᠭᠣᠯ བོད་ཡིག ᏣᎳᎩ ⴰⵎⴰⵣⵉⵖ ꦧꦱ ꯃꯩꯇꯩ 𞤀𞤣 ߒߞߏ',
  'controls and NUL': 'a\0b\0\0c\u0001\u0002\u001b[31mred\u001b[0m\u007f\b\f\v \0 \u0000',
  'NUL alone': '\0',
  'mixed white space':
    ' a  b   c    d\te\t\tf \t g\t h\n i\n\n  j \n\n\n   k\r\n l\r\n\r\n  m\rn \r o\t\n\t p  \t\t  q',
  'line ends': 'unix\nunix\n\nwindows\r\nwindows\r\n\r\nmac\rmac\r\rmixed\n\r\n\r\r\nend.\n//\n;\r\n/x\n',
  'CRLF code': javascript.replaceAll('\n', '\r\n'),
  'indentation in steps': Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}level ${i}`).join('\n'),
  'spaces at the end of lines': 'one \ntwo  \nthree   \nfour\t\nfive \t \n\n\nsix',
  'trailing spaces': 'text   ',
  'trailing newlines': 'text\n\n\n',
  'trailing newline and spaces': 'text\n  ',
  'trailing spaces, newline, spaces': 'text  \n \t ',
  'trailing CRLFs and tab': 'text\r\n\r\n\t',
  'leading white space': ' \n\t  text',
  'newline and spaces only': '\n  \n  ',
  JavaScript: javascript,
  TypeScript: typescript,
  Python: python,
  Rust: rust,
  C: c,
  Go: go,
  SQL: sql,
  shell,
  HTML: html,
  YAML: yaml,
  Markdown: markdown,
  'minified code': javascript.replace(/\s+/g, ''),
  'code, 4 KB': grown(`${typescript}${python}${rust}`, 4000),
  JSON: json,
  'JSON, indented': JSON.stringify(JSON.parse(json), null, 2),
  'JSON in JSON': JSON.stringify(JSON.stringify({ json })),
  'JSON lines': Array.from({ length: 20 }, (_, i) =>
    JSON.stringify({ i, ok: i % 2 === 0, at: 1.7e9 + i, text: `line ${i}` }),
  ).join('\n'),
  diff,
  'log lines': log,
  'stack trace': stack,
  URLs: urls,
  paths:
    '/usr/local/lib/node_modules/.bin/x ../../a/b.c ~/.config C:\\Users\\me\\AppData\\ ./a//b/ .../ @scope/pkg#1 a/b/\nc/d//\n',
  CSV: 'id,name,"quoted ""name""",value\n1,a,"b,c",0.5\n2,,,-1\n',
  base64,
  hex,
  UUIDs:
    '123e4567-e89b-12d3-a456-426614174000 00000000-0000-0000-0000-000000000000 F47AC10B-58CC-4372-A567-0E02B2C3D479',
  'special tokens as text':
    '<|endoftext|><|fim_prefix|><|fim_middle|><|fim_suffix|><|endofprompt|><|im_start|>system<|im_sep|>hi<|im_end|>',
  'special token in a sentence': 'The marker <|endoftext|> is just text here, and so is <|endofprompt|>.',
  'special token alone': '<|endoftext|>',
  'special token cut off': '<|endoftext| > <|endoftext <| |> endoftext|>',
  'languages in one line': Object.values(LANGUAGES)
    .map((text) => [...text].slice(0, 12).join(''))
    .join(' '),
  'languages without spaces': Object.values(LANGUAGES)
    .map((text) => text.replace(/\s+/g, '').slice(0, 15))
    .join(''),
};

export const TEXTS = Object.fromEntries([...Object.entries(named), ...languages]);
