//! The contexts that agents hold, by key: how long they are kept, and which to drop for room.
//!
//! What it does not do: it holds no content and frees nothing. It knows what callers say, and says back what they should
//! drop; a context is gone when it is released, or when nobody used it for longer than the retention time. Not
//! synchronised and without a clock of its own; the manager gives it both.
//!
//! # What is dropped first
//!
//! The value of a context is `importance × 2^(-age / half-life)`, with the age since its last use and a half-life of a
//! quarter of the retention time: one that is about to expire is worth a sixteenth of what it was. The least valuable goes
//! first; bytes only break ties, the larger first. They do not divide the value, for then one large context that an agent
//! works with would go before a hundred that nobody looks at; what a dropped context costs is that the agent misses it,
//! whatever its size.
//!
//! All values fall by the same factor in the same time, so their order never changes by itself. A context is therefore
//! filed once under `log2(importance) × half-life + time of last use`, and nothing is sorted when room is needed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::agents::Now;
use crate::base::held::{table_bytes, text_bytes, tree_entry_bytes, tree_node_bytes};

/// 100 000 keys of 32 letters cost 26 MB here, 53 MB if each is another agent's; more at once are keys that nobody
/// releases.
pub(crate) const MAX_CONTEXTS: usize = 100_000;

/// Forgetting 10 000 takes some 25 ms, and nobody should wait longer.
const MAX_EXPIRED_AT_ONCE: usize = 10_000;

/// Retention time over half-life.
const HALF_LIVES_IN_RETENTION: u64 = 4;

/// One context, as callers see it. `last_accessed` is Unix ms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// As the caller named it.
    pub key: String,
    /// `None` for a key that was only touched.
    pub agent_id: Option<String>,
    /// As the caller says.
    pub bytes: u64,
    /// 0 to 1.
    pub importance: f64,
    /// Unix ms.
    pub last_accessed: u64,
}

/// Why a context should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DropReason {
    /// Memory is short.
    Pressure,
    /// Unused for longer than the retention time.
    Retention,
}

/// A context that should be dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Marked {
    #[serde(flatten)]
    /// Which.
    pub context: Context,
    /// Why.
    pub reason: DropReason,
}

#[derive(Debug)]
struct Entry {
    agent: Option<Arc<str>>,
    bytes: u64,
    importance: f64,
    used_mono_ms: u64,
    used_wall_ms: u64,
    /// Key into `Contexts::by_use`.
    turn: u64,
}

/// The place of a held context: the least is dropped first. No two are equal, as turns are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// `log2` of the value, in half-lives, at time zero; in ms.
    value_ms: i64,
    bytes: Reverse<u64>,
    turn: u64,
}

/// All contexts known. Every operation is O(log n) for each context that it changes or gives back.
#[derive(Debug)]
pub(crate) struct Contexts {
    retention_ms: u64,
    capacity: usize,
    by_key: HashMap<Arc<str>, Entry>,
    /// Keys by a number that grows with every use: the first is the one unused for longest. Holds the keys of `by_key`.
    by_use: BTreeMap<u64, Arc<str>>,
    next_turn: u64,
    /// What each agent holds; none is empty. The last of each is the agent's best.
    by_agent: HashMap<Arc<str>, BTreeSet<Rank>>,
    /// What agents hold, without the best of each.
    spare: BTreeSet<Rank>,
    /// How many are filed in `by_agent`.
    filed: usize,
    /// Bytes of keys and of agents' ids.
    text_bytes: usize,
    /// Sum of what is held: wide enough for any.
    held_bytes: u128,
}

impl Contexts {
    /// `retention_ms` is how long an unused key is kept, `capacity` how many keys are (at least one).
    pub(crate) fn new(retention_ms: u64, capacity: usize) -> Self {
        Self {
            retention_ms,
            capacity: capacity.max(1),
            by_key: HashMap::new(),
            by_use: BTreeMap::new(),
            next_turn: 0,
            by_agent: HashMap::new(),
            spare: BTreeSet::new(),
            filed: 0,
            text_bytes: 0,
            held_bytes: 0,
        }
    }

    /// Another retention time, for all keys. O(n log n) if it differs, as ages then weigh differently.
    pub(crate) fn set_retention(&mut self, retention_ms: u64) {
        if self.retention_ms == retention_ms {
            return;
        }
        self.text_bytes -= self.by_agent.keys().map(|agent| text_bytes(agent)).sum::<usize>();
        self.filed = 0;
        self.by_agent.clear();
        self.spare.clear();
        self.retention_ms = retention_ms;
        let held: Vec<_> = self
            .by_key
            .values()
            .filter_map(|entry| Some((Arc::clone(entry.agent.as_ref()?), self.rank(entry))))
            .collect();
        for (agent, rank) in held {
            self.file(agent, rank);
        }
    }

