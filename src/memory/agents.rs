//! The registry of agents: what each holds, which of them are throttled and why.
//!
//! Not synchronised and without a clock of its own; the manager gives it both. Agents are kept in the order of their last
//! use, so that forgetting the idle ones and making room both take the oldest first. Every operation is O(log n) amortised
//! but for those of [`turns`], which hold agents back while memory is short and let them go on one after the other. An
//! agent's id is stored once; how long it may be is for the caller to bound.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use super::stats::megabytes;
use crate::base::held::text_bytes;
use crate::base::name::quoted;

mod agent;
mod told;
mod turns;
mod waits;

use agent::{Agent, Turn};
pub(crate) use turns::{Gate, Room};

/// An agent unused for 10 minutes is forgotten: longer than a pause between
/// two steps of a living agent, short enough that dead ones do not pile up.
pub(crate) const AGENT_IDLE_MS: u64 = 10 * 60_000;

/// 100 000 agents cost some 20 MB here; more at once is a leak of the caller's.
pub(crate) const MAX_TRACKED_AGENTS: usize = 100_000;

/// A throttled agent must come below 4/5 of the limit, so that one hovering
/// at the limit does not flip with every call.
const RELEASE_NUMERATOR: u128 = 4;
const RELEASE_DENOMINATOR: u128 = 5;

/// Most changes that wait to be told; a step that throttles more says how many in its own event.
const MAX_CHANGES: usize = 512;

/// Why an agent is throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ThrottleCode {
    /// It holds more than `agentMemoryLimit`.
    AgentLimit,
    /// Memory is short, and it is one of those that hold most.
    LargestAgents,
    /// Memory is so short that all agents wait.
    AllAgents,
}

/// Why an agent is throttled, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleReason {
    /// For programs.
    pub code: ThrottleCode,
    /// For people: with the figures.
    pub message: String,
    /// Unix ms.
    pub since_ms: u64,
}

