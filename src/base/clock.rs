//! Time, injectable so that tests never sleep.
//!
//! Two readings: a monotonic one for ages and intervals, a wall one for what people and files see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the crate takes its time from.
pub trait Clock: Send + Sync {
    /// Milliseconds since an arbitrary start; never goes back.
    fn now_ms(&self) -> u64;
    /// Milliseconds since the Unix epoch; may jump when the machine's clock is set.
    fn wall_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts at zero now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> u64 {
        // A clock before 1970 is a machine without a time: the epoch is as good as any other answer.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands still until it is told to move. For tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicU64,
}

impl ManualClock {
    /// Wall time at monotonic zero: 2026-01-01T00:00:00Z.
    pub const WALL_START_MS: u64 = 1_767_225_600_000;

    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both readings forward.
    pub fn advance(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        Self::WALL_START_MS + self.now_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::new();
        assert_eq!((clock.now_ms(), clock.wall_ms()), (0, ManualClock::WALL_START_MS));
        clock.advance(5);
        assert_eq!((clock.now_ms(), clock.wall_ms()), (5, ManualClock::WALL_START_MS + 5));
    }
}
