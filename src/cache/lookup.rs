//! Finding: L1, then what waits to be written, then the database.
//!
//! [`CacheManager::peek`] answers what memory knows, for the JavaScript thread; [`CacheManager::find`] asks the disk too and
//! blocks. A value found on disk comes into L1.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::disk::Disk;
use super::disk::queue::Operation;
use super::disk::readers::{Read, Stored};
use super::disk::tables::{L3, Row};
use super::events;
use super::key::{Key, Keys};
use super::l1::map::SlotId;
use super::l1::{Entry, Place};
use super::manager::CacheManager;
use super::record::Record;
use crate::telemetry::event::EventKind;

/// A use of a stored entry is written when its last one is this long ago, ms: reading must not cost a write each time.
const TOUCH_AFTER_MS: u64 = 600_000;

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Memory.
    L1,
    /// Disk.
    L2,
    /// Disk, compressed.
    L3,
}

impl Layer {
    /// Its name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }
}

/// A value that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The value.
    pub record: Arc<Record>,
    /// Whether it is within its life; else it is only good to stand in for a new one.
    pub is_fresh: bool,
    /// How long its life is over, ms.
    pub stale_for_ms: u64,
    /// Where it was.
    pub layer: Layer,
    /// Uses since it came into L1.
    pub hits: u64,
    /// Its place in L1, for [`CacheManager::touch`].
    pub id: Option<SlotId>,
}

/// What memory knows of a key.
#[derive(Debug)]
pub enum Peek {
    /// The value.
    Hit(Hit),
    /// There is none.
    Miss,
    /// The disk has to be asked.
    AskDisk,
}

/// What memory knows of one key.
pub(crate) enum Known {
    Present(Hit),
    Absent,
    Unknown,
}

impl CacheManager {
    /// What memory knows. Counts a hit or a miss and notes a use, unless the disk has to be asked. Stale values are hits only
    /// if `stale_too`. O(1), no input or output.
    pub fn peek(&self, keys: &Keys, stale_too: bool) -> Peek {
        let peek = self.peek_missing(keys, stale_too);
        if matches!(peek, Peek::Miss) && !self.is_closed() {
            self.count_miss(keys);
        }
        peek
    }

    /// As [`Self::peek`], but a miss is not counted yet.
    pub(crate) fn peek_missing(&self, keys: &Keys, stale_too: bool) -> Peek {
        if self.is_closed() {
            return Peek::Miss;
        }
        for key in keys.in_order() {
            match self.known(key, true) {
                Known::Present(hit) if hit.is_fresh || stale_too => {
                    self.count_hit(&hit, key);
                    return Peek::Hit(hit);
                }
                Known::Unknown => return Peek::AskDisk,
                Known::Present(_) | Known::Absent => {}
            }
        }
        Peek::Miss
    }

    /// The value, wherever it is. Blocks for the disk.
    pub fn find(&self, keys: &Keys, stale_too: bool) -> Option<Hit> {
        let found = self.find_uncounted(keys, stale_too);
        match &found {
            Some((hit, key)) => self.count_hit(hit, key),
            None => self.count_miss(keys),
        }
        found.map(|(hit, _)| hit)
    }

    /// Whether there is a fresh value; counts as neither lookup nor use. `None`: the disk has to be asked.
    pub fn peek_has(&self, keys: &Keys) -> Option<bool> {
        if self.is_closed() {
            return Some(false);
        }
        for key in keys.in_order() {
            match self.known(key, false) {
                Known::Present(hit) if hit.is_fresh => return Some(true),
                Known::Unknown => return None,
                Known::Present(_) | Known::Absent => {}
            }
        }
        Some(false)
    }

    /// As [`Self::peek_has`], asking the disk. Blocks.
    pub fn has(&self, keys: &Keys) -> bool {
        !self.is_closed()
            && keys.in_order().any(|key| match self.known(key, false) {
                Known::Present(hit) => hit.is_fresh,
                Known::Absent => false,
                Known::Unknown => self.is_on_disk(key),
            })
    }

