//! Looking at entries without using them: lists, single ones, and removal of what a list would show.
//!
//! Counts as neither lookup nor use, and brings nothing into L1. A list comes in pages in the order of hashes: what is on disk,
//! then what was only in memory when it began. An entry that is there all the while comes once; what is stored or removed
//! meanwhile may or may not come. Checking all of it and giving room back: [`super::inspect_upkeep`].

mod entry;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) use entry::names;
pub use entry::{Cursor, EntryFilter, EntryInfo};

use super::disk::Disk;
use super::disk::inspect::Listed;
use super::disk::queue::Operation;
use super::disk::readers::{Read, Stored};
use super::key::{Key, Keys};
use super::l1::{Entry, Place};
use super::lookup::Layer;
use super::manager::CacheManager;
use super::record::Record;
use super::transfer::Watch;
use crate::base::error::{Error, ErrorKind, Result};
use entry::Part;

/// Entries removed before it is waited for them to be written.
const REMOVED_AT_ONCE: usize = 1000;

/// A list that is being read. Holds the keys of what was only in memory when it began.
#[derive(Debug)]
pub struct Walk {
    filter: EntryFilter,
    part: Part,
    /// After this hash.
    after: u128,
    /// What is shown of memory, in the order of hashes: the disk part leaves it out.
    memory: Vec<Key>,
}

