//! One value of a series: what about a minute of requests says.
//!
//! A p95 of three requests is their longest one: it grows with the number of requests. So a value is taken of at least
//! [`ENOUGH`] requests: a window stays open until it has them, [`LONGEST_MS`] at most, and is dropped if they do not come.

use std::mem::take;

/// A value is taken each minute where there are requests enough.
const SHORTEST_MS: u64 = 60_000;
/// Two requests a minute are enough to be watched.
const LONGEST_MS: u64 = 600_000;
/// The 95th percentile of fewer is their maximum.
const ENOUGH: u64 = 20;
/// Samples of a window; of more the neighbours are joined.
const MOST_PARTS: usize = 64;

/// Times of one operation in one sample, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Part {
    /// Share of the requests that took at most `ms`: straight lines between the percentiles that are known.
    fn share_within(&self, ms: f64) -> f64 {
        let points = [(0.0, 0.0), (self.p50, 0.5), (self.p95, 0.95), (self.p99, 0.99), (self.max, 1.0)];
        for pair in points.windows(2).rev() {
            let ((from, below), (to, above)) = (pair[0], pair[1]);
            if ms >= to {
                return above;
            }
            if ms >= from {
                return below + (above - below) * (ms - from) / (to - from);
            }
        }
        0.0
    }

    /// Both, roughly: percentiles weighed by the number of requests.
    fn join(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        let weight = other.count as f64 / count as f64;
        let between = |one: f64, other: f64| one + (other - one) * weight;
        Self {
            count,
            p50: between(self.p50, other.p50),
            p95: between(self.p95, other.p95),
            p99: between(self.p99, other.p99),
            max: self.max.max(other.max),
        }
    }

    fn is_sound(&self) -> bool {
        let values = [self.p50, self.p95, self.p99, self.max];
        self.count > 0 && values.iter().all(|ms| ms.is_finite() && *ms >= 0.0) && values.is_sorted()
    }
}

/// How long a window has been open.
#[derive(Debug, Default)]
struct Span {
    from_ms: Option<u64>,
}

impl Span {
    /// A sample came. True when the window is full, and closed by that.
    fn is_over(&mut self, at_ms: u64, interval_ms: u64, count: u64) -> Option<bool> {
        let from_ms = *self.from_ms.get_or_insert(at_ms.saturating_sub(interval_ms));
        let age_ms = at_ms.saturating_sub(from_ms);
        let is_enough = age_ms >= SHORTEST_MS && count >= ENOUGH;
        let is_over = is_enough || age_ms >= LONGEST_MS;
        if is_over {
            self.from_ms = None;
        }
        is_over.then_some(is_enough)
    }
}

/// Latency: the p95 of all requests of the window.
#[derive(Debug, Default)]
pub(super) struct Latency {
    span: Span,
    count: u64,
    parts: Vec<Part>,
}

impl Latency {
    /// Adds a sample; the value, if that closed the window. A sample with figures that cannot be is left out.
    pub(super) fn add(&mut self, at_ms: u64, interval_ms: u64, part: Part) -> Option<f64> {
        if !part.is_sound() {
            return None;
        }
        if self.parts.len() == MOST_PARTS {
            let joined =
                self.parts.chunks(2).map(|pair| pair[1..].iter().fold(pair[0], |one, other| one.join(other)));
            self.parts = joined.collect();
        }
        self.count += part.count;
        self.parts.push(part);
        let is_enough = self.span.is_over(at_ms, interval_ms, self.count)?;
        self.count = 0;
        let parts = take(&mut self.parts);
        is_enough.then(|| p95(&parts))
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.parts.capacity() * size_of::<Part>()
    }
}

/// What 95 % of the requests of all parts took at most.
fn p95(parts: &[Part]) -> f64 {
    let all: f64 = parts.iter().map(|part| part.count as f64).sum();
    let share =
        |ms: f64| parts.iter().map(|part| part.count as f64 * part.share_within(ms)).sum::<f64>() / all;
    let (mut low, mut high) = (0.0, parts.iter().fold(0.0_f64, |max, part| max.max(part.max)));
    // Halved until it is exact to a millionth.
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if share(middle) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= high * 1e-6 {
            break;
        }
    }
    high
}

/// Hit rate: hits among the lookups of the window, from counters that only grow.
#[derive(Debug, Default)]
pub(super) struct HitRate {
    span: Span,
    /// Hits and misses when the window was opened.
    from: Option<(f64, f64)>,
    last: Option<(f64, f64)>,
}

