//! The figures as JavaScript gets to see them.
//!
//! Shapes and units only; the manager fills them in. Sizes are MB (2^20 bytes)
//! rounded to two decimals unless said otherwise, percentages likewise. What
//! is not known is `null`.

use serde::Serialize;

use super::limits::{LimitSource, to_f64};
use super::probe::CgroupMemory;
use crate::base::units::{round2, to_mb};

/// Figures of the V8 heap in bytes, as only the JS thread can read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V8Heap {
    /// Memory V8 has taken from the system (`total_heap_size`).
    pub heap_total: u64,
    /// Part of it in use (`used_heap_size`).
    pub heap_used: u64,
    /// Memory outside the heap held by JS objects (`external_memory`).
    pub external: u64,
    /// What the heap may grow to (`heap_size_limit`).
    pub heap_limit: u64,
}

/// Everything there is to tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryStats {
    /// This process.
    pub process: ProcessStats,
    /// The machine.
    pub system: SystemStats,
    /// The settings the figures are judged by.
    pub config: ConfigStats,
    /// Every agent known, the one unused for longest first.
    pub agents: Vec<AgentStats>,
    /// Ids of the throttled ones, in the same order.
    pub throttled_agents: Vec<String>,
    /// Always empty here; the outer crate's alerts go in.
    pub recent_alerts: Vec<String>,
    /// The limits found.
    pub limits: LimitStats,
    /// Process memory against the effective limit; may exceed 100.
    pub percentage: Option<f64>,
}

/// This process, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStats {
    /// Resident set.
    pub rss: Option<f64>,
    /// See [`V8Heap::heap_total`].
    pub heap_total: Option<f64>,
    /// See [`V8Heap::heap_used`].
    pub heap_used: Option<f64>,
    /// See [`V8Heap::external`].
    pub external: Option<f64>,
}

/// The machine, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemStats {
    /// All memory.
    pub total: Option<f64>,
    /// What can be had without swapping (not merely what lies unused).
    pub free: Option<f64>,
    /// `total` less `free`.
    pub used: Option<f64>,
    /// `used` in percent of `total`, 0–100.
    pub percentage: Option<f64>,
}

/// The settings, in their own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigStats {
    /// `max_memory_usage`, MB.
    pub max_memory: f64,
    /// `alert_threshold`, percent.
    pub alert_threshold: f64,
    /// `agent_memory_limit`, MB.
    pub agent_limit: f64,
}

/// One agent, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStats {
    /// Its id.
    pub agent_id: String,
    /// Context, bytes.
    pub context_size: u64,
    /// Cache, bytes.
    pub cache_size: u64,
    /// Both, bytes.
    pub total_memory: u64,
    /// Last use, Unix ms.
    pub last_accessed: u64,
    /// Whether it is throttled.
    pub is_throttled: bool,
}

/// The limits, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitStats {
    /// The memory cgroup, if there is one.
    pub cgroup: Option<CgroupStats>,
    /// See [`V8Heap::heap_limit`]; not part of `effective`.
    pub heap_limit: Option<f64>,
    /// The lowest limit.
    pub effective: Option<f64>,
    /// Where that comes from.
    pub effective_source: Option<LimitSource>,
}

/// The memory cgroup, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CgroupStats {
    /// 1 or 2.
    pub version: u8,
    /// See [`CgroupMemory::max`].
    pub max: Option<f64>,
    /// See [`CgroupMemory::high`].
    pub high: Option<f64>,
    /// See [`CgroupMemory::current`].
    pub current: Option<f64>,
}

impl ProcessStats {
    pub(crate) fn new(rss: Option<u64>, v8: Option<V8Heap>) -> Self {
        Self {
            rss: rss.map(megabytes),
            heap_total: v8.map(|heap| megabytes(heap.heap_total)),
            heap_used: v8.map(|heap| megabytes(heap.heap_used)),
            external: v8.map(|heap| megabytes(heap.external)),
        }
    }
}

impl SystemStats {
    /// From total and available bytes.
    pub(crate) fn new(memory: Option<(u64, u64)>) -> Self {
        let used = memory.map(|(total, available)| (total, total.saturating_sub(available)));
        Self {
            total: memory.map(|(total, _)| megabytes(total)),
            free: memory.map(|(_, available)| megabytes(available)),
            used: used.map(|(_, used)| megabytes(used)),
            percentage: used
                .filter(|(total, _)| *total > 0)
                .map(|(total, used)| round2(to_f64(used) / to_f64(total) * 100.0)),
        }
    }
}

impl From<CgroupMemory> for CgroupStats {
    fn from(group: CgroupMemory) -> Self {
        Self {
            version: group.version.number(),
            max: group.max.map(megabytes),
            high: group.high.map(megabytes),
            current: group.current.map(megabytes),
        }
    }
}

/// Bytes in MB, to two decimals.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    to_mb(to_f64(bytes))
}
