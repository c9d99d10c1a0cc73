//! How memory was over the last hours.
//!
//! Keeps points and says when the next is due; it takes none itself. Points
//! stand in the order in which they came, which is that of monotonic time: a
//! wall clock that jumps changes what a point says of when it was, but neither
//! the order nor how long the point is kept.

use std::collections::VecDeque;

use serde::Serialize;

use super::stats::megabytes;
use crate::base::units::round2;

/// Hours are told in steps of seconds: enough to see a leak, little to keep.
const INTERVAL_MS: u64 = 10_000;

/// About 2.8 hours of points one interval apart.
const MAX_POINTS: usize = 1_000;

/// One day. Time in which the machine was suspended does not count.
const MAX_AGE_MS: u64 = 86_400_000;

/// Memory at one moment, sizes in bytes. Serialised as [`MemoryUsage`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "MemoryUsage")]
pub struct HistoryPoint {
    /// When, Unix ms.
    pub at_ms: u64,
    /// The limit that is closest.
    pub total_bytes: u64,
    /// What counts against it.
    pub used_bytes: u64,
    /// That in percent of the limit; may exceed 100.
    pub percentage: f64,
    /// Resident set of the process.
    pub rss: u64,
    /// Part of the V8 heap in use.
    pub heap_used: Option<u64>,
    /// Memory outside the heap held by JS objects.
    pub external: Option<u64>,
    /// What this package has allocated.
    pub native: u64,
    /// Agents known.
    pub agents: u32,
    /// Agents throttled.
    pub throttled: u32,
    /// Name of the step that was taken against pressure.
    pub step: &'static str,
}

/// A [`HistoryPoint`] as JavaScript gets to see it: sizes in MB (2^20 bytes) and
/// percentages, both to two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUsage {
    /// See [`HistoryPoint::total_bytes`].
    pub total: f64,
    /// See [`HistoryPoint::used_bytes`].
    pub used: f64,
    /// `total` less `used`, 0 when over the limit.
    pub free: f64,
    /// See [`HistoryPoint::percentage`].
    pub percentage: f64,
    /// Unix ms.
    pub timestamp: u64,
    /// See [`HistoryPoint::rss`].
    pub rss: f64,
    /// See [`HistoryPoint::heap_used`].
    pub heap_used: Option<f64>,
    /// See [`HistoryPoint::external`].
    pub external: Option<f64>,
    /// See [`HistoryPoint::native`].
    pub native: f64,
    /// See [`HistoryPoint::agents`].
    pub agents: u32,
    /// See [`HistoryPoint::throttled`].
    pub throttled: u32,
    /// See [`HistoryPoint::step`].
    pub step: &'static str,
}

impl From<HistoryPoint> for MemoryUsage {
    fn from(point: HistoryPoint) -> Self {
        Self {
            total: megabytes(point.total_bytes),
            used: megabytes(point.used_bytes),
            free: megabytes(point.total_bytes.saturating_sub(point.used_bytes)),
            percentage: round2(point.percentage),
            timestamp: point.at_ms,
            rss: megabytes(point.rss),
            heap_used: point.heap_used.map(megabytes),
            external: point.external.map(megabytes),
            native: megabytes(point.native),
            agents: point.agents,
            throttled: point.throttled,
            step: point.step,
        }
    }
}

/// The last points: at most 1,000, none older than 24 hours. At most 140 KB.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Monotonic ms and the point of that time, oldest first.
    points: VecDeque<(u64, HistoryPoint)>,
    /// Monotonic ms of the last point, kept when the point is not.
    last_ms: Option<u64>,
}

impl History {
    /// Whether the last point is 10 s old, in monotonic time, or there is none.
    pub(crate) fn due(&self, now_ms: u64) -> bool {
        self.last_ms.is_none_or(|last| now_ms.saturating_sub(last) >= INTERVAL_MS)
    }

    /// Notes that there was no figure for the point that was due.
    pub(crate) fn skip(&mut self, now_ms: u64) {
        self.last_ms = Some(self.last_ms.map_or(now_ms, |last| last.max(now_ms)));
    }

    /// Adds a point of monotonic time `now_ms` and drops the ones that are too
    /// many or too old. Also if it is not due.
    pub(crate) fn push(&mut self, now_ms: u64, point: HistoryPoint) {
        // Two threads may come in the wrong order; ages must not.
        let now_ms = self.last_ms.map_or(now_ms, |last| last.max(now_ms));
        self.last_ms = Some(now_ms);
        while self.points.len() >= MAX_POINTS || self.oldest_is_too_old(now_ms) {
            self.points.pop_front();
        }
        self.points.push_back((now_ms, point));
    }

    /// The points that are not too old at monotonic time `now_ms`, oldest first.
    pub(crate) fn points(&self, now_ms: u64) -> impl Iterator<Item = &HistoryPoint> {
        self.points.iter().skip_while(move |(at, _)| is_too_old(*at, now_ms)).map(|(_, point)| point)
    }

