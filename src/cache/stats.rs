//! What the cache says of itself. Every figure is a counter or a reading.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::below::Below;
use super::disk::Condition;
use super::l1;
use super::manager::CacheManager;
use crate::base::units::to_mb;

/// A wall clock that is further behind than this was set back.
const SET_BACK_MS: u64 = 1000;

/// Counters of lookups and of L1.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) l1_hits: AtomicU64,
    pub(crate) l2_hits: AtomicU64,
    pub(crate) l3_hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) similarity_detections: AtomicU64,
}

/// `l1` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Stats {
    /// Entries, as in the replaced package.
    pub size: u64,
    /// Most entries.
    pub max_size: u64,
    /// Hits per lookup, 0–1.
    pub hit_rate: f64,
    /// Entries.
    pub entries: u64,
    /// MB of keys, values and overhead.
    #[serde(rename = "sizeMB")]
    pub size_mb: f64,
    /// Most MB.
    #[serde(rename = "maxSizeMB")]
    pub max_size_mb: f64,
    /// Lookups answered here.
    pub hits: u64,
}

/// `l2` and `l3` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskTierStats {
    /// MB of stored bytes: blobs, keys and rows.
    #[serde(rename = "sizeMB")]
    pub size_mb: f64,
    /// Most MB.
    #[serde(rename = "maxSizeMB")]
    pub max_size_mb: f64,
    /// Hits per lookup that came to this tier, 0–1.
    pub hit_rate: f64,
    /// Entries.
    pub entries: u64,
    /// Lookups answered here.
    pub hits: u64,
    /// Bytes stored.
    pub stored_bytes: u64,
    /// Bytes of the values before compression.
    pub raw_bytes: u64,
}

/// `l3` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L3Stats {
    /// As of L2.
    #[serde(flatten)]
    pub tier: DiskTierStats,
    /// Stored bytes per byte of values; 1 while there is none.
    pub compression_ratio: f64,
    /// Bytes of compression dictionaries, which are stored besides.
    pub dictionary_bytes: u64,
}

/// `disk` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskStats {
    /// `off`, `idle` (nothing stored yet), `opening`, `ok`, `degraded` or `closed`.
    pub state: &'static str,
    /// Why it is degraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Operations that wait to be written.
    pub queued: u64,
    /// Entries written.
    pub written: u64,
    /// Transactions in which they were.
    pub batches: u64,
    /// Entries that were not written: no room in the queue or on the disk.
    pub dropped: u64,
    /// Writes that had to wait for room in the queue.
    pub delayed: u64,
    /// Damaged entries found; each was a miss and is removed.
    pub corrupt: u64,
    /// Entries compressed into L3.
    pub compressed: u64,
    /// Entries given up for lack of room.
    pub evicted: u64,
    /// Reads and writes that failed.
    pub failures: u64,
    /// ms by which the machine's clock is behind its own past: it was set back. Times to live go on by the monotonic clock.
    pub clock_behind_ms: u64,
}

/// `overall` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OverallStats {
    /// Lookups that found a value.
    pub total_hits: u64,
    /// Lookups that found none.
    pub total_misses: u64,
    /// Hits per lookup, 0–1; 0 before the first.
    pub hit_rate: f64,
    /// Entries that L1 gave up for lack of room.
    pub evictions: u64,
    /// Expired entries removed, from memory or disk.
    pub expired: u64,
    /// Values served for a query that was asked in other words.
    pub similarity_detections: u64,
}

/// `similarity` of `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimilarityStats {
    /// Queries that may be found in other words.
    pub queries: usize,
    /// Vectors in memory, where `embed` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<usize>,
    /// Whether those that were on disk before are among them.
    pub is_complete: bool,
}

/// `CacheStats`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStats {
    /// Memory.
    pub l1: L1Stats,
    /// Disk.
    pub l2: DiskTierStats,
    /// Disk, compressed.
    pub l3: L3Stats,
    /// All.
    pub overall: OverallStats,
    /// How the disk tiers are.
    pub disk: DiskStats,
    /// What is found in other words.
    pub similarity: SimilarityStats,
}

