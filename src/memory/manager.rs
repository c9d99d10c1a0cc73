//! The manager: one object that ties probe, limits and agents together.
//!
//! Two locks, never held at once and never across a probe's read: one for the
//! agents, one for the last sample. Two callers who find the sample too old at
//! the same moment may both take one, which is harmless.
//!
//! Every call that names an agent, `forget` aside, counts as a use of it.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::agents::{AgentChange, AgentRegistry, MAX_TRACKED_AGENTS, Now};
use super::config::MemoryConfig;
use super::limits::EffectiveLimit;
use super::probe::{Probe, RawSample};
use super::stats::{
    AgentStats, ConfigStats, LimitStats, MemoryStats, ProcessStats, SystemStats, V8Heap, megabytes,
};
use crate::base::clock::Clock;
use crate::base::units::{mb_to_bytes, round2};

/// Half a second: no process fills a meaningful share of its limit in less,
/// and calls in a loop stay free of system calls.
pub(crate) const SAMPLE_MAX_AGE_MS: u64 = 500;

/// Share of the effective limit, in percent, above which contexts are cut, and
/// the factor to cut by. Given by the product's contract; highest first.
const CONTEXT_FACTORS: [(f64, f64); 3] = [(90.0, 0.5), (80.0, 0.7), (70.0, 0.85)];

/// The factor for a throttled agent while memory is not short; same source.
const THROTTLED_CONTEXT_FACTOR: f64 = 0.6;

/// A process up to this share of its limit, in percent, is in full health.
const HEALTHY_UP_TO_PERCENT: f64 = 60.0;

/// The best score.
const FULL_HEALTH: f64 = 100.0;

/// What each throttled agent takes off the score, and for how many at most:
/// agents alone cannot make a process with free memory look broken.
const HEALTH_PER_THROTTLED: f64 = 10.0;
const MAX_THROTTLED_COUNTED: u8 = 3;

/// Figures at one moment, and what follows from them.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySample {
    /// When it was taken, monotonic ms.
    pub taken_at_ms: u64,
    /// The figures, or why there are none.
    pub figures: Result<RawSample, String>,
    /// The lowest limit known; without figures only the configured one is.
    pub limit: Option<EffectiveLimit>,
    /// Process memory in percent of that limit; may exceed 100.
    pub percentage: Option<f64>,
}

/// Watches the memory of the process and of its agents.
///
/// All methods may be called from any thread. Most cost well under a
/// microsecond; one that needs a sample costs its reading, and one that finds
/// many agents idle at once forgets them all. Unknown agents are never an error.
pub struct MemoryManager {
    config: RwLock<MemoryConfig>,
    clock: Arc<dyn Clock>,
    probe: Box<dyn Probe>,
    agents: Mutex<AgentRegistry>,
    last: Mutex<Option<MemorySample>>,
}

impl std::fmt::Debug for MemoryManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryManager").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

impl MemoryManager {
    /// A manager without agents. Takes no sample yet and starts no thread.
    #[must_use]
    pub fn new(config: MemoryConfig, clock: Arc<dyn Clock>, probe: Box<dyn Probe>) -> Self {
        let agents = AgentRegistry::new(mb_to_bytes(config.agent_memory_limit_mb), MAX_TRACKED_AGENTS);
        Self { config: RwLock::new(config), clock, probe, agents: Mutex::new(agents), last: Mutex::new(None) }
    }

    /// Replaces the settings (checked by their reader). Agents keep what they hold and are judged by the new limit at
    /// their next registration; the last sample is dropped, because it was judged by the old one.
    pub fn set_config(&self, config: MemoryConfig) {
        self.agents.lock().set_limit(mb_to_bytes(config.agent_memory_limit_mb));
        *self.config.write() = config;
        *self.last.lock() = None;
    }

    /// Bytes that all agents hold now, as registered.
    pub fn held_bytes(&self) -> u64 {
        self.with_agents(|agents, _| agents.held_bytes())
    }

    /// Sets what an agent holds now, in bytes, replacing what was said before.
    ///
    /// Above `agent_memory_limit` the agent becomes throttled; it is released
    /// once it is below 80 % of it. At 100 000 agents the one unused for
    /// longest is forgotten for a new one, throttled or not.
    pub fn register_agent(&self, agent_id: &str, context_bytes: u64, cache_bytes: u64) -> AgentChange {
        self.with_agents(|agents, now| agents.register(now, agent_id, context_bytes, cache_bytes))
    }

    /// What one agent holds; `None` for one not known.
    pub fn agent(&self, agent_id: &str) -> Option<AgentStats> {
        self.with_agents(|agents, _| agents.stats(agent_id))
    }

    /// Whether the agent is throttled; false for one not known.
    #[must_use]
    pub fn should_throttle(&self, agent_id: &str) -> bool {
        self.with_agents(|agents, now| agents.is_throttled(now, agent_id))
    }

    /// Releases a throttled agent if it is below 80 % of its limit. True if
    /// this call released it.
    pub fn unthrottle(&self, agent_id: &str) -> bool {
        self.with_agents(|agents, now| agents.unthrottle(now, agent_id))
    }

    /// Forgets an agent and its throttling. True if it was known.
    pub fn forget(&self, agent_id: &str) -> bool {
        self.with_agents(|agents, _| agents.forget(agent_id))
    }

