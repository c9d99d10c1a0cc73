//! What each agent has been given.
//!
//! Of a context its hashes are kept, never the context; entries that several agents have are kept once. The number of
//! agents and of keys is bounded; an agent that was given up simply gets its next context in full.

mod bounds;

use std::collections::VecDeque;
use std::sync::{Arc, Once, Weak};

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use super::blocks::TextId;
use super::delta::{Entry, HELD, Hash, Hashed, Hashes, Snapshot, key_text};
use super::segments::Counted;
use crate::base::held::register_for_good;
use crate::base::json::View;
use bounds::Size;

/// Most agents whose last context is remembered.
pub const MAX_AGENTS: usize = 10_000;

/// Most top-level keys remembered over all agents: 8 bytes each, and about 120 for each that differs.
pub const MAX_KEYS: usize = 500_000;

/// Most top-level keys of a context that is remembered: one must not take the place of all others. A larger one is sent in full
/// each time.
const MAX_KEYS_EACH: usize = MAX_KEYS / 10;

/// Most texts that an agent is remembered to hold: the latest.
const MAX_HELD: usize = 4096;

/// Most contexts of an agent that wait to be acknowledged: the latest.
const MAX_PENDING: usize = 16;

/// When an agent counts as having a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledgement {
    /// As soon as it was sent.
    #[default]
    Implicit,
    /// When the caller says that it arrived, within so many ms; until then the next context is sent against the last one
    /// that did.
    Explicit {
        /// How long a context waits for it.
        timeout_ms: u64,
    },
}

/// A context that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its hashes.
    pub snapshot: Arc<Snapshot>,
    /// Of the columns that it was read from.
    pub fingerprint: Option<u128>,
    /// Tokens of its JSON.
    pub tokens: u64,
    /// Its JSON by segments: how much of it the next one begins with.
    pub(super) segments: Arc<[Counted]>,
    /// Tokens of the messages that made it, from the last one in full on: what the receiver's conversation has.
    pub carried: u64,
    /// Whether what the agent held before is not to be counted on any more.
    pub is_anew: bool,
}

impl Sent {
    /// The same context again, by a message of so many tokens.
    pub(super) fn again(&self, message_tokens: u64) -> Self {
        Self { carried: self.carried + message_tokens, is_anew: false, ..self.clone() }
    }
}

/// What one agent has.
#[derive(Debug, Default)]
struct Agent {
    /// Its last context.
    base: Option<Sent>,
    /// Sent and not acknowledged yet, with the time.
    pending: VecDeque<(Sent, u64)>,
    /// Texts that it was given, oldest first.
    held: VecDeque<TextId>,
    is_held: HashSet<TextId>,
    tick: u64,
}

impl Agent {
    fn hold(&mut self, text: TextId) {
        if !self.is_held.insert(text) {
            return;
        }
        self.held.push_back(text);
        if self.held.len() > MAX_HELD
            && let Some(oldest) = self.held.pop_front()
        {
            self.is_held.remove(&oldest);
        }
    }

    /// Makes a context the base: the agent holds its texts.
    fn settle(&mut self, sent: Sent) {
        if sent.is_anew {
            self.held.clear();
            self.is_held.clear();
        }
        for entry in sent.snapshot.entries.iter().flatten() {
            if let Some(&text) = entry.text.get() {
                self.hold(text);
            }
        }
        self.base = Some(sent);
    }
}

/// The last context of every agent.
#[derive(Debug, Default)]
pub struct AgentStates {
    states: Mutex<States>,
}

#[derive(Debug, Default)]
struct States {
    by_agent: HashMap<String, Agent>,
    size: Size,
    /// Whether there are to be fewer: memory is short.
    is_reduced: bool,
    tick: u64,
    /// Contexts and entries that somebody has, by hash.
    snapshots: HashMap<Hash, Weak<Snapshot>>,
    entries: HashMap<u128, Weak<Entry>>,
    /// How many there may be of each before those that are gone are looked for.
    snapshots_limit: usize,
    entries_limit: usize,
}

