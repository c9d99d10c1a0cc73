//! Words, numbers, names of code and what else a text consists of.

use super::contractions;
use super::mentions;
use super::shape::{
    ascii_digit, is_around, is_call, is_code, is_of_sentences, is_sign_of_number, next_part, unicode_digit,
};
use super::signs;
use super::text::{Script, fold};
use super::words::{self, AUXILIARY, PREPOSITION};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Word,
    /// Digits, with the sign and the point.
    Number,
    /// An identifier, a path, an address, a hash: compared as it is written, case included.
    Code,
    /// A sign that means something: `%`, `+`, an emoji.
    Sign,
}

#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
/// One token. Its text is in the normal form of a word: lower case, contractions written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// Written with a capital letter that neither the beginning of a sentence nor a heading explains.
    pub(super) is_capital: bool,
    /// Written in capitals altogether, in a text that is not.
    pub(super) is_acronym: bool,
    /// Between quotation marks.
    pub(super) is_quoted: bool,
    /// Begins a sentence or what follows a comma or colon.
    pub(super) begins: bool,
    /// Begins a sentence or what follows a colon.
    pub(super) begins_sentence: bool,
    pub(super) follows_colon: bool,
}

/// Longest text that is taken apart; of a longer one only the exact form counts.
pub(super) const LONGEST: usize = 16 << 10;

/// Behind a noun, with a hyphen before it: "sugar-free".
pub(super) const WITHOUT: &str = "-free";

/// Acronyms that in lower case are words of the grammar.
const HOMOGRAPHS: [&str; 3] = ["it", "us", "who"];

/// The tokens of a text; `None` if it is too long.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let folded = fold(text, LONGEST)?;
    let mut reader = Reader {
        text: &folded,
        tokens: Vec::with_capacity(folded.len() / 5 + 2),
        begins: true,
        begins_sentence: true,
        follows_colon: false,
        quote: None,
        is_shouted: is_shouted(&folded),
        has_emphasis: signs::has_emphasis(&folded),
    };
    reader.read();
    let mut tokens = reader.tokens;
    forgive_headings(&mut tokens);
    contractions::join(&mut tokens);
    mentions::mark(&mut tokens);
    Some(tokens)
}

/// Whether all of it is in capitals.
fn is_shouted(text: &str) -> bool {
    !text.chars().any(char::is_lowercase)
}

