//! How much each element matters to an agent and its task, 0–1.
//!
//! Independent hints (words of the task, words of the agent's field, file patterns, category priorities, recency) are
//! combined as if each were the chance that the element is needed: score = 1 − Π(1 − hint). Words are weighed by BM25,
//! each sum relative to the best element's. Deterministic. One pass over the text with an Aho-Corasick automaton, so the
//! cost is linear in the context whatever the number of words.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::elements::Element;
use super::specialization::{Compiled, MAX_PRIORITY};
use crate::base::document::{Document, Kind};

/// Top-level fields that say what the agent is asked to do.
const TASK_FIELDS: [&str; 5] = ["currentTask", "task", "goal", "query", "problem"];

/// Top-level fields that hold what happened lately.
const RECENT_FIELDS: [&str; 3] = ["recentChanges", "recentFiles", "changes"];

/// Longest word taken from a task; longer ones are hashes and base64.
const MAX_WORD_BYTES: usize = 40;

/// Most words taken from a task, the first ones: bounds the automaton for a task that is a novel.
const MAX_TASK_WORDS: usize = 400;

/// Words that say nothing about what a task is about.
pub(super) const STOP_WORDS: &[&str] = &[
    "about", "add", "after", "all", "also", "and", "any", "are", "because", "been", "before", "but", "can",
    "could", "does", "each", "for", "from", "get", "has", "have", "how", "into", "its", "make", "more",
    "must", "new", "not", "now", "only", "other", "our", "out", "please", "should", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "too", "use", "using", "want",
    "was", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with", "would", "you",
    "your",
];

/// Hint of an element that nothing speaks for. Under the default threshold of 0.3: dropped for a known specialist.
const BASE_HINT: f64 = 0.1;
/// The same for an agent without a specialization, whose field is unknown: over the default threshold.
const GENERIC_BASE_HINT: f64 = 0.4;
/// The element that the words of the task fit best.
const TASK_HINT: f64 = 0.95;
/// The element that the words of the agent's field fit best.
const FIELD_HINT: f64 = 0.6;
/// A word in a path counts as this many in the text: names are chosen, text is not.
const PATH_WEIGHT: f64 = 5.0;
/// BM25's saturation of repeated words and its length normalisation: the usual values (Robertson and Zaragoza, "The
/// Probabilistic Relevance Framework: BM25 and Beyond", 2009).
const BM25_K1: f64 = 1.2;
const BM25_B: f64 = 0.75;
/// An element of the files an agent works on.
const FILE_HINT: f64 = 0.3;
/// An element in a category of the highest priority.
const PRIORITY_HINT: f64 = 0.5;
/// An optional field of the agent.
const OPTIONAL_HINT: f64 = 0.4;
/// What happened lately; doubled by `prioritizeRecent`.
const RECENT_HINT: f64 = 0.3;

/// Scores of `elements`, in their order. `known` is false for an agent without a specialization.
pub(crate) fn scores(
    document: &Document,
    elements: &[Element],
    agent: &Compiled,
    known: bool,
    prioritize_recent: bool,
) -> Vec<f64> {
    let task = task_words(document);
    let hits = Hits::count(document, elements, &task, &agent.spec.keywords);
    let task_fit = hits.fit(elements, 0..task.len());
    let field_fit = hits.fit(elements, task.len()..task.len() + agent.spec.keywords.len());
    let priorities = priorities(elements, agent);
    elements
        .iter()
        .enumerate()
        .map(|(at, element)| {
            if element.required {
                return 1.0;
            }
            let mut missing = 1.0 - if known { BASE_HINT } else { GENERIC_BASE_HINT };
            let mut hint = |chance: f64| missing *= 1.0 - chance.clamp(0.0, 1.0);
            hint(TASK_HINT * task_fit[at]);
            hint(FIELD_HINT * field_fit[at]);
            if agent.files.is_match(&*element.path) {
                hint(FILE_HINT);
            }
            hint(PRIORITY_HINT * priorities[at] / MAX_PRIORITY);
            let top = document.key(element.top);
            if agent.spec.optional_fields.iter().any(|field| field == top) {
                hint(OPTIONAL_HINT);
            }
            if RECENT_FIELDS.contains(&top) {
                hint(if prioritize_recent { 2.0 * RECENT_HINT } else { RECENT_HINT });
            }
            1.0 - missing
        })
        .collect()
}

