//! The keys of a cache as questions: which of them may have an answer to another one.
//!
//! A hint: whether an entry is there, whoever may see it, is for lookups to say. What is stored is taken up later, by who asks
//! or by the writer's thread, so that storing costs nothing. Owns the index; knows keys, nothing of entries.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex, RwLock};

use super::key::{Key, Keys, Namespace, Parts};
use crate::similarity::{Index, Verdict, Wanted};

/// Most questions; the oldest are forgotten. Some 25 MB.
pub(super) const LIMIT: usize = 100_000;
/// Changes taken up under one lock.
const AT_ONCE: usize = 64;
/// Changes, and bytes of them, that wait before whoever stores takes them up, where no writer does. A millisecond or two.
const MOST_WAITING: usize = 256;
const MOST_BYTES_WAITING: usize = 32 << 10;
/// How long those who ask wait at most, all of them from the first on, until the questions of before are taken up.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Scopes from which those without questions are forgotten.
const MANY_SCOPES: usize = 1024;

/// A key that may have the answer.
#[derive(Debug, Clone)]
pub struct Similar {
    pub(crate) key: Key,
    /// Its query.
    pub source: String,
    /// How like the query that was asked it is.
    pub verdict: Verdict,
    /// Whether that is by its vector.
    pub is_near: bool,
}

impl Similar {
    /// `normalized`, `similar` or `semantic`.
    pub fn tier(&self) -> &'static str {
        match (self.verdict.is_same, self.is_near) {
            (true, _) => "normalized",
            (_, true) => "semantic",
            _ => "similar",
        }
    }
}

enum Change {
    Add(Box<[u8]>),
    Remove(Box<[u8]>),
}

impl Change {
    fn bytes(&self) -> usize {
        let (Self::Add(key) | Self::Remove(key)) = self;
        key.len()
    }
}

/// What is to be taken up.
#[derive(Default)]
struct Changes {
    waiting: VecDeque<Change>,
    /// Of the keys that wait.
    bytes: usize,
    /// Counts the times that taking up the database began anew.
    beginning: u64,
    /// The newest row of the database that was taken up; 0: none yet.
    followed: i64,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// By all of a key but its query.
    scopes: HashMap<Box<[u8]>, u32>,
    prefixes: Vec<Box<[u8]>>,
    free: Vec<u32>,
    /// Of the prefixes, which are there twice.
    prefix_bytes: usize,
    /// How many scopes there may be before those without questions are looked for.
    most_scopes: usize,
}

/// The questions of one cache.
pub(crate) struct Questions {
    /// Locked before `changes`.
    state: RwLock<State>,
    changes: Mutex<Changes>,
    pub(crate) is_following: AtomicBool,
    /// Until when those who ask wait for it.
    wait_until: OnceLock<Instant>,
    was_followed: Condvar,
    /// When it was looked for others' rows last, Unix ms.
    pub(crate) looked_ms: AtomicU64,
    /// Where the next sweep begins.
    swept: AtomicUsize,
    /// What was held when it was asked last.
    held: AtomicU64,
}

impl Questions {
    pub(crate) fn new() -> Self {
        Self {
            state: RwLock::new(State::new()),
            changes: Mutex::default(),
            is_following: AtomicBool::new(false),
            wait_until: OnceLock::new(),
            was_followed: Condvar::new(),
            looked_ms: AtomicU64::new(0),
            swept: AtomicUsize::new(0),
            held: AtomicU64::new(0),
        }
    }

    /// Notes that a key has a value; whether many changes wait.
    pub(crate) fn add(&self, key: &Key) -> bool {
        self.push(Change::Add(key.bytes.clone()))
    }

    /// Notes that a key has none any more; whether many changes wait.
    pub(crate) fn remove(&self, key: &Key) -> bool {
        self.push(Change::Remove(key.bytes.clone()))
    }

    fn push(&self, change: Change) -> bool {
        let mut changes = self.changes.lock();
        changes.bytes += change.bytes();
        changes.waiting.push_back(change);
        changes.are_many()
    }

