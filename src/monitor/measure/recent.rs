//! Requests of the last minute: what rules look at that must not flap with every interval.
//!
//! Kept are spans of at least ten seconds, so that short intervals do not cost more, and of each its buckets that are not
//! empty. The minute is so sixty to seventy seconds; where an interval is longer, it is the last interval.

use std::collections::VecDeque;

use super::times::{Bucket, Times, join};

const MINUTE_MS: u64 = 60_000;
/// An interval as configured by default.
const SPAN_MS: u64 = 10_000;
/// Below it one failure would be a rate of more than 10 %, which is what raises an alert.
const ENOUGH_FOR_A_RATE: u64 = 10;

#[derive(Debug)]
struct Span {
    from_ms: u64,
    to_ms: u64,
    requests: u64,
    errors: u64,
    /// By index of the operation, in order.
    operations: Vec<(u32, Vec<Bucket>)>,
}

/// The last minute.
#[derive(Debug)]
pub(super) struct Recent {
    spans: VecDeque<Span>,
    scratch: Times,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { spans: VecDeque::new(), scratch: Times::new() }
    }

    /// Adds an interval that ends now; `operations` by index, in order. Forgets what is over a minute old.
    pub(super) fn add(
        &mut self,
        now_ms: u64,
        interval_ms: u64,
        (requests, errors): (u64, u64),
        operations: Vec<(u32, Vec<Bucket>)>,
    ) {
        let from_ms = now_ms.saturating_sub(interval_ms);
        match self.spans.back_mut().filter(|last| now_ms.saturating_sub(last.from_ms) <= SPAN_MS) {
            Some(last) => {
                last.to_ms = now_ms;
                last.requests += requests;
                last.errors += errors;
                for (index, buckets) in operations {
                    match last.operations.binary_search_by_key(&index, |(index, _)| *index) {
                        Ok(at) => join(&mut last.operations[at].1, &buckets),
                        Err(at) => last.operations.insert(at, (index, buckets)),
                    }
                }
            }
            None => self.spans.push_back(Span { from_ms, to_ms: now_ms, requests, errors, operations }),
        }
        while self.spans.front().is_some_and(|first| first.to_ms + MINUTE_MS <= now_ms) {
            self.spans.pop_front();
        }
    }

    /// Of the operation for which it is longest: what 95 % of its requests took at most.
    pub(super) fn slowest_p95_ms(&mut self) -> Option<f64> {
        let mut indices: Vec<u32> =
            self.spans.iter().flat_map(|span| span.operations.iter().map(|(index, _)| *index)).collect();
        indices.sort_unstable();
        indices.dedup();
        let mut slowest: Option<f64> = None;
        for index in indices {
            self.scratch.clear();
            for span in &self.spans {
                if let Ok(at) = span.operations.binary_search_by_key(&index, |(index, _)| *index) {
                    self.scratch.add_buckets(&span.operations[at].1);
                }
            }
            slowest = slowest.max_of(self.scratch.quantile_ms(0.95));
        }
        slowest
    }

    /// Share of the requests that failed, in %; `None` while there were fewer than [`ENOUGH_FOR_A_RATE`].
    pub(super) fn error_percent(&self) -> Option<f64> {
        let (requests, errors) =
            self.spans.iter().fold((0, 0), |(all, bad), span| (all + span.requests, bad + span.errors));
        (requests >= ENOUGH_FOR_A_RATE).then(|| errors as f64 / requests as f64 * 100.0)
    }

    /// What it holds.
    pub(super) fn held_bytes(&self) -> usize {
        let lists = self.spans.iter().flat_map(|span| &span.operations);
        self.scratch.held_bytes()
            + lists.map(|(_, buckets)| buckets.capacity() * size_of::<Bucket>()).sum::<usize>()
            + self
                .spans
                .iter()
                .map(|span| span.operations.capacity() * size_of::<(u32, Vec<Bucket>)>())
                .sum::<usize>()
            + self.spans.capacity() * size_of::<Span>()
    }
}

trait MaxOf {
    fn max_of(self, other: Self) -> Self;
}

impl MaxOf for Option<f64> {
    /// `f64` has no order, so that `Option`'s own is none either.
    fn max_of(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(ms: f64) -> Vec<Bucket> {
        let mut times = Times::new();
        times.record(ms);
        times.buckets()
    }

    #[test]
    fn a_slow_request_is_seen_for_a_minute() {
        let mut recent = Recent::new();
        recent.add(10_000, 10_000, (1, 0), vec![(3, slow(500.0))]);
        for now_ms in (20_000..=60_000).step_by(10_000) {
            recent.add(now_ms, 10_000, (1, 0), vec![(1, slow(1.0))]);
            let slowest = recent.slowest_p95_ms().expect("there is one");
            assert!((slowest / 500.0 - 1.0).abs() < 0.015, "{slowest}");
        }
        recent.add(70_000, 10_000, (0, 0), vec![]);
        let slowest = recent.slowest_p95_ms().expect("there is one");
        assert!((slowest - 1.0).abs() < 0.015, "{slowest}");
    }

    #[test]
    fn a_rate_needs_ten_requests() {
        let mut recent = Recent::new();
        recent.add(10_000, 10_000, (9, 9), vec![]);
        assert_eq!(recent.error_percent(), None);
        recent.add(20_000, 10_000, (1, 0), vec![]);
        assert_eq!(recent.error_percent(), Some(90.0));
    }

    #[test]
    fn short_intervals_are_joined_and_long_ones_are_the_last() {
        let mut recent = Recent::new();
        for step in 1..=10_000_u64 {
            recent.add(step * 100, 100, (1, 0), vec![(0, slow(1.0)), (1, slow(2.0))]);
            assert!(recent.spans.len() <= 8);
        }
        assert!((600..=700).contains(&recent.spans.iter().map(|span| span.requests).sum::<u64>()));
        assert!(recent.held_bytes() < 20_000, "{}", recent.held_bytes());
        recent.add(10_000_000, 3_600_000, (20, 1), vec![(0, slow(7.0))]);
        assert_eq!(recent.error_percent(), Some(5.0));
    }
}
