//! What the counts say: how many hits larger tiers would have had, and which size is worth proposing.

use serde::Serialize;

use super::is_bound_by_bytes;
use super::window::{FACTORS, Grid, LEVELS, Sums};
use crate::base::units::{BYTES_PER_MB, round2};
use crate::cache::l1;
use crate::cache::l1::map::Bounds;
use crate::cache::manager::CacheManager;

/// Of what the largest tier looked at would gain, the share that the proposed one must: beyond it a lot of memory buys little.
const WORTH_SHARE: f64 = 0.8;
/// Of all lookups, the share that must be gained: less is not worth a change of settings, and near what estimates are off by.
const LEAST_SHARE: f64 = 0.05;
/// Hits that must be gained, for a share of little is chance: with 100 counted the error of a sample is about a tenth.
const LEAST_HITS: f64 = 100.0;
/// Most that the settings allow.
const MOST_ENTRIES: f64 = 1e8;
const MOST_MB: f64 = 1e7;

/// Which bounds have to be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// `l1MaxSize`.
    Entries,
    /// `l1MaxSizeMB`.
    Bytes,
    /// Either alone would gain less than four fifths of what both do.
    Both,
}

/// One size that L1 could have had.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Times the present size, in what has to be raised.
    pub factor: f64,
    /// Most entries then.
    pub entries: u64,
    /// Most bytes then.
    pub bytes: u64,
    /// Lookups that L1 would have answered besides those that it did.
    pub hits_gained: u64,
    /// Those of them that no layer answered: each was a miss.
    pub of_misses: u64,
}

/// What a larger disk tier would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskWouldHave {
    /// `cache.l2MaxSizeMB` or `cache.l3MaxSizeMB`.
    pub setting: &'static str,
    /// Its value, MB.
    #[serde(rename = "currentMB")]
    pub current_mb: f64,
    /// Factors, and the misses that would have been hits.
    pub steps: Vec<(f64, u64)>,
}

/// What larger tiers would have done since the sizes were set, at most in the last day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WouldHave {
    /// Since when, Unix ms.
    pub since_ms: u64,
    /// Lookups since then.
    pub lookups: u64,
    /// Those that L1 did not answer.
    pub l1_misses: u64,
    /// `l1MaxSize`.
    pub l1_max_size: u64,
    /// `l1MaxSizeMB` in bytes.
    pub l1_max_bytes: u64,
    /// What has to be raised.
    pub bound_by: Bound,
    /// One of so many keys was counted and stands for the others.
    pub sample_ratio: u32,
    /// L1 in larger sizes, ascending.
    pub steps: Vec<Step>,
    /// The disk tiers in larger sizes.
    pub disk: Vec<DiskWouldHave>,
}

/// A setting and its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `cache.l1MaxSize` (entries), `cache.l1MaxSizeMB`, `cache.l2MaxSizeMB` or `cache.l3MaxSizeMB`.
    pub setting: &'static str,
    /// Its value.
    pub current: f64,
    /// What it should be.
    pub proposed: f64,
}

/// A larger size that would have been worth it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SizeAdvice {
    /// What to change.
    #[serde(flatten)]
    pub change: Change,
    /// What to change with it, where one alone would gain little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<Change>,
    /// Lookups that L1 did not answer, or for a disk tier those that no layer did.
    pub misses: u64,
    /// Those of them that it would have answered.
    pub hits_gained: u64,
    /// Those that no layer answered.
    pub of_misses: u64,
    /// All lookups.
    pub lookups: u64,
    /// Since when, Unix ms.
    pub since_ms: u64,
    /// Bytes that it would take: memory for L1, disk for the others. At L1's mean size of an entry.
    pub more_bytes: u64,
}

