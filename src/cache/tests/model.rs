//! What a cache should hold, kept in the plainest way.
//!
//! Where a real cache may choose (what it keeps of a full tier, when it notes a use on disk), an entry here has several
//! states that are all right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::record::Record;
use super::*;

/// Namespace, agent and query of a step; small, so that steps meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) space: u8,
    pub(super) agent: Option<u8>,
    pub(super) query: u8,
}

impl Name {
    pub(super) fn keys(self) -> Keys {
        Keys::new(&space(self.space), &self.scope(), &self.text())
    }

    pub(super) fn scope(self) -> Scope {
        Scope { agent_id: self.agent.map(|agent| format!("agent-{agent}")), ..Scope::default() }
    }

    pub(super) fn text(self) -> String {
        format!("query {}", self.query)
    }

    /// Under which a reader looks, in order.
    pub(super) fn looked_under(self) -> impl Iterator<Item = Self> {
        let own = self.agent.is_some().then_some(self);
        own.into_iter().chain([Self { agent: None, ..self }])
    }
}

/// The root, one namespace below it, one below that.
pub(super) fn space(number: u8) -> Namespace {
    (0..number).fold(Namespace::default(), |space, level| space.child(&format!("level {level}")))
}

/// What a lookup of one key may give.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Fresh(Arc<Record>),
    Stale(Arc<Record>),
    Gone,
}

#[derive(Debug, Clone)]
struct Held {
    record: Arc<Record>,
    /// End of its fresh life: surely not before the first, surely not after the second.
    fresh_ms: (u64, u64),
    /// Whether it may have left for lack of room.
    is_loose: bool,
}

impl Held {
    fn states(&self, now_ms: u64) -> Vec<State> {
        let (least, most) = self.fresh_ms;
        let gone = |fresh_ms: u64| fresh_ms + self.record.stale_ms <= now_ms;
        let mut states = Vec::new();
        if most > now_ms {
            states.push(State::Fresh(self.record.clone()));
        }
        if least <= now_ms && !gone(most) {
            states.push(State::Stale(self.record.clone()));
        }
        if self.is_loose || gone(least) {
            states.push(State::Gone);
        }
        states
    }
}

/// The model.
#[derive(Default)]
pub(super) struct Model {
    held: BTreeMap<Name, Held>,
}

impl Model {
    pub(super) fn set(&mut self, name: Name, record: Record, is_loose: bool) {
        let fresh_ms = record.fresh_until_ms();
        self.held.insert(name, Held { record: Arc::new(record), fresh_ms: (fresh_ms, fresh_ms), is_loose });
    }

    pub(super) fn states(&self, name: Name, now_ms: u64) -> Vec<State> {
        self.held.get(&name).map_or_else(|| vec![State::Gone], |held| held.states(now_ms))
    }

    /// All that a lookup may find: each key in order, and the next one where it gives nothing.
    pub(super) fn found(&self, name: Name, stale_too: bool, now_ms: u64) -> Vec<State> {
        let mut found = Vec::new();
        for name in name.looked_under() {
            let states = self.states(name, now_ms);
            let gives = |state: &State| match state {
                State::Fresh(_) => true,
                State::Stale(_) => stale_too,
                State::Gone => false,
            };
            let is_surely_given = states.iter().all(gives);
            found.extend(states.into_iter().filter(gives));
            if is_surely_given {
                return found;
            }
        }
        found.push(State::Gone);
        found
    }

    /// A use: sliding lives may begin anew, of any key that was looked at.
    pub(super) fn used(&mut self, name: Name, now_ms: u64) {
        for name in name.looked_under() {
            if let Some(held) = self.held.get_mut(&name)
                && held.record.sliding
                && held.fresh_ms.1 > now_ms
            {
                held.fresh_ms.1 = held.fresh_ms.1.max(now_ms + held.record.ttl_ms);
            }
        }
    }

    pub(super) fn remove(&mut self, name: Name) {
        self.held.remove(&name);
    }

    /// How many surely were there.
    pub(super) fn remove_tags(&mut self, space: u8, tags: &[Box<str>], now_ms: u64) -> u64 {
        let mut sure = 0;
        self.held.retain(|name, held| {
            let is_meant = name.space == space && held.record.tags.iter().any(|tag| tags.contains(tag));
            sure += u64::from(is_meant && !held.states(now_ms).contains(&State::Gone));
            !is_meant
        });
        sure
    }

    /// The namespace and below.
    pub(super) fn clear(&mut self, space: u8) {
        self.held.retain(|name, _| name.space < space);
    }

    /// The same for what only may go.
    pub(super) fn loosen(&mut self, space: u8) {
        self.held
            .iter_mut()
            .filter(|(name, _)| name.space >= space)
            .for_each(|(_, held)| held.is_loose = true);
    }

    /// Queries that a walk over keys must give, and those that it may.
    pub(super) fn queries(&self, name: Name, now_ms: u64) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut sure, mut possible) = (BTreeSet::new(), BTreeSet::new());
        for (other, held) in &self.held {
            let is_seen = other.space == name.space && (other.agent.is_none() || other.agent == name.agent);
            let states = held.states(now_ms);
            let is_fresh = |state: &State| matches!(state, State::Fresh(_));
            if is_seen && states.iter().any(is_fresh) {
                possible.insert(other.text());
                if states.iter().all(is_fresh) {
                    sure.insert(other.text());
                }
            }
        }
        (sure, possible)
    }
}
