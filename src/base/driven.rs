//! Time that stands still until somebody moves it, for systems in other people's tests.
//!
//! Unlike [`ManualClock`](super::clock::ManualClock), which is for the tests of this crate, it says of itself that it is driven:
//! parts start no threads then, and whoever moves it does what falls due, see [`Due`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use super::clock::Clock;

/// A clock that is moved by hand. Its monotonic reading never goes back.
#[derive(Debug)]
pub struct DrivenClock {
    now_ms: AtomicU64,
    /// Wall minus monotonic time.
    offset_ms: AtomicI64,
}

impl DrivenClock {
    /// A clock with these readings.
    pub fn new(now_ms: u64, wall_ms: u64) -> Self {
        let clock = Self { now_ms: AtomicU64::new(now_ms), offset_ms: AtomicI64::new(0) };
        clock.set_wall(wall_ms);
        clock
    }

    /// Moves both readings forward to this monotonic time; never back.
    pub fn move_to(&self, now_ms: u64) {
        self.now_ms.fetch_max(now_ms, Ordering::SeqCst);
    }

    /// Sets the wall clock; the monotonic one stays.
    pub fn set_wall(&self, wall_ms: u64) {
        let offset_ms = wall_ms.cast_signed().wrapping_sub(self.now_ms().cast_signed());
        self.offset_ms.store(offset_ms, Ordering::SeqCst);
    }
}

impl Clock for DrivenClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> u64 {
        self.now_ms().saturating_add_signed(self.offset_ms.load(Ordering::SeqCst))
    }

    fn is_driven(&self) -> bool {
        true
    }
}

/// When a part that a thread would look at is to be looked at, where there is no thread.
#[derive(Debug)]
pub struct Due {
    /// Monotonic ms; `u64::MAX` is never.
    at_ms: AtomicU64,
    is_asked: AtomicBool,
}

impl Default for Due {
    /// Never, until it is asked for.
    fn default() -> Self {
        Self { at_ms: AtomicU64::new(u64::MAX), is_asked: AtomicBool::new(false) }
    }
}

impl Due {
    /// It is due at this monotonic ms.
    pub fn set(&self, at_ms: u64) {
        self.at_ms.store(at_ms, Ordering::SeqCst);
    }

    /// It is due now.
    pub fn ask(&self) {
        self.is_asked.store(true, Ordering::SeqCst);
    }

    /// It is not due any more, until it is asked for.
    pub fn never(&self) {
        self.is_asked.store(false, Ordering::SeqCst);
        self.at_ms.store(u64::MAX, Ordering::SeqCst);
    }

    /// Monotonic ms at which it is due; `now_ms` if it was asked for.
    pub fn at_ms(&self, now_ms: u64) -> u64 {
        if self.is_asked.load(Ordering::SeqCst) {
            now_ms
        } else {
            self.at_ms.load(Ordering::SeqCst).max(now_ms)
        }
    }

    /// Looks, if it is due: `look` gives the ms until the next time, or `None` for never. Whether it did.
    pub fn run(&self, now_ms: u64, look: impl FnOnce() -> Option<u64>) -> bool {
        if self.at_ms(now_ms) > now_ms {
            return false;
        }
        // Before it: who asks while it looks is heard.
        self.never();
        let next_ms = look().map_or(u64::MAX, |wait_ms| now_ms.saturating_add(wait_ms.max(1)));
        self.at_ms.store(next_ms, Ordering::SeqCst);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_follows_and_can_be_set_alone() {
        let clock = DrivenClock::new(5, 1_000);
        clock.move_to(15);
        assert_eq!((clock.now_ms(), clock.wall_ms()), (15, 1_010));
        clock.move_to(10);
        clock.set_wall(500);
        assert_eq!((clock.now_ms(), clock.wall_ms()), (15, 500));
    }

    #[test]
    fn what_is_due_is_done_once_and_again_when_asked_for() {
        let due = Due::default();
        assert!(!due.run(0, || unreachable!("not asked for")));
        due.ask();
        assert!(due.run(7, || Some(10)));
        assert_eq!(due.at_ms(7), 17);
        assert!(!due.run(16, || unreachable!("not yet")));
        due.ask();
        assert_eq!(due.at_ms(16), 16);
        assert!(due.run(20, || {
            due.ask();
            None
        }));
        assert_eq!(due.at_ms(20), 20, "asked for while it looked");
    }
}
