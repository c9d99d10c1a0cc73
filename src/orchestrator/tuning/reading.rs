//! What the controller is told: counters, gauges, and the values in force.

use std::collections::VecDeque;

use super::knob::Values;
use crate::cache::Rehearsed;

/// Readings that are remembered: these at least, and all of so long if that is more.
const LEAST_REMEMBERED: usize = 31;
const REMEMBERED_MS: u64 = 6 * 3_600_000;
/// More than so many are thinned out, older ones more.
const MOST_REMEMBERED: usize = 64;
/// Of the time that is remembered, what a trial may need to be judged.
const JUDGED_SHARE: f64 = 2.0 / 3.0;

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $variant:ident),+ $(,)?) => {
        /// A counter since the start.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Count { $($(#[doc = $doc])* $variant),+ }

        /// How many there are.
        const COUNTS: usize = [$(Count::$variant),+].len();
    };
}

counts! {
    /// Lookups of the cache.
    Lookups,
    /// Those that L1 answered.
    L1Hits,
    /// Those that the disk answered.
    DiskHits,
    /// Those that found an expired entry.
    Expired,
    /// Expired values that were stored again the same.
    RenewedSame,
    /// Expired values that were stored again as others.
    RenewedChanged,
    /// Answers served to other questions.
    SimilarServed,
    /// Those that the caller soon replaced by another answer.
    SimilarRefuted,
    /// Misses that were timed until their value was stored.
    TimedMisses,
    /// The time of these, ms.
    MissMs,
    /// Values read from disk.
    DiskReads,
    /// The time of these, µs.
    DiskReadUs,
    /// Entries written to disk.
    Written,
    /// Transactions in which they were.
    Batches,
    /// The time of these, µs.
    WriteUs,
    /// Writes that had to wait for room, or found none.
    Held,
    /// Contexts filtered.
    Contexts,
    /// Parts left out of contexts that were fetched again by their reference.
    FetchedBack,
    /// Tokens that contexts had less than they would have had.
    TokensSaved,
    /// Time in which memory was at 95 % of its limit or more, ms.
    CriticalMs,
    /// Time in which memory was over its alert threshold, ms.
    AlertMs,
    /// Time in which agents were throttled while half of the memory was free, ms.
    IdleThrottledMs,
}

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counts([f64; COUNTS]);

impl Counts {
    /// One of them.
    pub fn get(&self, count: Count) -> f64 {
        self.0[count as usize]
    }

    /// Sets one of them.
    pub fn set(&mut self, count: Count, value: f64) {
        self.0[count as usize] = value;
    }

    /// Adds to one of them.
    pub fn add(&mut self, count: Count, value: f64) {
        self.0[count as usize] += value;
    }

    /// What was counted since then. A counter that began anew (its part did) counts from there.
    fn since(&self, start: &Self) -> Self {
        let mut delta = *self;
        for (value, before) in delta.0.iter_mut().zip(start.0) {
            if *value >= before {
                *value -= before;
            }
        }
        delta
    }
}

/// How things are now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gauges {
    /// Whether anything is done about short memory.
    pub is_pressed: bool,
    /// Share in use of the nearest memory limit, %.
    pub memory_percent: Option<f64>,
    /// That limit, MB.
    pub memory_limit_mb: Option<f64>,
    /// What agents hold, MB.
    pub agents_mb: f64,
    /// Agents throttled.
    pub throttled: f64,
    /// MB in L1.
    pub l1_held_mb: f64,
    /// Whether what leaves L1 is on disk.
    pub has_disk: bool,
    /// Mean tokens of an answer in the cache.
    pub tokens_per_answer: Option<f64>,
    /// One of so many keys stands for the others in `rehearsed`.
    pub sample_ratio: f64,
}

/// One look.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Unix ms.
    pub wall_ms: u64,
    /// The values in force.
    pub values: Values,
    /// The configured values, whatever was tuned.
    pub bases: Values,
    /// Counters.
    pub counts: Counts,
    /// Gauges.
    pub gauges: Gauges,
    /// What other policies and sizes of L1 would have answered.
    pub rehearsed: Vec<Rehearsed>,
}

