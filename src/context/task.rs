//! What an agent is asked to do, as words, names and paths to look for.

use std::collections::HashMap;

use super::analysis::lexer::{Word, is_word_byte, whole, words};
use super::evidence::STANDS_FOR_FOLDER;
use crate::base::document::{Document, Kind};

/// Most text of a task that is read, from its beginning: bounds the cost of a task that is a novel.
const MAX_TASK_BYTES: usize = 64 * 1024;

/// Most different words of a task, the first ones.
const MAX_WORDS: usize = 600;

/// Most paths and modules that a task names.
const MAX_MENTIONS: usize = 200;

/// Words that say nothing about what a task is about, as one writes them: the words of English grammar, those of requests,
/// and those of code that every file has.
pub(super) const STOP_WORDS: &str = "a about above actual add after again all also am an and another any are as at be because been \
    before being below between both but by can could currently did do does doing done down during each else etc every few \
    for from further get give given got had has have having he her here hers him his how however i if in instead into is \
    it its itself just know let like make makes many may me might more most much must my need needed no nor not now of off \
    on once only or other our out over own please same see seem seems she should since so some such than that the their \
    them then there these they thing things this those though through to too under until up us use used using very want \
    was way we were what when where whether which while who whom why will with within without would you your \
    def self return import none true false print class function";

/// The first bytes of a text, up to a border between characters.
pub(crate) fn prefix(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// The strings of top-level fields, line by line, until there are enough.
pub(crate) fn text_of_fields(document: &Document, fields: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    if document.kind(0) != Kind::Object {
        return text;
    }
    for top in
        document.children(0).filter(|&top| fields.iter().any(|field| field.as_ref() == document.key(top)))
    {
        for value in (top..document.end(top)).filter(|&value| document.kind(value) == Kind::String) {
            text.push_str(document.text(value));
            text.push('\n');
            if text.len() > MAX_TASK_BYTES {
                return text;
            }
        }
    }
    text
}

/// What to look for.
#[derive(Debug, Default)]
pub(crate) struct Task {
    /// Words with their weights, by word.
    pub(crate) words: Vec<(Word, f64)>,
    /// Names of code: identifiers with humps, underscores, dots or parentheses, by word.
    pub(crate) names: Vec<(Word, f64)>,
    /// Paths and dotted modules, as the words of their segments from the last one on, endings left out.
    pub(crate) mentions: Vec<Mention>,
}

/// A path or module that a task names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mention {
    /// Words of the segments, the last one first.
    pub(crate) segments: Vec<Word>,
    /// It had an ending of a file.
    pub(crate) is_file: bool,
}

