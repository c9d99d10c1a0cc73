//! How long things took: a histogram with a bounded error and a bounded size, and the figures read from it.
//!
//! Buckets are those of `HdrHistogram` with two significant digits: 128 for each doubling, so that a percentile read from
//! the middle of a bucket is within 0.4 % of the exact one. Sums and the longest time are kept exactly.

use hdrhistogram::Histogram;

/// The longest time told apart: an hour. Longer ones count as that in percentiles; in mean and maximum as what they are.
const LONGEST_NS: u64 = 3_600_000_000_000;

const NS_PER_MS: f64 = 1e6;

/// Two significant digits: an error of 1 % at most by the crate's promise, 0.4 % as read here.
const DIGITS: u8 = 2;

/// What is said of a number of times, in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// Mean; exact.
    pub mean_ms: f64,
    /// Half took at most this.
    pub p50_ms: f64,
    /// 95 % did.
    pub p95_ms: f64,
    /// 99 % did.
    pub p99_ms: f64,
    /// The longest; exact.
    pub max_ms: f64,
}

impl Percentiles {
    /// Where no request had a time.
    pub(super) const NONE: Self =
        Self { mean_ms: f64::NAN, p50_ms: f64::NAN, p95_ms: f64::NAN, p99_ms: f64::NAN, max_ms: f64::NAN };
}

/// A bucket and how many times fell into it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// Its middle, ns.
    middle_ns: f32,
    count: u32,
}

impl Bucket {
    fn is_of(&self, other: &Self) -> bool {
        self.middle_ns.to_bits() == other.middle_ns.to_bits()
    }
}

/// The middle of one of 64 buckets for each doubling: the first six digits of the mantissa say which.
#[expect(clippy::cast_precision_loss, reason = "that is what it is for")]
fn coarse(ns: u64) -> f32 {
    const HALF: u32 = 1 << 16;
    const REST: u32 = 2 * HALF - 1;
    // Whole numbers that small are told apart as they are.
    if ns < 64 { ns as f32 } else { f32::from_bits((ns as f32).to_bits() & !REST | HALF) }
}

/// Times that were recorded. At most 18 KB, less as long as none was long.
#[derive(Debug)]
pub(super) struct Times {
    buckets: Histogram<u32>,
    sum_ms: f64,
    min_ms: f64,
    max_ms: f64,
}

impl Times {
    pub(super) fn new() -> Self {
        let buckets = Histogram::new(DIGITS).expect("invariant: 2 is a number of digits that is allowed");
        Self { buckets, sum_ms: 0.0, min_ms: f64::INFINITY, max_ms: 0.0 }
    }

    /// Adds one; `ms` is finite and not negative.
    pub(super) fn record(&mut self, ms: f64) {
        self.count(ms, 1);
    }

    fn count(&mut self, ms: f64, count: u32) {
        let ns = nanoseconds(ms);
        self.buckets.record_n(ns, count).expect("invariant: a histogram that grows takes any time");
        self.sum_ms += ms * f64::from(count);
        self.min_ms = self.min_ms.min(ms);
        self.max_ms = self.max_ms.max(ms);
    }

    /// Adds all of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.buckets.add(&other.buckets).expect("invariant: a histogram that grows takes any other");
        self.sum_ms += other.sum_ms;
        self.min_ms = self.min_ms.min(other.min_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// Adds times of which only the buckets are left.
    pub(super) fn add_buckets(&mut self, buckets: &[Bucket]) {
        for Bucket { middle_ns, count } in buckets {
            let ms = f64::from(*middle_ns) / NS_PER_MS;
            self.count(ms, *count);
        }
    }

    /// Forgets all and keeps the room.
    pub(super) fn clear(&mut self) {
        self.buckets.reset();
        (self.sum_ms, self.min_ms, self.max_ms) = (0.0, f64::INFINITY, 0.0);
    }

    /// The least time that at least this share of all took at most, in ms; `None` when there is none.
    pub(super) fn quantile_ms(&self, share: f64) -> Option<f64> {
        if self.buckets.is_empty() {
            return None;
        }
        let ns = self.buckets.median_equivalent(self.buckets.value_at_quantile(share));
        // What is beyond an hour counts as an hour, so that the shortest may be longer than any bucket.
        Some((ns as f64 / NS_PER_MS).max(self.min_ms.min(LONGEST_NS as f64 / NS_PER_MS)).min(self.max_ms))
    }

    /// All figures; `None` when there is no time.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        Some(Percentiles {
            mean_ms: self.sum_ms / self.buckets.len() as f64,
            p50_ms: self.quantile_ms(0.50)?,
            p95_ms: self.quantile_ms(0.95)?,
            p99_ms: self.quantile_ms(0.99)?,
            max_ms: self.max_ms,
        })
    }

    /// How many were how long, shortest first, half as finely as they are counted: for what is kept for a while.
    pub(super) fn buckets(&self) -> Vec<Bucket> {
        let mut buckets: Vec<Bucket> = Vec::new();
        for step in self.buckets.iter_recorded() {
            let next = Bucket {
                middle_ns: coarse(self.buckets.median_equivalent(step.value_iterated_to())),
                count: step.count_at_value(),
            };
            match buckets.last_mut().filter(|last| last.is_of(&next)) {
                Some(last) => last.count = last.count.saturating_add(next.count),
                None => buckets.push(next),
            }
        }
        buckets.shrink_to_fit();
        buckets
    }

    /// What it holds.
    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.distinct_values() * size_of::<u32>()
    }
}

