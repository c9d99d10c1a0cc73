//! What the registry tells of agents and of itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::agent::Agent;
use super::turns::Gate;
use super::{AgentChange, AgentRegistry, Now, ThrottleCode, ThrottleReason};
use crate::base::held::{table_bytes, tree_entry_bytes};
use crate::memory::stats::AgentStats;

impl AgentChange {
    fn id(&self) -> &Arc<str> {
        match self {
            Self::Throttled { id, .. } | Self::Unthrottled { id } => id,
        }
    }

    fn is_throttled(&self) -> bool {
        matches!(self, Self::Throttled { .. })
    }
}

impl AgentRegistry {
    /// Changes that nobody was told of yet, the last one of each agent; none of one that is as it was. Who ends its turn and is
    /// given the next at once has not changed for anybody.
    pub(crate) fn take_changes(&mut self) -> VecDeque<AgentChange> {
        let mut changes = std::mem::take(&mut self.changes);
        if changes.len() > 1 {
            let mut agents: HashMap<Arc<str>, (usize, bool)> = HashMap::new();
            for change in &changes {
                agents.entry(Arc::clone(change.id())).or_insert((0, change.is_throttled())).0 += 1;
            }
            changes.retain(|change| {
                let Some((left, first)) = agents.get_mut(change.id()) else { return true };
                *left -= 1;
                // Before the first it was the other way.
                *left == 0 && change.is_throttled() == *first
            });
        }
        changes
    }

    /// Why the agent is throttled; `None` when it is not.
    pub(crate) fn reason(&self, now: Now, id: &str) -> Option<ThrottleReason> {
        let held_back = |since_ms| ThrottleReason {
            code: if self.gate == Gate::All { ThrottleCode::AllAgents } else { ThrottleCode::LargestAgents },
            message: self.why.clone(),
            since_ms,
        };
        match self.agents.get(id) {
            None => self.is_closed_to_new().then(|| held_back(now.wall_ms)),
            Some(agent) if agent.is_over => Some(ThrottleReason {
                code: ThrottleCode::AgentLimit,
                message: self.over_limit(id, agent.total_bytes()),
                since_ms: agent.since_ms,
            }),
            Some(agent) => agent.is_throttled().then(|| held_back(agent.since_ms)),
        }
    }

    /// Bytes that the registry takes, about.
    pub(crate) fn own_bytes(&self) -> usize {
        let entry = size_of::<(Arc<str>, Agent)>();
        table_bytes(self.agents.capacity(), entry)
            + self.agents.len() * tree_entry_bytes(size_of::<(u64, Arc<str>)>())
            + self.id_bytes
            + self.waiting.capacity() * size_of::<(u64, Arc<str>)>()
    }

    /// All agents, the one unused for longest first.
    pub(crate) fn list(&self) -> Vec<AgentStats> {
        self.by_use.values().filter_map(|id| self.stats(id)).collect()
    }

    /// What each holds, in no order.
    pub(crate) fn bytes(&self) -> Vec<(&str, u64)> {
        self.agents.iter().map(|(id, agent)| (&**id, agent.total_bytes())).collect()
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
            is_throttled: agent.is_throttled(),
        })
    }
}
