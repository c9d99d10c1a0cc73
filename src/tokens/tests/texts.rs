//! Random texts for the checks: a seeded generator, and mixtures of all kinds of characters.
//!
//! It checks nothing itself.

/// xorshift64*: enough for test data, and without a dependency.
pub(in crate::tokens) struct Random(pub(in crate::tokens) u64);

impl Random {
    pub(in crate::tokens) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % limit
    }

    pub(in crate::tokens) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(in crate::tokens) fn character(&mut self, first: u32, last: u32) -> char {
        let span = usize::try_from(last - first + 1).expect("fits");
        loop {
            let code = first + u32::try_from(self.below(span)).expect("below a u32");
            if let Some(character) = char::from_u32(code) {
                return character;
            }
        }
    }
}

const SPACES: &[&str] = &[
    " ", " ", "  ", "\n", "\r\n", "\r", "\n\n", "\t", "\u{b}", "\u{c}", "\u{85}", "\u{a0}", "\u{1680}",
    "\u{2003}", "\u{2028}", "\u{2029}", "\u{3000}", "\u{200b}", "\u{feff}",
];

const CONTRACTIONS: &str = "'s 'S 't 'T 're 'Re 'rE 'RE 've 'VE 'm 'M 'll 'lL 'LL 'd 'D '\u{17f} 'l 'r 'v ''s \
    \u{2019}s ' '\u{212a} 'x";

const MARKS: &str = "\u{301} \u{308} \u{20dd} \u{903} \u{94d} \u{e31} \u{fe0f} \u{64b} \u{1d165}";

/// Letters of every category, of one to four bytes.
const LETTERS: &str = "a Z foo Bar HTTP é É ǅ ᾈ ʰ ˮ 々 ª 日 本語 ß ſ K я Я ا مرحبا अ नमस्ते ไทย 한국 ひらがな カタカナ \
    \u{10400} \u{10428} \u{1d400} \u{1d44e} \u{20000} \u{1e900}";

const NUMBERS: &str = "0 12 345 6789 ٣ ४५ Ⅷ ½ ² \u{1d7d8} ๔";

const SYMBOLS: &str = "! -> :: // / \0 \u{fffd} { } \" _ # 👍 👍🏽 👨‍👩‍👧‍👦 \u{200d} \u{e000} \u{378} \u{ad} € — \
    <|endoftext|> \u{7f} \u{1} ====== \u{10ffff} 。";

pub(super) const RANGES: &[(u32, u32)] = &[
    (0x00, 0x7F),
    (0x80, 0x24F),
    (0x250, 0x36F),
    (0x370, 0x52F),
    (0x590, 0x6FF),
    (0x900, 0xDFF),
    (0xE00, 0xFFF),
    (0x1000, 0x1FFF),
    (0x2000, 0x2BFF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7FF),
    (0xA640, 0xABFF),
    (0xF900, 0xFFFF),
    (0x1_0000, 0x1_FFFF),
    (0, 0x10_FFFF),
];

/// Some of everything, in any order.
pub(in crate::tokens) fn mixed(random: &mut Random) -> String {
    let kinds =
        [CONTRACTIONS, MARKS, LETTERS, LETTERS, NUMBERS, SYMBOLS].map(|list| list.split(' ').collect());
    let spaces: Vec<&str> = SPACES.to_vec();
    let kinds: Vec<Vec<&str>> = kinds.into_iter().chain([spaces]).collect();
    let mut text = String::new();
    for _ in 0..=random.below(24) {
        if random.below(8) == 0 {
            let (first, last) = RANGES[random.below(RANGES.len())];
            for _ in 0..=random.below(6) {
                text.push(random.character(first, last));
            }
        }
        let kind = &kinds[random.below(kinds.len())];
        text.push_str(random.pick(kind));
    }
    text
}
