//! How much each element matters to an agent and its task, 0–1.
//!
//! Independent hints (words of the task, words of the agent's field, file patterns, category priorities, recency) are
//! combined as if each were the chance that the element is needed: score = 1 − Π(1 − hint). Deterministic. One pass over
//! the text with an Aho-Corasick automaton, so the cost is linear in the context whatever the number of words.

use std::collections::HashSet;

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
const STOP_WORDS: &[&str] = &[
    "about", "add", "after", "all", "also", "and", "any", "are", "because", "been", "before", "but", "can", "could",
    "does", "each", "for", "from", "get", "has", "have", "how", "into", "its", "make", "more", "must", "new", "not",
    "now", "only", "other", "our", "out", "please", "should", "some", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "too", "use", "using", "want", "was", "were", "what", "when", "where",
    "which", "while", "who", "why", "will", "with", "would", "you", "your",
];

/// Hint of an element that nothing speaks for. Under the default threshold of 0.3: dropped for a known specialist.
const BASE_HINT: f64 = 0.1;
/// The same for an agent without a specialization, whose field is unknown: over the default threshold.
const GENERIC_BASE_HINT: f64 = 0.4;
/// An element whose path or text has every word of the task.
const TASK_HINT: f64 = 0.95;
/// A word of the task in a path counts as this many in the text: names are chosen, text is not.
const PATH_WEIGHT: f64 = 3.0;
/// An element of the files an agent works on.
const FILE_HINT: f64 = 0.6;
/// An element in a category of the highest priority.
const PRIORITY_HINT: f64 = 0.7;
/// Each different word of the agent's field.
const KEYWORD_HINT: f64 = 0.12;
/// An optional field of the agent.
const OPTIONAL_HINT: f64 = 0.4;
/// What happened lately; doubled by `prioritizeRecent`.
const RECENT_HINT: f64 = 0.3;

