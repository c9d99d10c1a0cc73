//! One row of many: each rule by example, and what must hold for any rows.

use super::super::test_support::{any_row, operation, row_of, text, texts};
use super::*;
use proptest::prelude::*;

const MINUTE_MS: u64 = 60_000;

fn rows_of(metric: Metric, values: &[(u64, u64, Option<f64>)]) -> Vec<SampleRow> {
    let row = |&(at_ms, interval_ms, value): &(u64, u64, Option<f64>)| {
        row_of(at_ms, interval_ms, &[(metric, value.unwrap_or(f64::NAN))])
    };
    values.iter().map(row).collect()
}

#[test]
fn each_figure_is_joined_by_its_rule() {
    let values = [(1, 10_000, Some(10.0)), (2, 10_000, None), (3, 30_000, Some(2.0)), (4, 10_000, Some(3.0))];
    for (metric, expected) in [
        (Metric::CpuUsage, 3.8),
        (Metric::HealthScore, 3.8),
        (Metric::LoopP99, 10.0),
        (Metric::GcMax, 10.0),
        (Metric::ResponseTime, 10.0),
        (Metric::ResponseMax, 10.0),
        (Metric::CacheHitRate, 3.0),
        (Metric::Uptime, 3.0),
    ] {
        let joined = join(&rows_of(metric, &values), MINUTE_MS);
        assert_eq!(joined.len(), 1);
        assert_eq!((joined[0].at_ms, joined[0].interval_ms), (4, 60_000));
        let value = joined[0].figures.get(metric).expect("value");
        assert!((value - expected).abs() < 1e-9, "{}: {value}", metric.row().path);
    }
}

#[test]
fn maxima_of_the_table_are_joined_as_maxima() {
    for &metric in Metric::ALL {
        let path = metric.row().path;
        let is_tail = [".max", ".p95", ".p99", "P95"].iter().any(|end| path.ends_with(end));
        assert_eq!(rule_of(metric) == Rule::Maximum, is_tail || path == "performance.responseTime", "{path}");
    }
}

#[test]
fn error_rate_is_that_of_all_requests() {
    let row = |at, rate, throughput| {
        row_of(at, 10_000, &[(Metric::ErrorRate, rate), (Metric::Throughput, throughput)])
    };
    let joined = join(&[row(1, 100.0, 1.0), row(2, 0.0, 99.0), row(3, 0.0, 0.0)], MINUTE_MS);
    assert!((joined[0].figures.get(Metric::ErrorRate).expect("rate") - 1.0).abs() < 1e-9);
    let joined = join(&[row(1, 4.0, f64::NAN), row(2, 2.0, f64::NAN)], MINUTE_MS);
    assert!(
        (joined[0].figures.get(Metric::ErrorRate).expect("rate") - 3.0).abs() < 1e-9,
        "no throughput known"
    );
}

#[test]
fn operations_are_added_up_by_name() {
    let mut rows = rows_of(Metric::CpuUsage, &[(1, 10, None), (2, 10, None)]);
    rows[0].operations = vec![operation("a", 30, 1, 10.0), operation("b", 1, 0, 5.0)];
    rows[1].operations = vec![operation("a", 10, 2, 20.0)];
    let joined = join(&rows, MINUTE_MS).remove(0).operations;
    let names: Vec<_> = joined.iter().map(|operation| &*operation.name).collect();
    assert_eq!(names, ["a", "b"]);
    let a = &joined[0];
    assert_eq!((a.count, a.errors), (40, 3));
    assert!((a.mean_ms - 12.5).abs() < 1e-9, "{}", a.mean_ms);
    assert!((a.max_ms - 80.0).abs() < 1e-9, "{}", a.max_ms);
    assert_eq!(joined[1], rows[0].operations[1]);
}

#[test]
fn stretches_and_restarts_end_a_group() {
    let counts = |values: &[(u64, f64)]| -> Vec<f64> {
        let values: Vec<_> = values.iter().map(|(at, value)| (*at, 10_000, Some(*value))).collect();
        let joined = join(&rows_of(Metric::Requests, &values), MINUTE_MS);
        joined.iter().filter_map(|row| row.figures.get(Metric::Requests)).collect()
    };
    assert_eq!(counts(&[(0, 1.0), (50_000, 2.0), (60_000, 3.0)]), [2.0, 3.0]);
    // 10, started again, 3, 12: the row after the start stands alone, or the 3 could not be told.
    assert_eq!(counts(&[(0, 5.0), (1, 10.0), (2, 3.0), (3, 7.0), (4, 12.0)]), [10.0, 3.0, 12.0]);
    // The clock was set back: neither row is lost.
    assert_eq!(counts(&[(60_000, 1.0), (1, 2.0), (60_001, 3.0)]), [1.0, 2.0, 3.0]);
    assert_eq!(counts(&[]), [0.0; 0]);
}

