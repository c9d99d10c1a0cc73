//! The counts that rules look at, taken at one time. Only reads: no rule asks a part by itself, so that a test can say what was
//! counted.

use super::Advisor;
use super::tally::Tallied;
use crate::cache::config::EvictionPolicy;
use crate::cache::{CacheManager, CacheStats, Rehearsed, SizeAdvice};
use crate::memory::Overview;
use crate::monitor::sources::Seen;
use crate::orchestrator::Components;
use crate::orchestrator::repeated::Counts;
use crate::orchestrator::settings::Settings;
use crate::tokens::ledger::{Breakdown, Summed};
use std::sync::atomic::{AtomicU64, Ordering};

/// Alerts of this long count, hours.
const ALERT_HOURS: f64 = 24.0;

/// Everything that is known; a part that is off is `None`.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) settings: Settings,
    /// What the monitor saw in the last hour; nothing without one.
    pub(super) seen: Seen,
    pub(super) memory: Option<MemoryFacts>,
    pub(super) cache: Option<CacheFacts>,
    /// What the filter left out under its present settings.
    pub(super) filter: Option<Tallied>,
    /// Sums of the ledger.
    pub(super) tokens: Summed,
    pub(super) by_model: Breakdown,
    /// Text sent in whole values, and what of it had been sent before.
    pub(super) repeated: Counts,
    pub(super) monitor: Option<MonitorFacts>,
    /// Contexts optimized, and stages of theirs that failed.
    pub(super) operations: u64,
    pub(super) failures: u64,
    pub(super) dropped_events: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct MemoryFacts {
    pub(super) overview: Overview,
    /// Agents over `memory.agentMemoryLimit`, and the bytes of the largest of them.
    pub(super) over_limit: (usize, u64),
    /// Bytes of the agent that holds most.
    pub(super) largest: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct CacheFacts {
    pub(super) stats: CacheStats,
    /// Sizes that would have been worth it.
    pub(super) larger: Vec<SizeAdvice>,
    /// What became of entries that expired; `None` where that is not counted.
    pub(super) renewed: Option<Renewed>,
    /// What became of answers to other questions; `None` where that is not counted.
    pub(super) similar: Option<SimilarFate>,
    /// What other policies would have answered with the present size.
    pub(super) policies: Vec<PolicyWouldHave>,
}

impl CacheFacts {
    fn of(cache: &CacheManager) -> Self {
        let (stats, seen) = (cache.stats(), cache.observed_so_far());
        let served = stats.overall.similarity_detections;
        // Nothing is counted while nobody tunes.
        let is_observed = !seen.rehearsed.is_empty();
        Self {
            renewed: is_observed.then_some(Renewed {
                expired: seen.expired,
                same: seen.renewed_same,
                changed: seen.renewed_changed,
            }),
            similar: is_observed.then_some(SimilarFate { served, refuted: seen.similar_refuted }),
            policies: policies(&seen.rehearsed, cache.config().eviction_policy),
            larger: cache.advice(),
            stats,
        }
    }
}

/// Policies that were rehearsed at the configured size, against the present one at the same size.
fn policies(rehearsed: &[Rehearsed], present: EvictionPolicy) -> Vec<PolicyWouldHave> {
    let hits = |row: &Rehearsed| (row.of_hits + row.of_disk_hits + row.of_misses).cast_signed();
    let at_size = || rehearsed.iter().filter(|row| (row.factor - 1.0).abs() < 1e-9);
    let Some(own) = at_size().find(|row| row.policy == present) else { return Vec::new() };
    let others = at_size().filter(|row| row.policy != present);
    others
        .map(|row| PolicyWouldHave {
            policy: row.policy,
            hits_gained: hits(row) - hits(own),
            lookups: row.lookups,
        })
        .collect()
}

/// Entries that expired and were asked for again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Renewed {
    /// Lookups that found an expired entry.
    pub(super) expired: u64,
    /// Values of such that were stored again the same, and as others.
    pub(super) same: u64,
    pub(super) changed: u64,
}

/// Answers served to questions in other words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SimilarFate {
    pub(super) served: u64,
    /// Those that the caller soon replaced by another answer.
    pub(super) refuted: u64,
}

/// A policy of L1, and what it would have answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct PolicyWouldHave {
    pub(super) policy: EvictionPolicy,
    /// Lookups that L1 would have answered, less those that it did.
    pub(super) hits_gained: i64,
    /// Lookups in that time.
    pub(super) lookups: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct MonitorFacts {
    /// Channels that are on and lack something, by name.
    pub(super) unconfigured: Vec<&'static str>,
    /// Channels besides the console that are on and have what they need.
    pub(super) working: usize,
    /// Alerts that no channel could deliver.
    pub(super) undelivered: u64,
    /// Critical alerts of the last day.
    pub(super) critical: u64,
    /// Whether figures are written down; `None` where they need not be.
    pub(super) is_kept: Option<bool>,
}

impl Facts {
    pub(super) fn gather(advisor: &Advisor, seen: &Seen) -> Self {
        let Components { memory, cache, filter, monitor } =
            advisor.components.upgrade().map(|parts| parts.read().clone()).unwrap_or_default();
        let counters = &advisor.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ledger = advisor.tokens.ledger();
        Self {
            settings: advisor.settings.read().clone(),
            seen: *seen,
            memory: memory.map(|memory| MemoryFacts {
                overview: memory.overview(),
                over_limit: memory.over_own_limit(),
                largest: memory.largest_agents(1).0.first().map_or(0, |(_, bytes)| *bytes),
            }),
            cache: cache.map(|cache| CacheFacts::of(cache.manager())),
            filter: filter.map(|_| counters.tally.read()),
            tokens: ledger.totals(),
            by_model: ledger.by_model(),
            repeated: advisor.tokens.repeated(),
            monitor: monitor.map(|monitor| {
                let channels = monitor.channels();
                let is_console = |name| name == "console";
                MonitorFacts {
                    unconfigured: channels
                        .iter()
                        .filter(|channel| channel.enabled && !channel.configured)
                        .map(|channel| channel.name)
                        .collect(),
                    working: channels
                        .iter()
                        .filter(|channel| channel.enabled && channel.configured && !is_console(channel.name))
                        .count(),
                    undelivered: channels.iter().map(|channel| channel.dead).sum(),
                    critical: monitor.critical_alerts(ALERT_HOURS),
                    is_kept: monitor.is_kept(),
                }
            }),
            operations: load(&counters.operations),
            failures: load(&counters.filter_failures) + load(&counters.token_failures),
            dropped_events: advisor.events.dropped(),
        }
    }
}