/// The words of the task, lower case, each once, in order.
fn task_words(document: &Document) -> Vec<String> {
    let mut words = Vec::new();
    let mut seen = HashSet::new();
    if document.kind(0) != Kind::Object {
        return words;
    }
    for top in document.children(0).filter(|&top| TASK_FIELDS.contains(&document.key(top))) {
        for value in top..document.end(top) {
            if document.kind(value) != Kind::String {
                continue;
            }
            for word in split_words(document.text(value)) {
                if words.len() == MAX_TASK_WORDS {
                    return words;
                }
                if seen.insert(word.clone()) {
                    words.push(word);
                }
            }
        }
    }
    words
}

/// Words of three letters or more and, from camelCase and `snake_case`, their parts.
fn split_words(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .flat_map(|word| {
            let mut parts = vec![word];
            let mut start = 0;
            let mut previous = '_';
            for (at, c) in word.char_indices() {
                if c == '_' || (c.is_uppercase() && previous.is_lowercase()) {
                    parts.push(&word[start..at]);
                    start = if c == '_' { at + 1 } else { at };
                }
                previous = c;
            }
            if start > 0 {
                parts.push(&word[start..]);
            }
            parts
        })
        .filter(|word| word.chars().count() >= 3 && word.len() <= MAX_WORD_BYTES)
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
}

/// For each element the highest priority of a category that is a word of its path.
fn priorities(elements: &[Element], agent: &Compiled) -> Vec<f64> {
    let categories = &agent.spec.context_priorities;
    let automaton = words_automaton(&categories.keys().map(String::as_str).collect::<Vec<_>>());
    let values: Vec<f64> = categories.values().copied().collect();
    let highest = |path: &str| {
        automaton
            .find_overlapping_iter(path)
            .filter(|found| {
                starts_word(path.as_bytes(), found.start()) && ends_word(path.as_bytes(), found.end())
            })
            .map(|found| values[found.pattern().as_usize()])
            .fold(0.0, f64::max)
    };
    elements.iter().map(|element| highest(&element.path)).collect()
}

fn words_automaton(words: &[&str]) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words)
        .expect("invariant: a few hundred words of bounded length fit any automaton")
}

/// How often which words occur in which elements.
struct Hits {
    /// Weighted count by element and word; words of the task come first, then those of the agent's field.
    counts: HashMap<(usize, usize), f64>,
    /// Elements that have each word.
    spread: Vec<usize>,
}

impl Hits {
    fn count(document: &Document, elements: &[Element], task: &[String], keywords: &[String]) -> Self {
        let words: Vec<&str> = task.iter().chain(keywords).map(String::as_str).collect();
        let mut hits = Self { counts: HashMap::new(), spread: vec![0; words.len()] };
        let automaton = words_automaton(&words);
        // Required fields stay anyway, and the task itself has all its words: it must not make them look common.
        for (at, element) in elements.iter().enumerate().filter(|(_, element)| !element.required) {
            for found in automaton.find_overlapping_iter(&*element.path) {
                if !found.is_empty() && starts_word(element.path.as_bytes(), found.start()) {
                    hits.add(at, found.pattern().as_usize(), PATH_WEIGHT);
                }
            }
        }
        let text = document.all_text();
        let (mut element, mut value) = (0, 0);
        for found in automaton.find_overlapping_iter(text) {
            let (owner, span) = document.locate(found.start(), value);
            value = owner;
            // A match over the border of two texts is none.
            let inside = span.start <= found.start() && found.end() <= span.end;
            if !inside
                || found.is_empty()
                || !starts_word(&text.as_bytes()[span.start..], found.start() - span.start)
            {
                continue;
            }
            while element < elements.len() && document.end(elements[element].value) <= value {
                element += 1;
            }
            if elements.get(element).is_some_and(|element| element.value <= value && !element.required) {
                hits.add(element, found.pattern().as_usize(), 1.0);
            }
        }
        hits
    }