    pub(crate) fn find_uncounted<'k>(&self, keys: &'k Keys, stale_too: bool) -> Option<(Hit, &'k Key)> {
        if self.is_closed() {
            return None;
        }
        keys.in_order().find_map(|key| {
            let hit = match self.known(key, true) {
                Known::Present(hit) => Some(hit),
                Known::Absent => None,
                Known::Unknown => self.ask_disk(key),
            };
            hit.filter(|hit| hit.is_fresh || stale_too).map(|hit| (hit, key))
        })
    }

    /// What memory knows of a key; `is_use` notes a use of it.
    pub(crate) fn known(&self, key: &Key, is_use: bool) -> Known {
        let (hash, now_ms) = (key.hash64(), self.clock.now_ms());
        {
            let mut l1 = self.l1.lock();
            let found = if is_use { l1.get(hash, &key.bytes) } else { l1.peek_mut(hash, &key.bytes) };
            if let Some((id, entry)) = found {
                if !self.is_current(hash, entry) {
                    return Known::Unknown;
                }
                if entry.gone_ms() <= now_ms {
                    let removed = l1.remove_slot(id);
                    drop(l1);
                    if let Some((_, entry)) = removed.filter(|_| is_use) {
                        self.observe_expired(hash, &entry.record);
                    }
                    self.counters.expired.fetch_add(1, Ordering::Relaxed);
                    return Known::Absent;
                }
                if is_use {
                    note_use(entry, now_ms);
                }
                let hit = hit_of(entry, now_ms, Some(id));
                let slid = match entry.place {
                    Place::Stored(row) if is_use => Self::moved_life(entry).map(|life| (row, life)),
                    _ => None,
                };
                if let Some((row, life)) = slid {
                    entry.written_fresh_ms = entry.fresh_ms;
                    let used_ms = entry.used_ms;
                    drop(l1);
                    if let Some(disk) = self.disk() {
                        disk.push(key.clone(), Operation::Touch { row, used_ms, life: Some(life) });
                    }
                }
                return Known::Present(hit);
            }
        }
        let Some(disk) = self.disk() else { return self.known_below(key, is_use) };
        if !disk.may_have() {
            return Known::Absent;
        }
        match disk.queue.find(key) {
            Some(Operation::Put(put)) if put.if_stamp.is_none_or(|stamp| stamp == disk.stamp(hash)) => {
                let mut entry = Entry {
                    record: put.record,
                    fresh_ms: put.fresh_ms,
                    used_ms: now_ms,
                    hits: 0,
                    place: Place::Queued,
                    // Before it is written: a change that this one does not count comes after it.
                    stamp: disk.stamp(hash),
                    version: put.version,
                    written_fresh_ms: put.fresh_ms,
                };
                if entry.gone_ms() <= now_ms {
                    return Known::Absent;
                }
                if is_use {
                    note_use(&mut entry, now_ms);
                }
                // L1 has let go of it: it is on its way to L2.
                let mut hit = Hit { layer: Layer::L2, ..hit_of(&entry, now_ms, None) };
                if is_use {
                    hit.id = self.promote_queued(key, entry);
                }
                Known::Present(hit)
            }
            Some(Operation::Delete) => Known::Absent,
            _ if self.absences.contains(hash, disk.stamp(hash)) => Known::Absent,
            _ => Known::Unknown,
        }
    }

    /// Puts a value that waits to be written back into L1, unless it is being written or was replaced meanwhile.
    fn promote_queued(&self, key: &Key, entry: Entry) -> Option<SlotId> {
        let disk = self.disk()?;
        let (mut evicted, mut id) = (Vec::new(), None);
        {
            let mut l1 = self.l1.lock();
            if disk.queue.is_waiting(key, entry.version) && l1.peek(key.hash64(), &key.bytes).is_none() {
                let bytes = entry.bytes(key.bytes.len());
                id = l1.insert(key.hash64(), &key.bytes, entry, bytes, &mut evicted).id();
            }
        }
        self.settle_evicted(evicted);
        id
    }

    /// What the disk has of a key that memory does not know, or knows to have been changed by others.
    fn ask_disk(&self, key: &Key) -> Option<Hit> {
        let disk = self.disk()?;
        let hash = key.hash64();
        // Before reading: a write that is committed later changes the stamp, one of this process the count. While it is not
        // open there are no stamps.
        let (writes, stamp) = (self.writes.of(hash), disk.opened()?.coherence.stamp(hash));
        if self.distrusted.lock().contains(key) {
            return None;
        }
        let suspect = self.l1.lock().peek(hash, &key.bytes).map(|(id, entry)| (id, entry.place));
        if let Some((id, place)) = suspect {
            let row = disk.row(key.hash).ok()?;
            let is_same = matches!((&row, place), (Some(row), Place::Stored(id)) if row.id == id);
            let now_ms = self.clock.now_ms();
            let mut l1 = self.l1.lock();
            if is_same {
                if let Some(entry) = l1.touch(id).filter(|entry| entry.gone_ms() > now_ms) {
                    entry.stamp = stamp;
                    note_use(entry, now_ms);
                    return Some(hit_of(entry, now_ms, Some(id)));
                }
            } else {
                l1.remove_slot(id);
            }
        }
        match disk.read(key)? {
            Read::Found(stored) => self.promote(&disk, key, *stored, writes, stamp),
            Read::Absent => {
                if self.writes.of(hash) == writes {
                    self.absences.insert(hash, stamp);
                }
                None
            }
            Read::Damaged(_) => None,
        }
    }

    /// Whether the disk has a fresh value of a key that memory does not know.
    fn is_on_disk(&self, key: &Key) -> bool {
        let Some(disk) = self.disk().filter(|_| !self.distrusted.lock().contains(key)) else { return false };
        let now_ms = self.clock.now_ms();
        let found = disk.read(key);
        matches!(found, Some(Read::Found(found)) if fresh_until_ms(&found.row, &found.record, now_ms) > now_ms)
    }

    /// Puts what was read from disk into L1, unless the key was written meanwhile.
    fn promote(&self, disk: &Arc<Disk>, key: &Key, stored: Stored, writes: u32, stamp: u32) -> Option<Hit> {
        let Stored { row, record } = stored;
        let now_ms = self.clock.now_ms();
        let fresh_ms = fresh_until_ms(&row, &record, now_ms);
        if fresh_ms.saturating_add(record.stale_ms) <= now_ms {
            disk.push(key.clone(), Operation::Discard(row.id));
            self.observe_expired(key.hash64(), &record);
            return None;
        }
        let mut entry = Entry {
            record: record.shared(&self.values),
            fresh_ms,
            used_ms: now_ms,
            hits: 0,
            place: Place::Stored(row.id),
            stamp,
            version: 0,
            written_fresh_ms: fresh_ms,
        };
        note_use(&mut entry, now_ms);
        let is_shorter = fresh_ms < row.fresh_ms;
        let life = Self::moved_life(&entry).or(is_shorter.then(|| (entry.fresh_ms, entry.gone_ms())));
        let is_touch = row.hits == 0 || now_ms.saturating_sub(row.used_ms) > TOUCH_AFTER_MS;
        if life.is_some() || is_touch {
            disk.push(key.clone(), Operation::Touch { row: row.id, used_ms: now_ms, life });
        }
        if let Some((fresh_ms, _)) = life {
            entry.written_fresh_ms = fresh_ms;
        }
        let mut hit = hit_of(&entry, now_ms, None);
        hit.layer = if row.tier == L3 { Layer::L3 } else { Layer::L2 };
        let mut evicted = Vec::new();
        {
            let mut l1 = self.l1.lock();
            if self.writes.of(key.hash64()) == writes && !self.is_closed() {
                let bytes = entry.bytes(key.bytes.len());
                let inserted = l1.insert(key.hash64(), &key.bytes, entry, bytes, &mut evicted);
                hit.id = inserted.id();
            }
        }
        self.settle_evicted(evicted);
        Some(hit)
    }

    pub(crate) fn count_hit(&self, hit: &Hit, key: &Key) {
        let counter = match hit.layer {
            Layer::L1 => &self.counters.l1_hits,
            Layer::L2 => &self.counters.l2_hits,
            Layer::L3 => &self.counters.l3_hits,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.observe_hit(hit, key);
        if hit.layer != Layer::L1 {
            self.note_disk_hit(key, hit);
        }
        if self.hub.has_listener(EventKind::CacheHit) {
            let (layer, now_ms) = (hit.layer, self.clock.now_ms());
            self.hub.emit(EventKind::CacheHit, || {
                events::of_record(&key.bytes, &hit.record, now_ms, hit.hits, layer)
            });
        }
    }

    pub(crate) fn count_miss(&self, keys: &Keys) {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        self.note_miss(keys);
        self.observe_miss(keys);
        self.hub.emit(EventKind::CacheMiss, || events::key(&keys.shared.bytes));
    }
}

