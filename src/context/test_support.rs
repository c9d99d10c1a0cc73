//! What the tests of this module share.

use std::sync::Arc;

use super::analysis::store::Store;
use super::built_in;
use super::elements::Elements;
use super::rank::{Corpus, Fit};
use super::specialization::Compiled;
use super::task::Task;
use super::units::Units;
use super::{CallLimits, ContextFilter, ContextFilterConfig, CountTokens, FilterOutcome, FilterRequest};
use crate::base::cancel::Cancel;
use crate::base::document::Document;
use crate::base::document::tests::document;
use crate::base::json::{self, KeyOrder, View};

/// Exact tokens of a text, as the system counts them, counted by another program.
pub(crate) fn exact_tokens(text: &str) -> u64 {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64
}

/// A counter for filters under test.
pub(crate) fn counter() -> Arc<dyn CountTokens> {
    Arc::new(exact_tokens)
}

/// A filter with the built-in specializations.
pub(crate) fn filter_of(config: ContextFilterConfig) -> ContextFilter {
    ContextFilter::new(config, counter())
}

/// A request of an agent without limits.
pub(crate) fn request(agent: &str) -> FilterRequest {
    FilterRequest { agent_id: agent.into(), ..FilterRequest::default() }
}

/// A request of an agent with limits.
pub(crate) fn limited(agent: &str, limits: CallLimits) -> FilterRequest {
    FilterRequest { limits, ..request(agent) }
}

/// JSON of what stays.
pub(crate) fn text_of(outcome: &FilterOutcome, document: &Document) -> String {
    let mut text = Vec::new();
    outcome.view(document).write(0, KeyOrder::Insertion, &mut text);
    assert_eq!(outcome.filtered_bytes, text.len() as u64, "bytes are those of the text");
    String::from_utf8(text).expect("UTF-8")
}

/// Filters with a new filter: JSON of what stays, and the outcome.
pub(crate) fn filter_with(
    config: ContextFilterConfig,
    json: &str,
    request: &FilterRequest,
) -> (String, FilterOutcome) {
    let document = document(json);
    let outcome = filter_of(config).filter(&document, request, &Cancel::default()).expect("not cancelled");
    (text_of(&outcome, &document), outcome)
}

/// JSON of value `index`.
pub(crate) fn json_of(document: &Document, index: usize) -> String {
    let mut out = Vec::new();
    View::whole(document).write(index, KeyOrder::Insertion, &mut out);
    String::from_utf8(out).expect("UTF-8")
}

/// A context that was cut and read, for tests of what comes after.
pub(crate) struct Ready {
    pub(crate) document: Document,
    pub(crate) sizes: Vec<u64>,
    pub(crate) elements: Elements,
    pub(crate) units: Units,
}

impl Ready {
    /// Of a context with the required field `currentTask`.
    pub(crate) fn of(json: &str) -> Self {
        let document = document(json);
        let sizes = json::sizes(&document);
        let elements = Elements::of(&document, &sizes, frontend(), &["currentTask"], &[]);
        let store = Store::new(usize::MAX);
        let units = Units::of(&document, &elements, &store, &exact_tokens, &Cancel::default());
        Self { units: units.expect("not cancelled"), document, sizes, elements }
    }

    /// Of files by path.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let entries: serde_json::Map<String, serde_json::Value> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect();
        Self::of(&serde_json::Value::Object(entries).to_string())
    }

    pub(crate) fn corpus(&self) -> Corpus<'_> {
        Corpus::new(&self.elements, &self.units)
    }

    /// How well everything fits a task.
    pub(crate) fn fit(&self, task: &str) -> Fit {
        self.corpus().fit(&Task::of_text(task))
    }

    /// The element with this path.
    pub(crate) fn at(&self, path: &str) -> usize {
        let found = self.elements.list.iter().position(|element| self.elements.path(element) == path);
        found.expect("an element has the path")
    }
}

/// The frontend specialist.
pub(crate) fn frontend() -> &'static Arc<Compiled> {
    &built_in::built_in()[0]
}

/// A text of about so many bytes about something that no task of a test is about, in paragraphs.
pub(crate) fn filler(bytes: usize) -> String {
    let mut text = String::new();
    for at in 0.. {
        if text.len() >= bytes {
            break;
        }
        let number = at.to_string();
        text.extend(["paragraph ", &number, " tells of clouds over quiet hills and rivers\n"]);
        if at % 10 == 9 {
            text.push('\n');
        }
    }
    text
}
