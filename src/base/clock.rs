//! Time, injectable so that tests never sleep.
//!
//! Two readings: a monotonic one for ages and intervals, a wall one for what people and files see.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the crate takes its time from.
pub trait Clock: Send + Sync {
    /// Milliseconds since an arbitrary start; never goes back.
    fn now_ms(&self) -> u64;
    /// Milliseconds since the Unix epoch; may jump when the machine's clock is set.
    fn wall_ms(&self) -> u64;
    /// The monotonic reading in microseconds, as fine as the clock is.
    fn now_us(&self) -> u64 {
        self.now_ms() * 1000
    }
    /// Whether somebody moves this clock and does what falls due by it. Nobody starts a thread then: it would wait for a time
    /// that does not pass by itself.
    fn is_driven(&self) -> bool {
        false
    }
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

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> u64 {
        // A clock before 1970 is a machine without a time: the epoch is as good as any other answer.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How often a steady clock looks at the wall clock.
const LOOK_EVERY_MS: u64 = 100;

/// Unix time that never goes back: it follows the wall clock forward (also over a suspended machine) and goes on by the
/// monotonic one when the wall clock is set back. For times that are compared within a process and stored for others.
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// Steady minus monotonic time.
    offset_ms: AtomicU64,
    /// Monotonic time of the last look at the wall clock.
    looked_ms: AtomicU64,
    look_every_ms: u64,
}

impl SteadyClock {
    /// A steady reading of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let offset_ms = AtomicU64::new(clock.wall_ms().saturating_sub(clock.now_ms()));
        let looked_ms = AtomicU64::new(clock.now_ms());
        // Who sets a clock by hand means it at once.
        let look_every_ms = if clock.is_driven() { 0 } else { LOOK_EVERY_MS };
        Self { clock, offset_ms, looked_ms, look_every_ms }
    }

    /// Whether the clock is moved by hand, see [`Clock::is_driven`].
    pub fn is_driven(&self) -> bool {
        self.clock.is_driven()
    }

    /// Unix ms. Looks at the wall clock every 100 ms only: one clock is enough to pay for in a lookup.
    pub fn now_ms(&self) -> u64 {
        let now_ms = self.clock.now_ms();
        if now_ms.wrapping_sub(self.looked_ms.load(Ordering::Relaxed)) >= self.look_every_ms {
            self.looked_ms.store(now_ms, Ordering::Relaxed);
            self.offset_ms.fetch_max(self.clock.wall_ms().saturating_sub(now_ms), Ordering::Relaxed);
        }
        now_ms + self.offset_ms.load(Ordering::Relaxed)
    }

    /// How far the wall clock is behind: more than an adjustment means that it was set back.
    pub fn behind_ms(&self) -> u64 {
        self.now_ms().saturating_sub(self.clock.wall_ms())
    }
}

impl std::fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SteadyClock").field("now_ms", &self.now_ms()).finish_non_exhaustive()
    }
}

/// A clock that stands still until it is told to move. For tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicU64,
    /// How far the wall clock was set ahead, less how far back.
    ahead_ms: AtomicI64,
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

    /// Sets the wall clock back.
    pub fn set_back(&self, ms: u64) {
        self.ahead_ms.fetch_sub(ms.cast_signed(), Ordering::SeqCst);
    }

    /// Sets the wall clock ahead.
    pub fn set_ahead(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms.cast_signed(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        (Self::WALL_START_MS + self.now_ms()).saturating_add_signed(self.ahead_ms.load(Ordering::SeqCst))
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

    #[test]
    fn steady_clock_goes_on_when_the_wall_clock_is_set_back() {
        let clock = Arc::new(ManualClock::new());
        let steady = SteadyClock::new(clock.clone());
        let start = steady.now_ms();
        clock.advance(10_000);
        clock.set_back(8_000);
        assert_eq!((steady.now_ms() - start, steady.behind_ms()), (10_000, 8_000));
        clock.advance(5);
        assert_eq!(steady.now_ms() - start, 10_005);
    }
}
