//! L1 and the disk tiers in step: what the writer reports, and what must not be believed of the disk.

use std::collections::HashMap;
use std::sync::Arc;

use super::disk::queue::{Operation, Put, Taken, Task};
use super::disk::{Disk, Observer};
use super::events;
use super::key::{Key, Namespace};
use super::l1::map::ScanPosition;
use super::l1::{Entry, Place};
use super::manager::CacheManager;
use crate::telemetry::event::EventKind;

/// Slots of L1 looked at under one lock.
pub(crate) const SCAN_AT_ONCE: usize = 4096;
/// Keys remembered whose value on disk is older than one that could not be written. Beyond it the disk is not believed at all.
const MOST_DISTRUSTED: usize = 65_536;

/// Keys whose value on disk is not the last one: that could not be written.
#[derive(Debug, Default)]
pub(crate) struct Distrusted {
    keys: HashMap<u128, Key>,
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
            self.keys.clear();
        }
        if !self.is_all {
            self.keys.insert(key.hash, key);
        }
    }
}

impl CacheManager {
    /// Hands what is only in memory to the disk tiers, in pieces. O(entries).
    pub(crate) fn write_memory_only(&self) {
        let Some(disk) = self.disk() else { return };
        self.scan(|key, entry| {
            if entry.place == Place::MemoryOnly && is_taken(&disk, key, entry) {
                entry.place = Place::Queued;
            }
            true
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

fn is_taken(disk: &Arc<Disk>, key: &[u8], entry: &Entry) -> bool {
    let put = Put {
        record: Arc::clone(&entry.record),
        fresh_ms: entry.fresh_ms,
        used_ms: entry.used_ms,
        version: entry.version,
        if_stamp: Some(entry.stamp),
    };
    disk.push(Key::from_bytes(key.into()), Operation::Put(put)) != Taken::No
}

impl Observer for CacheManager {
    fn stored(&self, rows: &[(Key, u64, i64)]) {
        let is_heard = self.hub.has_listener(EventKind::CacheSet);
        for (key, version, row) in rows {
            let mut l1 = self.l1.lock();
            let Some((_, entry)) = l1.peek_mut(key.hash64(), &key.bytes) else { continue };
            if entry.version != *version || entry.place != Place::Queued {
                continue;
            }
            entry.place = Place::Stored(*row);
            entry.written_fresh_ms = entry.fresh_ms;
            let entry = is_heard.then(|| entry.clone());
            drop(l1);
            if let Some(entry) = entry {
                self.hub.emit(EventKind::CacheSet, || events::entry(&key.bytes, &entry, Some("L2"), false));
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

    fn gave_up(&self, hash: u64, row: i64) {
        let mut l1 = self.l1.lock();
        if let Some(entry) = l1.find_mut(hash, |entry| entry.place == Place::Stored(row)) {
            entry.place = Place::GivenUp;
        }
    }

    fn not_written(&self, tasks: Vec<Task>) {
        for Task { key, operation, .. } in tasks {
            match operation {
                Operation::Put(Put { version, if_stamp, .. }) => {
                    let mut l1 = self.l1.lock();
                    let held =
                        l1.peek_mut(key.hash64(), &key.bytes).filter(|(_, entry)| entry.version == version);
                    if let Some((_, entry)) = held {
                        entry.place = Place::MemoryOnly;
                    }
                    drop(l1);
                    // One that only comes back is no newer than what is on disk.
                    if if_stamp.is_none() {
                        self.distrusted.lock().insert(key);
                    }
                }
                Operation::Delete => self.distrusted.lock().insert(key),
                Operation::Discard(_) | Operation::Touch { .. } => {}
            }
        }
    }

    fn must_clear(&self) -> Option<Namespace> {
        self.distrusted.lock().is_all.then(|| self.namespace.clone())
    }

    fn degraded(&self, reason: &'static str, message: &str) {
        self.hub.emit(EventKind::Degraded, || serde_json::json!({ "reason": reason, "message": message }));
    }

    fn recovered(&self, reason: &'static str, is_empty: bool) {
        self.absences.clear();
        if is_empty {
            self.forget_places(|_| true);
        }
        if let Some(disk) = self.disk() {
            let distrusted = std::mem::take(&mut *self.distrusted.lock());
            for (_, key) in distrusted.keys {
                // Waits in the queue until it is done, and is believed before the disk. A value in L1 comes after it.
                disk.push(key, Operation::Delete);
            }
        }
        self.write_memory_only();
        self.hub.emit(EventKind::Recovered, || serde_json::json!({ "reason": reason }));
    }
}