    fn oldest_is_too_old(&self, now_ms: u64) -> bool {
        self.points.front().is_some_and(|(at, _)| is_too_old(*at, now_ms))
    }
}

fn is_too_old(at_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(at_ms) > MAX_AGE_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MB: u64 = 1 << 20;

    fn point(at_ms: u64) -> HistoryPoint {
        HistoryPoint {
            at_ms,
            total_bytes: 1000 * MB,
            used_bytes: 250 * MB,
            percentage: 25.0,
            rss: 240 * MB,
            heap_used: None,
            external: None,
            native: 0,
            agents: 0,
            throttled: 0,
            step: "normal",
        }
    }

    fn times(history: &History, now_ms: u64) -> Vec<u64> {
        history.points(now_ms).map(|point| point.at_ms).collect()
    }

    #[test]
    fn a_point_is_due_every_ten_seconds() {
        let mut history = History::default();
        assert!(history.due(0));
        history.push(5, point(0));
        assert!(!history.due(5) && !history.due(10_004) && history.due(10_005));
        assert!(!history.due(0));
    }

    #[test]
    fn it_is_not_due_again_because_its_points_have_gone() {
        let mut history = History::default();
        history.push(MAX_AGE_MS * 3, point(1));
        assert!(times(&history, MAX_AGE_MS * 4 + 1).is_empty());
        assert!(!history.due(MAX_AGE_MS * 3 + 9_999));
    }

    #[test]
    fn a_point_without_figures_is_due_ten_seconds_later_too() {
        let mut history = History::default();
        history.skip(5);
        assert!(!history.due(10_004) && history.due(10_005));
        assert!(times(&history, 10_005).is_empty());
    }

    #[test]
    fn at_most_a_thousand_points_are_kept_the_latest() {
        let mut history = History::default();
        for index in 0..1_500 {
            history.push(index * INTERVAL_MS, point(index));
        }
        let kept = times(&history, 1_499 * INTERVAL_MS);
        assert_eq!(kept, (500..1_500).collect::<Vec<u64>>());
    }

    #[test]
    fn points_of_more_than_a_day_ago_are_not_shown_and_go_with_the_next() {
        let mut history = History::default();
        history.push(0, point(1));
        history.push(1000, point(2));
        assert_eq!(times(&history, MAX_AGE_MS), [1, 2]);
        assert_eq!(times(&history, MAX_AGE_MS + 1), [2]);
        history.push(MAX_AGE_MS + 1001, point(3));
        assert_eq!(history.points.len(), 1);
    }

    #[test]
    fn a_wall_clock_that_jumps_changes_neither_order_nor_age() {
        let mut history = History::default();
        let walls = [5_000_000_000, 9, u64::MAX, 0, 5_000_000_001];
        for (index, wall) in (0..).zip(walls) {
            history.push(index * INTERVAL_MS, point(wall));
        }
        assert_eq!(times(&history, 5 * INTERVAL_MS), walls);
    }

    #[test]
    fn a_point_is_shown_in_megabytes_with_two_decimals() {
        let full = HistoryPoint {
            used_bytes: 1000 * MB + MB / 3,
            percentage: 100.033_333,
            heap_used: Some(MB / 2),
            native: 3 * MB,
            agents: 4,
            throttled: 1,
            step: "throttleAll",
            ..point(1_767_225_600_000)
        };
        assert_eq!(
            serde_json::to_value(full).unwrap(),
            json!({
                "total": 1000.0, "used": 1000.33, "free": 0.0, "percentage": 100.03,
                "timestamp": 1_767_225_600_000_u64, "rss": 240.0, "heapUsed": 0.5, "external": null,
                "native": 3.0, "agents": 4, "throttled": 1, "step": "throttleAll",
            })
        );
        let half = serde_json::to_value(point(0)).unwrap();
        assert_eq!((&half["free"], &half["heapUsed"]), (&json!(750.0), &json!(null)));
    }

    proptest! {
        #[test]
        fn it_keeps_what_a_list_that_forgets_nothing_would_show(
            steps in prop::collection::vec(0..MAX_AGE_MS / 3, 0..40),
        ) {
            let (mut history, mut all, mut now_ms) = (History::default(), Vec::new(), 0);
            for (id, step) in (0..).zip(steps) {
                now_ms += step;
                history.push(now_ms, point(id));
                all.push((now_ms, id));
                let shown = all.iter().filter(|(at, _)| now_ms - at <= MAX_AGE_MS).map(|(_, id)| *id);
                prop_assert_eq!(times(&history, now_ms), shown.collect::<Vec<u64>>());
                prop_assert_eq!(history.points.len(), times(&history, now_ms).len());
            }
        }
    }
}
