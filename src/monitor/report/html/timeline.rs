//! The time that the page shows: its samples in order, where the process was not there, and which samples share a place in a
//! chart because there are more of them than can be told apart.

use std::fmt::Write as _;
use std::ops::Range;

use super::line::is_drawable;
use crate::monitor::sample::SampleRow;
use crate::telemetry::metric::Metric;

/// Width of every chart in its own units; more than any screen has pixels for it.
pub(crate) const WIDTH: f64 = 3000.0;
/// Up to here every sample has its own place.
const MOST_SINGLE: usize = 600;
/// Else this many places: the lowest and the highest value of each are drawn.
const PLACES: u64 = 300;
/// Something is missing where two samples are further apart than this many times what they stand for.
const GAP_FACTOR: u64 = 3;
/// Shown around the only moment there is, ms.
const LONE_MARGIN_MS: u64 = 300_000;

/// A stretch in which the process was not sampled, Unix ms.
pub(crate) type Gap = (u64, u64);

/// Samples that share a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Their indices.
    pub(crate) rows: Range<usize>,
    /// Whether something is missing before them.
    pub(crate) is_after_gap: bool,
}

/// Samples, places and gaps.
#[derive(Debug)]
pub(crate) struct Timeline<'a> {
    rows: Vec<&'a SampleRow>,
    places: Vec<Place>,
    gaps: Vec<Gap>,
    restarts: usize,
    start_ms: u64,
    end_ms: u64,
}

impl<'a> Timeline<'a> {
    /// Of samples in any order; `None` without any. `now_ms` is the end unless it cannot be. O(n log n), O(n) if they are in order.
    pub(crate) fn new(rows: &'a [SampleRow], now_ms: u64) -> Option<Self> {
        let mut rows: Vec<&SampleRow> = rows.iter().collect();
        rows.sort_by_key(|row| row.at_ms);
        let (first, last) = (rows.first()?.at_ms, rows.last()?.at_ms);
        // A clock far ahead of the samples would leave no room for them.
        let end =
            if now_ms > last && now_ms - last <= (last - first).max(LONE_MARGIN_MS) { now_ms } else { last };
        let is_moment = end == first;
        let start_ms = if is_moment { first.saturating_sub(LONE_MARGIN_MS) } else { first };
        let end_ms = if is_moment { end.saturating_add(LONE_MARGIN_MS) } else { end };
        let mut timeline = Self { rows, places: Vec::new(), gaps: Vec::new(), restarts: 0, start_ms, end_ms };
        let is_after_gap = timeline.find_gaps();
        timeline.find_places(&is_after_gap);
        Some(timeline)
    }

