//! L1 and the disk tiers in step: what the writer reports, and what must not be believed of the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;

use super::disk::db::Trouble;
use super::disk::queue::{Command, Operation, Put, Taken, Task};
use super::disk::tables::Row;
use super::disk::{Arrival, Disk, Kept, Observer};
use super::events;
use super::key::{Key, Namespace};
use super::l1::map::{Evicted, ScanPosition};
use super::l1::{Entry, Place};
use super::manager::CacheManager;
use crate::telemetry::event::EventKind;

/// Slots of L1 looked at under one lock.
pub(crate) const SCAN_AT_ONCE: usize = 4096;
/// Keys remembered whose value on disk is older than one that could not be written. Beyond it the disk is not believed at all.
const MOST_DISTRUSTED: usize = 65_536;

/// Least shift of a sliding entry's end that is written to disk, ms.
const LEAST_SLIDE_MS: u64 = 1000;
/// Share of its life by which a sliding entry's end must have moved to be written to disk.
const SLIDE_SHARE: u64 = 8;

/// Keys whose value on disk is not the last one: that could not be written.
#[derive(Debug, Default)]
pub(crate) struct Distrusted {
    keys: HashMap<u128, Key>,
    /// Of the keys.
    bytes: usize,
    is_all: bool,
}

impl Distrusted {
    /// Whether the disk's value of a key is not to be believed.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.is_all || self.keys.contains_key(&key.hash)
    }

    fn insert(&mut self, key: Key) {
        if self.keys.len() >= MOST_DISTRUSTED {
            self.is_all = true;
            (self.keys, self.bytes) = (HashMap::new(), 0);
        }
        if !self.is_all {
            self.bytes += key.bytes.len();
            if let Some(old) = self.keys.insert(key.hash, key) {
                self.bytes -= old.bytes.len();
            }
        }
    }

    fn remove(&mut self, hash: u128) {
        if let Some(old) = self.keys.remove(&hash) {
            self.bytes -= old.bytes.len();
        }
    }

    /// Bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.keys.allocation_size() + self.bytes
    }
}

impl CacheManager {
    /// What leaves L1 for lack of room is written if it is nowhere else; what was used is noted.
    pub(crate) fn settle_evicted(&self, evicted: Vec<Evicted<Entry>>) {
        let disk = self.disk();
        for Evicted { key, value: entry, .. } in evicted {
            self.counters.evictions.fetch_add(1, Ordering::Relaxed);
            self.hub.emit(EventKind::L1Eviction, || events::entry(&key, &entry, None, false));
            let key = Key::from_bytes(key);
            self.note_departure(&key, &entry);
            if let Some(disk) = &disk {
                self.hub.emit(EventKind::CacheSet, || events::entry(&key.bytes, &entry, Some("L2"), false));
                self.spill(disk, key, &entry);
            } else if self.left_to_below(&key, &entry) {
                self.hub.emit(EventKind::CacheSet, || events::entry(&key.bytes, &entry, Some("L2"), false));
            } else {
                self.forget_question(&key);
            }
        }
    }

    /// Hands an entry that leaves L1 to the disk tiers.
    pub(crate) fn spill(&self, disk: &Arc<Disk>, key: Key, entry: &Entry) {
        let operation = match entry.place {
            Place::Queued => return,
            Place::Stored(row) => {
                if entry.hits == 0 {
                    return;
                }
                Operation::Touch { row, used_ms: entry.used_ms, life: Self::moved_life(entry) }
            }
            Place::GivenUp if entry.hits == 0 => return,
            Place::GivenUp | Place::MemoryOnly => put(entry),
        };
        let is_put = matches!(operation, Operation::Put(_));
        if entry.gone_ms() <= self.clock.now_ms() || (is_put && self.is_outdated(disk, &key, entry)) {
            return;
        }
        if disk.push(key.clone(), operation) == Taken::No && is_put {
            disk.counters.dropped.fetch_add(1, Ordering::Relaxed);
            if entry.place == Place::MemoryOnly {
                // An older value on disk must not come back.
                disk.push(key, Operation::Delete);
            }
        }
    }

