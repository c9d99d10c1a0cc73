//! The keys of a cache as questions: which of them may have an answer to another one.
//!
//! A hint: whether an entry is there, whoever may see it, is for lookups to say. What is stored is taken up later, by who asks
//! or by the writer's thread, so that storing costs nothing. Owns the index; knows keys, nothing of entries.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use super::key::{Key, Keys, Namespace, Parts};
use crate::similarity::{Index, Verdict};

/// Most questions; the oldest are forgotten. Some 25 MB.
pub(super) const LIMIT: usize = 100_000;
/// Changes taken up under one lock.
const AT_ONCE: usize = 64;
/// Changes that wait before whoever stores takes them up, where no writer does.
const MOST_WAITING: usize = 256;

/// A key that may have the answer.
#[derive(Debug, Clone)]
pub struct Similar {
    pub(crate) key: Key,
    /// Its query.
    pub source: String,
    /// How like the query that was asked it is.
    pub verdict: Verdict,
}

enum Change {
    Add(Box<[u8]>),
    Remove(Box<[u8]>),
}

#[derive(Debug)]
struct State {
    index: Index,
    /// By all of a key but its query.
    scopes: HashMap<Box<[u8]>, u32>,
    prefixes: Vec<Box<[u8]>>,
}

/// The questions of one cache.
pub(crate) struct Questions {
    state: RwLock<State>,
    changes: Mutex<Vec<Change>>,
    /// The newest row of the database that was taken up; 0: none yet.
    pub(crate) followed: AtomicI64,
    pub(crate) is_following: AtomicBool,
    /// When it was looked for others' rows last, Unix ms.
    pub(crate) looked_ms: AtomicU64,
}

impl Questions {
    pub(crate) fn new() -> Self {
        Self {
            state: RwLock::new(State::new()),
            changes: Mutex::default(),
            followed: AtomicI64::new(0),
            is_following: AtomicBool::new(false),
            looked_ms: AtomicU64::new(0),
        }
    }

    /// Notes that a key has a value; whether many changes wait.
    pub(crate) fn add(&self, key: &Key) -> bool {
        self.push(Change::Add(key.bytes.clone()))
    }

    /// Notes that a key has none any more.
    pub(crate) fn remove(&self, key: &Key) {
        self.push(Change::Remove(key.bytes.clone()));
    }

    fn push(&self, change: Change) -> bool {
        let mut changes = self.changes.lock();
        changes.push(change);
        changes.len() >= MOST_WAITING
    }

    /// Whether taking up what waits takes long.
    pub(crate) fn is_behind(&self) -> bool {
        self.changes.lock().len() > MOST_WAITING
    }

    /// Takes up what waits. O(changes), some µs each.
    pub(crate) fn catch_up(&self) {
        let mut changes = std::mem::take(&mut *self.changes.lock()).into_iter().peekable();
        while changes.peek().is_some() {
            let mut state = self.state.write();
            for change in changes.by_ref().take(AT_ONCE) {
                match change {
                    Change::Add(key) => state.add(&key),
                    Change::Remove(key) => state.remove(&key),
                }
            }
        }
    }

    /// Forgets a namespace and what is below it.
    pub(crate) fn clear(&self, namespace: &Namespace) {
        self.catch_up();
        let State { index, prefixes, .. } = &mut *self.state.write();
        index.remove_scopes(|scope| {
            let prefix = prefixes.get(scope as usize);
            prefix
                .and_then(|prefix| Parts::read(prefix))
                .is_some_and(|parts| namespace.contains(parts.namespace))
        });
    }

    /// Forgets all.
    pub(crate) fn clear_all(&self) {
        self.changes.lock().clear();
        self.followed.store(0, Ordering::Release);
        *self.state.write() = State::new();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.state.read().index.len()
    }

    /// The keys whose queries are most like that of `keys`, in what its reader may see: best first, those that may be served
    /// before the others. None that is less like it than `least`.
    pub(crate) fn like(&self, keys: &Keys, least: f32) -> Vec<Similar> {
        self.catch_up();
        let state = self.state.read();
        let Some(query) = Parts::read(&keys.shared.bytes).map(|parts| parts.query) else { return Vec::new() };
        let scopes: Vec<u32> =
            keys.in_order().filter_map(|key| state.scopes.get(split(&key.bytes)?.0).copied()).collect();
        let found = state
            .index
            .candidates(&scopes, query, least)
            .into_iter()
            .filter(|found| found.verdict.score >= least);
        let similar = found.filter_map(|found| {
            let source = state.index.text(found.id)?.to_owned();
            let prefix = state.prefixes.get(state.index.scope(found.id)? as usize)?;
            let key = Key::from_bytes([prefix, source.as_bytes()].concat().into());
            Some(Similar { key, source, verdict: found.verdict })
        });
        similar.collect()
    }
}

impl State {
    fn new() -> Self {
        Self { index: Index::new(LIMIT), scopes: HashMap::new(), prefixes: Vec::new() }
    }

    fn add(&mut self, key: &[u8]) {
        let Some((prefix, query)) = split(key) else { return };
        let scope = if let Some(&scope) = self.scopes.get(prefix) {
            scope
        } else {
            let scope = u32::try_from(self.prefixes.len()).unwrap_or(u32::MAX);
            self.scopes.insert(prefix.into(), scope);
            self.prefixes.push(prefix.into());
            scope
        };
        self.index.insert(scope, query);
    }

    fn remove(&mut self, key: &[u8]) {
        let Some((prefix, query)) = split(key) else { return };
        if let Some(&scope) = self.scopes.get(prefix) {
            self.index.remove(scope, query);
        }
    }
}

/// A key without its query, and the query.
fn split(key: &[u8]) -> Option<(&[u8], &str)> {
    let query = Parts::read(key)?.query;
    Some((key.get(..key.len() - query.len())?, query))
}

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Questions").field("questions", &self.len()).finish_non_exhaustive()
    }
}
