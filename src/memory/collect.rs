//! When V8's garbage is collected by force, and how often at most.
//!
//! A collection stops JavaScript for about as long as it takes to walk what lives. So it is asked for only while memory is
//! short, costs a tenth of the time at most (a quarter while agents wait for it), and comes ever less often while it finds little: what lives, no collection
//! frees. When agents have given back what they held, there is something to find, and it comes at once.

/// Of ten parts of the time, a collection may take one; of four while agents wait for what it finds.
const COST_SHARE: u64 = 10;
const COST_SHARE_WHILE_WAITING: u64 = 4;

/// Between two collections there is at least this time.
const LEAST_PAUSE_MS: u64 = 500;

/// A collection that frees less than this part of the limit was hardly worth it.
const WORTH_PART: u64 = 20;

/// What agents gave back counts from this part of the limit on.
const GIVEN_BACK_PART: u64 = 50;

#[derive(Debug, Clone, Copy)]
struct Last {
    ended_ms: u64,
    cost_ms: u64,
    held_bytes: u64,
}

/// Decides when to collect.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    /// Whether agents wait.
    pub(crate) is_waited_for: bool,
    asked_ms: Option<u64>,
    last: Option<Last>,
    pause_ms: u64,
}

impl Collector {
    /// Whether JavaScript is to collect now. `held_bytes`: what agents hold.
    pub(crate) fn wants(&mut self, now_ms: u64, is_short: bool, held_bytes: u64, limit_bytes: u64) -> bool {
        if !is_short {
            self.asked_ms = None;
        } else if self.asked_ms.is_none() && self.is_due(now_ms, held_bytes, limit_bytes) {
            self.asked_ms = Some(now_ms);
        }
        self.asked_ms.is_some()
    }

    /// Whether JavaScript was asked and did not come to it.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked_ms.is_some()
    }

    /// A collection took place; `most_ms` is the longest pause that may follow.
    pub(crate) fn done(
        &mut self,
        now_ms: u64,
        cost_ms: u64,
        freed_bytes: u64,
        held_bytes: u64,
        limit_bytes: u64,
        most_ms: u64,
    ) {
        self.asked_ms = None;
        self.last = Some(Last { ended_ms: now_ms, cost_ms, held_bytes });
        let least = LEAST_PAUSE_MS.max(cost_ms * COST_SHARE_WHILE_WAITING);
        let was_worth_it = freed_bytes >= limit_bytes / WORTH_PART;
        self.pause_ms =
            if was_worth_it { least } else { (self.pause_ms * 2).clamp(least, most_ms.max(least)) };
    }

    fn is_due(&self, now_ms: u64, held_bytes: u64, limit_bytes: u64) -> bool {
        let Some(last) = self.last else { return true };
        let share = if self.is_waited_for { COST_SHARE_WHILE_WAITING } else { COST_SHARE };
        let shortest = LEAST_PAUSE_MS.max(last.cost_ms * share);
        let given_back = last.held_bytes.saturating_sub(held_bytes);
        let is_worth_it = given_back > 0 && given_back >= limit_bytes / GIVEN_BACK_PART;
        now_ms.saturating_sub(last.ended_ms)
            >= if is_worth_it { shortest } else { self.pause_ms.max(shortest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1000;

    #[test]
    fn is_asked_for_once_while_memory_is_short_and_only_then() {
        let mut collector = Collector::default();
        assert!(!collector.wants(0, false, 0, LIMIT));
        assert!(collector.wants(0, true, 0, LIMIT) && collector.wants(5, true, 0, LIMIT));
        assert!(!collector.wants(10, false, 0, LIMIT) && !collector.is_asked());
    }

    #[test]
    fn costs_a_tenth_of_the_time_at_most() {
        let mut collector = Collector::default();
        collector.done(1000, 300, LIMIT, 0, LIMIT, 60_000);
        assert!(!collector.wants(3_999, true, 0, LIMIT));
        assert!(collector.wants(4_000, true, 0, LIMIT));
    }

    #[test]
    fn costs_up_to_a_quarter_while_agents_wait_for_it() {
        let mut collector = Collector { is_waited_for: true, ..Collector::default() };
        collector.done(1000, 300, LIMIT, 0, LIMIT, 60_000);
        assert!(!collector.wants(2_199, true, 0, LIMIT));
        assert!(collector.wants(2_200, true, 0, LIMIT));
    }

    #[test]
    fn comes_less_often_while_it_finds_little_and_at_once_when_agents_gave_back() {
        let mut collector = Collector::default();
        let mut at = 0;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            collector.done(at, 10, 1, 500, LIMIT, 60_000);
            let since = (0..).step_by(100).find(|more| collector.wants(at + more, true, 500, LIMIT));
            pauses.push(since.expect("comes some time"));
            at += pauses.last().expect("just pushed");
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        collector.done(at, 10, 1, 500, LIMIT, 60_000);
        assert!(!collector.wants(at + 500, true, 490, LIMIT));
        assert!(collector.wants(at + 500, true, 480, LIMIT));
    }
}