/// What it is counted as.
const ROW: &str = "token states";

/// What an agent has, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Its last context.
    pub sent: Option<Sent>,
    /// Texts that it holds, oldest first.
    pub held: Vec<TextId>,
}

impl Base {
    /// The last context, if it was read from these columns.
    pub fn same(&self, fingerprint: Option<u128>) -> Option<&Sent> {
        let fingerprint = fingerprint?;
        self.sent.as_ref().filter(|sent| sent.fingerprint == Some(fingerprint))
    }
}

impl AgentStates {
    /// No agent is remembered.
    pub fn new() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| register_for_good(ROW, || HELD.bytes()));
        Self::default()
    }

    /// What an agent has; what it holds only if asked for. What was not acknowledged in time is forgotten.
    pub fn base(&self, agent_id: &str, with_held: bool, now_ms: u64, mode: Acknowledgement) -> Base {
        let expired = |states: &mut States| {
            let Some(agent) = states.by_agent.get_mut(agent_id) else { return Base::default() };
            agent.expire(now_ms, mode);
            Base {
                sent: agent.base.clone(),
                held: if with_held { agent.held.iter().copied().collect() } else { Vec::new() },
            }
        };
        self.states.lock().changed(agent_id, expired)
    }

    /// The snapshot of what was hashed, and the values of its entries; what others have of it is shared with them, and with
    /// `base`. `count` gives the tokens of a value that nobody has.
    pub fn snapshot(
        &self,
        view: View<'_>,
        hashes: Hashes,
        base: &Base,
        count: &dyn Fn(usize) -> u64,
    ) -> (Arc<Snapshot>, Vec<usize>) {
        let values: Vec<usize> = hashes.entries.iter().flatten().map(|hashed| hashed.value).collect();
        let old = base.sent.as_ref().and_then(|sent| sent.snapshot.entries.as_deref()).unwrap_or_default();
        let keyed = hashes.entries.map(|entries| {
            let mut key = Vec::new();
            let mut keyed = Vec::with_capacity(entries.len());
            for (at, hashed) in entries.into_iter().enumerate() {
                key.clear();
                view.write_key(hashed.value, &mut key);
                // Most often the keys are the same as before, in the same order.
                let same = old.get(at).filter(|old| old.hash == hashed.hash && old.key.as_bytes() == key);
                let key = if same.is_none() { key_text(view, hashed.value) } else { String::new() };
                let id = same.map_or_else(|| Entry::id_of(&key, hashed.hash), |old| old.id());
                keyed.push((same.cloned(), id, key, hashed));
            }
            keyed
        });
        let mut found = {
            let states = self.states.lock();
            if let Some(known) = states.snapshots.get(&hashes.hash).and_then(Weak::upgrade) {
                return (known, values);
            }
            let known = |(entry, id, ..): &(Option<Arc<Entry>>, u128, String, Hashed)| {
                entry.clone().or_else(|| states.entries.get(id).and_then(Weak::upgrade))
            };
            keyed.iter().flatten().map(known).collect::<Vec<_>>().into_iter()
        };
        // Counted without the lock.
        let entries: Option<Vec<(u128, Arc<Entry>)>> = keyed.map(|keyed| {
            let entry = |(_, id, key, hashed): (_, u128, String, Hashed)| {
                let made = || Arc::new(Entry::new(key, hashed, count(hashed.value)));
                (id, found.next().flatten().unwrap_or_else(made))
            };
            keyed.into_iter().map(entry).collect()
        });
        let mut states = self.states.lock();
        let entries =
            entries.map(|entries| entries.into_iter().map(|(id, entry)| states.share(id, entry)).collect());
        let snapshot = Arc::new(Snapshot::new(hashes.hash, entries, hashes.bytes));
        states.tidy();
        states.snapshots.insert(hashes.hash, Arc::downgrade(&snapshot));
        (snapshot, values)
    }

    /// Makes `next` what the agent is sent against `base`. `None` if it has got something else since `base` was asked for:
    /// ask again.
    pub fn advance(
        &self,
        agent_id: &str,
        base: &Base,
        next: &Sent,
        mode: Acknowledgement,
        now_ms: u64,
    ) -> Option<()> {
        let mut states = self.states.lock();
        let done = states.changed(agent_id, |states| states.advance(agent_id, base, next, mode, now_ms));
        if done.is_some() {
            states.give_up_least_recent();
        }
        done
    }

    /// Says that a context arrived: it is what the next one is sent against. False if it was not sent, or too long ago.
    pub fn acknowledge(&self, agent_id: &str, hash: &Hash, now_ms: u64, mode: Acknowledgement) -> bool {
        let settled = |states: &mut States| {
            let Some(agent) = states.by_agent.get_mut(agent_id) else { return false };
            agent.expire(now_ms, mode);
            let at = agent.pending.iter().position(|(pending, _)| pending.snapshot.hash == *hash);
            if let Some((sent, _)) = at.and_then(|at| agent.pending.drain(..=at).next_back()) {
                agent.settle(sent);
            }
            agent.base.as_ref().is_some_and(|base| base.snapshot.hash == *hash)
        };
        self.states.lock().changed(agent_id, settled)
    }

    /// Forgets one agent; whether it was known.
    pub fn reset(&self, agent_id: &str) -> bool {
        self.states.lock().changed(agent_id, |states| states.by_agent.remove(agent_id).is_some())
    }

    /// The last context of an agent.
    pub fn last(&self, agent_id: &str) -> Option<Arc<Snapshot>> {
        let states = self.states.lock();
        let agent = states.by_agent.get(agent_id)?;
        let sent = agent.pending.back().map(|(sent, _)| sent).or(agent.base.as_ref())?;
        Some(Arc::clone(&sent.snapshot))
    }

    /// Forgets every agent: each gets its next context in full.
    pub fn clear(&self) {
        let mut states = self.states.lock();
        *states = States { is_reduced: states.is_reduced, ..States::default() };
    }

    /// Agents whose last context is remembered.
    pub fn len(&self) -> usize {
        self.states.lock().by_agent.len()
    }

    /// Whether no agent is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Agent {
    fn expire(&mut self, now_ms: u64, mode: Acknowledgement) {
        if let Acknowledgement::Explicit { timeout_ms } = mode {
            self.pending.retain(|(_, sent_ms)| now_ms.saturating_sub(*sent_ms) < timeout_ms);
        }
    }
}

