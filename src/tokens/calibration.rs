//! Learns from what providers report how far a count is from the bill, and corrects the next one.
//!
//! A caller counts what it sends ("predicted") and later learns how many prompt tokens the provider found
//! ("reported"). Between the two stand what the caller does not see (tool schemas, the chat format) and, for vendors whose
//! encoding is not here, another tokenizer. So the model is a line: `reported ≈ slope × predicted + intercept`.
//!
//! - The **slope** belongs to the model. It is estimated from differences between reports of one agent, which cancel
//!   that agent's intercept, by the ratio of their sums, which is the best linear estimate when the error of a
//!   difference grows with its length. Each agent's slope is drawn to that of the model's other agents, and that to 1, by
//!   priors worth a number of tokens. For a model whose own encoding is counted the slope is 1 by definition.
//! - The **intercept** belongs to the agent: predictions start at its last report. A model's intercept, for agents that
//!   are new, is the median over its agents' first reports.
//!
//! A report far from what was expected changes nothing until a second one agrees with it, so that a wrong one is
//! without effect and a real change (other tools) is followed after two. State is O(1) for a model and agent, and both are
//! bounded by least recent use. Everything is a function of the calls in their order. What is not here: counting
//! ([`Encoding`](super::Encoding)) and names ([`models`]).

mod line;

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::Serialize;

use super::models;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::table_bytes;
use line::{Known, Point, Track};

/// Most models that are calibrated at a time; the least recently used goes. A model is some 2 KB without its agents.
pub const MAX_MODELS: usize = 64;

/// Most agents that are calibrated within a model; the least recently used go. An agent is some 200 bytes and its name.
pub const MAX_AGENTS: usize = 1024;

/// Reports behind [`Calibration::median_error`]: enough for a steady median, few enough to show the present.
const ERRORS: usize = 64;

/// What is known about a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calibration {
    /// Reports taken in, outliers too.
    pub samples: u64,
    /// Reports that were so far from the expected that they have changed nothing so far.
    pub outliers: u64,
    /// Prompt tokens for each token counted; 1 where the model's own encoding is counted.
    pub slope: f64,
    /// Prompt tokens of an agent's call beyond those: the median over agents.
    pub intercept: f64,
    /// Median of `|prediction / reported − 1|` over the last 64 reports, each prediction made before its report.
    pub median_error: f64,
}

/// The calibrations of all models.
///
/// ```
/// use agentwise_optimization::tokens::calibration::Calibrations;
///
/// let calibrations = Calibrations::new();
/// assert_eq!(calibrations.predict("some-model", Some("a"), 1_000), 1_000);
/// for count in [1_000, 2_000, 3_000, 10_000] {
///     calibrations.record("some-model", "a", count, count + 300);
/// }
/// assert_eq!(calibrations.predict("some-model", Some("a"), 12_000), 12_300);
/// ```
#[derive(Debug, Default)]
pub struct Calibrations {
    models: Mutex<Models>,
}

#[derive(Debug, Default)]
struct Models {
    by_name: HashMap<String, State>,
    tick: u64,
}

/// One model.
#[derive(Debug)]
struct State {
    known: Known,
    agents: HashMap<String, Track>,
    /// Of the agents.
    name_bytes: usize,
    errors: Vec<f32>,
    samples: u64,
    outliers: u64,
    used: u64,
}

impl State {
    fn new(is_exact: bool) -> Self {
        Self {
            known: Known::new(is_exact),
            agents: HashMap::new(),
            name_bytes: 0,
            errors: Vec::new(),
            samples: 0,
            outliers: 0,
            used: 0,
        }
    }

    fn held_bytes(&self) -> usize {
        self.known.held_bytes()
            + table_bytes(self.agents.capacity(), size_of::<(String, Track)>())
            + self.name_bytes
            + self.errors.capacity() * size_of::<f32>()
    }

    fn predict(&self, agent: Option<&str>, count: f64) -> f64 {
        match agent.and_then(|agent| self.agents.get(agent)) {
            Some(track) => track.at(&self.known, count),
            None => self.known.at(count),
        }
    }

    fn note_error(&mut self, error: f64) {
        // A share: f32 is plenty.
        #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
        let error = error as f32;
        let place = usize::try_from(self.samples % ERRORS as u64).unwrap_or(0);
        if let Some(old) = self.errors.get_mut(place) { *old = error } else { self.errors.push(error) }
    }
}

