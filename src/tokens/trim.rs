//! Fits a context into a number of tokens: whole top-level elements by priority, references to the others.
//!
//! Counts are those of the JSON that the caller ends up with, references included, and exact (`trim/ledger.rs`). What a
//! reference says of its element is in `trim/summary.rs`. Elements are never cut and never changed: what becomes of each
//! is all that is returned, the caller puts its own values together in the order of its own keys.

mod ledger;
mod summary;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;

use super::raw::{self, Shape};
use super::{Encoding, Tokenizer};
use crate::base::error::Result;
use crate::base::json::write_string;
use ledger::{Form, Ledger};
use summary::summary;

/// Tokens of a trimmed context where the caller names no number.
pub const DEFAULT_MAX_TOKENS: usize = 8000;

/// Keys by priority; all others follow in their own order. The first is more than that, see [`trim`].
pub const PRIORITY: [&str; 8] = [
    "currentTask",
    "recentChanges",
    "projectStructure",
    "dependencies",
    "completedTasks",
    "documentation",
    "history",
    "metadata",
];

/// No reference has fewer tokens: its names and punctuation alone have more. What is not larger is kept rather than
/// referred to.
const MIN_REFERENCE: usize = 16;

/// Key under which a context that is not an object is referred to.
const WHOLE_CONTEXT: &str = "context";

/// What becomes of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "outcome", content = "summary")]
pub enum Outcome {
    /// It stays as it is.
    Kept,
    /// A reference with this summary stands in its place: as JSON
    /// `{"type":"reference","location":"shared:<key>","summary":"<summary>"}`.
    Reference(String),
    /// Not even a reference to it fits.
    Omitted,
}

/// A top-level element and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Element {
    /// The key as JSON text, with its quotes. Of a context that is not an object `"context"`.
    pub key: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What is left of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trimmed {
    /// Every top-level element, in the order of the context; the context itself if it is not an object.
    pub elements: Vec<Element>,
    /// Whether the elements are those of an object.
    pub is_object: bool,
    /// Tokens of the context's JSON.
    pub original_tokens: usize,
    /// Tokens of the result's JSON: over the limit only if the limit is below that of `{}`. For a context that is
    /// not an object and was omitted, those of `null`.
    pub result_tokens: usize,
}

/// Trims `context`, the text that `JSON.stringify` gives, to at most `max_tokens` tokens.
///
/// In this order, each step by priority and only as far as the result stays within the limit:
/// 1. `currentTask` is kept; if it does not fit even alone, a reference to it is.
/// 2. Every other element is there: by a reference, or itself if that costs no more. What does not fit is omitted, and
///    smaller ones after it may still be there.
/// 3. Elements take the place of their references.
///
/// O(text + entries · log(entries)); 1 MB takes some 50 ms.
///
/// # Errors
/// `E_INVALID_ARGUMENT` when `context` is not JSON, or has white space between its parts.
///
/// ```
/// use agentwise_optimization::tokens::Encoding;
/// use agentwise_optimization::tokens::trim::{Outcome, trim};
///
/// let context = format!(r#"{{"history":"{}","currentTask":"fix"}}"#, "long ago ".repeat(100));
/// let trimmed = trim(&context, 60, Encoding::O200kBase)?;
/// let Outcome::Reference(summary) = &trimmed.elements[0].outcome else { unreachable!() };
/// assert!(summary.starts_with("text, ") && summary.contains(" tokens: long ago long ago"));
/// assert_eq!(trimmed.elements[1].outcome, Outcome::Kept);
/// # Ok::<(), agentwise_optimization::base::error::Error>(())
/// ```
pub fn trim(context: &str, max_tokens: usize, encoding: Encoding) -> Result<Trimmed> {
    raw::check(context, "context")?;
    let tokenizer = encoding.tokenizer();
    let original_tokens = tokenizer.count(context);
    let fits = original_tokens <= max_tokens;
    if Shape::of(context) != Shape::Object {
        return Ok(trim_whole(context, original_tokens, max_tokens, tokenizer));
    }
    let keys = raw::entries(context).map(|(key, _)| format!("\"{key}\""));
    let (outcomes, result_tokens) = if fits {
        (None, original_tokens)
    } else {
        let (outcomes, tokens) = trim_entries(context, max_tokens, tokenizer);
        (Some(outcomes), tokens)
    };
    let mut outcomes = outcomes.into_iter().flatten();
    let elements =
        keys.map(|key| Element { key, outcome: outcomes.next().unwrap_or(Outcome::Kept) }).collect();
    Ok(Trimmed { elements, is_object: true, original_tokens, result_tokens })
}