impl States {
    /// See [`AgentStates::advance`].
    fn advance(
        &mut self,
        agent_id: &str,
        base: &Base,
        next: &Sent,
        mode: Acknowledgement,
        now_ms: u64,
    ) -> Option<()> {
        self.tick += 1;
        let agent = self.by_agent.entry_ref(agent_id).or_default();
        let hash = |sent: &Option<Sent>| sent.as_ref().map(|sent| sent.snapshot.hash);
        if hash(&agent.base) != hash(&base.sent) {
            return None;
        }
        agent.tick = self.tick;
        if next.snapshot.len() > MAX_KEYS_EACH {
            self.by_agent.remove(agent_id);
            return Some(());
        }
        match mode {
            Acknowledgement::Implicit => {
                agent.pending.clear();
                agent.settle(next.clone());
            }
            Acknowledgement::Explicit { .. } => {
                let same = |sent: &Sent| sent.snapshot.hash == next.snapshot.hash;
                if !agent.base.as_ref().is_some_and(same) {
                    agent.pending.retain(|(pending, _)| !same(pending));
                    agent.pending.push_back((next.clone(), now_ms));
                    if agent.pending.len() > MAX_PENDING {
                        agent.pending.pop_front();
                    }
                }
            }
        }
        Some(())
    }

    /// The entry that others have, or this one from now on.
    fn share(&mut self, id: u128, entry: Arc<Entry>) -> Arc<Entry> {
        if let Some(known) = self.entries.get(&id).and_then(Weak::upgrade) {
            return known;
        }
        self.entries.insert(id, Arc::downgrade(&entry));
        entry
    }
}

#[cfg(test)]
mod tests;