    /// Starts or renews the retention of a key; what is held under it stays. At the capacity the key unused for longest
    /// is forgotten for a new one, and given back so that its holder can be told.
    pub(crate) fn touch(&mut self, now: Now, key: &str) -> Option<Context> {
        let (agent, bytes, importance) = self
            .by_key
            .get(key)
            .map_or((None, 0, 0.0), |entry| (entry.agent.clone(), entry.bytes, entry.importance));
        self.put(now, key, agent, bytes, importance)
    }

    /// Says that an agent holds `bytes` under a key, instead of what was said of it before, and renews its retention.
    /// At the capacity as [`Contexts::touch`]. `importance` is 0 to 1.
    pub(crate) fn hold(
        &mut self,
        now: Now,
        key: &str,
        agent_id: &str,
        bytes: u64,
        importance: f64,
    ) -> Option<Context> {
        let known = self.by_agent.get_key_value(agent_id).map(|(agent, _)| Arc::clone(agent));
        let agent = known.unwrap_or_else(|| Arc::from(agent_id));
        self.put(now, key, Some(agent), bytes, importance.clamp(0.0, 1.0))
    }

    /// Forgets a key; true if it was known.
    pub(crate) fn release(&mut self, key: &str) -> bool {
        self.remove(key).is_some()
    }

    /// Forgets all that an agent holds; how many contexts that were.
    pub(crate) fn release_agent(&mut self, agent_id: &str) -> usize {
        let turns: Vec<u64> =
            self.by_agent.get(agent_id).into_iter().flatten().map(|rank| rank.turn).collect();
        for turn in &turns {
            let key = Arc::clone(self.key(*turn));
            self.remove(&key);
        }
        turns.len()
    }

    /// Forgets the keys unused for longer than the retention time and gives them back, the longest unused first; at most
    /// 10,000, the others next time.
    pub(crate) fn expire(&mut self, now: Now) -> Vec<Context> {
        let keys: Vec<Arc<str>> =
            self.expired(now).take(MAX_EXPIRED_AT_ONCE).map(|(key, _)| Arc::clone(key)).collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }

    /// Which contexts to drop for `need_bytes` of room: of one agent, or of all.
    ///
    /// First all keys whose retention ran out, the longest unused first, needed or not; then, until their bytes together
    /// reach the need, what is held, the least valuable first (see above). Of what did not run out each agent keeps its
    /// best context, however small that is, so the need is not always met. Contexts without bytes give no room and are
    /// not dropped for it.
    pub(crate) fn to_drop(&self, now: Now, need_bytes: u64, agent: Option<&str>) -> Vec<Marked> {
        let need = u128::from(need_bytes);
        let of_agent = |entry: &Entry| agent.is_none_or(|agent| entry.agent.as_deref() == Some(agent));
        let mut marked: Vec<Marked> = Vec::new();
        let mut freed: u128 = 0;
        let mut losers: HashSet<&str> = HashSet::new();
        for (key, entry) in self.expired(now).filter(|(_, entry)| of_agent(entry)) {
            marked.push(Marked { context: seen(key, entry), reason: DropReason::Retention });
            freed += u128::from(entry.bytes);
            losers.extend(entry.agent.as_deref());
        }
        // The best of an agent may be among the expired ones: then the next best is kept.
        let is_expired = |rank: &Rank| self.is_expired(now, self.entry(*rank).1);
        let kept: HashSet<u64> = losers
            .into_iter()
            .filter_map(|agent| self.by_agent.get(agent)?.iter().rev().find(|rank| !is_expired(rank)))
            .map(|rank| rank.turn)
            .collect();
        let held: Box<dyn Iterator<Item = &Rank>> = match agent {
            None => Box::new(self.spare.iter()),
            Some(agent) => Box::new(self.by_agent.get(agent).into_iter().flat_map(|ranks| {
                let best = ranks.last();
                ranks.iter().filter(move |rank| Some(*rank) != best)
            })),
        };
        for rank in held.filter(|rank| rank.bytes.0 > 0 && !kept.contains(&rank.turn) && !is_expired(rank)) {
            if freed >= need {
                break;
            }
            let (key, entry) = self.entry(*rank);
            freed += u128::from(entry.bytes);
            marked.push(Marked { context: seen(key, entry), reason: DropReason::Pressure });
        }
        marked
    }

    /// Whether the key is known.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Bytes that all of this takes, about.
    pub(crate) fn own_bytes(&self) -> usize {
        // The tree of an agent has a node at least.
        let trees = self.by_agent.len() * tree_node_bytes(size_of::<Rank>());
        table_bytes(self.by_key.capacity(), size_of::<(Arc<str>, Entry)>())
            + self.by_key.len() * tree_entry_bytes(size_of::<(u64, Arc<str>)>())
            + self.text_bytes
            + table_bytes(self.by_agent.capacity(), size_of::<(Arc<str>, BTreeSet<Rank>)>())
            + trees.max(self.filed * tree_entry_bytes(size_of::<Rank>()))
            + self.spare.len() * tree_entry_bytes(size_of::<Rank>())
    }

