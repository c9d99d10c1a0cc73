//! Removing: one key, a tag, a namespace, a layer, what is expired.

use std::sync::atomic::Ordering;

use std::collections::HashSet;

use super::disk::queue::{Command, Operation};
use super::disk::tables;
use super::key::{Key, Keys, Namespace, Parts};
use super::l1::Place;
use super::lookup::Layer;
use super::manager::{CacheManager, disk_error};
use crate::base::error::Result;
use crate::telemetry::event::EventKind;

impl CacheManager {
    /// Removes the value that a reader with these keys would store; whether there was one. Blocks for the disk.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn delete(&self, keys: &Keys) -> Result<bool> {
        self.check_open()?;
        let was_there = self.has(&keys.only_to_store());
        self.forget(keys.to_store());
        Ok(was_there)
    }

    /// Removes a key everywhere.
    pub(crate) fn forget(&self, key: &Key) {
        let disk = self.disk();
        let removed = {
            let mut l1 = self.l1.lock();
            self.writes.count(key.hash64());
            self.absences.remove(key.hash64());
            if let Some(disk) = disk.filter(|disk| disk.is_started()) {
                disk.push(key.clone(), Operation::Delete);
            }
            if let Some(below) = self.below() {
                below.remove(&key.bytes);
            }
            l1.remove(key.hash64(), &key.bytes)
        };
        drop(removed);
        self.hindsight.forget(key.hash64());
        self.observe_gone(key.hash64());
        self.forget_question(key);
    }

    /// Removes the entries of a namespace that have one of the tags, whoever may see them; how many. What is stored while
    /// this runs may stay. Blocks.
    ///
    /// # Errors
    /// `E_CACHE_DISK`: those in memory are removed, those on disk perhaps not; `E_SHUT_DOWN`.
    pub fn delete_by_tag(&self, namespace: &Namespace, tags: &[Box<str>]) -> Result<u64> {
        self.check_open()?;
        let version = self.versions.load(Ordering::Relaxed);
        let is_meant = |key: &[u8], of: &[Box<str>]| {
            of.iter().any(|tag| tags.contains(tag))
                && Parts::read(key).is_some_and(|parts| parts.namespace == namespace.bytes())
        };
        let below =
            self.below().map(|below| below.remove_all(None, |key, entry| is_meant(key, &entry.record.tags)));
        let below: HashSet<Box<[u8]>> = below.into_iter().flatten().collect();
        let mut only_in_memory = below.len() as u64;
        let mut remove = |is_counted: bool| {
            self.scan(|key, entry| {
                let is_removed = entry.version <= version && is_meant(key, &entry.record.tags);
                let is_elsewhere =
                    matches!(entry.place, Place::Stored(_) | Place::Queued) || below.contains(key);
                only_in_memory += u64::from(is_removed && is_counted && !is_elsewhere);
                !is_removed
            });
        };
        remove(true);
        self.hindsight.forget_tagged(tags);
        self.writes.count_all();
        let mut removed = 0;
        if let Some(disk) = self.disk().filter(|disk| disk.is_started()) {
            let command = Command::DeleteTags { namespace: namespace.clone(), tags: tags.to_vec() };
            removed = disk.run(command).map_err(disk_error)?;
            // What was looked up meanwhile.
            self.writes.count_all();
            remove(false);
        }
        Ok(only_in_memory + u64::try_from(removed).unwrap_or(0))
    }

    /// Empties one layer or all, of a namespace and what is below it. Blocks.
    ///
    /// # Errors
    /// `E_CACHE_DISK`: memory is empty, the disk perhaps not; `E_SHUT_DOWN`.
    pub fn clear(&self, namespace: &Namespace, layer: Option<Layer>) -> Result<()> {
        self.check_open()?;
        let version = self.versions.load(Ordering::Relaxed);
        if layer.is_none() {
            // Before the entries: what is stored meanwhile stays.
            self.questions.clear(namespace);
            self.vectors.clear(namespace);
        }
        let disk = self.disk().filter(|disk| disk.is_started());
        let is_meant = |key: &[u8]| Parts::read(key).is_some_and(|parts| namespace.contains(parts.namespace));
        if layer == Some(Layer::L1) {
            // The values stay on disk.
            self.write_memory_only();
        }
        if matches!(layer, None | Some(Layer::L1)) {
            self.hindsight.give_up();
            self.writes.count_all();
            self.scan(|key, entry| {
                let is_kept_nowhere = entry.place == Place::MemoryOnly && layer.is_some() && disk.is_some();
                entry.version > version || is_kept_nowhere || !is_meant(key)
            });
        }
        if layer != Some(Layer::L1) {
            let tier = layer.map(|layer| if layer == Layer::L2 { tables::L2 } else { tables::L3 });
            if let Some(below) = self.below() {
                below.remove_all(layer, |key, _| is_meant(key));
            }
            if let Some(disk) = &disk {
                disk.run(Command::Clear { namespace: namespace.clone(), tier }).map_err(disk_error)?;
            }
            self.writes.count_all();
            self.absences.clear();
            if layer.is_none() {
                self.scan(|key, entry| entry.version > version || !is_meant(key));
            } else {
                self.forget_places(is_meant);
            }
        }
        let name = layer.map_or("all", Layer::name);
        self.hub.emit(EventKind::CacheCleared, || serde_json::json!({ "layer": name }));
        Ok(())
    }

    /// Removes what is expired from every layer, keeps budgets; how many entries went. Blocks; O(entries).
    pub fn maintain(&self) -> u64 {
        if self.is_closed() {
            return 0;
        }
        let (removed, only_in_memory) = self.drop_expired_in_memory();
        if let Some(below) = self.below() {
            let now_ms = self.clock.now_ms();
            // All that L1 had is there too.
            let gone = below.remove_all(None, |_, entry| entry.gone_ms() <= now_ms);
            return removed.max(gone.len() as u64);
        }
        let disk = self.disk().filter(|disk| disk.is_started());
        match disk.map(|disk| disk.run(Command::Maintain)) {
            Some(Ok(on_disk)) => only_in_memory + u64::try_from(on_disk).unwrap_or(0),
            _ => removed,
        }
    }

    /// Removes what is expired from memory: how many entries, and how many of them were nowhere else. O(entries in memory).
    pub(crate) fn drop_expired_in_memory(&self) -> (u64, u64) {
        self.sweep_questions();
        let now_ms = self.clock.now_ms();
        self.hindsight.forget_expired(now_ms);
        let mut only_in_memory = 0;
        let removed = self.scan(|_, entry| {
            let is_gone = entry.gone_ms() <= now_ms;
            only_in_memory += u64::from(is_gone && matches!(entry.place, Place::MemoryOnly | Place::GivenUp));
            !is_gone
        });
        self.counters.expired.fetch_add(removed, Ordering::Relaxed);
        (removed, only_in_memory)
    }
}