    /// Fills `gaps` and `restarts`; says for each sample whether something is missing before it.
    fn find_gaps(&mut self) -> Vec<bool> {
        let mut distances: Vec<u64> =
            self.rows.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect();
        let middle = distances.len() / 2;
        let usual = if distances.is_empty() { 0 } else { *distances.select_nth_unstable(middle).1 };
        let mut found = vec![false; self.rows.len()];
        for (index, pair) in self.rows.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            let is_restart = is_restart(before, after);
            self.restarts += usize::from(is_restart);
            // The first sample of a process may claim the time since the last one of another.
            let stands_for =
                if is_restart { before.interval_ms } else { before.interval_ms.max(after.interval_ms) };
            let usual = if is_restart { usual.min(before.interval_ms) } else { usual };
            if after.at_ms - before.at_ms > GAP_FACTOR.saturating_mul(stands_for.max(usual)) {
                found[index + 1] = true;
                self.gaps.push((before.at_ms, after.at_ms));
            }
        }
        if let Some(last) = self.rows.last()
            && self.rows.len() > 1
            && self.end_ms - last.at_ms > GAP_FACTOR.saturating_mul(last.interval_ms.max(usual))
        {
            self.gaps.push((last.at_ms, self.end_ms));
        }
        found
    }

    fn find_places(&mut self, is_after_gap: &[bool]) {
        let is_single = self.rows.len() <= MOST_SINGLE;
        let per_place = ((self.end_ms - self.start_ms) / PLACES).max(1);
        let place_of = |row: &SampleRow| (row.at_ms - self.start_ms) / per_place;
        let mut from = 0;
        for index in 1..=self.rows.len() {
            let is_end = index == self.rows.len()
                || is_single
                || is_after_gap[index]
                || place_of(self.rows[index]) != place_of(self.rows[from]);
            if is_end {
                self.places.push(Place { rows: from..index, is_after_gap: is_after_gap[from] });
                from = index;
            }
        }
    }

    /// The samples, oldest first; at least one.
    pub(crate) fn rows(&self) -> &[&'a SampleRow] {
        &self.rows
    }

    /// The places, from the left; at least one.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where nothing was sampled.
    pub(crate) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How often the process was started anew.
    pub(crate) fn restarts(&self) -> usize {
        self.restarts
    }

    /// The first moment, Unix ms.
    pub(crate) fn start_ms(&self) -> u64 {
        self.start_ms
    }

    /// The last, later than the first.
    pub(crate) fn end_ms(&self) -> u64 {
        self.end_ms
    }

    /// Where a moment stands, 0 to `WIDTH`.
    pub(crate) fn x(&self, at_ms: u64) -> f64 {
        let since = at_ms.clamp(self.start_ms, self.end_ms) - self.start_ms;
        (since as f64 / (self.end_ms - self.start_ms) as f64 * WIDTH).round()
    }

    /// For the script: the first moment in ms and the distances from there to the middle of each place, one after the other.
    pub(crate) fn times(&self) -> String {
        let middles = self.places.iter().map(|place| {
            let (first, last) = (self.rows[place.rows.start].at_ms, self.rows[place.rows.end - 1].at_ms);
            first + (last - first) / 2
        });
        times(middles)
    }
}

/// Moments as the script reads them: each as the distance from the one before, the first from 1970.
pub(crate) fn times(moments: impl Iterator<Item = u64>) -> String {
    let mut out = String::new();
    let mut before = 0;
    for at in moments {
        let separator = if out.is_empty() { "" } else { " " };
        write!(out, "{separator}{}", at.saturating_sub(before)).expect("invariant: a text takes any text");
        before = at;
    }
    out
}

/// Whether the later sample is of another process.
fn is_restart(before: &SampleRow, after: &SampleRow) -> bool {
    match (before.figures.get(Metric::Uptime), after.figures.get(Metric::Uptime)) {
        (Some(before), Some(after)) => after < before,
        _ => false,
    }
}