#[derive(Debug, Clone)]
struct Seen {
    step: u64,
    at_ms: u64,
    counts: Counts,
    rehearsed: Vec<Rehearsed>,
}

/// The last readings.
#[derive(Debug, Default)]
pub struct Recent {
    seen: VecDeque<Seen>,
}

/// What happened between two readings.
#[derive(Debug, Clone)]
pub struct Window {
    /// How long it was, s.
    pub seconds: f64,
    /// What was counted.
    pub counts: Counts,
    /// What the candidates had; empty where they are others than at its start.
    pub rehearsed: Vec<Rehearsed>,
}

impl Window {
    /// A count.
    pub fn get(&self, count: Count) -> f64 {
        self.counts.get(count)
    }

    /// One count in relation to another; `None` without any of the latter.
    pub fn ratio(&self, part: Count, whole: Count) -> Option<f64> {
        let whole = self.get(whole);
        (whole > 0.0).then(|| self.get(part) / whole)
    }

    /// Its length in hours, at least a millisecond.
    pub fn hours(&self) -> f64 {
        (self.seconds / 3600.0).max(1e-3 / 3600.0)
    }
}

impl Recent {
    /// Adds a reading.
    pub fn push(&mut self, step: u64, now_ms: u64, reading: &Reading) {
        self.seen.push_back(Seen {
            step,
            at_ms: now_ms,
            counts: reading.counts,
            rehearsed: reading.rehearsed.clone(),
        });
        while self.seen.len() > LEAST_REMEMBERED
            && self.seen.front().is_some_and(|seen| now_ms.saturating_sub(seen.at_ms) > REMEMBERED_MS)
        {
            self.seen.pop_front();
        }
        if self.seen.len() > MOST_REMEMBERED {
            self.thin_out(now_ms);
        }
    }

    /// Forgets the reading whose neighbours are nearest to each other for their age.
    fn thin_out(&mut self, now_ms: u64) {
        let gap = |at: usize| {
            let (before, after) = (self.seen[at - 1].at_ms, self.seen[at + 1].at_ms);
            after.saturating_sub(before) as f64 / now_ms.saturating_sub(before).max(1) as f64
        };
        let least = (1..self.seen.len() - 1).min_by(|a, b| gap(*a).total_cmp(&gap(*b)));
        if let Some(at) = least {
            self.seen.remove(at);
        }
    }

    /// Forgets all readings.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// The shortest window up to the last reading, none of it before `from_step`, for which `is_enough` holds.
    pub fn window(&self, from_step: u64, is_enough: impl Fn(&Window) -> bool) -> Option<Window> {
        let (last, before) = (self.seen.back()?, self.seen.iter().rev().skip(1));
        before
            .take_while(|seen| seen.step >= from_step)
            .map(|start| between(start, last))
            .find(|window| is_enough(window))
    }
}

/// How long a trial may take to be judged at most, s, with steps at this interval: what is read before is forgotten.
pub fn most_judged_seconds(interval_ms: u64) -> f64 {
    let remembered_ms = REMEMBERED_MS.max((LEAST_REMEMBERED as u64 - 1).saturating_mul(interval_ms));
    remembered_ms as f64 / 1000.0 * JUDGED_SHARE
}

fn between(start: &Seen, end: &Seen) -> Window {
    let is_same = start.rehearsed.len() == end.rehearsed.len()
        && start
            .rehearsed
            .iter()
            .zip(&end.rehearsed)
            .all(|(a, b)| (a.policy, a.factor) == (b.policy, b.factor) && a.lookups <= b.lookups);
    let rehearsed = end.rehearsed.iter().zip(&start.rehearsed).filter(|_| is_same);
    Window {
        seconds: end.at_ms.saturating_sub(start.at_ms) as f64 / 1000.0,
        counts: end.counts.since(&start.counts),
        rehearsed: rehearsed
            .map(|(b, a)| Rehearsed {
                of_hits: b.of_hits.saturating_sub(a.of_hits),
                of_disk_hits: b.of_disk_hits.saturating_sub(a.of_disk_hits),
                of_misses: b.of_misses.saturating_sub(a.of_misses),
                lookups: b.lookups.saturating_sub(a.lookups),
                ..*b
            })
            .collect(),
    }
}