/// Scores of `elements`, in their order. `known` is false for an agent without a specialization.
pub(crate) fn scores(document: &Document, elements: &[Element], agent: &Compiled, known: bool, prioritize_recent: bool) -> Vec<f64> {
    let task = task_words(document);
    let hits = Hits::count(document, elements, &task, &agent.spec.keywords);
    let task_weight: Vec<f64> = (0..task.len()).map(|word| hits.rarity(word, elements.len())).collect();
    let task_total: f64 = task_weight.iter().sum();
    elements
        .iter()
        .zip(&hits.per_element)
        .map(|(element, hits)| {
            if element.required {
                return 1.0;
            }
            let mut missing = 1.0 - if known { BASE_HINT } else { GENERIC_BASE_HINT };
            let mut hint = |chance: f64| missing *= 1.0 - chance.clamp(0.0, 1.0);
            if task_total > 0.0 {
                let found: f64 = hits.task.iter().map(|(word, weight)| task_weight[*word] * weight).sum();
                hint(TASK_HINT * (found / task_total).min(1.0).sqrt());
            }
            for _ in 0..hits.keywords {
                hint(KEYWORD_HINT);
            }
            if agent.files.is_match(&element.path) {
                hint(FILE_HINT);
            }
            hint(PRIORITY_HINT * priority(&element.path, agent) / MAX_PRIORITY);
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

/// Highest priority of a category that is a word of the path.
fn priority(path: &str, agent: &Compiled) -> f64 {
    if agent.spec.context_priorities.is_empty() {
        return 0.0;
    }
    let of = |word: &str| agent.spec.context_priorities.get(word).copied().unwrap_or(0.0);
    path.split('/').flat_map(split_words).map(|word| of(&word)).fold(0.0, f64::max)
}

#[derive(Debug, Clone, Default)]
struct ElementHits {
    /// Words of the task found, with 1 for text and [`PATH_WEIGHT`] for a path.
    task: Vec<(usize, f64)>,
    /// How many different words of the agent's field were found.
    keywords: usize,
}

/// Which words occur in which elements.
struct Hits {
    per_element: Vec<ElementHits>,
    /// Elements that have each word of the task.
    spread: Vec<usize>,
}

impl Hits {
    fn count(document: &Document, elements: &[Element], task: &[String], keywords: &[String]) -> Self {
        let mut hits = Self { per_element: vec![ElementHits::default(); elements.len()], spread: vec![0; task.len()] };
        let patterns: Vec<&str> = task.iter().chain(keywords).map(String::as_str).filter(|word| !word.is_empty()).collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&patterns)
            .expect("invariant: a few hundred words of bounded length fit any automaton");
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for (at, element) in elements.iter().enumerate().filter(|(_, element)| !element.required) {
            for found in automaton.find_overlapping_iter(&element.path) {
                if starts_word(element.path.as_bytes(), found.start()) {
                    hits.add(at, found.pattern().as_usize(), task.len(), PATH_WEIGHT, &mut seen);
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
            if !inside || !starts_word(&text.as_bytes()[span.start..], found.start() - span.start) {
                continue;
            }
            while element < elements.len() && document.end(elements[element].value) <= value {
                element += 1;
            }
            // Required fields stay anyway, and the task itself has all its words: it must not make them look common.
            if elements.get(element).is_some_and(|element| element.value <= value && !element.required) {
                hits.add(element, found.pattern().as_usize(), task.len(), 1.0, &mut seen);
            }
        }
        hits
    }

    fn add(&mut self, element: usize, pattern: usize, task_words: usize, weight: f64, seen: &mut HashSet<(usize, usize)>) {
        if !seen.insert((element, pattern)) {
            return;
        }
        let hits = &mut self.per_element[element];
        if pattern < task_words {
            hits.task.push((pattern, weight));
            self.spread[pattern] += 1;
        } else {
            hits.keywords += 1;
        }
    }

    /// Inverse document frequency as in BM25 (Robertson and Spärck Jones), never negative.
    fn rarity(&self, word: usize, elements: usize) -> f64 {
        let (all, with) = (elements as f64, self.spread[word] as f64);
        if with == 0.0 { 0.0 } else { (1.0 + (all - with + 0.5) / (with + 0.5)).ln() }
    }
}

/// Whether a word starts at `at`: not in the middle of one, except at a capital (camelCase).
fn starts_word(text: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| text[before]) {
        None => true,
        Some(before) => !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && text[at].is_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::elements::elements;
    use super::super::specialization::built_in;
    use super::*;
    use crate::base::document::tests::document;
    use crate::base::json;

    fn score_of(json: &str, path: &str, known: bool) -> f64 {
        let document = document(json);
        let agent = built_in().remove(0);
        let elements = elements(&document, &json::sizes(&document), &agent, &["currentTask"]);
        let scores = scores(&document, &elements, &agent, known, false);
        let at = elements.iter().position(|element| element.path == path).expect("element");
        scores[at]
    }

    const CONTEXT: &str = r#"{"currentTask":"Fix the checkoutTotal rounding","a":"checkoutTotal rounds","b":"weather report","components":"x","src/App.tsx":"x"}"#;

    #[test]
    fn words_of_the_task_outweigh_everything_but_required_fields() {
        let of = |path| score_of(CONTEXT, path, true);
        assert!((of("currentTask") - 1.0).abs() < f64::EPSILON);
        assert!(of("a") > 0.6 && of("a") > of("b"));
        assert!(of("b") < 0.3, "nothing speaks for it");
        assert!(of("components") > 0.6 && of("src/App.tsx") > 0.6);
    }

    #[test]
    fn unknown_agent_keeps_what_nothing_speaks_for() {
        assert!(score_of(CONTEXT, "b", false) >= 0.3);
    }

    #[test]
    fn words_are_split_at_case_and_underscores() {
        let words: Vec<_> = split_words("fix parseHTTPBody and user_id_map in the Größe").collect();
        assert_eq!(words, ["fix", "parsehttpbody", "parse", "httpbody", "user_id_map", "user", "map", "größe"]);
    }

    #[test]
    fn word_counts_at_word_starts_only() {
        assert!(starts_word(b"form", 0) && starts_word(b"a form", 2) && starts_word(b"myForm", 2));
        assert!(!starts_word(b"platform", 4));
    }
}