/// How much a counter grew with each sample: from the sample before, from 0 where it began anew, nothing where it is unknown.
pub(crate) fn growth(rows: &[&SampleRow], counter: Metric) -> Vec<Option<f64>> {
    let mut before: Option<&SampleRow> = None;
    let mut grown = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(now) = row.figures.get(counter).filter(|value| is_drawable(*value)) else {
            grown.push(None);
            continue;
        };
        let since = match before {
            Some(before) if is_restart(before, row) => Some(0.0),
            Some(before) => before.figures.get(counter).map(|old| if old > now { 0.0 } else { old }),
            // The first sample of a process that has just begun counts from 0; of an older one nothing is known before.
            None => row
                .figures
                .get(Metric::Uptime)
                .filter(|s| s * 1000.0 <= row.interval_ms as f64 * 1.5)
                .map(|_| 0.0),
        };
        grown.push(since.map(|since| (now - since).max(0.0)));
        before = Some(row);
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::report::test_data::{START_MS, day, row, row_with};

    fn rows_at(seconds: &[u64]) -> Vec<SampleRow> {
        seconds.iter().map(|second| row(START_MS + second * 1000)).collect()
    }

    #[test]
    fn no_sample_no_timeline() {
        assert!(Timeline::new(&[], START_MS).is_none());
    }

    #[test]
    fn one_sample_has_time_around_it() {
        let rows = rows_at(&[0]);
        let timeline = Timeline::new(&rows, START_MS).expect("a sample");
        assert!((timeline.x(START_MS) - WIDTH / 2.0).abs() < 1.0);
        assert_eq!(timeline.places().len(), 1);
        assert!(timeline.gaps().is_empty());
    }

    #[test]
    fn missing_samples_are_a_gap() {
        for (seconds, now, gaps) in [
            (&[0, 10, 20, 30, 40][..], 45, &[][..]),
            (&[0, 10, 20, 60, 70], 70, &[(20, 60)]),
            (&[0, 10, 20, 49, 60], 60, &[]),
            (&[0, 10, 20], 300, &[(20, 300)]),
            // In reversed order, and one twice.
            (&[70, 60, 60, 20, 10, 0], 70, &[(20, 60)]),
        ] {
            let rows = rows_at(seconds);
            let timeline = Timeline::new(&rows, START_MS + now * 1000).expect("samples");
            let found: Vec<_> = timeline
                .gaps()
                .iter()
                .map(|(from, to)| ((from - START_MS) / 1000, (to - START_MS) / 1000))
                .collect();
            assert_eq!(found, gaps, "{seconds:?}");
        }
    }

    #[test]
    fn a_restart_is_a_gap_even_if_its_first_sample_claims_the_time() {
        let mut rows: Vec<SampleRow> = [(0, 100.0), (10, 110.0), (20, 120.0), (500, 5.0), (510, 15.0)]
            .map(|(second, uptime)| row_with(START_MS + second * 1000, Metric::Uptime, uptime))
            .into();
        rows[3].interval_ms = 480_000;
        let timeline = Timeline::new(&rows, START_MS + 510_000).expect("samples");
        assert_eq!((timeline.restarts(), timeline.gaps().len()), (1, 1));
    }

    #[test]
    fn a_clock_far_ahead_leaves_room_for_the_samples() {
        let rows = rows_at(&[0, 10, 20]);
        for now in [0, START_MS - 5, START_MS * 2] {
            assert_eq!(Timeline::new(&rows, now).expect("samples").end_ms(), START_MS + 20_000);
        }
    }

    #[test]
    fn a_day_has_places_that_a_screen_can_show() {
        let data = day();
        let timeline = Timeline::new(&data.rows, data.generated_ms).expect("a day");
        assert!((280..=310).contains(&timeline.places().len()));
        assert_eq!(timeline.restarts(), 1);
        assert_eq!(timeline.gaps().len(), 1);
        let covered: usize = timeline.places().iter().map(|place| place.rows.len()).sum();
        assert_eq!(covered, data.rows.len());
        assert_eq!(timeline.places().iter().filter(|place| place.is_after_gap).count(), 1);
    }

    #[test]
    fn growth_begins_anew_with_a_process() {
        let sample = |second: u64, uptime: f64, value: Option<f64>| {
            let mut sample = row_with(second * 1000, Metric::Uptime, uptime);
            sample.figures.set(Metric::Requests, value);
            sample
        };
        let rows = [
            sample(10, 500.0, Some(1000.0)),
            sample(20, 510.0, Some(1007.0)),
            sample(30, 520.0, None),
            sample(40, 530.0, Some(1010.0)),
            sample(90, 5.0, Some(4.0)),
            sample(100, 15.0, Some(2.0)),
        ];
        let rows: Vec<&SampleRow> = rows.iter().collect();
        let wanted = [None, Some(7.0), None, Some(3.0), Some(4.0), Some(2.0)];
        assert_eq!(growth(&rows, Metric::Requests), wanted);
        let young = sample(10, 9.0, Some(6.0));
        assert_eq!(growth(&[&young], Metric::Requests), [Some(6.0)]);
    }
}