/// As every reader of counters does it: one that went back began at 0 again.
fn increase(rows: &[SampleRow], metric: Metric) -> f64 {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.figures.get(metric)).collect();
    values.windows(2).map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] }).sum()
}

fn counted() -> impl Strategy<Value = Vec<SampleRow>> {
    let row = (0..200_000_u64, 0..20_000_u64, prop::option::of(0..20_u32), prop::option::of(0..20_u32));
    prop::collection::vec(row, 1..60).prop_map(|mut rows| {
        rows.sort_unstable_by_key(|row| row.0);
        let row = |(at_ms, interval_ms, a, b): (u64, u64, Option<u32>, Option<u32>)| {
            let value = |value: Option<u32>| value.map_or(f64::NAN, f64::from);
            row_of(at_ms, interval_ms, &[(Metric::Requests, value(a)), (Metric::GcCount, value(b))])
        };
        // Where counting begins, in a stretch of its own.
        let first = row_of(0, 0, &[(Metric::Requests, 0.0), (Metric::GcCount, 0.0)]);
        let rows = rows.into_iter().map(|(at_ms, interval, a, b)| row((at_ms + 120_000, interval, a, b)));
        std::iter::once(first).chain(rows).collect()
    })
}

proptest! {
    #[test]
    fn increase_of_counters_is_kept_over_restarts(rows in counted()) {
        let joined = join(&rows, MINUTE_MS);
        let again = join(&joined, 2 * MINUTE_MS);
        for metric in [Metric::Requests, Metric::GcCount] {
            prop_assert!((increase(&joined, metric) - increase(&rows, metric)).abs() < 0.5);
            prop_assert!((increase(&again, metric) - increase(&rows, metric)).abs() < 0.5, "joined twice");
        }
    }

    #[test]
    fn what_is_joined_lies_within_what_was_there(
        rows in prop::collection::vec(any_row(), 1..30),
        step_ms in prop_oneof![Just(MINUTE_MS), Just(u64::MAX), Just(0)],
    ) {
        let joined = join(&rows, step_ms);
        prop_assert!(joined.len() <= rows.len());
        let time = |rows: &[SampleRow]| rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.interval_ms));
        prop_assert_eq!(time(&joined), time(&rows));
        let requests = |rows: &[SampleRow]| {
            let counts = rows.iter().flat_map(|row| &row.operations).map(|operation| u128::from(operation.count));
            counts.sum::<u128>()
        };
        prop_assert_eq!(requests(&joined), requests(&rows));
        for &metric in Metric::ALL {
            let values = |rows: &[SampleRow]| -> Vec<f64> {
                rows.iter().filter_map(|row| row.figures.get(metric)).collect()
            };
            let (before, after) = (values(&rows), values(&joined));
            prop_assert_eq!(before.is_empty(), after.is_empty());
            let bounds = |values: &[f64]| (
                values.iter().copied().fold(f64::INFINITY, f64::min),
                values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            );
            let ((least, most), (low, high)) = (bounds(&before), bounds(&after));
            prop_assert!(least <= low && high <= most);
            prop_assert!(rule_of(metric) != Rule::Maximum || high >= most);
        }
        prop_assert_eq!(joined.last().map(|row| row.at_ms), rows.last().map(|row| row.at_ms));
    }

    #[test]
    fn rows_alone_in_their_stretch_stay_as_they_are(mut rows in prop::collection::vec(any_row(), 0..10)) {
        for (at, row) in (0..).zip(&mut rows) {
            row.at_ms = at * MINUTE_MS;
            row.operations.dedup_by(|a, b| a.name == b.name);
        }
        prop_assert_eq!(texts(&join(&rows, MINUTE_MS)), texts(&rows));
        for row in &rows {
            prop_assert_eq!(text(&join(std::slice::from_ref(row), MINUTE_MS)[0]), text(row));
        }
    }
}
