//! Where an axis of time has its marks, and how they are named. Times are Unix ms, UTC.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::base::units::iso8601;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Distances that people read, in ascending order; further apart are whole days.
const DISTANCES_MS: [u64; 15] = [
    SECOND_MS,
    5 * SECOND_MS,
    10 * SECOND_MS,
    30 * SECOND_MS,
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
];

/// So many names have room beside each other.
const MAX_TICKS: f64 = 10.0;

/// An axis of time with its marks.
pub(super) struct TimeAxis {
    time: Range<f64>,
    distance_ms: f64,
    ticks: Vec<f64>,
}

impl TimeAxis {
    /// `time` is not empty.
    pub(super) fn new(time: Range<f64>) -> Self {
        let (distance_ms, ticks) = time_ticks(&time);
        Self { time, distance_ms, ticks }
    }
}

impl Ranged for TimeAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a pixel of the picture, or saturated")]
    fn map(&self, at_ms: &f64, (left, right): (i32, i32)) -> i32 {
        let share = (at_ms - self.time.start) / (self.time.end - self.time.start);
        left + (share * f64::from(right - left)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _most: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.time.clone()
    }
}

impl ValueFormatter<f64> for TimeAxis {
    fn format_ext(&self, at_ms: &f64) -> String {
        clock_text(*at_ms, self.distance_ms)
    }
}

/// The distance of the marks, and the marks: whole multiples of it.
pub(super) fn time_ticks(time: &Range<f64>) -> (f64, Vec<f64>) {
    let span = time.end - time.start;
    let fits = |distance: &f64| span / distance <= MAX_TICKS;
    let distance = DISTANCES_MS.iter().map(|ms| *ms as f64).find(fits).unwrap_or_else(|| {
        let days = (span / MAX_TICKS / DAY_MS as f64).ceil();
        days * DAY_MS as f64
    });
    let first = (time.start / distance).ceil();
    let ticks = std::iter::successors(Some(first), |count| Some(count + 1.0))
        .map(|count| count * distance)
        .take_while(|at| *at <= time.end)
        .collect();
    (distance, ticks)
}

/// A mark's name: the time of day as exact as the marks are, or the day where one begins.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "marks are whole ms after 1970")]
pub(super) fn clock_text(at_ms: f64, distance_ms: f64) -> String {
    let at_ms = at_ms.max(0.0) as u64;
    let text = iso8601(at_ms);
    let part = if distance_ms < MINUTE_MS as f64 {
        11..19
    } else if at_ms.is_multiple_of(DAY_MS) {
        5..10
    } else {
        11..16
    };
    text.get(part).unwrap_or_default().to_owned()
}
