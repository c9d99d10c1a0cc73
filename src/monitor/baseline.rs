//! What is usual for this application, and when something is worse than that.
//!
//! A fixed threshold says when a figure is bad for everybody; this says when it is bad for the one it belongs to: the p95
//! latency of an operation, of all requests, and the cache's hit rate are compared with their own last day and week. Statistics are
//! robust ([`robust`]: median and MAD), so that a few wild minutes move nothing. [`window`] makes a value of a minute of
//! requests, [`rule`] has the numbers, [`series`] knows what is usual and when it is not, [`state`] survives a restart. It tells nobody; alerts do.
//!
//! How the numbers were chosen, what is found and how soon: `docs/decisions/0020-degradations.md`.

mod robust;
mod rule;
mod series;
#[cfg(test)]
mod simulation;
mod state;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::alerts::Component;
use super::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::Metric;

use rule::{HIT_RATE, LATENCY};
use series::{Edge, Episode, Series};
use window::{HitRate, Latency, Part};

pub use state::BaselineState;

/// Operations with a baseline: those that are told apart, and the rest.
pub const MAX_OPERATIONS: usize = 65;
/// An operation that is not called for a day has nothing left to compare with.
const FORGET_AFTER_MS: u64 = 86_400_000;

/// Something that is worse than usual.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Degradation {
    /// What it belongs to: `performance` or `cache`.
    pub component: Component,
    /// Its path in `SystemMetrics`.
    pub metric: String,
    /// The operation, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub operation: Option<Arc<str>>,
    /// The median of what was usual when it began, in the unit of the metric.
    pub baseline: f64,
    /// The median of the last five values.
    pub current: f64,
    /// When it began, Unix ms.
    #[serde(rename = "since")]
    pub since_ms: u64,
}

/// Why a degradation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The figure is back.
    Recovered,
    /// It lasted a day: this is what is usual now.
    Usual,
    /// There were no requests for an hour.
    Quiet,
}

/// What a sample brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Something is worse than usual.
    Began(Degradation),
    /// It no longer is.
    Ended(Degradation, End),
}

#[derive(Debug)]
struct Operation {
    window: Latency,
    series: Series,
}

impl Default for Operation {
    fn default() -> Self {
        Self { window: Latency::default(), series: Series::new(LATENCY) }
    }
}

/// All baselines of one monitor. At most 15 KB for each of 67 series.
#[derive(Debug)]
pub struct Baselines {
    all: Operation,
    hit_rate: (HitRate, Series),
    operations: BTreeMap<Arc<str>, Operation>,
}

impl Default for Baselines {
    fn default() -> Self {
        Self {
            all: Operation::default(),
            hit_rate: (HitRate::default(), Series::new(HIT_RATE)),
            operations: BTreeMap::new(),
        }
    }
}

impl Baselines {
    /// Takes note of a sample, as it was taken: not of joined ones. Samples come in order of time.
    pub fn observe(&mut self, row: &SampleRow) -> Vec<Change> {
        let mut changes = Vec::new();
        let (at_ms, interval_ms) = (row.at_ms, row.interval_ms);

        for of_row in &row.operations {
            let Some(operation) = self.operation(&of_row.name, at_ms) else { continue };
            let edge = operation.observe(at_ms, interval_ms, Part::from(of_row));
            changes.extend(edge.map(|edge| change(edge, |episode| of_operation(&of_row.name, episode))));
        }
        if let Some(part) = all_of(row) {
            let edge = self.all.observe(at_ms, interval_ms, part);
            changes.extend(edge.map(|edge| change(edge, of_all)));
        }
        let counters = row.figures.get(Metric::CacheHits).zip(row.figures.get(Metric::CacheMisses));
        if let Some((hits, misses)) = counters {
            let (window, series) = &mut self.hit_rate;
            let value = window.add(at_ms, interval_ms, hits, misses);
            let edge = value.and_then(|value| series.add(at_ms, value));
            changes.extend(edge.map(|edge| change(edge, of_hit_rate)));
        }
        self.look(at_ms, &mut changes);
        changes
    }

