//! The time that alerts took, as stretches of a chart: those that overlap or touch are one, so that ten thousand alerts draw no
//! more than fits side by side.

use std::sync::Arc;

use super::timeline::{Timeline, WIDTH};
use crate::monitor::alerts::Alert;

/// A stretch is at least this wide, to be seen: two pixels of a small screen.
const LEAST: f64 = 8.0;
/// Stretches nearer than this are drawn as one.
const JOINED: f64 = 4.0;

/// From where to where, from the left. O(n log n).
pub(crate) fn spans<'a>(
    alerts: impl Iterator<Item = &'a Arc<Alert>>,
    timeline: &Timeline<'_>,
) -> Vec<(f64, f64)> {
    let (start, end) = (timeline.start_ms(), timeline.end_ms());
    let mut found: Vec<(f64, f64)> = alerts
        .filter_map(|alert| {
            let to = alert.resolved_at.unwrap_or(if alert.resolved { alert.timestamp } else { end });
            let to = to.max(alert.timestamp);
            (to >= start && alert.timestamp <= end).then(|| {
                let from = timeline.x(alert.timestamp).min(WIDTH - LEAST);
                (from, timeline.x(to).max(from + LEAST))
            })
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (from, to) in found {
        match joined.last_mut() {
            Some(last) if from <= last.1 + JOINED => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::alerts::{Component, Level};
    use crate::monitor::report::test_data::{START_MS, alert, row};

    fn found(alerts: &[(u64, Option<u64>)]) -> Vec<(f64, f64)> {
        // 3,000 s: one unit of the chart is a second.
        let rows = [row(START_MS), row(START_MS + 3_000_000)];
        let timeline = Timeline::new(&rows, 0).expect("samples");
        let make = |(second, lasted): &(u64, Option<u64>)| {
            let lasted_ms = lasted.map(|seconds| seconds * 1000);
            Arc::new(alert(
                START_MS - 1_000_000 + second * 1000,
                Level::Warning,
                Component::Cpu,
                "x",
                lasted_ms,
            ))
        };
        let alerts: Vec<_> = alerts.iter().map(make).collect();
        spans(alerts.iter(), &timeline)
    }

    #[test]
    fn alerts_that_overlap_are_one_stretch() {
        assert_eq!(
            found(&[(1500, Some(100)), (1100, Some(50)), (1550, Some(20))]),
            [(100.0, 150.0), (500.0, 600.0)]
        );
    }

    #[test]
    fn a_short_one_is_seen_and_an_open_one_reaches_the_end() {
        assert_eq!(found(&[(1100, Some(0)), (3900, None)]), [(100.0, 108.0), (2900.0, 3000.0)]);
        assert_eq!(found(&[(4000, None)]), [(2992.0, 3000.0)]);
    }

    #[test]
    fn alerts_of_other_times_are_left_out() {
        assert_eq!(found(&[(10, Some(100)), (900, Some(150)), (5000, None)]), [(0.0, 50.0)]);
    }

    #[test]
    fn ten_thousand_alerts_are_few_stretches() {
        let many: Vec<_> = (0..10_000).map(|index| (1000 + index * 3 / 10, Some(0))).collect();
        assert_eq!(found(&many), [(0.0, 3000.0)]);
    }
}
