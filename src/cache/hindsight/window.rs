//! What returned within the last day, by how much larger its tier would have had to be.
//!
//! Hour by hour, so that old days do not count for ever. Written only when something returns.

use std::collections::VecDeque;

/// By how much larger tiers are looked at; the first is the present size. Up to twice in small steps, as memory is what it
/// costs; more than eight times is another machine.
pub(super) const FACTORS: [f64; LEVELS] = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0];
pub(super) const LEVELS: usize = 7;
/// The last factor.
pub(super) const MOST: u64 = 8;

/// A working day and the night, so that both count whenever it is looked at.
const HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;

/// Counters of the cache at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) lookups: u64,
    pub(super) l1_misses: u64,
    /// Those that no layer answered.
    pub(super) misses: u64,
    /// Keys that L1 was asked for and did not have.
    pub(super) keys: u64,
    /// Those of them that the keys in the sample stand for.
    pub(super) sampled: u64,
}

impl Totals {
    fn since(self, start: Self) -> Self {
        Self {
            lookups: self.lookups.saturating_sub(start.lookups),
            l1_misses: self.l1_misses.saturating_sub(start.l1_misses),
            misses: self.misses.saturating_sub(start.misses),
            keys: self.keys.saturating_sub(start.keys),
            sampled: self.sampled.saturating_sub(start.sampled),
        }
    }
}

/// Requests by the steps that entries and bytes would have had to be raised by: `[entries][bytes]`.
pub(super) type Grid<T> = [[T; LEVELS]; LEVELS];

/// Who had what L1 did not have any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// The disk.
    ByDisk,
    /// Nobody: the lookup was a miss.
    ByNobody,
}

/// An hour.
struct Hour {
    number: u64,
    start: Totals,
    by_disk: Grid<u32>,
    by_nobody: Grid<u32>,
    /// Misses that L2 and L3 would have answered, by the step.
    disk: [[u32; LEVELS]; 2],
}

/// Sums over the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sums {
    /// Since when they are counted, Unix ms.
    pub(super) since_ms: u64,
    pub(super) totals: Totals,
    pub(super) by_disk: Grid<f64>,
    pub(super) by_nobody: Grid<f64>,
    pub(super) disk: [[f64; LEVELS]; 2],
}

/// The last hours.
pub(super) struct Window {
    begun_ms: u64,
    hours: VecDeque<Hour>,
}

impl Window {
    /// One that begins now.
    pub(super) fn new(now_ms: u64, totals: Totals) -> Self {
        let mut window = Self { begun_ms: now_ms, hours: VecDeque::new() };
        window.roll(now_ms, totals);
        window
    }

    /// Counts a request that a larger L1 would have answered. `weight` is how many it stands for.
    pub(super) fn count(
        &mut self,
        now_ms: u64,
        totals: Totals,
        answered: Answered,
        level: (usize, usize),
        weight: u32,
    ) {
        let hour = self.roll(now_ms, totals);
        let grid = if answered == Answered::ByDisk { &mut hour.by_disk } else { &mut hour.by_nobody };
        let cell = &mut grid[level.0][level.1];
        *cell = cell.saturating_add(weight);
    }

    /// Counts a miss that a larger disk tier would have answered.
    pub(super) fn count_disk(&mut self, now_ms: u64, totals: Totals, tier: usize, level: usize, weight: u32) {
        let cell = &mut self.roll(now_ms, totals).disk[tier][level];
        *cell = cell.saturating_add(weight);
    }

    /// What the window holds now.
    pub(super) fn sums(&mut self, now_ms: u64, totals: Totals) -> Sums {
        self.roll(now_ms, totals);
        let first = self.hours.front();
        let start = first.map_or(totals, |hour| hour.start);
        let since_ms = first.map_or(now_ms, |hour| (hour.number * HOUR_MS).max(self.begun_ms));
        let mut sums = Sums { since_ms, totals: totals.since(start), ..Sums::default() };
        for (at, hour) in self.hours.iter().enumerate() {
            let end = self.hours.get(at + 1).map_or(totals, |next| next.start);
            let scale = sample_scale(end.since(hour.start));
            for (sum, grid) in [(&mut sums.by_disk, &hour.by_disk), (&mut sums.by_nobody, &hour.by_nobody)] {
                for (sum, count) in sum.as_flattened_mut().iter_mut().zip(grid.as_flattened()) {
                    *sum += f64::from(*count) * scale;
                }
            }
            for (sum, count) in sums.disk.as_flattened_mut().iter_mut().zip(hour.disk.as_flattened()) {
                *sum += f64::from(*count);
            }
        }
        sums
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.hours.capacity() * size_of::<Hour>()
    }

    fn roll(&mut self, now_ms: u64, totals: Totals) -> &mut Hour {
        let number = now_ms / HOUR_MS;
        if self.hours.back().is_none_or(|hour| hour.number < number) {
            while self.hours.front().is_some_and(|hour| hour.number + HOURS <= number) {
                self.hours.pop_front();
            }
            let (by_disk, by_nobody, disk) = Default::default();
            self.hours.push_back(Hour { number, start: totals, by_disk, by_nobody, disk });
        }
        self.hours.back_mut().expect("invariant: just pushed if there was none")
    }
}

/// What the sample's count is to be multiplied by: how many keys were asked for is known, and a sample that has more or fewer
/// of them than its share also has more or fewer of those that return.
fn sample_scale(totals: Totals) -> f64 {
    if totals.sampled == 0 || totals.keys == 0 { 1.0 } else { totals.keys as f64 / totals.sampled as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(lookups: u64) -> Totals {
        Totals { lookups, l1_misses: lookups / 2, misses: 0, keys: lookups, sampled: lookups }
    }

    #[test]
    fn what_is_older_than_a_day_does_not_count() {
        let start = 7 * HOUR_MS + 1000;
        let mut window = Window::new(start, totals(5));
        window.count(start, totals(10), Answered::ByDisk, (1, 0), 1);
        window.count(start + HOUR_MS, totals(20), Answered::ByNobody, (2, 1), 4);
        let now = window.sums(start + HOUR_MS, totals(30));
        assert_eq!((now.since_ms, now.totals.lookups), (start, 25));
        assert!((now.by_disk[1][0] - 1.0).abs() < 1e-9 && (now.by_nobody[2][1] - 4.0).abs() < 1e-9);
        let later = window.sums(start + 24 * HOUR_MS, totals(50));
        assert_eq!((later.since_ms, later.totals.lookups), (8 * HOUR_MS, 30), "the first hour is gone");
        assert!(later.by_disk[1][0] < 1e-9 && later.by_nobody[2][1] > 3.9);
        let last = window.sums(start + 100 * HOUR_MS, totals(60));
        assert_eq!((last.totals.lookups, last.by_nobody), (0, Grid::default()));
        assert!(window.hours.len() == 1 && window.held_bytes() < 20_000);
    }

    #[test]
    fn sample_is_put_in_relation_to_what_was_asked_for() {
        let mut window = Window::new(0, Totals::default());
        window.count(1, Totals::default(), Answered::ByNobody, (1, 0), 8);
        // The sample's keys stand for 800 of the 1000 that were asked for.
        let sums = window.sums(2, Totals { keys: 1000, sampled: 800, ..Totals::default() });
        assert!((sums.by_nobody[1][0] - 10.0).abs() < 1e-9);
    }
}