/// In a heading every word has a capital: it says nothing there.
fn forgive_headings(tokens: &mut [Token]) {
    let words = || tokens.iter().filter(|token| token.kind == Kind::Word && token.text.len() > 3);
    let (all, capital) = (words().count(), words().filter(|token| token.is_capital || token.begins).count());
    if all >= 4 && capital == all {
        for token in tokens {
            token.is_capital = false;
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    begins: bool,
    begins_sentence: bool,
    follows_colon: bool,
    /// The mark that the quotation under way will end with.
    quote: Option<char>,
    is_shouted: bool,
    /// Whether stars stand around words.
    has_emphasis: bool,
}

impl Reader<'_> {
    fn read(&mut self) {
        let text = self.text;
        let mut chunks = text.split([' ', '\t', '\n', '\r']).filter(|chunk| !chunk.is_empty()).peekable();
        while let Some(chunk) = chunks.next() {
            self.chunk(chunk, chunks.peek().copied());
        }
    }

    /// Whether punctuation by itself is what a sentence is about: "what does .. mean", "the -- operator".
    fn is_asked_about(&self, chunk: &str, is_last: bool) -> bool {
        chunk.is_ascii()
            && !is_last
            && !self.begins
            && self.tokens.last().is_some_and(|token| {
                let classes = words::classes(&token.text);
                classes & (AUXILIARY | PREPOSITION) != 0 || ["the", "a", "an", "use"].contains(&&*token.text)
            })
    }

    /// A chunk between spaces: punctuation around a core.
    fn chunk(&mut self, chunk: &str, next: Option<&str>) {
        if chunk.chars().all(is_of_sentences) && self.is_asked_about(chunk, next.is_none()) {
            self.push(chunk.to_owned(), Kind::Sign, chunk);
            return;
        }
        let mut core = chunk;
        while let Some(mark) = core.chars().next().filter(|&mark| is_around(mark)) {
            if signs::is_kept(core, self.tokens.is_empty()) {
                break;
            }
            if let Some(sign) = signs::before(core, self.has_emphasis) {
                self.push(sign.to_owned(), Kind::Sign, sign);
                core = &core[sign.len()..];
                break;
            }
            core = &core[mark.len_utf8()..];
            self.mark(mark, core);
        }
        let before = core;
        while let Some(mark) = core.chars().next_back().filter(|&mark| is_around(mark) && !is_call(core)) {
            core = &core[..core.len() - mark.len_utf8()];
        }
        if !core.is_empty() {
            self.core(core);
        } else if !chunk.chars().all(is_of_sentences) {
            // Nothing else: an operator, a smiley.
            self.push(chunk.to_owned(), Kind::Sign, chunk);
            return;
        }
        let mut tail = &before[core.len()..];
        if let Some(sign) = signs::behind(core, tail, next, self.quote.is_some()) {
            self.push(sign.to_owned(), Kind::Sign, sign);
            tail = &tail[sign.len()..];
        }
        for mark in tail.chars() {
            self.mark(mark, "");
        }
    }

    /// Punctuation around a chunk.
    fn mark(&mut self, mark: char, rest: &str) {
        match mark {
            '"' | '`' => self.quote = if self.quote == Some(mark) { None } else { Some(mark) },
            '\'' => {
                if self.quote == Some(mark) {
                    self.quote = None;
                } else if self.quote.is_none() && !rest.is_empty() {
                    self.quote = Some(mark);
                }
            }
            '.' | '!' | '?' | ':' | '。' | '！' | '？' | '：' => {
                (self.begins, self.begins_sentence) = (true, true);
                self.follows_colon = matches!(mark, ':' | '：');
            }
            ';' | ',' | '(' | '、' | '，' => self.begins = true,
            _ => {}
        }
    }

    fn core(&mut self, core: &str) {
        if self.quote != Some('`') && self.is_letter(core) {
            // "A" is no article.
            let text = if core == "A" { core.to_owned() } else { core.to_ascii_lowercase() };
            self.push(text, Kind::Code, core);
            return;
        }
        if self.quote == Some('`') || is_code(core) {
            self.push(core.to_owned(), Kind::Code, core);
            return;
        }
        // "E-mail", "email".
        if let Some(rest) = core.strip_prefix(['e', 'E']).and_then(|rest| rest.strip_prefix('-'))
            && rest.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            let joined = format!("e{rest}");
            return self.word(&joined);
        }
        let (mut start, mut currency) = (0, None);
        while start < core.len() {
            if let Some(sign) = signs::between(core, start) {
                self.push(sign.to_owned(), Kind::Sign, sign);
                start += sign.len();
                continue;
            }
            if let Some((name, len)) = signs::currency_before(&core[start..]) {
                currency = Some(name);
                start += len;
                if core.starts_with('-') && start == len + 1 {
                    self.push("-".to_owned(), Kind::Sign, "");
                }
            }
            let (range, next) = next_part(core, start);
            if start > 1 && core.get(start - 1..).is_some_and(|end| end.eq_ignore_ascii_case(WITHOUT)) {
                return self.push(WITHOUT.to_owned(), Kind::Word, "");
            }
            if !range.is_empty() {
                self.part(&core[range], currency.take());
            }
            start = next;
        }
    }

    /// "Plan B", "vitamin c": neither the article nor the pronoun.
    fn is_letter(&self, core: &str) -> bool {
        match core.as_bytes() {
            [b'I'] => false,
            [b'a' | b'A'] => core == "A" && !self.begins && !self.is_shouted,
            [letter] => letter.is_ascii_alphabetic() && *letter != b'i',
            _ => false,
        }
    }

    /// A run of letters, of digits, or a sign.
    fn part(&mut self, part: &str, currency: Option<&str>) {
        let Some(first) = part.chars().next() else { return };
        if first.is_numeric() || (is_sign_of_number(first) && part.len() > 1) {
            self.number(part, currency);
        } else if first.is_alphabetic() {
            if Script::of(first).is_divided_by_letter() {
                for (at, letter) in part.char_indices() {
                    self.push(letter.to_string(), Kind::Word, &part[at..at + letter.len_utf8()]);
                }
            } else {
                self.word(part);
            }
        } else {
            let follows_number = self.tokens.last().is_some_and(|last| last.kind == Kind::Number);
            match signs::currency(first).filter(|_| follows_number) {
                Some(name) => self.push(name.to_owned(), Kind::Word, ""),
                None => self.push(part.to_owned(), Kind::Sign, part),
            }
        }
    }

    /// Digits, and letters that follow them: a unit.
    fn number(&mut self, part: &str, currency: Option<&str>) {
        let digits = part.find(char::is_alphabetic).unwrap_or(part.len());
        let (number, unit) = part.split_at(digits);
        let mut value = signs::without_groups(number);
        let value_end = value.trim_end_matches('.').len();
        value.truncate(value_end);
        // Digits of every script are digits.
        let value: String = value
            .chars()
            .map(|digit| digit.to_digit(10).or_else(|| unicode_digit(digit)).map_or(digit, ascii_digit))
            .collect();
        let unit = unit.to_lowercase();
        let (value, unit) = match unit.as_str() {
            "k" if value.parse::<u32>().is_ok() => (format!("{value}000"), ""),
            "st" | "nd" | "rd" | "th" => (format!("{value}th"), ""),
            "s" | "" => (value, ""),
            unit => (value, unit),
        };
        self.push(value, Kind::Number, part);
        for word in currency.into_iter().chain(Some(unit).filter(|unit| !unit.is_empty())) {
            self.push(word.to_owned(), Kind::Word, "");
        }
    }

    fn word(&mut self, part: &str) {
        let lower = part.to_lowercase();
        if !lower.contains('\'') {
            if let Some(words) = contractions::written_out(&lower) {
                self.words(words, part);
            } else {
                self.push(lower, Kind::Word, part);
            }
            return;
        }
        if let Some(words) = contractions::written_out(&lower) {
            return self.words(words, part);
        }
        let (stem, end) = lower.rsplit_once('\'').unwrap_or((&lower, ""));
        if end == "t" && stem.len() > 2 && stem.ends_with('n') {
            self.push(stem[..stem.len() - 1].to_owned(), Kind::Word, part);
            return self.push("not".to_owned(), Kind::Word, "");
        }
        let ending = contractions::ending(stem, end);
        if let Some(word) = ending {
            self.push(stem.replace('\'', ""), Kind::Word, part);
            self.push(word.to_owned(), Kind::Word, "");
        } else {
            let is_possessive = end == "s" || (end.is_empty() && stem.ends_with('s'));
            let text = if is_possessive { stem.replace('\'', "") } else { lower.replace('\'', "") };
            self.push(text, Kind::Word, part);
        }
    }

    fn words(&mut self, words: &[&str], part: &str) {
        let mut part = part;
        for word in words {
            self.push((*word).to_owned(), Kind::Word, part);
            part = "";
        }
    }

    /// `written` is how it was typed.
    fn push(&mut self, text: String, kind: Kind, written: &str) {
        let mut letters = written.chars().filter(|letter| letter.is_alphabetic());
        let first = letters.next();
        let is_upper = first.is_some_and(char::is_uppercase);
        let has_more = first.is_some() && letters.clone().next().is_some();
        let is_acronym = is_upper && has_more && !self.is_shouted && letters.all(char::is_uppercase);
        // What would be another word in lower case keeps its capitals.
        let text = if is_acronym && kind == Kind::Word && HOMOGRAPHS.contains(&&*text) {
            text.to_uppercase()
        } else {
            text
        };
        self.tokens.push(Token {
            text,
            kind,
            is_capital: is_upper && !self.is_shouted && (!self.begins || is_acronym),
            is_acronym,
            is_quoted: self.quote.is_some(),
            begins: self.begins,
            begins_sentence: self.begins_sentence,
            follows_colon: self.follows_colon,
        });
        (self.begins, self.begins_sentence, self.follows_colon) = (false, false, false);
    }
}
