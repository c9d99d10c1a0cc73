//! One call of the filter, from a document to what stays of it.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::adaptations::{describe_arrays, describe_drops};
use super::elements::Elements;
use super::outcome::{Shape, dropped};
use super::rank::{Corpus, Fit};
use super::roster::{Evidence, Found, How};
use super::score::{self, Asked, RECENT_FIELDS};
use super::select::{self, Choice, Limits};
use super::specialization::REQUIRED_BY_ALL;
use super::task::{Task, prefix, text_of_fields};
use super::units::Units;
use super::{
    ContextFilter, ContextFilterConfig, FilterOutcome, FilterRequest, Stages, built_in, circumstances,
};
use crate::base::cancel::Cancel;
use crate::base::document::{Document, Kind};
use crate::base::error::Result;
use crate::base::json::{KeyOrder, View};
use crate::base::name::quoted;

/// Top-level fields that say what an agent is, for agents that nobody described.
const DESCRIPTION_FIELDS: [&str; 4] = ["agentDescription", "agentRole", "role", "persona"];

/// Top-level fields that say which files an agent works on.
const WORK_FIELDS: [&str; 7] =
    ["recentFiles", "recentChanges", "changes", "currentFile", "currentFiles", "openFiles", "activeFiles"];

/// Paths that tell what an agent works on.
const MAX_WORK_PATHS: usize = 16;

/// Text of a description that is looked at.
const MAX_DESCRIPTION_BYTES: usize = 4096;

/// How often the exact size is looked at before the limit is halved.
const EXACT_TRIES: u32 = 8;

/// What is known of each element.
#[derive(Clone, Copy)]
struct Judged<'a> {
    fit: &'a Fit,
    scores: &'a [f64],
    tokens: &'a [u64],
}

/// How far an estimate of tokens may be over a limit that the exact count is within.
const ESTIMATE_SLACK: f64 = 1.5;

