//! What the agents' states take, and how it is bounded.

use super::{Agent, AgentStates, Entry, MAX_AGENTS, MAX_KEYS, ROW, Sent, Snapshot, States, TextId};
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::{ARC_BYTES, REDUCED};

/// So many entries are not worth looking through.
pub(super) const MIN_TIDY: usize = 1024;

/// What an agent takes: keys of contexts, and bytes besides contexts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

impl Agent {
    pub(super) fn size(&self, id: &str) -> Size {
        let mut size = Size {
            keys: 0,
            bytes: id.len()
                + self.pending.capacity() * size_of::<(Sent, u64)>()
                + self.held.capacity() * size_of::<TextId>()
                + self.is_held.allocation_size(),
        };
        for sent in self.base.iter().chain(self.pending.iter().map(|(sent, _)| sent)) {
            size.keys += sent.snapshot.len();
            size.bytes += ARC_BYTES + size_of_val(&*sent.segments);
        }
        size
    }
}

impl States {
    /// Does something to an agent, and counts what it has afterwards.
    pub(super) fn changed<T>(&mut self, agent_id: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let size = |states: &Self| {
            states.by_agent.get(agent_id).map_or(Size::default(), |agent| agent.size(agent_id))
        };
        let before = size(self);
        let done = work(self);
        let after = size(self);
        self.size.keys = self.size.keys + after.keys - before.keys;
        self.size.bytes = self.size.bytes + after.bytes - before.bytes;
        done
    }

    /// Forgets what nobody has any more, whenever there is twice as much as was left the last time.
    pub(super) fn tidy(&mut self) {
        if self.snapshots.len() >= self.snapshots_limit {
            self.snapshots.retain(|_, snapshot| snapshot.strong_count() > 0);
            self.snapshots_limit = (2 * self.snapshots.len()).max(MIN_TIDY);
        }
        if self.entries.len() >= self.entries_limit {
            self.entries.retain(|_, entry| entry.strong_count() > 0);
            self.entries_limit = (2 * self.entries.len()).max(MIN_TIDY);
        }
    }

    /// Keeps the bounds. A tenth goes at once, so that the sort is paid rarely.
    pub(super) fn give_up_least_recent(&mut self) {
        let part = if self.is_reduced { usize::try_from(REDUCED).unwrap_or(1) } else { 1 };
        let (agents, keys) = (MAX_AGENTS / part, MAX_KEYS / part);
        if self.by_agent.len() <= agents && self.size.keys <= keys {
            return;
        }
        let mut by_age: Vec<(u64, String)> =
            self.by_agent.iter().map(|(id, agent)| (agent.tick, id.clone())).collect();
        by_age.sort_unstable();
        let (agents, keys) = (agents - agents / 10, keys - keys / 10);
        for (_, id) in by_age {
            if self.by_agent.len() <= agents && self.size.keys <= keys {
                break;
            }
            self.changed(&id, |states| states.by_agent.remove(&id));
        }
    }
}

impl Footprint for AgentStates {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let states = self.states.lock();
        // What is only known by hash is not freed before it is forgotten; keys and lists count themselves.
        let contexts = states.snapshots.len() * (ARC_BYTES + size_of::<Snapshot>())
            + states.entries.len() * (ARC_BYTES + size_of::<Entry>());
        let tables = states.by_agent.allocation_size()
            + states.snapshots.allocation_size()
            + states.entries.allocation_size();
        row(ROW, (contexts + tables + states.size.bytes) as u64);
    }

    /// Who was not used for longest is given up, as always when there are too many: they get their next context in full.
    fn relieve(&self, relief: Relief) {
        let mut states = self.states.lock();
        states.is_reduced = relief == Relief::Drop;
        if states.is_reduced {
            states.give_up_least_recent();
            (states.snapshots_limit, states.entries_limit) = (0, 0);
            states.tidy();
            states.by_agent.shrink_to_fit();
            states.snapshots.shrink_to_fit();
            states.entries.shrink_to_fit();
        }
    }
}
