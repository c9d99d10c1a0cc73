//! The figures as JavaScript gets to see them.
//!
//! Shapes and units only; the manager fills them in. Sizes are MB (2^20 bytes) rounded to two decimals unless said otherwise,
//! percentages likewise. What is not known is `null`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::limits::{LimitSource, to_f64};
use super::pressure::{Step, Thresholds};
use super::probe::{CgroupEvents, CgroupMemory, Psi, RawSample};
use crate::base::units::{round2, to_mb};

/// Figures of the V8 heap in bytes, as only the JS thread can read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V8Heap {
    /// Memory V8 has taken from the system (`total_heap_size`).
    pub heap_total: u64,
    /// Part of it in use (`used_heap_size`), garbage that was not collected yet included.
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
    /// The last five, the newest last.
    pub recent_alerts: Vec<Value>,
    /// The limits found.
    pub limits: LimitStats,
    /// The tightest limit in percent, the step that holds, and why.
    pub pressure: PressureStats,
    /// Ms until the first limit is reached at the present growth; `null` when none will be within a day.
    pub time_to_limit: Option<u64>,
    /// The tightest limit in percent; may exceed 100.
    pub percentage: Option<f64>,
    /// Native memory of this package.
    pub native: NativeStats,
    /// What was done about short memory.
    pub actions: Vec<Value>,
    /// What sampling costs.
    pub sampling: SamplingStats,
}

/// This process, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStats {
    /// Resident set.
    pub rss: Option<f64>,
    /// Proportional set: shared pages count in parts. Linux only; read every ten seconds, less often when that takes over a thousandth of
    /// the time.
    pub pss: Option<f64>,
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
    /// Swap space; 0 without.
    pub swap_total: Option<f64>,
    /// Part of it in use.
    pub swap_used: Option<f64>,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitStats {
    /// The memory cgroup, if there is one.
    pub cgroup: Option<CgroupStats>,
    /// See [`V8Heap::heap_limit`].
    pub heap_limit: Option<f64>,
    /// The lowest limit.
    pub effective: Option<f64>,
    /// Where that comes from.
    pub effective_source: Option<LimitSource>,
    /// Every limit that there is.
    pub all: Vec<LimitRow>,
}

/// One limit and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitRow {
    /// Where it comes from.
    pub source: LimitSource,
    /// MB.
    pub limit: f64,
    /// What counts against it, MB.
    pub used: f64,
    /// `used` in percent of it.
    pub percentage: f64,
    /// How `used` grows, MB a second; `null` before there is enough to tell.
    pub growth: Option<f64>,
    /// Ms until it is reached at this growth.
    pub time_to_limit: Option<u64>,
}

/// How short memory is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PressureStats {
    /// The tightest limit in percent.
    pub percentage: Option<f64>,
    /// Which that is.
    pub source: Option<LimitSource>,
    /// What is done about it.
    pub step: Step,
    /// Since when, Unix ms; `null` before the first change.
    pub since: Option<u64>,
    /// Why; empty before anything was done.
    pub reason: String,
    /// How much of the last ten seconds work waited for memory; `null` where the kernel does not say.
    pub psi: Option<Psi>,
    /// From which percentage on each step holds.
    pub thresholds: Thresholds,
    /// How many callers wait for their agents.
    pub waiting: usize,
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
    /// `current` without the page cache that the kernel drops first: what counts against the limit.
    pub working_set: Option<f64>,
    /// How often limits were met. At most ten seconds old.
    pub events: Option<CgroupEvents>,
}

/// Native memory of this package, in MB.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeStats {
    /// What Rust has allocated, by a counting allocator.
    pub allocated: f64,
    /// What SQLite has allocated, by its own counter.
    pub sqlite: f64,
    /// What zstd has allocated for compression, by its own count: in neither of the two.
    pub zstd: f64,
    /// The sum of `parts` and `sqlite`; `allocated` and `sqlite` are what it should be.
    pub accounted: f64,
    /// What each part says that it holds.
    pub parts: BTreeMap<&'static str, f64>,
}

/// What sampling costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingStats {
    /// Ms to the next sample.
    pub interval_ms: u64,
    /// Samples taken.
    pub samples: u64,
    /// Mean time of one, ms.
    pub cost_ms: f64,
    /// All of them in percent of a core since the start.
    pub share: f64,
}

impl ProcessStats {
    pub(crate) fn new(rss: Option<u64>, pss: Option<u64>, v8: Option<V8Heap>) -> Self {
        Self {
            rss: rss.map(megabytes),
            pss: pss.map(megabytes),
            heap_total: v8.map(|heap| megabytes(heap.heap_total)),
            heap_used: v8.map(|heap| megabytes(heap.heap_used)),
            external: v8.map(|heap| megabytes(heap.external)),
        }
    }
}

impl SystemStats {
    pub(crate) fn new(raw: Option<&RawSample>) -> Self {
        let used = raw.map(|raw| raw.system_total.saturating_sub(raw.system_available));
        Self {
            total: raw.map(|raw| megabytes(raw.system_total)),
            free: raw.map(|raw| megabytes(raw.system_available)),
            used: used.map(megabytes),
            percentage: raw
                .zip(used)
                .filter(|(raw, _)| raw.system_total > 0)
                .map(|(raw, used)| round2(to_f64(used) / to_f64(raw.system_total) * 100.0)),
            swap_total: raw.map(|raw| megabytes(raw.swap_total)),
            swap_used: raw.map(|raw| megabytes(raw.swap_total.saturating_sub(raw.swap_free))),
        }
    }
}

impl CgroupStats {
    pub(crate) fn new(group: CgroupMemory, events: Option<CgroupEvents>) -> Self {
        Self {
            version: group.version.number(),
            max: group.max.map(megabytes),
            high: group.high.map(megabytes),
            current: group.current.map(megabytes),
            working_set: group.working_set().map(megabytes),
            events,
        }
    }
}

/// Bytes in MB, to two decimals.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    to_mb(to_f64(bytes))
}