/// Joins the buckets of two times.
pub(super) fn join(into: &mut Vec<Bucket>, from: &[Bucket]) {
    into.extend_from_slice(from);
    into.sort_unstable_by(|one, other| one.middle_ns.total_cmp(&other.middle_ns));
    into.dedup_by(|next, kept| {
        let is_same = kept.is_of(next);
        if is_same {
            kept.count = kept.count.saturating_add(next.count);
        }
        is_same
    });
    into.shrink_to_fit();
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn nanoseconds(ms: f64) -> u64 {
    ((ms * NS_PER_MS).round() as u64).min(LONGEST_NS)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "figures that are kept exactly")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(all: &[f64]) -> Times {
        let mut times = Times::new();
        for ms in all {
            times.record(*ms);
        }
        times
    }

    #[test]
    fn nothing_recorded_says_nothing() {
        assert_eq!(Times::new().percentiles(), None);
        assert_eq!(Times::new().buckets(), vec![]);
    }

    #[test]
    fn times_beyond_an_hour_count_as_an_hour_and_the_longest_is_exact() {
        let percentiles = times(&[1.0, 1e300]).percentiles().expect("there are some");
        assert!((percentiles.p99_ms / 3_600_000.0 - 1.0).abs() < 0.01, "{percentiles:?}");
        assert_eq!(percentiles.max_ms, 1e300);
        let none_is_shorter = times(&[0.0, 0.0]).percentiles().expect("there are some");
        assert_eq!((none_is_shorter.p50_ms, none_is_shorter.max_ms), (0.0, 0.0));
    }

    #[test]
    fn size_is_bounded() {
        assert!(times(&[1e300]).held_bytes() < 20_000, "{}", times(&[1e300]).held_bytes());
        assert!(times(&[1.0]).held_bytes() < 12_000, "{}", times(&[1.0]).held_bytes());
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_hundredth_of_the_exact_ones(
            mut all in prop::collection::vec(1e-4..1e7_f64, 1..400),
            share in 0.01..1.0_f64,
        ) {
            let read = times(&all).quantile_ms(share).expect("there are some");
            all.sort_unstable_by(f64::total_cmp);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            let rank = (share * all.len() as f64).ceil().max(1.0) as usize;
            let exact = all[rank - 1].min(3_600_000.0);
            // A nanosecond is the unit of the buckets.
            prop_assert!((read - exact).abs() <= exact * 0.005 + 1e-6, "{read} for {exact}");
        }

        #[test]
        fn buckets_taken_apart_and_joined_give_the_same_quantiles(
            one in prop::collection::vec(1e-4..1e6_f64, 1..100),
            other in prop::collection::vec(1e-4..1e6_f64, 1..100),
        ) {
            let mut together = times(&one);
            together.add(&times(&other));
            let mut joined = times(&one).buckets();
            join(&mut joined, &times(&other).buckets());
            prop_assert_eq!(&joined, &together.buckets());
            let mut again = Times::new();
            again.add_buckets(&joined);
            for share in [0.5, 0.95, 0.99] {
                let (was, is) = (together.quantile_ms(share).expect("some"), again.quantile_ms(share).expect("some"));
                prop_assert!((is / was - 1.0).abs() < 0.015, "{} for {}", is, was);
            }
        }
    }
}
