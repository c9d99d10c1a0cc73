//! How much each element matters to an agent and its task, 0–1.
//!
//! Independent hints (what the task is about, what the agent's field is about, file patterns, category priorities, recency)
//! are combined as if each were the chance that the element is needed: score = 1 − Π(1 − hint). Where there is a task, what
//! it is about comes first, and what speaks for the kind of agent decides among equals. Deterministic.

use super::analysis::lexer::{Word, words};
use super::elements::Elements;
use super::rank::{Corpus, Fit};
use super::specialization::{Compiled, MAX_PRIORITY};
use super::task::Task;
use crate::base::document::Document;

/// Top-level fields that hold what happened lately.
pub(crate) const RECENT_FIELDS: [&str; 3] = ["recentChanges", "recentFiles", "changes"];

/// Hint of an element that nothing speaks for. Under the default threshold of 0.3: dropped for a known specialist.
const BASE_HINT: f64 = 0.1;
/// The same for an agent without a specialization, whose field is unknown: over the default threshold.
const GENERIC_BASE_HINT: f64 = 0.4;
/// The element that fits the task best.
const TASK_HINT: f64 = 0.95;
/// An element that the task names, besides what its words and paths say already.
const NAMED_HINT: f64 = 0.15;
/// An optional field of the agent.
const OPTIONAL_HINT: f64 = 0.4;
/// What happened lately, and files that it names; doubled by `prioritizeRecent`.
const RECENT_HINT: f64 = 0.3;

/// What the kind of agent says.
struct FieldHints {
    /// The element that the words of the agent's field fit best.
    field: f64,
    /// An element of the files an agent works on.
    file: f64,
    /// An element in a category of the highest priority.
    priority: f64,
}

/// Without a task there is nothing else to go by.
const WITHOUT_TASK: FieldHints = FieldHints { field: 0.6, file: 0.3, priority: 0.5 };
/// Beside a task: more would put files of the field before files of the task (figures in decision 0014).
const BESIDE_TASK: FieldHints = FieldHints { field: 0.15, file: 0.1, priority: 0.15 };

/// Words of a kind of agent that are looked for, the first ones.
const MAX_FIELD_WORDS: usize = 4000;

/// What is known of the call besides the context.
pub(crate) struct Asked<'a> {
    pub(crate) agent: &'a Compiled,
    /// False for an agent without a specialization.
    pub(crate) known: bool,
    pub(crate) task: &'a Task,
    /// Text of what happened lately.
    pub(crate) recent: &'a Task,
    pub(crate) prioritize_recent: bool,
}

/// Scores of the elements, in their order.
pub(crate) fn scores(document: &Document, corpus: &Corpus<'_>, fit: &Fit, asked: &Asked<'_>) -> Vec<f64> {
    let list = &corpus.elements.list;
    let agent = asked.agent;
    let hints = if asked.task.is_empty() { WITHOUT_TASK } else { BESIDE_TASK };
    let field = corpus.fit_words(&query_of(&agent.spec.keywords)).elements;
    let priorities: Vec<(Word, f64)> = {
        let mut found: Vec<(Word, f64)> = agent
            .spec
            .context_priorities
            .iter()
            .flat_map(|(category, priority)| {
                query_of(std::slice::from_ref(category)).into_iter().map(|(word, _)| (word, *priority))
            })
            .collect();
        found.sort_unstable_by_key(|(word, _)| *word);
        found
    };
    let recent = recent_files(corpus, asked.recent);
    let recent_hint = if asked.prioritize_recent { 2.0 * RECENT_HINT } else { RECENT_HINT };
    let base = 1.0 - if asked.known { BASE_HINT } else { GENERIC_BASE_HINT };
    // What goes by the top-level entry, and by the path, which items of an array share.
    let (mut of_top, mut is_recent, mut of_path) = (base, false, 1.0);
    let mut scores = Vec::with_capacity(list.len());
    for (at, element) in list.iter().enumerate() {
        if element.required || element.asked {
            scores.push(1.0);
            continue;
        }
        if at == 0 || !list[at - 1].is_ranked() || !Elements::share_path(&list[at - 1], element) {
            let path = corpus.path(at);
            of_path = 1.0 - hints.priority * highest(path, &priorities) / MAX_PRIORITY;
            if agent.files.is_match(path) {
                of_path *= 1.0 - hints.file;
            }
        }
        if at == 0 || !list[at - 1].is_ranked() || list[at - 1].top != element.top {
            let top = document.key(element.top as usize);
            is_recent = RECENT_FIELDS.contains(&top);
            of_top = base;
            if agent.spec.optional_fields.iter().any(|field| field == top) {
                of_top *= 1.0 - OPTIONAL_HINT;
            }
        }
        let mut missing = of_top * of_path;
        missing *= 1.0 - TASK_HINT * fit.elements[at].powi(2);
        missing *= 1.0 - hints.field * field[at].powi(2);
        if fit.named[at] {
            missing *= 1.0 - NAMED_HINT;
        }
        if is_recent || recent[at] {
            missing *= 1.0 - recent_hint;
        }
        scores.push(1.0 - missing);
    }
    scores
}

/// What a score counts for in a choice: hints add up as logarithms. A fit counts as it is here and squared in scores: half
/// the words of what fits best are a quarter of its claim, as most of a project shares some words, but half of its rank.
pub(crate) fn worth(score: f64, fit: f64) -> f64 {
    let without_fit = (1.0 - score) / (1.0 - TASK_HINT * fit.powi(2));
    -(without_fit * (1.0 - TASK_HINT * fit)).max(f64::MIN_POSITIVE).ln()
}

/// Words of a list as a query, each with the weight 1.
fn query_of(list: &[String]) -> Vec<(Word, f64)> {
    let mut query = Vec::new();
    for text in list {
        words(text, |word| {
            if query.len() < MAX_FIELD_WORDS {
                query.push((word, 1.0));
            }
        });
    }
    query.sort_unstable_by_key(|(word, _)| *word);
    query.dedup_by_key(|(word, _)| *word);
    query
}

/// The highest priority of a category that is a word of the path.
fn highest(path: &str, priorities: &[(Word, f64)]) -> f64 {
    let mut best = 0.0_f64;
    if !priorities.is_empty() {
        words(path, |word| {
            if let Ok(at) = priorities.binary_search_by_key(&word, |(word, _)| *word) {
                best = best.max(priorities[at].1);
            }
        });
    }
    best
}

/// Which elements are files that what happened lately names.
fn recent_files(corpus: &Corpus<'_>, recent: &Task) -> Vec<bool> {
    let mut found = vec![false; corpus.elements.list.len()];
    if recent.mentions.iter().any(|mention| mention.is_file) {
        let segments = corpus.segments();
        for mention in recent.mentions.iter().filter(|mention| mention.is_file) {
            for at in segments.agreeing(mention) {
                found[at] = true;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
