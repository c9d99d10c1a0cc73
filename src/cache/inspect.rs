//! Looking at entries without using them: lists, single ones, and removal of what a list would show.
//!
//! Counts as neither lookup nor use, and brings nothing into L1. A list comes in pages in the order of hashes: what is on disk,
//! then what is only in memory. An entry that is there all the while comes once; what is stored, changed or removed meanwhile
//! may or may not come. Checking all of it and giving room back: [`super::inspect_upkeep`].

mod entry;

use std::collections::BTreeMap;
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

/// A part of a list.
pub(crate) struct Page {
    entries: Vec<(Key, EntryInfo)>,
    next: Option<Cursor>,
}

impl CacheManager {
    /// The next at most `most` entries, and where to go on; `None` at the end. Stale ones are among them, expired ones are not.
    /// A page may be empty and not the last. Blocks.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn entries(
        &self,
        filter: &EntryFilter,
        cursor: Option<Cursor>,
        most: usize,
    ) -> Result<(Vec<EntryInfo>, Option<Cursor>)> {
        let page = self.page(filter, cursor, most)?;
        Ok((page.entries.into_iter().map(|(_, info)| info).collect(), page.next))
    }

    fn page(&self, filter: &EntryFilter, cursor: Option<Cursor>, most: usize) -> Result<Page> {
        self.check_open()?;
        let cursor = cursor.unwrap_or_else(|| {
            // What waits is on disk then; if it cannot be written, it is found in memory.
            let _ = self.flush(false);
            let part = if filter.layer == Some(Layer::L1) { Part::Memory } else { Part::Disk };
            Cursor { part, begun: self.versions.load(Ordering::Relaxed), hash: 0 }
        });
        if cursor.part != Part::Disk {
            return Ok(self.page_of_memory(filter, cursor, most));
        }
        let disk = self.disk().filter(|disk| disk.is_started());
        let page = disk.and_then(|disk| self.page_of_disk(&disk, filter, cursor, most));
        // In the same order: nothing comes twice.
        Ok(page.unwrap_or_else(|| self.page_of_memory(filter, Cursor { part: Part::Memory, ..cursor }, most)))
    }

    fn page_of_disk(
        &self,
        disk: &Arc<Disk>,
        filter: &EntryFilter,
        cursor: Cursor,
        most: usize,
    ) -> Option<Page> {
        let (listed, next) = disk.with_reader(|reader| reader.listed(filter.wanted(), cursor.hash, most))?;
        let meant = listed.into_iter().filter(|listed| filter.is_meant(&listed.key.bytes));
        let entries = meant.filter_map(|listed| {
            let info = self.info_of_row(disk, &listed, cursor).filter(|info| filter.takes(info))?;
            Some((listed.key, info))
        });
        let next =
            next.map_or(Cursor { part: Part::MemoryOnly, hash: 0, ..cursor }, |hash| cursor.after(hash));
        Some(Page { entries: entries.collect(), next: Some(next) })
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

    /// The entry of L1, if it may be served.
    fn in_memory(&self, key: &Key) -> Option<Entry> {
        let l1 = self.l1.lock();
        let (_, entry) = l1.peek(key.hash64(), &key.bytes)?;
        self.is_current(key.hash64(), entry).then(|| entry.clone())
    }

    /// The first entries of memory after the cursor. O(entries in memory).
    fn page_of_memory(&self, filter: &EntryFilter, cursor: Cursor, most: usize) -> Page {
        let mut first: BTreeMap<u128, (Key, Entry)> = BTreeMap::new();
        if !matches!(filter.layer, Some(Layer::L2 | Layer::L3)) {
            let is_all = cursor.part == Part::Memory;
            self.scan(|bytes, entry| {
                let came = matches!(entry.place, Place::Stored(_)) || entry.version > cursor.begun;
                if (is_all || !came) && filter.is_meant(bytes) && filter.has_tag(&entry.record.tags) {
                    let key = Key::from_bytes(bytes.into());
                    if key.hash > cursor.hash && self.is_current(key.hash64(), entry) {
                        first.insert(key.hash, (key, entry.clone()));
                        if first.len() > most {
                            first.pop_last();
                        }
                    }
                }
                true
            });
        }
        let (is_full, now_ms) = (first.len() == most, self.clock.now_ms());
        let last = first.last_key_value().map(|(&hash, _)| cursor.after(hash));
        let entries = first.into_values().filter_map(|(key, entry)| {
            let row = matches!(entry.place, Place::Stored(_)).then(|| self.listed(&key)).flatten();
            let info = EntryInfo::of_memory(&key, &entry, row.as_ref(), cursor, now_ms)?;
            Some((key, info))
        });
        Page { entries: entries.collect(), next: last.filter(|_| is_full) }
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
        let at = Cursor { part: Part::Disk, begun: self.versions.load(Ordering::Relaxed), hash: 0 };
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
    pub fn remove_entries(&self, filter: &EntryFilter, watch: Watch<'_>) -> Result<u64> {
        let (mut removed, mut cursor) = (0, None);
        loop {
            let page = self.page(filter, cursor, REMOVED_AT_ONCE)?;
            page.entries.iter().for_each(|(key, _)| self.forget(key));
            removed += page.entries.len() as u64;
            watch.progress.store(removed, Ordering::Relaxed);
            // The queue has room then.
            self.flush(false)?;
            if watch.is_cancelled.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "the call was ended by its caller"));
            }
            let Some(next) = page.next else { return Ok(removed) };
            cursor = Some(next);
        }
    }
}