    /// How much context an agent should ask for, in the unit of `requested`.
    ///
    /// Rounded down after × 0.5, 0.7 or 0.85 when the process is above 90, 80
    /// or 70 % of the effective limit; otherwise after × 0.6 for a throttled
    /// agent; otherwise `requested` as it came. Judged by a sample at most
    /// 500 ms old; if none can be taken, memory counts as not short.
    #[must_use]
    pub fn recommended_context_size(&self, agent_id: &str, requested: f64) -> f64 {
        let throttled = self.should_throttle(agent_id);
        let shortage = self.percentage().and_then(|percentage| {
            CONTEXT_FACTORS.iter().find(|(above, _)| percentage > *above).map(|(_, factor)| *factor)
        });
        match shortage.or(throttled.then_some(THROTTLED_CONTEXT_FACTOR)) {
            Some(factor) => (requested * factor).floor(),
            None => requested,
        }
    }

    /// Takes a sample now, whatever the age of the last. A failed read is told
    /// in the sample and not hidden behind older figures.
    pub fn sample(&self) -> MemorySample {
        self.with_agents(|_, _| ());
        self.take_sample()
    }

    /// Everything there is to tell, from a fresh sample and the heap figures
    /// given (`None` leaves those null). Costs O(agents).
    pub fn stats(&self, v8: Option<V8Heap>) -> MemoryStats {
        let agents = self.with_agents(|agents, _| agents.list());
        let sample = self.take_sample();
        let config = self.config.read();
        let figures = sample.figures.ok();
        MemoryStats {
            process: ProcessStats::new(figures.map(|raw| raw.rss), v8),
            system: SystemStats::new(figures.map(|raw| (raw.system_total, raw.system_available))),
            config: ConfigStats {
                max_memory: config.max_memory_usage_mb,
                alert_threshold: config.alert_threshold_percent,
                agent_limit: config.agent_memory_limit_mb,
            },
            throttled_agents: agents
                .iter()
                .filter(|agent| agent.is_throttled)
                .map(|agent| agent.agent_id.clone())
                .collect(),
            agents,
            recent_alerts: Vec::new(),
            limits: LimitStats {
                cgroup: figures.and_then(|raw| raw.cgroup).map(Into::into),
                heap_limit: v8.map(|heap| megabytes(heap.heap_limit)),
                effective: sample.limit.map(|limit| megabytes(limit.bytes)),
                effective_source: sample.limit.map(|limit| limit.source),
            },
            percentage: sample.percentage.map(round2),
        }
    }

    /// How well the process is off, 0 (worst) to 100.
    ///
    /// With `p` the process memory in percent of the effective limit and `t`
    /// the number of throttled agents:
    ///
    /// `max(0, memory - 10 × min(t, 3))`, where `memory` is 100 for `p ≤ 60`,
    /// `100 × (100 - p) / 40` for `60 < p < 100` and 0 from there on. Without
    /// figures `memory` is 100: not knowing is no reason for an alarm. Judged
    /// by a sample at most 500 ms old.
    #[must_use]
    pub fn health_score(&self) -> f64 {
        let throttled = self.with_agents(|agents, _| agents.throttled_count());
        let counted =
            u8::try_from(throttled).map_or(MAX_THROTTLED_COUNTED, |count| count.min(MAX_THROTTLED_COUNTED));
        let memory = self.percentage().map_or(FULL_HEALTH, |percentage| {
            let left = (100.0 - percentage) / (100.0 - HEALTHY_UP_TO_PERCENT);
            FULL_HEALTH * left.clamp(0.0, 1.0)
        });
        (memory - HEALTH_PER_THROTTLED * f64::from(counted)).max(0.0)
    }

    /// Runs `work` on the agents after the idle ones have been forgotten.
    fn with_agents<T>(&self, work: impl FnOnce(&mut AgentRegistry, Now) -> T) -> T {
        let mut agents = self.agents.lock();
        // Read under the lock, or a thread that waited for it would bring an
        // older time than the agents last in line have.
        let now = Now { mono_ms: self.clock.now_ms(), wall_ms: self.clock.wall_ms() };
        agents.expire(now);
        work(&mut agents, now)
    }

    /// Process memory in percent of the effective limit, at most 500 ms old; `None` without figures.
    pub fn percentage(&self) -> Option<f64> {
        let now = self.clock.now_ms();
        if let Some(last) = self.last.lock().as_ref()
            && now.saturating_sub(last.taken_at_ms) <= SAMPLE_MAX_AGE_MS
        {
            return last.percentage;
        }
        self.take_sample().percentage
    }

    fn take_sample(&self) -> MemorySample {
        let taken_at_ms = self.clock.now_ms();
        let figures = self.probe.sample().map_err(|error| error.to_string());
        let raw = figures.as_ref().ok();
        let limit = EffectiveLimit::find(
            mb_to_bytes(self.config.read().max_memory_usage_mb),
            raw.and_then(|raw| raw.cgroup.as_ref()),
            raw.map(|raw| raw.system_total),
        );
        let percentage = raw.zip(limit).map(|(raw, limit)| limit.percentage(raw.rss));
        let sample = MemorySample { taken_at_ms, figures, limit, percentage };
        *self.last.lock() = Some(sample.clone());
        sample
    }
}

#[cfg(test)]
mod tests;