    /// What is worse than usual now, by operation; those over all at the end.
    pub fn degradations(&self) -> Vec<Degradation> {
        let operations = self.operations.iter();
        let mut all: Vec<_> = operations
            .filter_map(|(name, operation)| Some(of_operation(name, *operation.series.episode()?)))
            .collect();
        all.extend(self.all.series.episode().map(|episode| of_all(*episode)));
        all.extend(self.hit_rate.1.episode().map(|episode| of_hit_rate(*episode)));
        all
    }

    /// What it holds.
    pub fn held_bytes(&self) -> usize {
        let of = |operation: &Operation| operation.window.held_bytes() + operation.series.held_bytes();
        let entry = size_of::<(Arc<str>, Operation)>();
        let operations: usize =
            self.operations.iter().map(|(name, operation)| name.len() + entry + of(operation)).sum();
        size_of::<Self>() + of(&self.all) + self.hit_rate.1.held_bytes() + operations
    }

    /// The one of this name; `None` when there are too many.
    fn operation(&mut self, name: &Arc<str>, now_ms: u64) -> Option<&mut Operation> {
        if !self.operations.contains_key(name) && self.operations.len() >= MAX_OPERATIONS {
            self.operations
                .retain(|_, operation| now_ms.saturating_sub(operation.series.last_ms()) < FORGET_AFTER_MS);
            if self.operations.len() >= MAX_OPERATIONS {
                return None;
            }
        }
        Some(self.operations.entry(Arc::clone(name)).or_default())
    }

    /// Ends what is not called any more.
    fn look(&mut self, now_ms: u64, changes: &mut Vec<Change>) {
        for (name, operation) in &mut self.operations {
            let edge = operation.series.look(now_ms);
            changes.extend(edge.map(|edge| change(edge, |episode| of_operation(name, episode))));
        }
        changes.extend(self.all.series.look(now_ms).map(|edge| change(edge, of_all)));
        changes.extend(self.hit_rate.1.look(now_ms).map(|edge| change(edge, of_hit_rate)));
    }
}

impl Operation {
    fn observe(&mut self, at_ms: u64, interval_ms: u64, part: Part) -> Option<Edge> {
        let value = self.window.add(at_ms, interval_ms, part)?;
        self.series.add(at_ms, value)
    }
}

impl From<&OperationRow> for Part {
    fn from(row: &OperationRow) -> Self {
        Self { count: row.count, p50: row.p50_ms, p95: row.p95_ms, p99: row.p99_ms, max: row.max_ms }
    }
}

/// All requests of a sample; `None` without any.
fn all_of(row: &SampleRow) -> Option<Part> {
    let figure = |metric| row.figures.get(metric);
    Some(Part {
        count: row.operations.iter().map(|operation| operation.count).sum(),
        p50: figure(Metric::ResponseP50)?,
        p95: figure(Metric::ResponseTime)?,
        p99: figure(Metric::ResponseP99)?,
        max: figure(Metric::ResponseMax)?,
    })
}

fn change(edge: Edge, degradation: impl Fn(Episode) -> Degradation) -> Change {
    match edge {
        Edge::Began(episode) => Change::Began(degradation(episode)),
        Edge::Ended(episode, end) => Change::Ended(degradation(episode), end),
    }
}

fn of_operation(name: &Arc<str>, episode: Episode) -> Degradation {
    let metric = format!("operations.{name}.p95");
    degradation(Component::Performance, metric, Some(Arc::clone(name)), episode)
}

fn of_all(episode: Episode) -> Degradation {
    degradation(Component::Performance, Metric::ResponseTime.row().path.into(), None, episode)
}

fn of_hit_rate(episode: Episode) -> Degradation {
    degradation(Component::Cache, Metric::CacheRecentHitRate.row().path.into(), None, episode)
}

fn degradation(
    component: Component,
    metric: String,
    operation: Option<Arc<str>>,
    Episode { usual, since_ms, current }: Episode,
) -> Degradation {
    Degradation { component, metric, operation, baseline: usual.center, current, since_ms }
}

#[expect(clippy::ref_option, reason = "as serde hands it over")]
fn as_text<S: Serializer>(name: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_deref().serialize(serializer)
}

#[cfg(test)]
mod tests;