    /// The ends of a sliding entry's lives where they moved enough to be written.
    pub(crate) fn moved_life(entry: &Entry) -> Option<(u64, u64)> {
        let moved_ms = entry.fresh_ms.saturating_sub(entry.written_fresh_ms);
        let is_enough = moved_ms >= (entry.record.ttl_ms / SLIDE_SHARE).max(LEAST_SLIDE_MS);
        (entry.record.sliding && is_enough).then(|| (entry.fresh_ms, entry.gone_ms()))
    }

    /// Hands what is only in memory to the disk tiers, in pieces; how many entries the queue had no room for. O(entries).
    pub(crate) fn write_memory_only(&self) -> u64 {
        let Some(disk) = self.disk() else { return 0 };
        let mut refused = 0;
        self.scan(|key, entry| {
            let key = || Key::from_bytes(key.into());
            if entry.place != Place::MemoryOnly {
                return true;
            }
            if self.is_outdated(&disk, &key(), entry) {
                return false;
            }
            if disk.push(key(), put(entry)) == Taken::No {
                refused += 1;
            } else {
                entry.place = Place::Queued;
                entry.written_fresh_ms = entry.fresh_ms;
            }
            true
        });
        self.is_behind.store(refused > 0, Ordering::Release);
        refused
    }

    /// Hands all that is only in memory to the disk tiers, waiting for room. Blocks; not for the writer's thread.
    pub(crate) fn write_all(&self) -> Result<(), Trouble> {
        while self.write_memory_only() > 0 {
            let Some(disk) = self.disk() else { break };
            disk.run(Command::Flush { sync: false })?;
        }
        Ok(())
    }

    /// Whether another process has changed the key since the entry was known to be current, and the disk has that change.
    fn is_outdated(&self, disk: &Disk, key: &Key, entry: &Entry) -> bool {
        disk.stamp(key.hash64()) != entry.stamp && !self.distrusted.lock().contains(key)
    }

    /// What the disk has of a key is older than what could not be written.
    pub(crate) fn distrust(&self, key: Key) {
        self.distrusted.lock().insert(key);
    }

    /// In another place, row ids and stamps mean nothing. What was on disk before is written again to an empty place; where
    /// others have stored meanwhile, theirs counts.
    pub(crate) fn arrive(&self, disk: &Disk, arrival: Arrival) {
        self.writes.count_all();
        self.hindsight.give_up();
        self.scan(|key, entry| {
            entry.stamp = disk.stamp(Key::from_bytes(key.into()).hash64());
            let was_stored = matches!(entry.place, Place::Stored(_) | Place::GivenUp);
            if was_stored {
                entry.place = Place::MemoryOnly;
            }
            !was_stored || arrival == Arrival::Empty
        });
    }

    /// What L1 knows of places on disk does not hold any more for the entries meant.
    pub(crate) fn forget_places(&self, is_meant: impl Fn(&[u8]) -> bool) {
        self.scan(|key, entry| {
            if matches!(entry.place, Place::Stored(_)) && is_meant(key) {
                entry.place = Place::MemoryOnly;
            }
            true
        });
    }

    /// Visits all of L1 in pieces and removes what `visit` says no to; how many.
    pub(crate) fn scan(&self, mut visit: impl FnMut(&[u8], &mut Entry) -> bool) -> u64 {
        let mut position = Some(ScanPosition::default());
        let mut count = 0;
        while let Some(from) = position {
            let mut removed = Vec::new();
            position = self.l1.lock().scan(from, SCAN_AT_ONCE, &mut visit, &mut removed);
            // Dropped here, outside of the lock.
            count += removed.len() as u64;
        }
        count
    }
}

/// Stores an entry that memory has, unless somebody else changed its key since.
fn put(entry: &Entry) -> Operation {
    Operation::Put(Put {
        record: Arc::clone(&entry.record),
        fresh_ms: entry.fresh_ms,
        used_ms: entry.used_ms,
        version: entry.version,
        if_stamp: Some(entry.stamp),
    })
}

impl Observer for CacheManager {
    fn committed(&self, tasks: &[Task]) {
        self.questions.catch_up();
        let mut distrusted = self.distrusted.lock();
        if !distrusted.keys.is_empty() {
            let is_change = |task: &&Task| matches!(task.operation, Operation::Put(_) | Operation::Delete);
            tasks.iter().filter(is_change).for_each(|task| distrusted.remove(task.key.hash));
        }
    }