impl CacheManager {
    /// What larger tiers would have done. O(1).
    pub fn would_have(&self) -> WouldHave {
        let (sums, sizes) = self.hindsight_sums();
        let by = sizes.bound_by(&sums);
        let at = |counts: &Grid<f64>, level: usize| rounded(gained(counts, by, level));
        let step = |level: usize| {
            let bounds = sizes.raised(by, FACTORS[level]);
            let (by_disk, of_misses) = (at(&sums.by_disk, level), at(&sums.by_nobody, level));
            Step {
                factor: FACTORS[level],
                entries: bounds.0,
                bytes: bounds.1,
                hits_gained: by_disk + of_misses,
                of_misses,
            }
        };
        let disk = |tier: usize| DiskWouldHave {
            setting: DISK_SETTINGS[tier],
            current_mb: sizes.disk_mb[tier],
            steps: (1..LEVELS)
                .map(|level| (FACTORS[level], rounded(sum_to(&sums.disk[tier], level))))
                .collect(),
        };
        WouldHave {
            since_ms: sums.since_ms,
            lookups: sums.totals.lookups,
            l1_misses: sums.totals.l1_misses,
            l1_max_size: sizes.entries,
            l1_max_bytes: sizes.bytes,
            bound_by: by,
            sample_ratio: sizes.sample_ratio,
            steps: (1..LEVELS).map(step).collect(),
            disk: vec![disk(0), disk(1)],
        }
    }

    /// The sizes that would have been worth it, of L1 and of one disk tier; empty where there is none or too little is known. O(1).
    ///
    /// Of each the smallest that gains four fifths of what can be gained with eight times the size, if that is at least a
    /// twentieth of all lookups and 100 hits.
    pub fn advice(&self) -> Vec<SizeAdvice> {
        let (sums, sizes) = self.hindsight_sums();
        let disk = [0, 1].map(|tier| sizes.disk_advice(&sums, tier));
        let better = disk.into_iter().flatten().max_by_key(|advice| advice.hits_gained);
        sizes.l1_advice(&sums).into_iter().chain(better).collect()
    }

    fn hindsight_sums(&self) -> (Sums, Present) {
        let (now_ms, totals) = (self.clock.now_ms(), self.totals());
        let (held_entries, held_bytes) = {
            let l1 = self.l1.lock();
            (l1.len() as u64, l1.bytes())
        };
        let config = self.config();
        let Bounds { entries, bytes } = l1::bounds(&config);
        let (sums, sample_ratio) = self.hindsight.sums(now_ms, totals);
        let sizes = Present {
            entries: entries as u64,
            bytes,
            mb: config.l1_max_size_mb,
            held_entries,
            held_bytes,
            disk_mb: [config.l2_max_size_mb, config.l3_max_size_mb],
            sample_ratio,
        };
        (sums, sizes)
    }
}

const DISK_SETTINGS: [&str; 2] = ["cache.l2MaxSizeMB", "cache.l3MaxSizeMB"];

/// The present sizes.
struct Present {
    entries: u64,
    bytes: u64,
    mb: f64,
    held_entries: u64,
    held_bytes: u64,
    disk_mb: [f64; 2],
    sample_ratio: u32,
}

impl Present {
    fn bound_by(&self, sums: &Sums) -> Bound {
        let last = |by| total(sums, by, LEVELS - 1);
        let (entries, bytes, both) = (last(Bound::Entries), last(Bound::Bytes), last(Bound::Both));
        let is_bytes = if both > 0.0 {
            bytes > entries
        } else {
            is_bound_by_bytes(self.held_entries, self.entries, self.held_bytes, self.bytes)
        };
        match is_bytes {
            _ if entries.max(bytes) < both * WORTH_SHARE => Bound::Both,
            true => Bound::Bytes,
            false => Bound::Entries,
        }
    }

    /// Most entries and bytes with what has to be raised times a factor.
    fn raised(&self, by: Bound, factor: f64) -> (u64, u64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size times a factor")]
        let times = |size: u64| (size as f64 * factor).ceil() as u64;
        match by {
            Bound::Entries => (times(self.entries), self.bytes),
            Bound::Bytes => (self.entries, times(self.bytes)),
            Bound::Both => (times(self.entries), times(self.bytes)),
        }
    }