impl Task {
    /// Reads a task.
    pub(crate) fn of_text(text: &str) -> Self {
        let text = prefix(text, MAX_TASK_BYTES);
        let mut counts: HashMap<Word, f64> = HashMap::new();
        let stop = stop_words();
        let mut task = Self::default();
        let mut names: HashMap<Word, f64> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            // The first line is the title: it says what it is about in a few chosen words.
            let weight = if number == 0 { TITLE_WEIGHT } else { 1.0 };
            words(line, |word| {
                let is_wanted =
                    !stop.contains(&word) && (counts.len() < MAX_WORDS || counts.contains_key(&word));
                if is_wanted {
                    *counts.entry(word).or_insert(0.0) += weight;
                }
            });
            task.read_names(line, weight, &mut names);
        }
        task.words = counts.into_iter().map(|(word, count)| (word, saturated(count))).collect();
        task.words.sort_unstable_by_key(|(word, _)| *word);
        task.names = names.into_iter().collect();
        task.names.sort_unstable_by_key(|(word, _)| *word);
        task
    }

    /// The weight of a word; `None` if the task does not have it.
    pub(crate) fn weight_of(&self, word: Word) -> Option<f64> {
        self.words.binary_search_by_key(&word, |(word, _)| *word).ok().map(|at| self.words[at].1)
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn read_names(&mut self, line: &str, weight: f64, names: &mut HashMap<Word, f64>) {
        let bytes = line.as_bytes();
        let inside =
            |byte: u8| (byte < 128 && is_word_byte(byte)) || matches!(byte, b'.' | b'/' | b'\\' | b'-');
        let mut at = 0;
        while at < bytes.len() {
            if !inside(bytes[at]) {
                at += 1;
                continue;
            }
            let start = at;
            while at < bytes.len() && inside(bytes[at]) {
                at += 1;
            }
            let token = line[start..at].trim_matches(['.', '-', '/', '\\']);
            if token.len() < 3 || token.len() > 200 {
                continue;
            }
            let called = bytes.get(at) == Some(&b'(');
            let quoted = start > 0 && bytes[start - 1] == b'`';
            self.read_token(token, weight, called || quoted, names);
        }
    }

    fn read_token(&mut self, token: &str, weight: f64, is_code: bool, names: &mut HashMap<Word, f64>) {
        let segments: Vec<&str> =
            token.split(['/', '\\', '.']).filter(|segment| !segment.is_empty()).collect();
        let is_path = token.contains(['/', '\\']);
        let ending = token.rsplit_once('.').map(|(_, ending)| ending);
        let is_file = ending.is_some_and(|ending| is_ending(ending) && segments.len() > 1);
        let names_something =
            segments.iter().all(|segment| segment.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        if !names_something {
            return;
        }
        if (is_path || is_file || segments.len() > 1) && self.mentions.len() < MAX_MENTIONS {
            let mut kept = segments.len() - usize::from(is_file);
            if kept > 1 && STANDS_FOR_FOLDER.contains(&segments[kept - 1]) {
                kept -= 1;
            }
            let segments = segments[..kept].iter().rev().take(8).map(|segment| whole(segment)).collect();
            let mention = Mention { segments, is_file: is_file || is_path };
            if !self.mentions.contains(&mention) {
                self.mentions.push(mention);
            }
        }
        if is_path || is_file {
            return;
        }
        for segment in &segments {
            let shaped = segment.trim_matches('_').contains('_')
                || segment.starts_with("__")
                || segment
                    .as_bytes()
                    .windows(2)
                    .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
            if segment.len() > 2 && (shaped || is_code || segments.len() > 1) {
                let known = names.entry(whole(segment)).or_insert(0.0);
                *known = known.max(weight);
            }
        }
    }
}

/// How much more a word of the first line weighs.
const TITLE_WEIGHT: f64 = 4.0;
/// Saturation of words that a task repeats (BM25's third parameter; here a count of 4 weighs 2.5 times as much as one).
const K3: f64 = 4.0;

fn saturated(count: f64) -> f64 {
    (K3 + 1.0) * count / (K3 + count)
}

fn is_ending(ending: &str) -> bool {
    ending.len() <= 6 && ending.bytes().all(|byte| byte.is_ascii_lowercase()) && ENDINGS.contains(&ending)
}

/// Endings of files that people write about.
const ENDINGS: &[&str] = &[
    "astro", "bat", "c", "cc", "cfg", "conf", "cpp", "cs", "css", "csv", "cjs", "dart", "ex", "exs", "go",
    "gradle", "h", "hpp", "html", "ini", "java", "js", "json", "jsx", "kt", "less", "lua", "m", "md", "mdx",
    "mjs", "mm", "php", "pl", "prisma", "proto", "ps1", "py", "pyi", "pyx", "r", "rb", "rs", "rst", "sass",
    "scala", "scss", "sh", "sql", "svelte", "swift", "tf", "toml", "ts", "tsx", "txt", "vue", "xml", "yaml",
    "yml", "zig",
];

fn stop_words() -> &'static std::collections::HashSet<Word> {
    static STOP: std::sync::LazyLock<std::collections::HashSet<Word>> = std::sync::LazyLock::new(|| {
        let mut found = std::collections::HashSet::new();
        words(STOP_WORDS, |word| {
            found.insert(word);
        });
        found
    });
    &STOP
}

#[cfg(test)]
mod tests;