/// A change that listeners are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentChange {
    Throttled { id: Arc<str>, reason: String },
    Unthrottled { id: Arc<str> },
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Monotonic ms, decides what is idle.
    pub(crate) mono_ms: u64,
    /// Unix ms, only shown.
    pub(crate) wall_ms: u64,
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
    next_place: u64,
    /// How many of `agents` are throttled.
    throttled: usize,
    /// Bytes of their ids.
    id_bytes: usize,
    /// Sum of what `agents` hold, so that asking is O(1). Wider than a sum of theirs can be.
    held_bytes: u128,
    /// Grows when an answer of [`Self::is_throttled`] may have changed.
    version: u64,
    gate: Gate,
    /// Why agents are held back.
    why: String,
    /// Callers that wait, the first come first: number and agent.
    waiting: VecDeque<(u64, Arc<str>)>,
    /// Those that need not wait any more.
    released: Vec<u64>,
    /// Who has a turn.
    turns: Vec<Arc<str>>,
    /// Most that an agent held before it was done, of late.
    usual_bytes: u64,
    /// Monotonic ms at which an agent last grew, gave back or was let go on.
    moved_ms: u64,
    changes: VecDeque<AgentChange>,
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
            next_place: 0,
            throttled: 0,
            id_bytes: 0,
            held_bytes: 0,
            version: 0,
            gate: Gate::Open,
            why: String::new(),
            waiting: VecDeque::new(),
            released: Vec::new(),
            turns: Vec::new(),
            usual_bytes: 0,
            moved_ms: 0,
            changes: VecDeque::new(),
        }
    }

    /// Sets what an agent holds, and throttles or releases it accordingly.
    pub(crate) fn register(&mut self, now: Now, id: &str, context_bytes: u64, cache_bytes: u64) {
        self.know(now, id);
        let limit = self.limit_bytes;
        let agent = self.agents.get_mut(id).expect("invariant: known since the line above");
        let was = (agent.is_throttled(), agent.total_bytes());
        agent.context_bytes = context_bytes;
        agent.cache_bytes = cache_bytes;
        let total = agent.total_bytes();
        agent.is_over = total > limit || (agent.is_over && !is_released(total, limit));
        let mut done_with = 0;
        if total < agent.most_bytes / 2 {
            done_with = std::mem::replace(&mut agent.most_bytes, total);
        }
        let has_grown = done_with > 0 || total > agent.most_bytes;
        if has_grown {
            agent.grown_ms = now.mono_ms;
            agent.idle_turns = 0;
        }
        // One that says again what it holds has not moved, nor has one that goes on and comes and goes below its most.
        if has_grown || (was.0 && total != was.1) {
            self.moved_ms = now.mono_ms;
        }
        agent.most_bytes = agent.most_bytes.max(total);
        if let Some(turn) = &mut agent.turn {
            if has_grown {
                turn.moved_ms = now.mono_ms;
            }
            if total > turn.most_bytes {
                turn.most_bytes = total;
                turn.peaked_ms = now.mono_ms;
            }
            // It is done with what it was let go on for.
            if total < turn.most_bytes / 2 {
                agent.turn = None;
            }
        }
        self.held_bytes = self.held_bytes - u128::from(was.1) + u128::from(total);
        self.learn(done_with);
        self.settle(now, id, was.0);
    }

    /// Whether the agent is throttled; counts as a use of it.
    pub(crate) fn is_throttled(&mut self, now: Now, id: &str) -> bool {
        let is_closed = self.is_closed_to_new();
        self.touch(now, id).map_or(is_closed, |agent| agent.is_throttled())
    }

    /// Ends the agent's throttling if it holds little enough and memory is not short; counts as a use.
    /// True if it was throttled and no longer is.
    pub(crate) fn unthrottle(&mut self, now: Now, id: &str, is_memory_short: bool) -> bool {
        let limit = self.limit_bytes;
        let Some(agent) = self.touch(now, id) else {
            return false;
        };
        let was = agent.is_throttled();
        let is_small = is_released(agent.total_bytes(), limit);
        agent.is_over &= !is_small;
        agent.is_held_back &= is_memory_short || !is_small;
        let is_released = was && !agent.is_throttled();
        self.settle(now, id, was);
        is_released
    }

    /// Drops the agent; true if it was known.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let Some(agent) = self.agents.remove(id) else {
            return false;
        };
        self.by_use.remove(&agent.place);
        self.id_bytes -= text_bytes(id);
        self.held_bytes -= u128::from(agent.total_bytes());
        self.turns.retain(|turn| **turn != *id);
        let was = agent.is_throttled();
        self.throttled -= usize::from(was);
        self.version += u64::from(was != self.is_closed_to_new());
        self.learn(agent.most_bytes);
        self.release_waits(id, agent.waits);
        true
    }

    /// Sets what one agent may hold. Those that hold too much are throttled at their next registration; those that were
    /// throttled and do not any more go on.
    pub(crate) fn set_limit(&mut self, now: Now, limit_bytes: u64) {
        self.limit_bytes = limit_bytes;
        for id in self.select(|agent| agent.is_over && is_released(agent.total_bytes(), limit_bytes)) {
            if let Some(agent) = self.agents.get_mut(&id) {
                let was = agent.is_throttled();
                agent.is_over = false;
                self.settle(now, &id, was);
            }
        }
    }

    /// Bytes that all agents hold together.
    pub(crate) fn held_bytes(&self) -> u64 {
        u64::try_from(self.held_bytes).unwrap_or(u64::MAX)
    }

    /// How many agents are over their own limit, and the bytes of the largest of them. O(agents).
    pub(crate) fn over_own_limit(&self) -> (usize, u64) {
        let over = self.agents.values().filter(|agent| agent.is_over).map(Agent::total_bytes);
        over.fold((0, 0), |(count, most), bytes| (count + 1, most.max(bytes)))
    }

    /// Drops every agent idle at `now`; one that somebody waits for is not idle.
    pub(crate) fn expire(&mut self, now: Now) {
        while let Some(id) = self.oldest_idle(now) {
            if self.agents.get(&id).is_some_and(|agent| agent.waits > 0) {
                self.touch(now, &id);
            } else {
                self.forget(&id);
            }
        }
    }

    /// How many agents there are.
    pub(crate) fn len(&self) -> usize {
        self.agents.len()
    }

    /// How many agents are throttled.
    pub(crate) fn throttled_count(&self) -> usize {
        self.throttled
    }

    /// Marks the agent as used now, making it the last in line.
    pub(crate) fn use_now(&mut self, now: Now, id: &str) {
        self.touch(now, id);
    }

    /// Notes that something moved: what was held is free, or is held by others.
    pub(crate) fn moved(&mut self, now: Now) {
        self.moved_ms = now.mono_ms;
    }

    fn touch(&mut self, now: Now, id: &str) -> Option<&mut Agent> {
        let agent = self.agents.get_mut(id)?;
        let id = self.by_use.remove(&agent.place).expect("invariant: by_use holds every agent");
        agent.place = self.next_place;
        agent.used_mono_ms = now.mono_ms;
        agent.used_wall_ms = now.wall_ms;
        self.by_use.insert(agent.place, id);
        self.next_place += 1;
        Some(agent)
    }

    /// Makes the agent known, and the last in line.
    fn know(&mut self, now: Now, id: &str) {
        if self.touch(now, id).is_some() {
            return;
        }
        while self.agents.len() >= self.capacity && self.drop_oldest() {}
        let id: Arc<str> = Arc::from(id);
        self.id_bytes += text_bytes(&id);
        let agent = Agent {
            context_bytes: 0,
            cache_bytes: 0,
            used_mono_ms: now.mono_ms,
            used_wall_ms: now.wall_ms,
            is_over: false,
            is_held_back: false,
            turn: None,
            idle_turns: 0,
            since_ms: now.wall_ms,
            waits: 0,
            most_bytes: 0,
            grown_ms: now.mono_ms,
            place: self.next_place,
        };
        self.by_use.insert(self.next_place, Arc::clone(&id));
        self.agents.insert(Arc::clone(&id), agent);
        self.next_place += 1;
        if self.is_closed_to_new() {
            self.hold_back_one(now, &id);
        }
    }

    /// Counts and tells a change of what an agent was before.
    fn settle(&mut self, now: Now, id: &str, was: bool) {
        let Some((id, _)) = self.agents.get_key_value(id) else { return };
        let id = Arc::clone(id);
        let agent = self.agents.get_mut(&id).expect("invariant: found above");
        let (is_over, total) = (agent.is_over, agent.total_bytes());
        if agent.turn.is_none() {
            self.turns.retain(|turn| *turn != id);
        }
        match (was, agent.is_throttled()) {
            (false, true) => {
                agent.since_ms = now.wall_ms;
                self.throttled += 1;
                let reason = if is_over { self.over_limit(&id, total) } else { self.why.clone() };
                self.tell(AgentChange::Throttled { id, reason });
            }
            (true, false) => {
                self.throttled -= 1;
                let waits = std::mem::take(&mut agent.waits);
                self.release_waits(&id, waits);
                self.tell(AgentChange::Unthrottled { id });
            }
            _ => return,
        }
        self.version += 1;
    }

    fn tell(&mut self, change: AgentChange) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push_back(change);
        }
    }

    fn over_limit(&self, id: &str, total_bytes: u64) -> String {
        let (total, limit) = (megabytes(total_bytes), megabytes(self.limit_bytes));
        format!("agent {} holds {total:.2} MB, more than its limit of {limit:.2} MB", quoted(id))
    }

    fn oldest_idle(&self, now: Now) -> Option<Arc<str>> {
        let (_, id) = self.by_use.first_key_value()?;
        let agent = self.agents.get(id)?;
        (now.mono_ms.saturating_sub(agent.used_mono_ms) >= AGENT_IDLE_MS).then(|| Arc::clone(id))
    }

    /// Drops the agent unused for longest; true if there was one.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.by_use.first_key_value().map(|(_, id)| Arc::clone(id));
        oldest.is_some_and(|id| self.forget(&id))
    }
}

/// Whether a throttled agent with so many bytes is let go: below 80 % of the limit.
fn is_released(total_bytes: u64, limit_bytes: u64) -> bool {
    u128::from(total_bytes) * RELEASE_DENOMINATOR < u128::from(limit_bytes) * RELEASE_NUMERATOR
}

#[cfg(test)]
mod tests;