    fn add(&mut self, element: usize, word: usize, weight: f64) {
        let count = self.counts.entry((element, word)).or_insert(0.0);
        if *count == 0.0 {
            self.spread[word] += 1;
        }
        *count += weight;
    }

    /// BM25 of each element for the words in `words`, relative to the best, squared; 0 where no word occurs.
    fn fit(&self, elements: &[Element], words: std::ops::Range<usize>) -> Vec<f64> {
        let mean_bytes =
            elements.iter().map(|element| element.bytes as f64).sum::<f64>() / elements.len() as f64;
        let mut fit = vec![0.0; elements.len()];
        // Word by word within an element, so that sums do not depend on the map's order.
        let mut counts: Vec<_> = self.counts.iter().filter(|((_, word), _)| words.contains(word)).collect();
        counts.sort_unstable_by_key(|(place, _)| **place);
        for ((element, word), count) in counts {
            let length = 1.0 - BM25_B + BM25_B * elements[*element].bytes as f64 / mean_bytes.max(1.0);
            fit[*element] +=
                self.rarity(*word, elements.len()) * count * (BM25_K1 + 1.0) / (count + BM25_K1 * length);
        }
        let best = fit.iter().copied().fold(0.0, f64::max);
        if best > 0.0 {
            // Squared: half the best element's words are a quarter of its claim. Most of a project shares some words.
            for fit in &mut fit {
                *fit = (*fit / best).powi(2);
            }
        }
        fit
    }

    /// Inverse document frequency as in BM25, never negative.
    fn rarity(&self, word: usize, elements: usize) -> f64 {
        let (all, with) = (elements as f64, self.spread[word] as f64);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// Whether a word starts at `at`: not in the middle of one, except at a capital (camelCase).
fn starts_word(text: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| text[before]) {
        None => true,
        Some(before) => {
            !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && text[at].is_ascii_uppercase())
        }
    }
}

/// Whether a word ends before `at`, as [`starts_word`] says where one starts.
fn ends_word(text: &[u8], at: usize) -> bool {
    at == text.len() || starts_word(text, at) || !text[at].is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::super::built_in::built_in;
    use super::super::elements::elements;
    use super::*;
    use crate::base::document::tests::document;
    use crate::base::json;

    fn score_of(json: &str, path: &str, known: bool) -> f64 {
        let document = document(json);
        let agent = &built_in()[0];
        let elements = elements(&document, &json::sizes(&document), agent, &["currentTask"]);
        let scores = scores(&document, &elements, agent, known, false);
        let at = elements.iter().position(|element| &*element.path == path).expect("element");
        scores[at]
    }

    const CONTEXT: &str = r#"{"currentTask":"Fix the checkoutTotal rounding","a":"checkoutTotal rounds","b":"weather report","components":"x","src/App.tsx":"x"}"#;

    #[test]
    fn words_of_the_task_outweigh_everything_but_required_fields() {
        let of = |path| score_of(CONTEXT, path, true);
        assert!((of("currentTask") - 1.0).abs() < f64::EPSILON);
        assert!(of("a") > 0.6 && of("a") > of("b"));
        assert!(of("b") < 0.3, "nothing speaks for it");
        assert!(of("components") > 0.5 && of("src/App.tsx") > 0.3);
    }

    #[test]
    fn unknown_agent_keeps_what_nothing_speaks_for() {
        assert!(score_of(CONTEXT, "b", false) >= 0.3);
    }

    #[test]
    fn words_are_split_at_case_and_underscores() {
        let words: Vec<_> = split_words("fix parseHTTPBody and user_id_map in the Größe").collect();
        assert_eq!(
            words,
            ["fix", "parsehttpbody", "parse", "httpbody", "user_id_map", "user", "map", "größe"]
        );
    }

    #[test]
    fn word_counts_at_word_starts_only() {
        assert!(starts_word(b"form", 0) && starts_word(b"a form", 2) && starts_word(b"myForm", 2));
        assert!(!starts_word(b"platform", 4));
    }
}