    /// Bytes of all that is held; saturates.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.held_bytes).unwrap_or(u64::MAX)
    }

    /// How many keys there are, held ones and others.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Replaces what is known of a key, as the one used last, and makes room for a new one.
    fn put(
        &mut self,
        now: Now,
        key: &str,
        agent: Option<Arc<str>>,
        bytes: u64,
        importance: f64,
    ) -> Option<Context> {
        let stored = self.by_key.get(key).map(|entry| Arc::clone(self.key(entry.turn)));
        let given_up = if stored.is_some() {
            self.remove(key);
            None
        } else if self.by_key.len() >= self.capacity {
            let oldest = self.by_use.first_key_value().map(|(_, key)| Arc::clone(key));
            oldest.and_then(|oldest| self.remove(&oldest))
        } else {
            None
        };
        let key = stored.unwrap_or_else(|| Arc::from(key));
        let turn = self.next_turn;
        self.next_turn += 1;
        let entry =
            Entry { agent, bytes, importance, used_mono_ms: now.mono_ms, used_wall_ms: now.wall_ms, turn };
        if let Some(agent) = &entry.agent {
            self.file(Arc::clone(agent), self.rank(&entry));
        }
        self.held_bytes += u128::from(bytes);
        self.text_bytes += text_bytes(&key);
        self.by_use.insert(turn, Arc::clone(&key));
        self.by_key.insert(key, entry);
        given_up
    }

    fn remove(&mut self, key: &str) -> Option<Context> {
        let (key, entry) = self.by_key.remove_entry(key)?;
        self.by_use.remove(&entry.turn);
        self.held_bytes -= u128::from(entry.bytes);
        self.text_bytes -= text_bytes(&key);
        if let Some(agent) = &entry.agent {
            self.unfile(agent, self.rank(&entry));
        }
        Some(seen(&key, &entry))
    }

    /// Adds a context to those of its agent.
    fn file(&mut self, agent: Arc<str>, rank: Rank) {
        self.filed += 1;
        if !self.by_agent.contains_key(&agent) {
            self.text_bytes += text_bytes(&agent);
        }
        let ranks = self.by_agent.entry(agent).or_default();
        match ranks.last() {
            Some(best) if *best > rank => {
                self.spare.insert(rank);
            }
            Some(best) => {
                self.spare.insert(*best);
            }
            None => {}
        }
        ranks.insert(rank);
    }

    /// Takes a context from those of its agent.
    fn unfile(&mut self, agent: &str, rank: Rank) {
        let ranks = self.by_agent.get_mut(agent).expect("invariant: by_agent holds every held context");
        ranks.remove(&rank);
        self.filed -= 1;
        if !self.spare.remove(&rank) {
            // It was the best, so another one is now.
            if let Some(best) = ranks.last() {
                self.spare.remove(best);
            } else {
                self.by_agent.remove(agent);
                self.text_bytes -= text_bytes(agent);
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; the least f64 over 0 has a log2 of -1074"
    )]
    fn rank(&self, entry: &Entry) -> Rank {
        let half_life_ms = self.retention_ms / HALF_LIVES_IN_RETENTION;
        let used_ms = i64::try_from(entry.used_mono_ms).unwrap_or(i64::MAX);
        let value_ms = if entry.importance > 0.0 {
            used_ms.saturating_add((entry.importance.log2() * half_life_ms as f64).round() as i64)
        } else {
            i64::MIN
        };
        Rank { value_ms, bytes: Reverse(entry.bytes), turn: entry.turn }
    }

    fn key(&self, turn: u64) -> &Arc<str> {
        self.by_use.get(&turn).expect("invariant: by_use holds every context")
    }

    fn entry(&self, rank: Rank) -> (&str, &Entry) {
        let key = self.key(rank.turn);
        (key, self.by_key.get(key).expect("invariant: by_use holds the keys of by_key"))
    }

    /// The keys whose retention ran out, the longest unused first.
    fn expired(&self, now: Now) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.by_use
            .values()
            .filter_map(|key| self.by_key.get_key_value(key))
            .take_while(move |(_, entry)| self.is_expired(now, entry))
    }

    fn is_expired(&self, now: Now, entry: &Entry) -> bool {
        now.mono_ms.saturating_sub(entry.used_mono_ms) > self.retention_ms
    }
}

fn seen(key: &str, entry: &Entry) -> Context {
    Context {
        key: key.to_owned(),
        agent_id: entry.agent.as_deref().map(str::to_owned),
        bytes: entry.bytes,
        importance: entry.importance,
        last_accessed: entry.used_wall_ms,
    }
}

#[cfg(test)]
mod tests;