    fn stored(&self, versions: &[Kept]) {
        let disk = self.disk();
        for Kept { key, version, row, stamp } in versions {
            self.hindsight.forget_on_disk(key.hash64());
            let mut l1 = self.l1.lock();
            let held = l1.peek_mut(key.hash64(), &key.bytes).map(|(_, entry)| entry);
            let Some(entry) = held.filter(|entry| entry.version == *version && entry.place == Place::Queued)
            else {
                continue;
            };
            entry.place = row.map_or(Place::GivenUp, Place::Stored);
            entry.stamp = *stamp;
            // Uses while it waited.
            if let (Some(row), Some(life), Some(disk)) = (*row, Self::moved_life(entry), &disk) {
                entry.written_fresh_ms = entry.fresh_ms;
                let used_ms = entry.used_ms;
                disk.push(key.clone(), Operation::Touch { row, used_ms, life: Some(life) });
            }
        }
    }

    fn refused(&self, entries: &[(Key, u64)]) {
        for (key, version) in entries {
            let mut l1 = self.l1.lock();
            let held = l1.peek(key.hash64(), &key.bytes);
            let is_same =
                held.is_some_and(|(_, entry)| entry.version == *version && entry.place == Place::Queued);
            let removed = is_same.then(|| l1.remove(key.hash64(), &key.bytes));
            drop(l1);
            drop(removed);
        }
    }

    fn left(&self, hash: u64, row: i64, now: Option<i64>) {
        let mut l1 = self.l1.lock();
        if let Some(entry) = l1.find_mut(hash, |entry| entry.place == Place::Stored(row)) {
            entry.place = now.map_or(Place::GivenUp, Place::Stored);
        }
    }

    fn evicted(&self, hash: u64, row: &Row) {
        self.note_evicted_on_disk(hash, row);
    }

    fn not_written(&self, tasks: Vec<Task>) {
        for Task { key, operation, .. } in tasks {
            match operation {
                Operation::Put(Put { version, .. }) => {
                    let mut l1 = self.l1.lock();
                    let held =
                        l1.peek_mut(key.hash64(), &key.bytes).filter(|(_, entry)| entry.version == version);
                    if let Some((_, entry)) = held {
                        entry.place = Place::MemoryOnly;
                    }
                    drop(l1);
                    self.distrust(key);
                }
                Operation::Delete => self.distrust(key),
                Operation::Discard(_) | Operation::Touch { .. } => {}
            }
        }
    }

    fn released(&self, hash: u64) {
        // Whoever waits in this process looks at the count of its writes.
        self.writes.count(hash);
    }

    fn rested(&self) {
        if self.is_behind.load(Ordering::Acquire) {
            self.write_memory_only();
        }
        self.follow();
    }

    fn must_clear(&self) -> Option<Namespace> {
        self.distrusted.lock().is_all.then(|| self.namespace.clone())
    }

    fn degraded(&self, reason: &'static str, message: &str) {
        *self.degraded.lock() = Some((reason, message.to_owned()));
        self.hub.emit(EventKind::Degraded, || serde_json::json!({ "reason": reason, "message": message }));
    }

    fn recovered(&self, reason: &'static str, arrival: Arrival) {
        self.absences.clear();
        if let Some(disk) = self.disk() {
            if arrival != Arrival::Same {
                self.arrive(&disk, arrival);
                self.questions.begin_anew();
            }
            let distrusted: Vec<Key> = {
                let mut distrusted = self.distrusted.lock();
                distrusted.is_all = false;
                distrusted.keys.values().cloned().collect()
            };
            // Not believed until it is done. A value that waits already, or is in L1, takes its place.
            for key in distrusted {
                let _l1 = self.l1.lock();
                if !matches!(disk.queue.find(&key), Some(Operation::Put(_) | Operation::Delete)) {
                    disk.push(key, Operation::Delete);
                }
            }
        }
        self.write_memory_only();
        *self.degraded.lock() = None;
        self.hub.emit(EventKind::Recovered, || serde_json::json!({ "reason": reason }));
    }
}