impl CacheStats {
    /// Hits per lookup; `None` before the first lookup.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.lookups() > 0).then_some(self.overall.hit_rate)
    }

    /// Lookups so far.
    pub fn lookups(&self) -> u64 {
        self.overall.total_hits + self.overall.total_misses
    }

    /// Whether the disk tiers are wanted and not used.
    pub fn is_degraded(&self) -> bool {
        self.disk.state == "degraded"
    }
}

impl CacheManager {
    /// Figures now. O(1); those of the disk tiers are as of the last write or the last five seconds.
    pub fn stats(&self) -> CacheStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let config = self.config();
        let disk = self.disk();
        let (entries, bytes) = {
            let l1 = self.l1.lock();
            (l1.len() as u64, l1.bytes())
        };
        let [l1_hits, l2_hits, l3_hits, misses] =
            [&self.counters.l1_hits, &self.counters.l2_hits, &self.counters.l3_hits, &self.counters.misses]
                .map(load);
        let hits = l1_hits + l2_hits + l3_hits;
        let below = self.below().map(Below::totals);
        let totals = disk.as_ref().map_or_else(|| below.unwrap_or_default(), |disk| *disk.totals.lock());
        let tier = |index: usize, limit_mb: f64, hits: u64, came: u64| DiskTierStats {
            size_mb: to_mb(totals.tiers[index].stored as f64),
            max_size_mb: limit_mb,
            hit_rate: rate(hits, came),
            entries: totals.tiers[index].entries,
            hits,
            stored_bytes: totals.tiers[index].stored,
            raw_bytes: totals.tiers[index].raw,
        };
        let l3 = tier(1, config.l3_max_size_mb, l3_hits, l3_hits + misses);
        CacheStats {
            l1: L1Stats {
                size: entries,
                max_size: config.l1_max_size,
                hit_rate: rate(l1_hits, hits + misses),
                entries,
                size_mb: to_mb(bytes as f64),
                max_size_mb: to_mb(l1::bounds(&config).bytes as f64),
                hits: l1_hits,
            },
            l2: tier(0, config.l2_max_size_mb, l2_hits, l2_hits + l3_hits + misses),
            l3: L3Stats {
                compression_ratio: if l3.raw_bytes > 0 { rate(l3.stored_bytes, l3.raw_bytes) } else { 1.0 },
                tier: l3,
                dictionary_bytes: totals.dictionary_bytes,
            },
            overall: OverallStats {
                total_hits: hits,
                total_misses: misses,
                hit_rate: rate(hits, hits + misses),
                evictions: load(&self.counters.evictions),
                expired: load(&self.counters.expired)
                    + disk.as_ref().map_or(0, |disk| load(&disk.counters.expired)),
                similarity_detections: load(&self.counters.similarity_detections),
            },
            disk: self.disk_stats(),
            similarity: self.similarity_stats(),
        }
    }

    fn similarity_stats(&self) -> SimilarityStats {
        SimilarityStats {
            queries: self.questions.len(),
            vectors: self.vectors.len(),
            is_complete: self.is_taken_up(),
        }
    }

    fn disk_stats(&self) -> DiskStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Clocks are adjusted by some ms all the time.
        let clock_behind_ms = Some(self.clock.behind_ms()).filter(|&ms| ms >= SET_BACK_MS).unwrap_or(0);
        let Some(disk) = self.disk() else {
            let state = self.below().map_or("off", |below| if below.is_begun() { "ok" } else { "idle" });
            return DiskStats { state, clock_behind_ms, ..DiskStats::default() };
        };
        let (state, reason) = match disk.condition() {
            Condition::Dormant => ("idle", None),
            Condition::Opening => ("opening", None),
            Condition::Good => ("ok", None),
            Condition::Degraded(reason) => ("degraded", Some(reason)),
            Condition::Closed => ("closed", None),
        };
        DiskStats {
            state,
            reason,
            path: Some(disk.settings.read().dir.to_string_lossy().into_owned()),
            queued: disk.queue.len() as u64,
            written: load(&disk.counters.written),
            batches: load(&disk.counters.batches),
            dropped: load(&disk.counters.dropped),
            delayed: load(&disk.counters.delayed),
            corrupt: load(&disk.counters.corrupt),
            compressed: load(&disk.counters.compressed),
            evicted: load(&disk.counters.evicted),
            failures: load(&disk.counters.failures),
            clock_behind_ms,
        }
    }
}

fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
