//! How long optimizing a context took: a histogram with two significant digits, so that a percentile is within 1 % of the exact
//! one. At most 18 KB.

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde::Serialize;

use crate::base::units::round2;

/// Two significant digits.
const DIGITS: u8 = 2;
/// The longest time told apart: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Times since the start.
pub(crate) struct Latency(Mutex<Histogram<u32>>);

impl Default for Latency {
    fn default() -> Self {
        Self(Mutex::new(Histogram::new(DIGITS).expect("invariant: 2 is a number of digits that is allowed")))
    }
}

impl std::fmt::Debug for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Latency")
    }
}

/// What is said of them, ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Half took at most this.
    pub p50: f64,
    /// 95 % did.
    pub p95: f64,
    /// 99 % did.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Adds one. O(1).
    pub(crate) fn record(&self, took: std::time::Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US);
        self.0.lock().record(us).expect("invariant: it grows to what an hour needs");
    }

    /// `None` before the first.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let times = self.0.lock();
        let ms = |us: f64| round2(us / 1000.0);
        let at = |quantile: f64| ms(times.value_at_quantile(quantile) as f64);
        (!times.is_empty()).then(|| Percentiles {
            count: times.len(),
            mean: ms(times.mean()),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: ms(times.max() as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let latency = Latency::default();
        assert_eq!(latency.percentiles(), None);
        (1..=1000).for_each(|ms| latency.record(Duration::from_millis(ms)));
        let found = latency.percentiles().expect("times");
        assert_eq!(found.count, 1000);
        for (figure, wanted) in [
            (found.p50, 500.0),
            (found.p95, 950.0),
            (found.p99, 990.0),
            (found.max, 1000.0),
            (found.mean, 500.5),
        ] {
            assert!((figure - wanted).abs() <= wanted * 0.01, "{figure} {wanted}");
        }
    }

    #[test]
    fn times_out_of_range_are_the_nearest() {
        let latency = Latency::default();
        latency.record(Duration::ZERO);
        latency.record(Duration::from_secs(1_000_000));
        let found = latency.percentiles().expect("times");
        assert_eq!(found.count, 2);
        assert!(found.max >= 3_570_000.0 && found.max < 3_700_000.0, "{found:?}");
    }
}