    /// Where taking up the database goes on: its beginning, for [`Self::add_rows`], and the newest row so far.
    pub(crate) fn followed(&self) -> (u64, i64) {
        let changes = self.changes.lock();
        (changes.beginning, changes.followed)
    }

    /// Takes up keys of the database up to the row `last`; whether taking it up has not begun anew meanwhile.
    pub(crate) fn add_rows(&self, keys: Vec<Box<[u8]>>, beginning: u64) -> bool {
        let is_current = {
            let mut changes = self.changes.lock();
            if changes.beginning == beginning {
                changes.bytes += keys.iter().map(|key| key.len()).sum::<usize>();
                changes.waiting.extend(keys.into_iter().map(Change::Add));
            }
            changes.beginning == beginning
        };
        self.catch_up();
        is_current
    }

    /// Notes that all rows up to `last` are taken up; whether it has not begun anew meanwhile.
    pub(crate) fn follow_to(&self, last: i64, beginning: u64) -> bool {
        let mut changes = self.changes.lock();
        if changes.beginning == beginning {
            changes.followed = last;
            self.was_followed.notify_all();
        }
        changes.beginning == beginning
    }

    /// Whether it is worth waiting for the questions of before. Not for ever: where they are very many, or cannot be read, answers
    /// to other words come later.
    pub(crate) fn may_wait(&self) -> bool {
        self.changes.lock().followed == 0 && Instant::now() < self.waited_until()
    }

    fn waited_until(&self) -> Instant {
        *self.wait_until.get_or_init(|| Instant::now() + FIRST_WAIT)
    }

    /// Waits until the questions of before are taken up, if it is worth it.
    pub(crate) fn wait(&self) {
        let until = self.waited_until();
        let mut changes = self.changes.lock();
        while changes.followed == 0 {
            if self.was_followed.wait_until(&mut changes, until).timed_out() {
                return;
            }
        }
    }

    /// The database is to be taken up from the start: it is another one.
    pub(crate) fn begin_anew(&self) {
        let mut changes = self.changes.lock();
        changes.beginning += 1;
        changes.followed = 0;
    }

    /// Whether taking up what waits takes long.
    pub(crate) fn is_behind(&self) -> bool {
        self.changes.lock().are_many()
    }

