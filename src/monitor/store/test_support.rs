//! Rows for tests of the store.

use proptest::prelude::*;

use super::number::kept;
use crate::monitor::sample::{OperationRow, SampleRow};
use crate::telemetry::metric::{Figures, Kind, Metric};

/// A row with these figures; NaN is absent.
pub(super) fn row_of(at_ms: u64, interval_ms: u64, figures: &[(Metric, f64)]) -> SampleRow {
    let mut row = SampleRow { at_ms, interval_ms, figures: Figures::default(), operations: Vec::new() };
    for &(metric, value) in figures {
        row.figures.set(metric, value);
    }
    row
}

/// An operation whose latencies are multiples of its mean.
pub(super) fn operation(name: &str, count: u64, errors: u64, mean_ms: f64) -> OperationRow {
    OperationRow {
        name: name.into(),
        count,
        errors,
        mean_ms,
        p50_ms: mean_ms * 0.75,
        p95_ms: mean_ms * 2.0,
        p99_ms: mean_ms * 3.0,
        max_ms: mean_ms * 4.0,
    }
}

/// Noise between 0 and 1, the same for the same seed.
fn noise(seed: u64) -> f64 {
    let mixed = xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes());
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Sample `at` of a system at work, one per 10 s: every figure of the table and five operations. Gauges move, counters
/// grow, and limits stay, as they do.
pub(super) fn busy_row(at: u64) -> SampleRow {
    let mut row = row_of(1_767_225_600_000 + 10_000 * at + at % 3, 10_000, &[]);
    for (place, &metric) in (0_u64..).zip(Metric::ALL) {
        let table = metric.row();
        let is_limit =
            table.path.contains("imit") || table.path.contains("maxSize") || table.path == "cpu.cores";
        let chance = noise(at * 1000 + place);
        let value = match (is_limit, table.kind) {
            (true, _) => 2048.0,
            (false, Kind::Counter) => (at as f64 * (place as f64 + 1.0) + 10.0 * chance).floor(),
            (false, Kind::Gauge) => 100.0 + (at as f64 / 500.0).sin() * 20.0 + chance,
        };
        row.figures.set(metric, value);
    }
    for (place, name) in
        (100..).zip(["cache.get", "cache.set", "filter.optimize", "optimizeAgentContext", "tokens.diff"])
    {
        let chance = noise(at * 1000 + place);
        row.operations.push(operation(name, 100 + at % 50, 0, 1.0 + chance));
    }
    row
}

/// Any row, with absent figures, odd values and up to four operations.
pub(super) fn any_row() -> impl Strategy<Value = SampleRow> {
    let figure = prop_oneof![
        Just(f64::NAN),
        Just(0.0),
        any::<f64>(),
        -1e3..1e6_f64,
        (0..1000_u32).prop_map(f64::from)
    ];
    let latency = prop_oneof![0.0..1e4_f64, (0..100_u32).prop_map(f64::from)];
    let one = ("[a-c]{1,2}", 1..1_u64 << 50, 0..5_u64, latency)
        .prop_map(|(name, count, errors, mean_ms)| operation(&name, count, errors, mean_ms));
    let figures = prop::collection::vec((prop::sample::select(Metric::ALL), figure), 0..30);
    (any::<u64>(), any::<u64>(), figures, prop::collection::vec(one, 0..4)).prop_map(
        |(at_ms, interval_ms, figures, mut operations)| {
            operations.sort_by(|a, b| a.name.cmp(&b.name));
            operations.dedup_by(|a, b| a.name == b.name);
            SampleRow { operations, ..row_of(at_ms, interval_ms, &figures) }
        },
    )
}

/// What the store keeps of a row.
pub(super) fn kept_of(row: &SampleRow) -> SampleRow {
    let mut row = row.clone();
    for (metric, value) in row.figures.clone().iter() {
        row.figures.set(metric, if metric.row().kind == Kind::Counter { value } else { kept(value) });
    }
    for one in &mut row.operations {
        for value in [&mut one.mean_ms, &mut one.p50_ms, &mut one.p95_ms, &mut one.p99_ms, &mut one.max_ms] {
            *value = kept(*value);
        }
    }
    row
}

/// A row as text: absent figures are NaN, which is not equal to itself.
pub(super) fn text(row: &SampleRow) -> String {
    format!("{row:?}").replace("-0.0,", "0.0,").replace("-0.0}", "0.0}")
}

/// All of them.
pub(super) fn texts(rows: &[SampleRow]) -> Vec<String> {
    rows.iter().map(text).collect()
}
