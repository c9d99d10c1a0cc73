//! The registry of agents: what each holds and which of them are throttled.
//!
//! Not synchronised and without a clock of its own; the manager gives it both.
//! Agents are kept in the order of their last use, so that forgetting the idle
//! ones and making room both take the oldest first. Every operation is
//! O(log n) amortised. An agent's id is stored once; how long it may be is for
//! the caller to bound.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::stats::{AgentStats, megabytes};
use crate::base::name::quoted;

/// An agent unused for 10 minutes is forgotten: longer than a pause between
/// two steps of a living agent, short enough that dead ones do not pile up.
pub(crate) const AGENT_IDLE_MS: u64 = 10 * 60_000;

/// 100 000 agents cost some 20 MB here; more at once is a leak of the caller's.
pub(crate) const MAX_TRACKED_AGENTS: usize = 100_000;

/// A throttled agent must come below 4/5 of the limit, so that one hovering
/// at the limit does not flip with every call.
const RELEASE_NUMERATOR: u128 = 4;
const RELEASE_DENOMINATOR: u128 = 5;

/// What registering an agent changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentChange {
    /// Context and cache together, in bytes (saturating).
    pub total_bytes: u64,
    /// Set when this call made the agent throttled; `None` if it was already.
    pub throttled: Option<ThrottleReason>,
    /// Whether this call ended the agent's throttling.
    pub unthrottled: bool,
}

/// Why an agent became throttled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleReason {
    /// For people: names the agent, its memory and the limit.
    pub text: String,
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Monotonic ms, decides what is idle.
    pub(crate) mono_ms: u64,
    /// Unix ms, only shown.
    pub(crate) wall_ms: u64,
}

#[derive(Debug)]
struct Agent {
    context_bytes: u64,
    cache_bytes: u64,
    used_mono_ms: u64,
    used_wall_ms: u64,
    throttled: bool,
    /// Key into `AgentRegistry::by_use`.
    turn: u64,
}

impl Agent {
    fn total_bytes(&self) -> u64 {
        self.context_bytes.saturating_add(self.cache_bytes)
    }
}

/// All agents known.
#[derive(Debug)]
pub(crate) struct AgentRegistry {
    limit_bytes: u64,
    capacity: usize,
    agents: HashMap<Arc<str>, Agent>,
    /// Agents by a number that grows with every use: the first is the one
    /// unused for longest. Holds the same ids as `agents`.
    by_use: BTreeMap<u64, Arc<str>>,
    next_turn: u64,
    /// How many of `agents` are throttled.
    throttled: usize,
    /// Sum of what `agents` hold, so that asking is O(1).
    held_bytes: u64,
}

impl AgentRegistry {
    /// `limit_bytes` is what one agent may hold, `capacity` how many are kept
    /// (at least one).
    pub(crate) fn new(limit_bytes: u64, capacity: usize) -> Self {
        Self {
            limit_bytes,
            capacity: capacity.max(1),
            agents: HashMap::new(),
            by_use: BTreeMap::new(),
            next_turn: 0,
            throttled: 0,
            held_bytes: 0,
        }
    }

    /// Sets what an agent holds, and throttles or releases it accordingly.
    pub(crate) fn register(
        &mut self,
        now: Now,
        id: &str,
        context_bytes: u64,
        cache_bytes: u64,
    ) -> AgentChange {
        if self.touch(now, id).is_none() {
            while self.agents.len() >= self.capacity && self.drop_oldest() {}
            self.insert(now, id);
        }
        let limit = self.limit_bytes;
        let agent = self.agents.get_mut(id).expect("invariant: touched or inserted above");
        let before_bytes = agent.total_bytes();
        agent.context_bytes = context_bytes;
        agent.cache_bytes = cache_bytes;
        let total_bytes = agent.total_bytes();
        self.held_bytes = self.held_bytes.saturating_sub(before_bytes).saturating_add(total_bytes);
        let mut change = AgentChange { total_bytes, throttled: None, unthrottled: false };
        if !agent.throttled && total_bytes > limit {
            agent.throttled = true;
            self.throttled += 1;
            change.throttled = Some(ThrottleReason {
                text: format!(
                    "agent {} holds {:.2} MB, more than its limit of {:.2} MB",
                    quoted(id),
                    megabytes(total_bytes),
                    megabytes(limit)
                ),
            });
        } else if agent.throttled && is_released(total_bytes, limit) {
            agent.throttled = false;
            self.throttled -= 1;
            change.unthrottled = true;
        }
        change
    }

