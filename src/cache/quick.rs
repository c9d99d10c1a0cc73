//! What is asked for every read: the value, or whether the one that JavaScript still has is current. Only what L1 can answer
//! at once; [`super::lookup`] does the rest.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::events;
use super::key::Keys;
use super::l1::map::SlotId;
use super::l1::{ENTRY_OVERHEAD_BYTES, Entry, Place};
use super::lookup::{Layer, hit_of, note_use};
use super::manager::CacheManager;
use super::record::Record;
use crate::telemetry::event::EventKind;

impl CacheManager {
    /// The fresh, current value that L1 has for these bytes of a key; counts a hit. `None` where anything else has to be done,
    /// which [`Self::peek`] does. O(1).
    pub fn quick(&self, key: &[u8], hash: u64) -> Option<Arc<Record>> {
        if self.hub.has_listener(EventKind::CacheHit) {
            return None;
        }
        let now_ms = self.clock.now_ms();
        let mut l1 = self.l1.lock();
        let (_, entry) = l1.get(hash, key)?;
        if entry.fresh_ms <= now_ms || entry.record.sliding || !self.is_current(hash, entry) {
            return None;
        }
        note_use(entry, now_ms);
        let (record, fresh_ms) = (Arc::clone(&entry.record), entry.fresh_ms);
        drop(l1);
        self.counters.l1_hits.fetch_add(1, Ordering::Relaxed);
        self.observed
            .hit(hash, || (record.heap_bytes() as u64 + key.len() as u64 + ENTRY_OVERHEAD_BYTES, fresh_ms));
        Some(record)
    }

    /// A use of an entry whose value the caller still has; whether it is still current. O(1) without hashing.
    pub fn touch(&self, id: SlotId) -> bool {
        let now_ms = self.clock.now_ms();
        let mut l1 = self.l1.lock();
        let found = l1.slot(id).filter(|(hash, _, entry)| {
            entry.fresh_ms > now_ms && !entry.record.sliding && self.is_current(*hash, entry)
        });
        let Some((hash, key, entry)) = found else { return false };
        self.observed.hit(hash, || (entry.bytes(key.len()), entry.fresh_ms));
        let Some(entry) = l1.touch(id) else { return false };
        note_use(entry, now_ms);
        // Copied only for whoever listens.
        let heard = self.hub.has_listener(EventKind::CacheHit).then(|| hit_of(entry, now_ms, Some(id)));
        let key = heard.as_ref().and_then(|_| l1.slot(id)).map(|(_, key, _)| Box::<[u8]>::from(key));
        drop(l1);
        self.counters.l1_hits.fetch_add(1, Ordering::Relaxed);
        if let (Some(hit), Some(key)) = (heard, key) {
            self.hub.emit(EventKind::CacheHit, || {
                events::of_record(&key, &hit.record, now_ms, hit.hits, Layer::L1)
            });
        }
        true
    }

    /// Whether no other process has changed the key of an entry since it was known to be current.
    pub(crate) fn is_current(&self, hash: u64, entry: &Entry) -> bool {
        if entry.place == Place::Queued {
            return true;
        }
        self.disk.read().as_ref().is_none_or(|disk| disk.stamp(hash) == entry.stamp)
    }

    /// Whether an entry is still in L1.
    pub fn is_live(&self, id: SlotId) -> bool {
        self.l1.lock().slot(id).is_some()
    }

    /// Where L1 has the value of a reader with these keys, for [`Self::touch`].
    pub fn place(&self, keys: &Keys) -> Option<SlotId> {
        let l1 = self.l1.lock();
        keys.in_order().find_map(|key| l1.peek(key.hash64(), &key.bytes)).map(|(id, _)| id)
    }
}