/// A use of what is fresh; one that only stands in for a new value does not live longer for it.
pub(crate) fn note_use(entry: &mut Entry, now_ms: u64) {
    if entry.fresh_ms <= now_ms {
        return;
    }
    entry.hits += 1;
    entry.used_ms = now_ms;
    if entry.record.sliding {
        entry.fresh_ms = now_ms.saturating_add(entry.record.ttl_ms);
    }
}

/// No entry lives longer than its terms, whatever a clock that was set back or a damaged row says.
fn fresh_until_ms(row: &Row, record: &Record, now_ms: u64) -> u64 {
    end_of_life_ms(row.fresh_ms, record.created_ms, record.ttl_ms, record.sliding, now_ms)
}

/// As above, from the terms that a row has.
pub(crate) fn end_of_life_ms(said_ms: u64, created_ms: u64, ttl_ms: u64, sliding: bool, now_ms: u64) -> u64 {
    let most_ms = if sliding { u64::MAX } else { created_ms.saturating_add(ttl_ms) };
    said_ms.min(most_ms).min(now_ms.saturating_add(ttl_ms))
}

pub(crate) fn hit_of(entry: &Entry, now_ms: u64, id: Option<SlotId>) -> Hit {
    Hit {
        record: Arc::clone(&entry.record),
        is_fresh: entry.fresh_ms > now_ms,
        stale_for_ms: now_ms.saturating_sub(entry.fresh_ms),
        layer: Layer::L1,
        hits: entry.hits,
        id,
    }
}
