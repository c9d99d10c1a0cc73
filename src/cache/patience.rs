//! How long something is waited for, so that a standstill of the whole process does not count.
//!
//! Where a machine is suspended or has no processor to give, waiter and worker stand still together: afterwards the worker has
//! done nothing, and by the clock its time is over.

use std::time::{Duration, Instant};

/// The time that something may take, in slices. While the whole process stands still, one of them passes.
#[derive(Debug)]
pub(crate) struct Patience {
    slice: Duration,
    left: Duration,
}

impl Patience {
    const SLICES: u32 = 20;

    pub(crate) fn new(deadline: Duration) -> Self {
        Self { slice: deadline / Self::SLICES, left: deadline }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left.is_zero()
    }

    /// The longest that may be waited at once.
    fn most(&self) -> Duration {
        self.slice.min(self.left)
    }

    /// So much has passed: all of it is gone, be it that the wait was answered, but not more than a slice.
    fn pass(&mut self, elapsed: Duration) {
        self.left -= elapsed.min(self.most());
    }

    /// Does a part of it, which is told the longest that it may wait.
    pub(crate) fn spend<T>(&mut self, part: impl FnOnce(Duration) -> T) -> T {
        let begun = Instant::now();
        let result = part(self.most());
        self.pass(begun.elapsed());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Time passes by `elapsed` at once, how often until none is left.
    fn parts(elapsed: Duration) -> usize {
        let mut time = Patience::new(2000 * MS);
        let mut parts = 0;
        while !time.is_over() {
            assert!(time.most() <= 100 * MS);
            time.pass(elapsed);
            parts += 1;
        }
        parts
    }

    #[test]
    fn time_is_gone_whether_waits_were_answered_or_not() {
        assert_eq!([1, 50, 100].map(|ms| parts(ms * MS)), [2000, 40, 20]);
    }

    #[test]
    fn standstill_of_the_process_is_one_slice_however_long_it_was() {
        assert_eq!([101, 150, 60_000].map(|ms| parts(ms * MS)), [20, 20, 20]);
    }

    #[test]
    fn no_wait_is_longer_than_what_is_left() {
        let mut time = Patience::new(2000 * MS);
        for _ in 0..19 {
            time.pass(100 * MS);
        }
        time.pass(70 * MS);
        assert_eq!(time.most(), 30 * MS);
        assert_eq!(time.spend(|most| most), 30 * MS);
        time.pass(30 * MS);
        assert!(time.is_over());
    }
}
