//! Many rows as one: what is left of samples when they are old.
//!
//! A pure function. Rows that follow one another in the same stretch of time become one, which stands at the time of the last and
//! for the time of all of them:
//!
//! | figure | of the rows joined |
//! | --- | --- |
//! | counters, shares since the start, `uptime` | the last |
//! | gauges | the mean, weighted by the time that a row stands for |
//! | `performance.p50`, `performance.errorRate` | the mean, weighted by requests |
//! | maxima, and 95 % and 99 % of the requests or delays of an interval | the maximum: an upper bound of the true one |
//! | operations: count, errors | the sum |
//! | operations: mean, p50 | the mean, weighted by requests |
//! | operations: p95, p99, max | the maximum |
//!
//! What is absent has no part in it. A row in which a counter went back (the process was started again) is joined with none:
//! the increase over a span, counted as every reader of counters does it, stays what it was.

use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Figures, Kind, Metric};

/// `rows` in their order, those in one stretch of `step_ms` joined.
pub(crate) fn join(rows: &[SampleRow], step_ms: u64) -> Vec<SampleRow> {
    let mut groups = Groups::default();
    let mut joined = Vec::new();
    let mut start = 0;
    for (at, row) in rows.iter().enumerate() {
        if groups.begins_another(row, step_ms) && start < at {
            joined.push(one(&rows[start..at]));
            start = at;
        }
    }
    if start < rows.len() {
        joined.push(one(&rows[start..]));
    }
    joined
}

/// Where a group ends.
#[derive(Default)]
struct Groups {
    stretch: Option<u64>,
    /// The last value of each counter, whatever the group.
    counters: Figures,
    went_back: bool,
}

impl Groups {
    fn begins_another(&mut self, row: &SampleRow, step_ms: u64) -> bool {
        let stretch = Some(row.at_ms / step_ms.max(1));
        let mut goes_back = false;
        for (metric, value) in row.figures.iter().filter(|(metric, _)| metric.row().kind == Kind::Counter) {
            goes_back |= self.counters.get(metric).is_some_and(|before| value < before);
            self.counters.set(metric, value);
        }
        let begins = stretch != self.stretch || goes_back || self.went_back;
        (self.stretch, self.went_back) = (stretch, goes_back);
        begins
    }
}

/// How a figure of many rows becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Last,
    Mean,
    MeanByRequests,
    Maximum,
}

fn rule_of(metric: Metric) -> Rule {
    use Metric as M;
    match metric {
        M::LoopP99
        | M::LoopMax
        | M::GcMax
        | M::ResponseTime
        | M::ResponseP99
        | M::ResponseMax
        | M::SlowestP95 => Rule::Maximum,
        M::ResponseP50 | M::ErrorRate => Rule::MeanByRequests,
        // Each holds for the whole time since the start.
        M::CacheHitRate
        | M::CacheL1HitRate
        | M::CacheL2HitRate
        | M::CacheL3HitRate
        | M::TokensCost
        | M::Uptime => Rule::Last,
        other if other.row().kind == Kind::Counter => Rule::Last,
        _ => Rule::Mean,
    }
}

/// One row of some; they are not none.
fn one(rows: &[SampleRow]) -> SampleRow {
    let [_, .., last] = rows else { return rows[0].clone() };
    let mut figures = Figures::default();
    for &metric in Metric::ALL {
        let values = || rows.iter().filter_map(|row| Some((row, row.figures.get(metric)?)));
        figures.set(
            metric,
            match rule_of(metric) {
                Rule::Last => values().next_back().map(|(_, value)| value),
                Rule::Maximum => values().map(|(_, value)| value).reduce(f64::max),
                Rule::Mean => mean(values().map(|(row, value)| (value, time(row)))),
                Rule::MeanByRequests => mean(values().map(|(row, value)| (value, requests(row)))),
            },
        );
    }
    let interval_ms = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.interval_ms));
    SampleRow { at_ms: last.at_ms, interval_ms, figures, operations: operations(rows) }
}

fn time(row: &SampleRow) -> f64 {
    row.interval_ms.max(1) as f64
}

/// Requests of the interval, as far as is known.
fn requests(row: &SampleRow) -> f64 {
    time(row) * row.figures.get(Metric::Throughput).filter(|rate| *rate > 0.0).unwrap_or(f64::MIN_POSITIVE)
}

/// The weighted mean; never beyond the values, whatever rounding does.
fn mean(values: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let least = values.clone().map(|(value, _)| value).reduce(f64::min)?;
    let most = values.clone().map(|(value, _)| value).reduce(f64::max)?;
    let total: f64 = values.clone().map(|(_, weight)| weight).sum();
    let mean: f64 = values.map(|(value, weight)| value * (weight / total)).sum();
    // Not a number where the values are beyond what can be added up.
    Some(if mean.is_finite() { mean.clamp(least, most) } else { most })
}

fn operations(rows: &[SampleRow]) -> Vec<OperationRow> {
    let mut all: Vec<&OperationRow> = rows.iter().flat_map(|row| &row.operations).collect();
    all.sort_by_key(|operation| &operation.name);
    all.chunk_by(|a, b| a.name == b.name).map(one_operation).collect()
}

fn one_operation(rows: &[&OperationRow]) -> OperationRow {
    let sum =
        |part: fn(&OperationRow) -> u64| rows.iter().fold(0, |sum: u64, row| sum.saturating_add(part(row)));
    let figures = |part: fn(&OperationRow) -> f64| {
        let weighted = rows.iter().map(move |row| (part(row), row.count.max(1) as f64));
        weighted.filter(|(value, _)| value.is_finite())
    };
    let mean = |part| mean(figures(part)).unwrap_or(f64::NAN);
    let most = |part| figures(part).map(|(value, _)| value).reduce(f64::max).unwrap_or(f64::NAN);
    OperationRow {
        name: rows[0].name.clone(),
        count: sum(|row| row.count),
        errors: sum(|row| row.errors),
        mean_ms: mean(|row| row.mean_ms),
        p50_ms: mean(|row| row.p50_ms),
        p95_ms: most(|row| row.p95_ms),
        p99_ms: most(|row| row.p99_ms),
        max_ms: most(|row| row.max_ms),
    }
}

#[cfg(test)]
mod tests;