impl HitRate {
    /// Adds a sample; the rate in %, if that closed the window.
    pub(super) fn add(&mut self, at_ms: u64, interval_ms: u64, hits: f64, misses: f64) -> Option<f64> {
        let (last_hits, last_misses) = self.last.replace((hits, misses))?;
        // Nobody looked, or the counters began anew.
        if hits < last_hits || misses < last_misses {
            *self = Self { last: self.last, ..Self::default() };
            return None;
        }
        let from = *self.from.get_or_insert((last_hits, last_misses));
        let (hits, lookups) = (hits - from.0, hits - from.0 + misses - from.1);
        if lookups <= 0.0 {
            self.from = None;
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a difference of two counts"
        )]
        let is_enough = self.span.is_over(at_ms, interval_ms, lookups as u64)?;
        self.from = None;
        is_enough.then(|| hits / lookups * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(count: u64, ms: f64) -> Part {
        Part { count, p50: ms, p95: ms, p99: ms, max: ms }
    }

    fn exact(times: &[f64]) -> Part {
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            let rank = (times.len() as f64 * share).ceil() as usize;
            times[rank - 1]
        };
        Part { count: times.len() as u64, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }

    #[test]
    fn a_window_is_a_minute_or_as_long_as_twenty_requests_take() {
        let mut window = Latency::default();
        for sample in 1..6 {
            assert_eq!(window.add(sample * 10_000, 10_000, part(100, 3.0)), None);
        }
        let value = window.add(60_000, 10_000, part(100, 3.0)).expect("a minute is over");
        assert!((value - 3.0).abs() < 1e-5, "{value}");

        for minute in 2..=8 {
            assert_eq!(window.add(minute * 60_000, 10_000, part(2, 3.0)), None);
        }
        assert!(window.add(540_000, 10_000, part(6, 3.0)).is_some(), "there are twenty");
    }

    #[test]
    fn too_few_requests_in_ten_minutes_are_no_value() {
        let mut window = Latency::default();
        for minute in 1..=60 {
            assert_eq!(window.add(minute * 60_000, 60_000, part(1, 3.0)), None);
        }
        assert!(window.parts.len() <= 10);
    }

    #[test]
    fn one_sample_among_quiet_ones_weighs_by_its_requests() {
        let mut window = Latency::default();
        for sample in 1..6 {
            window.add(sample * 10_000, 10_000, part(1, 1_000.0));
        }
        let value = window.add(60_000, 10_000, part(10_000, 1.0)).expect("a minute is over");
        assert!(value < 1.01, "{value}");
    }

    #[test]
    fn figures_that_cannot_be_are_left_out_and_many_parts_are_joined() {
        let mut window = Latency::default();
        for bad in [part(0, 1.0), part(30, f64::NAN), part(30, -1.0), Part { max: 0.5, ..part(30, 1.0) }] {
            assert_eq!(window.add(600_000, 10_000, bad), None);
        }
        assert_eq!(window.count, 0);
        for sample in 1..600 {
            assert_eq!(window.add(sample * 100, 100, part(1, 5.0)), None);
            assert!(window.parts.len() <= MOST_PARTS);
        }
        let value = window.add(60_000, 100, part(1, 5.0)).expect("a minute is over");
        assert!((value - 5.0).abs() < 1e-5, "{value}");
    }

    #[test]
    fn a_hit_rate_is_of_the_lookups_between_two_readings() {
        let mut window = HitRate::default();
        assert_eq!(window.add(10_000, 10_000, 1e6, 1e6), None, "before us");
        for sample in 2..7_u32 {
            let count = f64::from(sample - 1);
            assert_eq!(window.add(u64::from(sample) * 10_000, 10_000, 1e6 + count * 9.0, 1e6 + count), None);
        }
        assert_eq!(window.add(70_000, 10_000, 1e6 + 54.0, 1e6 + 6.0), Some(90.0));
        assert_eq!(window.add(140_000, 10_000, 1e6 + 54.0, 1e6 + 6.0), None, "nobody looked");
        assert_eq!(window.add(210_000, 10_000, 5.0, 5.0), None, "began anew");
        assert_eq!(window.add(280_000, 60_000, 30.0, 5.0), Some(100.0));
    }

    proptest! {
        #[test]
        fn the_value_is_near_the_p95_of_all_requests(
            samples in prop::collection::vec(prop::collection::vec(1.0..100.0_f64, 100..200), 6..7),
        ) {
            let mut window = Latency::default();
            let mut all = Vec::new();
            let mut value = None;
            for (number, mut times) in (1..).zip(samples) {
                times.sort_unstable_by(f64::total_cmp);
                value = window.add(number * 10_000, 10_000, exact(&times));
                all.extend(times);
            }
            all.sort_unstable_by(f64::total_cmp);
            let (value, exact) = (value.expect("a minute is over"), exact(&all).p95);
            prop_assert!((value / exact - 1.0).abs() < 0.04, "{} for {}", value, exact);
        }
    }
}