    fn l1_advice(&self, sums: &Sums) -> Option<SizeAdvice> {
        let by = self.bound_by(sums);
        let level = worth(sums.totals.lookups, |level| total(sums, by, level))?;
        let of_entries = Change {
            setting: "cache.l1MaxSize",
            current: self.entries as f64,
            proposed: (self.entries as f64 * FACTORS[level]).ceil(),
        };
        let of_bytes = Change {
            setting: "cache.l1MaxSizeMB",
            current: self.mb,
            proposed: round_up(self.mb * FACTORS[level]),
        };
        let (change, also) = match by {
            Bound::Entries => (of_entries, None),
            Bound::Bytes => (of_bytes, None),
            Bound::Both => (of_entries, Some(of_bytes)),
        };
        let (entries, bytes) = self.raised(by, FACTORS[level]);
        let is_allowed = entries as f64 <= MOST_ENTRIES && bytes as f64 / BYTES_PER_MB <= MOST_MB;
        let mean = self.held_bytes / self.held_entries.max(1);
        let needed = entries.saturating_mul(mean).min(bytes);
        let of_misses = rounded(gained(&sums.by_nobody, by, level));
        is_allowed.then_some(SizeAdvice {
            change,
            also,
            misses: sums.totals.l1_misses,
            hits_gained: of_misses + rounded(gained(&sums.by_disk, by, level)),
            of_misses,
            lookups: sums.totals.lookups,
            since_ms: sums.since_ms,
            more_bytes: needed.saturating_sub(self.held_bytes),
        })
    }

    fn disk_advice(&self, sums: &Sums, tier: usize) -> Option<SizeAdvice> {
        let level = worth(sums.totals.lookups, |level| sum_to(&sums.disk[tier], level))?;
        let current = self.disk_mb[tier];
        let proposed = round_up(current * FACTORS[level]);
        let hits_gained = rounded(sum_to(&sums.disk[tier], level));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes of a larger setting"
        )]
        let more_bytes = ((proposed - current) * BYTES_PER_MB) as u64;
        (proposed <= MOST_MB).then_some(SizeAdvice {
            change: Change { setting: DISK_SETTINGS[tier], current, proposed },
            also: None,
            misses: sums.totals.misses,
            hits_gained,
            of_misses: hits_gained,
            lookups: sums.totals.lookups,
            since_ms: sums.since_ms,
            more_bytes,
        })
    }
}

/// The first step that is worth it.
fn worth(lookups: u64, gained: impl Fn(usize) -> f64) -> Option<usize> {
    let most = gained(LEVELS - 1);
    let level = (1..LEVELS).find(|&level| gained(level) >= most * WORTH_SHARE)?;
    let least = LEAST_HITS.max(lookups as f64 * LEAST_SHARE);
    (gained(level) >= least).then_some(level)
}

fn total(sums: &Sums, by: Bound, level: usize) -> f64 {
    gained(&sums.by_disk, by, level) + gained(&sums.by_nobody, by, level)
}

/// What is gained by raising to a step.
fn gained(counts: &Grid<f64>, by: Bound, level: usize) -> f64 {
    let (entries, bytes) = match by {
        Bound::Entries => (level, 0),
        Bound::Bytes => (0, level),
        Bound::Both => (level, level),
    };
    counts[..=entries].iter().map(|of_entries| of_entries[..=bytes].iter().sum::<f64>()).sum()
}

fn sum_to(counts: &[f64; LEVELS], level: usize) -> f64 {
    counts[..=level].iter().sum()
}

/// MB with two decimals, but never rounded to less.
fn round_up(mb: f64) -> f64 {
    let shown = round2(mb);
    if shown < mb { round2(mb + 0.01) } else { shown }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}