impl CacheManager {
    /// Begins a list, or goes on with one. Waits for what is to be written. Blocks.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn walk(&self, filter: EntryFilter, after: Option<Cursor>) -> Result<Walk> {
        self.check_open()?;
        // What waits is on disk then; if it cannot be written, it is found in memory.
        let _ = self.flush(false);
        let has_disk = self.disk().is_some_and(|disk| disk.is_started() && disk.opened().is_some());
        let is_disk_shown = has_disk && filter.layer != Some(Layer::L1);
        let Cursor { part, hash } = after.unwrap_or(Cursor { part: Part::Disk, hash: 0 });
        let memory = self.keys_of_memory(&filter, !is_disk_shown);
        let part = if is_disk_shown { part } else { Part::Memory };
        Ok(Walk { filter, part, after: hash, memory })
    }

    /// The next entries of a list, after at most `most` were looked at; `None` at the end. Stale ones are among them, expired
    /// ones are not. There may be none and yet more to come. Blocks.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn next_entries(&self, walk: &mut Walk, most: usize) -> Result<Option<Vec<EntryInfo>>> {
        let found = self.next_found(walk, most)?;
        Ok(found.map(|found| found.into_iter().map(|(_, info)| info).collect()))
    }

    fn next_found(&self, walk: &mut Walk, most: usize) -> Result<Option<Vec<(Key, EntryInfo)>>> {
        self.check_open()?;
        if walk.part == Part::Disk {
            match self.next_on_disk(walk, most) {
                Some(found) => return Ok(Some(found)),
                // Not readable any more: what memory has of the rest is better than nothing.
                None => self.go_on_in_memory(walk),
            }
        }
        let from = walk.memory.partition_point(|key| key.hash <= walk.after);
        let keys = &walk.memory[from..walk.memory.len().min(from.saturating_add(most))];
        let Some(last) = keys.last().map(|key| key.hash) else { return Ok(None) };
        let at = Cursor { part: Part::Memory, hash: 0 };
        let found = keys.iter().filter_map(|key| Some((key.clone(), self.known_of(key, at)?)));
        let found = found.filter(|(_, info)| walk.filter.takes(info)).collect();
        walk.after = last;
        Ok(Some(found))
    }

    fn next_on_disk(&self, walk: &mut Walk, most: usize) -> Option<Vec<(Key, EntryInfo)>> {
        let disk = self.disk()?;
        let (filter, memory) = (&walk.filter, &walk.memory);
        let (listed, next) = disk.with_reader(|reader| reader.listed(filter.wanted(), walk.after, most))?;
        let is_elsewhere = |key: &Key| memory.binary_search_by_key(&key.hash, |key| key.hash).is_ok();
        let meant = listed.into_iter().filter(|listed| filter.is_meant(&listed.key.bytes));
        let found = meant.filter(|listed| !is_elsewhere(&listed.key)).filter_map(|listed| {
            let at = Cursor { part: Part::Disk, hash: 0 };
            let info = self.info_of_row(&disk, &listed, at).filter(|info| filter.takes(info))?;
            Some((listed.key, info))
        });
        let found = found.collect();
        (walk.part, walk.after) = next.map_or((Part::Memory, 0), |hash| (Part::Disk, hash));
        Some(found)
    }

    /// What was shown already does not come again: both parts have one order.
    fn go_on_in_memory(&self, walk: &mut Walk) {
        let rest = self.keys_of_memory(&walk.filter, true);
        walk.memory.extend(rest.into_iter().filter(|key| key.hash > walk.after));
        walk.memory.sort_unstable_by_key(|key| key.hash);
        walk.memory.dedup_by_key(|key| key.hash);
        (walk.part, walk.after) = (Part::Memory, 0);
    }

    /// Keys of what L1 has, or has alone, in the order of hashes. O(entries in memory).
    fn keys_of_memory(&self, filter: &EntryFilter, stored_too: bool) -> Vec<Key> {
        let mut keys = Vec::new();
        self.scan(|bytes, entry| {
            let is_wanted = stored_too || !matches!(entry.place, Place::Stored(_));
            if is_wanted && filter.is_meant(bytes) && filter.has_tag(&entry.record.tags) {
                keys.push(Key::from_bytes(bytes.into()));
            }
            true
        });
        keys.sort_unstable_by_key(|key| key.hash);
        // An entry that moved during the scan came twice.
        keys.dedup_by_key(|key| key.hash);
        keys
    }

    /// What is known of a row's key: memory may have a newer value, or know that there is none.
    fn info_of_row(&self, disk: &Disk, listed: &Listed, at: Cursor) -> Option<EntryInfo> {
        let (key, now_ms) = (&listed.key, self.clock.now_ms());
        if let Some(entry) = self.in_memory(key) {
            let on_disk = matches!(entry.place, Place::Stored(_)).then_some(listed);
            return EntryInfo::of_memory(key, &entry, on_disk, at, now_ms);
        }
        match disk.queue.find(key) {
            Some(Operation::Delete) => None,
            Some(Operation::Put(put)) => EntryInfo::of_put(key, &put, at, now_ms),
            _ if self.distrusted.lock().contains(key) => None,
            _ => EntryInfo::of_row(listed, at, now_ms),
        }
    }

    /// What is known of a key, wherever its value is. Blocks for the disk.
    fn known_of(&self, key: &Key, at: Cursor) -> Option<EntryInfo> {
        let now_ms = self.clock.now_ms();
        if let Some(entry) = self.in_memory(key) {
            let row = matches!(entry.place, Place::Stored(_)).then(|| self.listed(key)).flatten();
            return EntryInfo::of_memory(key, &entry, row.as_ref(), at, now_ms);
        }
        let disk = self.disk().filter(|disk| disk.is_started())?;
        if let Some(Operation::Put(put)) = disk.queue.find(key) {
            return EntryInfo::of_put(key, &put, at, now_ms);
        }
        self.info_of_row(&disk, &self.listed(key)?, at)
    }

    /// The entry of L1, if it may be served.
    fn in_memory(&self, key: &Key) -> Option<Entry> {
        let l1 = self.l1.lock();
        let (_, entry) = l1.peek(key.hash64(), &key.bytes)?;
        self.is_current(key.hash64(), entry).then(|| entry.clone())
    }

    /// The row of a key.
    fn listed(&self, key: &Key) -> Option<Listed> {
        let disk = self.disk().filter(|disk| disk.is_started())?;
        let listed = disk.with_reader(|reader| reader.listed_at(key.hash)).flatten();
        listed.filter(|listed| listed.key.bytes == key.bytes)
    }

    /// The value that a reader with these keys would get, or a stale one, and what is known of it. Blocks for the disk.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn look(&self, keys: &Keys) -> Result<Option<(EntryInfo, Arc<Record>)>> {
        self.check_open()?;
        let mut stale = None;
        for found in keys.in_order().filter_map(|key| self.look_at(key)) {
            if !found.0.stale {
                return Ok(Some(found));
            }
            stale = stale.or(Some(found));
        }
        Ok(stale)
    }

    /// As [`Self::look`], for an entry of a list.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn look_again(&self, cursor: Cursor) -> Result<Option<(EntryInfo, Arc<Record>)>> {
        self.check_open()?;
        let disk = self.disk().filter(|disk| disk.is_started());
        let listed = disk.and_then(|disk| disk.with_reader(|reader| reader.listed_at(cursor.hash)).flatten());
        let mut key = listed.map(|listed| listed.key);
        if key.is_none() {
            self.scan(|bytes, _| {
                if key.is_none() {
                    key = Some(Key::from_bytes(bytes.into())).filter(|key| key.hash == cursor.hash);
                }
                true
            });
        }
        Ok(key.and_then(|key| self.look_at(&key)))
    }

    fn look_at(&self, key: &Key) -> Option<(EntryInfo, Arc<Record>)> {
        let at = Cursor { part: Part::Disk, hash: 0 };
        let now_ms = self.clock.now_ms();
        if let Some(entry) = self.in_memory(key) {
            let row = matches!(entry.place, Place::Stored(_)).then(|| self.listed(key)).flatten();
            let info = EntryInfo::of_memory(key, &entry, row.as_ref(), at, now_ms)?;
            return Some((info, entry.record));
        }
        let disk = self.disk().filter(|disk| disk.is_started())?;
        if let Some(Operation::Put(put)) = disk.queue.find(key) {
            return Some((EntryInfo::of_put(key, &put, at, now_ms)?, put.record));
        }
        let listed = self.listed(key)?;
        let Some(Read::Found(found)) = disk.read(key) else { return None };
        let Stored { row, record } = *found;
        let info = self.info_of_row(&disk, &Listed { row, ..listed }, at)?;
        Some((info, Arc::new(record)))
    }

    /// Removes the entries that a list with this filter would show; how many. Blocks.
    ///
    /// # Errors
    /// `E_CANCELLED`: some are removed; `E_CACHE_DISK`; `E_SHUT_DOWN`.
    pub fn remove_entries(&self, filter: EntryFilter, watch: Watch<'_>) -> Result<u64> {
        let (mut removed, mut walk) = (0, self.walk(filter, None)?);
        while let Some(found) = self.next_found(&mut walk, REMOVED_AT_ONCE)? {
            for (key, _) in &found {
                self.forget(key);
            }
            removed += found.len() as u64;
            watch.progress.store(removed, Ordering::Relaxed);
            // The queue has room then.
            self.flush(false)?;
            if watch.is_cancelled.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "the call was ended by its caller"));
            }
        }
        Ok(removed)
    }
}