    /// Takes up what waits, in its order. O(changes), some µs each.
    pub(crate) fn catch_up(&self) {
        let mut left = self.changes.lock().waiting.len();
        while left > 0 {
            // Taken under the lock under which they are made: whoever comes later makes later ones.
            let mut state = self.state.write();
            let changes: Vec<Change> = {
                let mut changes = self.changes.lock();
                let count = changes.waiting.len().min(AT_ONCE);
                let taken: Vec<Change> = changes.waiting.drain(..count).collect();
                changes.bytes -= taken.iter().map(Change::bytes).sum::<usize>();
                taken
            };
            if changes.is_empty() {
                return;
            }
            left = left.saturating_sub(changes.len());
            for change in changes {
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
        let mut state = self.state.write();
        self.begin_anew();
        let mut changes = self.changes.lock();
        changes.waiting.clear();
        changes.bytes = 0;
        *state = State::new();
    }

    /// The keys of some questions, in turns.
    pub(crate) fn next_keys(&self, most: usize) -> Vec<Key> {
        let state = self.state.read();
        let begin = self.swept.fetch_add(most, Ordering::Relaxed);
        let ids = state.index.ids_from(begin, most);
        let key = |id: u32| {
            let prefix = state.prefixes.get(state.index.scope(id)? as usize)?;
            Some(Key::from_bytes([prefix, state.index.text(id)?.as_bytes()].concat().into()))
        };
        ids.into_iter().filter_map(key).collect()
    }

    /// Bytes that it holds. While changes are taken up, as many as before them: nobody waits.
    pub(crate) fn held_bytes(&self) -> u64 {
        if let Some(state) = self.state.try_read() {
            self.held.store(state.held_bytes() as u64, Ordering::Relaxed);
        }
        let changes = self.changes.lock();
        let waiting = changes.waiting.capacity() * size_of::<Change>() + changes.bytes;
        self.held.load(Ordering::Relaxed) + waiting as u64
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.state.read().index.len()
    }

    /// The keys whose queries are most like that of `keys`, in what its reader may see: best first, those that may be served
    /// before the others. None that is less like it than `least`.
    pub(crate) fn like(&self, keys: &Keys, least: f32, wanted: Wanted) -> Vec<Similar> {
        self.catch_up();
        let state = self.state.read();
        let Some(query) = Parts::read(&keys.shared.bytes).map(|parts| parts.query) else { return Vec::new() };
        let scopes: Vec<u32> =
            keys.in_order().filter_map(|key| state.scopes.get(split(&key.bytes)?.0).copied()).collect();
        let found = state
            .index
            .candidates(&scopes, query, least, wanted)
            .into_iter()
            .filter(|found| found.verdict.score >= least);
        let similar = found.filter_map(|found| {
            let source = state.index.text(found.id)?.to_owned();
            let prefix = state.prefixes.get(state.index.scope(found.id)? as usize)?;
            let key = Key::from_bytes([prefix, source.as_bytes()].concat().into());
            Some(Similar { key, source, verdict: found.verdict, is_near: false })
        });
        similar.collect()
    }
}

impl Changes {
    fn are_many(&self) -> bool {
        self.waiting.len() >= MOST_WAITING || self.bytes >= MOST_BYTES_WAITING
    }
}

impl State {
    fn new() -> Self {
        Self {
            index: Index::new(LIMIT),
            scopes: HashMap::new(),
            prefixes: Vec::new(),
            free: Vec::new(),
            prefix_bytes: 0,
            most_scopes: MANY_SCOPES,
        }
    }

    fn held_bytes(&self) -> usize {
        self.index.held_bytes()
            + self.scopes.allocation_size()
            + self.prefixes.capacity() * size_of::<Box<[u8]>>()
            + self.free.capacity() * size_of::<u32>()
            + 2 * self.prefix_bytes
    }

    fn add(&mut self, key: &[u8]) {
        let Some((prefix, query)) = split(key) else { return };
        let scope = self.scope(prefix);
        self.index.insert(scope, query);
    }

    fn remove(&mut self, key: &[u8]) {
        let Some((prefix, query)) = split(key) else { return };
        if let Some(&scope) = self.scopes.get(prefix) {
            self.index.remove(scope, query);
        }
    }

    /// The number of a scope.
    fn scope(&mut self, prefix: &[u8]) -> u32 {
        if let Some(&scope) = self.scopes.get(prefix) {
            return scope;
        }
        if self.scopes.len() >= self.most_scopes {
            self.forget_scopes();
        }
        let scope = self.free.pop().unwrap_or_else(|| {
            self.prefixes.push(Box::default());
            u32::try_from(self.prefixes.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.prefixes.get_mut(scope as usize) {
            *place = prefix.into();
        }
        self.prefix_bytes += prefix.len();
        self.scopes.insert(prefix.into(), scope);
        scope
    }

    /// Forgets the scopes without questions. O(questions), once in as many new scopes as are left.
    fn forget_scopes(&mut self) {
        let used = self.index.used_scopes(self.prefixes.len());
        let (prefixes, free) = (&mut self.prefixes, &mut self.free);
        let prefix_bytes = &mut self.prefix_bytes;
        self.scopes.retain(|prefix, scope| {
            let is_used = used.get(*scope as usize).is_some_and(|is_used| *is_used);
            if !is_used {
                prefixes[*scope as usize] = Box::default();
                *prefix_bytes -= prefix.len();
                free.push(*scope);
            }
            is_used
        });
        self.most_scopes = MANY_SCOPES.max(2 * self.scopes.len());
    }
}

/// A key without its query, and the query.
pub(super) fn split(key: &[u8]) -> Option<(&[u8], &str)> {
    let query = Parts::read(key)?.query;
    Some((key.get(..key.len() - query.len())?, query))
}

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Questions").field("questions", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