impl Calibrations {
    /// Nothing is known: every prediction is the count itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in that a call of `agent` for which `predicted` tokens were counted had `reported` prompt tokens, cached ones
    /// included. A call where either is 0 says nothing and is ignored. Amortized O(1).
    pub fn record(&self, model: &str, agent: &str, predicted: u64, reported: u64) {
        if predicted == 0 || reported == 0 {
            return;
        }
        let name = models::normalized(model);
        let mut models = self.models.lock();
        models.tick += 1;
        let tick = models.tick;
        if !models.by_name.contains_key(&name) {
            give_up_oldest(&mut models.by_name, MAX_MODELS, |state| state.used);
        }
        let state = models.by_name.entry(name).or_insert_with(|| State::new(models::find(model).is_exact));
        state.used = tick;
        let point = Point { count: predicted as f64, tokens: reported as f64 };
        state.note_error((state.predict(Some(agent), point.count) / point.tokens - 1.0).abs());
        state.samples += 1;
        if let Some(track) = state.agents.get_mut(agent) {
            track.used = tick;
            let taken = track.take(&mut state.known, point);
            state.outliers += u64::from(!taken);
        } else {
            state.name_bytes -= give_up_oldest(&mut state.agents, MAX_AGENTS, |track| track.used);
            state.name_bytes += agent.len();
            state.agents.insert(agent.to_owned(), Track::new(&mut state.known, point, tick));
        }
    }

    /// The prompt tokens to expect of a call of `agent` for which `count` tokens were counted: `count` itself while nothing
    /// is known about the model, and what holds for the model where the agent is new or `None`. O(1).
    pub fn predict(&self, model: &str, agent: Option<&str>, count: u64) -> u64 {
        let name = models::normalized(model);
        let models = self.models.lock();
        models.by_name.get(&name).map_or(count, |state| whole(state.predict(agent, count as f64)))
    }

    /// The tokens that `count` tokens of text are for the model, without anything around: `count × slope`. The
    /// count itself while nothing is known, and always where the model's own encoding is counted. O(1).
    pub fn text(&self, model: &str, count: u64) -> u64 {
        let name = models::normalized(model);
        let models = self.models.lock();
        let state = models.by_name.get(&name).filter(|state| !state.known.is_exact());
        state.map_or(count, |state| whole(state.known.slope() * count as f64))
    }

    /// What is known about a model; `None` before its first report. O(1).
    pub fn calibration(&self, model: &str) -> Option<Calibration> {
        let name = models::normalized(model);
        let models = self.models.lock();
        let state = models.by_name.get(&name)?;
        let mut errors: Vec<f64> = state.errors.iter().map(|error| f64::from(*error)).collect();
        Some(Calibration {
            samples: state.samples,
            outliers: state.outliers,
            slope: state.known.slope(),
            intercept: state.known.intercept(),
            median_error: line::median(&mut errors).unwrap_or(0.0),
        })
    }

    /// Forgets an agent in all models, for when its conversation begins anew with other tools or another system prompt. What
    /// the models learnt from it stays. O(models).
    pub fn reset_agent(&self, agent: &str) {
        for state in self.models.lock().by_name.values_mut() {
            state.agents.remove(agent);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.models.lock() = Models::default();
    }
}

/// Makes room for one more. An eighth goes at once, so that the sort is paid rarely. Bytes of the names that went.
fn give_up_oldest<T>(entries: &mut HashMap<String, T>, most: usize, used: impl Fn(&T) -> u64) -> usize {
    if entries.len() < most {
        return 0;
    }
    let mut ticks: Vec<u64> = entries.values().map(&used).collect();
    ticks.sort_unstable();
    let newest_given_up = ticks[ticks.len() / 8];
    let mut gone = 0;
    entries.retain(|name, entry| {
        let is_kept = used(entry) > newest_given_up;
        gone += if is_kept { 0 } else { name.len() };
        is_kept
    });
    gone
}

/// To whole tokens.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn whole(tokens: f64) -> u64 {
    tokens.round() as u64
}

impl Footprint for Calibrations {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let models = self.models.lock();
        let tables = table_bytes(models.by_name.capacity(), size_of::<(String, State)>());
        // Few models, at most 64.
        let each = models.by_name.iter().map(|(name, state)| name.capacity() + state.held_bytes());
        row("token calibrations", (tables + each.sum::<usize>()) as u64);
    }

    fn relieve(&self, _: Relief) {
        // Nobody else has what was reported.
    }
}

#[cfg(test)]
mod tests;