    /// Whether the agent is throttled; counts as a use of it.
    pub(crate) fn is_throttled(&mut self, now: Now, id: &str) -> bool {
        self.touch(now, id).is_some_and(|agent| agent.throttled)
    }

    /// Ends the agent's throttling if it holds little enough; counts as a use.
    /// True if it was throttled and no longer is.
    pub(crate) fn unthrottle(&mut self, now: Now, id: &str) -> bool {
        let limit = self.limit_bytes;
        let Some(agent) = self.touch(now, id) else {
            return false;
        };
        if !agent.throttled || !is_released(agent.total_bytes(), limit) {
            return false;
        }
        agent.throttled = false;
        self.throttled -= 1;
        true
    }

    /// Drops the agent; true if it was known.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let Some(agent) = self.agents.remove(id) else {
            return false;
        };
        self.by_use.remove(&agent.turn);
        self.throttled -= usize::from(agent.throttled);
        self.held_bytes = self.held_bytes.saturating_sub(agent.total_bytes());
        true
    }

    /// Sets what one agent may hold from its next registration on.
    pub(crate) fn set_limit(&mut self, limit_bytes: u64) {
        self.limit_bytes = limit_bytes;
    }

    /// Bytes that all agents hold together.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Drops every agent idle at `now`.
    pub(crate) fn expire(&mut self, now: Now) {
        while self.oldest_is_idle(now) && self.drop_oldest() {}
    }

    /// How many agents are throttled.
    pub(crate) fn throttled_count(&self) -> usize {
        self.throttled
    }

    /// All agents, the one unused for longest first.
    pub(crate) fn list(&self) -> Vec<AgentStats> {
        self.by_use.values().filter_map(|id| self.stats(id)).collect()
    }

    /// One agent; `None` if it is not known.
    pub(crate) fn stats(&self, id: &str) -> Option<AgentStats> {
        let agent = self.agents.get(id)?;
        Some(AgentStats {
            agent_id: id.to_owned(),
            context_size: agent.context_bytes,
            cache_size: agent.cache_bytes,
            total_memory: agent.total_bytes(),
            last_accessed: agent.used_wall_ms,
            is_throttled: agent.throttled,
        })
    }

    /// Marks the agent as used now, making it the last in line.
    fn touch(&mut self, now: Now, id: &str) -> Option<&mut Agent> {
        let agent = self.agents.get_mut(id)?;
        let id = self.by_use.remove(&agent.turn).expect("invariant: by_use holds every agent");
        agent.turn = self.next_turn;
        agent.used_mono_ms = now.mono_ms;
        agent.used_wall_ms = now.wall_ms;
        self.by_use.insert(agent.turn, id);
        self.next_turn += 1;
        Some(agent)
    }

    fn insert(&mut self, now: Now, id: &str) {
        let id: Arc<str> = Arc::from(id);
        let agent = Agent {
            context_bytes: 0,
            cache_bytes: 0,
            used_mono_ms: now.mono_ms,
            used_wall_ms: now.wall_ms,
            throttled: false,
            turn: self.next_turn,
        };
        self.by_use.insert(self.next_turn, Arc::clone(&id));
        self.agents.insert(id, agent);
        self.next_turn += 1;
    }

    fn oldest_is_idle(&self, now: Now) -> bool {
        self.by_use
            .first_key_value()
            .and_then(|(_, id)| self.agents.get(id))
            .is_some_and(|agent| now.mono_ms.saturating_sub(agent.used_mono_ms) >= AGENT_IDLE_MS)
    }

    /// Drops the agent unused for longest; false if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some((_, id)) = self.by_use.pop_first() else {
            return false;
        };
        self.forget(&id)
    }
}

/// Whether a throttled agent holds little enough to be released.
fn is_released(total_bytes: u64, limit_bytes: u64) -> bool {
    u128::from(total_bytes) * RELEASE_DENOMINATOR < u128::from(limit_bytes) * RELEASE_NUMERATOR
}

#[cfg(test)]
mod tests;