fn trim_whole(context: &str, original_tokens: usize, max_tokens: usize, tokenizer: &Tokenizer) -> Trimmed {
    let (outcome, result_tokens) = if original_tokens <= max_tokens {
        (Outcome::Kept, original_tokens)
    } else {
        let summary = summary(WHOLE_CONTEXT, context, original_tokens);
        let tokens = tokenizer.count(&reference(WHOLE_CONTEXT, &summary));
        if tokens <= max_tokens {
            (Outcome::Reference(summary), tokens)
        } else {
            (Outcome::Omitted, tokenizer.count("null"))
        }
    };
    let elements = vec![Element { key: format!("\"{WHOLE_CONTEXT}\""), outcome }];
    Trimmed { elements, is_object: false, original_tokens, result_tokens }
}

/// An entry in the two ways that it can be there.
struct Candidate<'a> {
    kept: Form<'a>,
    /// None where the element itself costs no more.
    reference: Option<(Form<'a>, String)>,
}

impl<'a> Candidate<'a> {
    /// Of `text`: the entry and one comma or closing brace after it.
    fn of(key: &str, value: &str, text: &'a str, tokenizer: &Tokenizer) -> Self {
        let kept = Form::of(Cow::Borrowed(text), tokenizer);
        if kept.tokens <= MIN_REFERENCE {
            return Self { kept, reference: None };
        }
        let summary = summary(key, value, tokenizer.count(value));
        let text = format!("\"{key}\":{},", reference(key, &summary));
        let reference = Form::of(Cow::Owned(text), tokenizer);
        let is_smaller = reference.tokens < kept.tokens;
        Self { kept, reference: is_smaller.then_some((reference, summary)) }
    }

    fn smallest(&self) -> &Form<'a> {
        self.reference.as_ref().map_or(&self.kept, |(form, _)| form)
    }
}

/// The JSON of a reference; `key` as it stands between its quotes.
fn reference(key: &str, summary: &str) -> String {
    let mut text = format!(r#"{{"type":"reference","location":"shared:{key}","summary":"#).into_bytes();
    write_string(summary, &mut text);
    text.push(b'}');
    String::from_utf8(text).expect("invariant: JSON is written from UTF-8")
}

/// What becomes of the entries of an object that does not fit, and the tokens of the result.
fn trim_entries(context: &str, limit: usize, tokenizer: &'static Tokenizer) -> (Vec<Outcome>, usize) {
    let mut start = 1;
    let mut keys = Vec::new();
    let mut candidates = Vec::new();
    for (key, value) in raw::entries(context) {
        // Two quotes and the colon; one more for what follows.
        let end = start + key.len() + value.len() + 3;
        candidates.push(Candidate::of(key, value, &context[start..=end], tokenizer));
        keys.push(key);
        start = end + 1;
    }
    let mut by_priority: Vec<usize> = (0..keys.len()).collect();
    by_priority.sort_by_key(|&at| PRIORITY.iter().position(|key| *key == keys[at]).unwrap_or(PRIORITY.len()));

    // Ordinary entries need some 100 bytes each: see `Ledger::new`.
    let budget = 8 * context.len() + 256 * keys.len();
    let mut ledger = Ledger::new(keys.len(), tokenizer, budget);
    let mut outcomes = vec![Outcome::Omitted; keys.len()];
    for &at in &by_priority {
        let candidate = &candidates[at];
        if keys[at] == PRIORITY[0] && ledger.try_set(at, &candidate.kept, limit) {
            outcomes[at] = Outcome::Kept;
        } else if ledger.try_set(at, candidate.smallest(), limit) {
            outcomes[at] = match &candidate.reference {
                Some((_, summary)) => Outcome::Reference(summary.clone()),
                None => Outcome::Kept,
            };
        }
    }
    for &at in &by_priority {
        if matches!(outcomes[at], Outcome::Reference(_)) && ledger.try_set(at, &candidates[at].kept, limit) {
            outcomes[at] = Outcome::Kept;
        }
    }
    (outcomes, ledger.tokens())
}