impl ContextFilter {
    /// Filters `document`. O(values + new text); holds no lock while at work. Reads text that it has not seen before on
    /// several threads.
    ///
    /// # Errors
    /// `E_CANCELLED` when `cancel` was called off.
    pub fn filter(
        &self,
        document: &Document,
        request: &FilterRequest,
        cancel: &Cancel,
    ) -> Result<FilterOutcome> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let config = self.config();
        let mut adaptations = Vec::new();
        let task_text = text_of_fields(document, &config.task_fields);
        let task = Task::of_text(&task_text);
        let found = self.specialization(document, request, &config, &task_text, &mut adaptations);
        let agent = &found.agent;
        let sizes = document.sizes();
        let named_required = agent.spec.required_fields.iter().map(String::as_str);
        let required: Vec<&str> = REQUIRED_BY_ALL.into_iter().chain(named_required).collect();
        let asked_fields: Vec<&str> =
            config.task_fields.iter().map(String::as_str).chain(DESCRIPTION_FIELDS).collect();
        if document.end(0) == 1 {
            adaptations.push("the context is a single value, which stays as it is".to_owned());
        }
        let elements = Elements::of(document, sizes, agent, &required, &asked_fields);
        let units = Units::of(document, &elements, &self.store, &*self.tokens, cancel)?;
        let corpus = Corpus::new(&elements, &units);
        let fit = corpus.fit(&task);
        cancel.check()?;
        let recent = Task::of_text(&text_of_fields(document, &RECENT_FIELDS));
        let asked = Asked {
            agent,
            known: found.how != How::Generic,
            task: &task,
            recent: &recent,
            prioritize_recent: request.prioritize_recent,
        };
        let scores = score::scores(document, &corpus, &fit, &asked);
        let cap_mb = circumstances::cap_mb(&config, &found);
        let before = adaptations.len();
        let mut limits = circumstances::limits(&config, cap_mb, request, &mut adaptations);
        let said_of_limits = before..adaptations.len();
        limits.blind = task.is_empty() && found.how == How::Generic;
        let tokens = select::element_tokens(&corpus);
        cancel.check()?;
        let judged = Judged { fit: &fit, scores: &scores, tokens: &tokens };
        let (choices, shape) =
            self.choose_within(document, sizes, &corpus, judged, &limits, &mut adaptations, cancel)?;
        cancel.check()?;
        describe_drops(&choices, &limits, &mut adaptations);
        let mut left_out = Vec::new();
        if let Some(fates) = &shape.fates {
            describe_arrays(document, fates, &mut adaptations);
            let of_elements = (choices.as_slice(), scores.as_slice(), tokens.as_slice());
            left_out = dropped(document, sizes, &corpus, of_elements, fates, &self.references);
        }
        let stay = || (0..choices.len()).filter(|&at| !matches!(choices[at], Choice::Dropped(_)));
        Ok(FilterOutcome {
            fates: shape.fates,
            cuts: shape.cuts,
            texts: shape.texts,
            kept: stay().map(|at| elements.list[at].value).collect(),
            #[expect(clippy::cast_possible_truncation, reason = "a score needs no more than f32")]
            scores: stay().map(|at| scores[at] as f32).collect(),
            dropped: left_out,
            original_bytes: sizes[0],
            filtered_bytes: shape.bytes,
            adaptations,
            said_of_limits,
            cap_mb,
            max_bytes: limits.max_bytes,
            stages: Stages {
                analyse_ms: units.analyse_ms,
                count_ms: units.count_ms,
                total_ms: started.elapsed().as_secs_f64() * 1000.0,
            },
        })
    }

    /// Chooses by estimated sizes, looks at the real ones, and while they are over a limit chooses again with less: in
    /// proportion to what was too much, and by half after a few times, so that it ends.
    #[expect(clippy::too_many_arguments, reason = "the parts of one call")]
    fn choose_within(
        &self,
        document: &Document,
        sizes: &[u64],
        corpus: &Corpus<'_>,
        judged: Judged<'_>,
        limits: &Limits,
        adaptations: &mut Vec<String>,
        cancel: &Cancel,
    ) -> Result<(Vec<Choice>, Shape)> {
        let mut tried = *limits;
        // Estimates are a little too large: what fits as a whole must not lose anything to them.
        if sizes[0] <= limits.max_bytes {
            tried.max_bytes = u64::MAX;
        }
        if limits.max_tokens.is_some_and(|most| self.fits(document, sizes[0], judged.tokens, most)) {
            tried.max_tokens = None;
        }
        let mut attempt = 0;
        loop {
            cancel.check()?;
            let choices = select::choose(corpus, judged.fit, judged.scores, judged.tokens, &tried);
            let shape = Shape::of(document, sizes, corpus, &choices);
            let bytes_over = (shape.bytes > limits.max_bytes).then_some((shape.bytes, limits.max_bytes));
            // A token is at least a byte.
            let tokens_over = limits.max_tokens.filter(|most| shape.bytes > *most).and_then(|most| {
                let found = self.exact_tokens(shape.view(document));
                (found > most).then_some((found, most))
            });
            if bytes_over.is_none() && tokens_over.is_none() {
                return Ok((choices, shape));
            }
            if only_required(corpus.elements, &choices) {
                for (unit, over) in [("bytes", bytes_over), ("tokens", tokens_over)] {
                    if let Some((_, most)) = over {
                        let limit = format!("the limit of {most} {unit}");
                        adaptations.push(format!("required fields alone are over {limit} and stay"));
                    }
                }
                return Ok((choices, shape));
            }
            let less = |tried: u64, over: Option<(u64, u64)>| match over {
                None => tried,
                Some((found, most)) if attempt < EXACT_TRIES => {
                    u64::try_from(u128::from(tried) * u128::from(most) / u128::from(found)).unwrap_or(0)
                }
                Some(_) => tried / 2,
            };
            tried.max_bytes = less(tried.max_bytes.min(limits.max_bytes), bytes_over);
            tried.max_tokens = tried.max_tokens.or(limits.max_tokens).map(|tokens| less(tokens, tokens_over));
            attempt += 1;
        }
    }

    /// Whether the whole context has at most so many tokens.
    fn fits(&self, document: &Document, bytes: u64, tokens: &[u64], most: u64) -> bool {
        let estimate = tokens.iter().sum::<u64>() as f64;
        bytes <= most
            || (estimate <= most as f64 * ESTIMATE_SLACK && self.exact_tokens(View::whole(document)) <= most)
    }

    fn exact_tokens(&self, view: View<'_>) -> u64 {
        let mut json = Vec::new();
        view.write(0, KeyOrder::Insertion, &mut json);
        self.tokens.count(std::str::from_utf8(&json).expect("invariant: JSON is written from UTF-8"))
    }

    /// The agent's specialization, and a word on it where it is not known by its name.
    fn specialization(
        &self,
        document: &Document,
        request: &FilterRequest,
        config: &ContextFilterConfig,
        task: &str,
        adaptations: &mut Vec<String>,
    ) -> Found {
        if !config.enable_specialization_filtering {
            adaptations.push("generic filtering: specialization filtering is off".to_owned());
            return Found { agent: built_in::generic(), how: How::Generic };
        }
        let description = text_of_fields(document, &DESCRIPTION_FIELDS);
        let description = prefix(&description, MAX_DESCRIPTION_BYTES);
        let paths = work_paths(document);
        let agent_id = request.agent_id.as_str();
        let found = self.roster.find(&Evidence { agent_id, description, task, paths: &paths });
        match &found.how {
            How::Known => {}
            How::Detected { kind, why } => adaptations.push(format!("filtered as {}: {why}", quoted(kind))),
            How::Generic => adaptations
                .push(format!("generic filtering: there is no specialization for {}", quoted(agent_id))),
        }
        found
    }
}

fn only_required(elements: &Elements, choices: &[Choice]) -> bool {
    elements
        .list
        .iter()
        .zip(choices)
        .all(|(element, choice)| element.required || matches!(choice, Choice::Dropped(_)))
}

/// Paths that the context says the agent works on.
fn work_paths(document: &Document) -> Vec<&str> {
    if document.kind(0) != Kind::Object {
        return Vec::new();
    }
    let fields = document.children(0).filter(|&top| WORK_FIELDS.contains(&document.key(top)));
    let values = fields.flat_map(|top| top..document.end(top));
    let texts = values.flat_map(|value| [document.key(value), document.text(value)]);
    let is_path = |text: &&str| {
        (3..200).contains(&text.len()) && text.contains(['/', '.']) && !text.contains([' ', '\n'])
    };
    texts.filter(is_path).take(MAX_WORK_PATHS).collect()
}
