//! A cache under another configuration: bounds, policy, another place for the disk tiers.
//!
//! In two steps: a configuration is taken at once, and what that asks for follows. In between it holds for all that is stored and
//! asked from then on, while L1 and the disk tiers are still as they were: more may be in memory than there should be, and what is
//! written goes where it went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::config::CacheConfig;
use super::disk::queue::Command;
use super::disk::{Arrival, Disk, DiskSettings, Observer};
use super::key::Key;
use super::l1;
use super::l1::map::EvictingMap;
use super::manager::{CLOSE_DEADLINE, CacheManager};
use super::reconcile::Distrusted;
use super::registry;
use crate::base::error::Result;
use crate::base::units::mb_to_bytes;

/// How far a cache has come with its configuration.
pub(crate) struct Settling {
    /// The configuration that L1 and the disk tiers are under. Held while that changes: one thread at a time.
    done: Mutex<CacheConfig>,
    /// Whether similarity was switched since, be it off and on again: questions were not noted meanwhile.
    is_switched: AtomicBool,
}

impl Settling {
    pub(super) fn new(config: &CacheConfig) -> Self {
        Self { done: Mutex::new(config.clone()), is_switched: AtomicBool::new(false) }
    }

    /// Waits until nobody is changing L1 and the disk tiers, at most `deadline`. `None` when that was not enough.
    pub(super) fn pause(&self, deadline: Duration) -> Option<MutexGuard<'_, CacheConfig>> {
        self.done.try_lock_for(deadline)
    }
}

/// A configuration and the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconfigured {
    /// What held.
    pub old: CacheConfig,
    /// What holds.
    pub new: CacheConfig,
}

impl CacheManager {
    /// Brings the cache to a checked configuration; `namespace` stays. What fits of the entries stays. O(entries) where
    /// bounds or policy change, off the JavaScript thread. The configuration that holds already costs nothing: whoever changed
    /// to it settles it, and is not waited for.
    pub fn reconfigure(&self, config: CacheConfig) {
        // It cannot fail: nothing is checked.
        if self.configure(|_| Ok(config)).is_ok_and(|change| change.old != change.new) {
            self.settle();
        }
    }

    /// Takes the configuration that `change` makes of the one that holds; `namespace` stays. It is in force when this returns; what
    /// takes time is for [`Self::settle`]. O(1).
    ///
    /// # Errors
    /// Those of `change`; nothing is changed then.
    pub fn configure(
        &self,
        change: impl FnOnce(&CacheConfig) -> Result<CacheConfig>,
    ) -> Result<Reconfigured> {
        let mut config = self.config.write();
        let new = CacheConfig { namespace: config.namespace.clone(), ..change(&config)? };
        if new.enable_similarity_detection != config.enable_similarity_detection {
            self.settling.is_switched.store(true, Ordering::Release);
        }
        let old = std::mem::replace(&mut *config, new.clone());
        Ok(Reconfigured { old, new })
    }

    /// Brings L1 and the disk tiers from the configuration that they are under to the one that holds now. However often and
    /// by however many threads it is called, whoever returns finds them under a configuration that held since it was called.
    /// O(entries) where bounds or policy changed, and waits for the disk where its place did. Does nothing once the cache is closed:
    /// what it opened then, nobody would close.
    pub fn settle(&self) {
        let mut done = self.settling.done.lock();
        if self.is_closed() {
            return;
        }
        // Before the configuration is read: who switches afterwards settles afterwards.
        let is_switched = self.settling.is_switched.swap(false, Ordering::AcqRel);
        let config = self.config();
        if config != *done || is_switched {
            self.follow_config(&done, &config, is_switched);
            *done = config;
        }
    }

    fn follow_config(&self, old: &CacheConfig, config: &CacheConfig, is_switched: bool) {
        let mut evicted = Vec::new();
        if l1::policy(old) != l1::policy(config) {
            let mut l1 = self.l1.lock();
            let mut next = EvictingMap::new(l1::policy(config), self.l1_bounds());
            for (key, entry) in l1.iter_by_use() {
                let hash = Key::from_bytes(key.into()).hash64();
                next.insert(hash, key, entry.clone(), entry.bytes(key.len()), &mut evicted);
            }
            *l1 = next;
        }
        self.settle_evicted(evicted);
        self.bound(false);
        if let Some(disk) = self.disk() {
            disk.queue.set_linger(config.write_behind_ms);
        }
        if is_switched {
            self.switch_similarity(config.enable_similarity_detection);
        }
        let (before, after) = (self.disk_settings(old), self.disk_settings(config));
        let place = |config: &CacheConfig, settings: &DiskSettings| {
            (config.persist_to_disk, registry::identity(&settings.dir), settings.allow_network)
        };
        if self.below.is_some() {
            // There is no place.
        } else if place(old, &before) != place(config, &after) {
            self.replace_disk(config);
        } else if before != after
            && let Some(disk) = self.disk()
        {
            *disk.settings.write() = after;
            if disk.is_started() {
                let _ = disk.queue.order(Command::Maintain);
            }
        }
    }

    /// Another place for the disk tiers, or none. Waits until the old one is closed and the new one open.
    fn replace_disk(&self, config: &CacheConfig) {
        self.questions.begin_anew();
        let old = self.disk.write().take();
        if let Some(old) = old {
            old.close(CLOSE_DEADLINE);
        }
        let next = self.new_disk(config);
        {
            let mut disk = self.disk.write();
            // Whoever closed it did not wait for so long, and looked for a disk before this lock was taken.
            if self.is_closed() {
                return;
            }
            (*disk).clone_from(&next);
        }
        self.absences.clear();
        *self.distrusted.lock() = Distrusted::default();
        let Some(disk) = next else { return };
        let is_empty = disk.is_started() && disk.opened().is_some() && disk.totals.lock().is_empty();
        let arrival = if is_empty || !disk.is_started() { Arrival::Empty } else { Arrival::Other };
        self.arrive(&disk, arrival);
        self.write_memory_only();
    }

    /// The disk tiers that a configuration asks for; nothing is opened yet.
    pub(super) fn new_disk(&self, config: &CacheConfig) -> Option<Arc<Disk>> {
        (config.persist_to_disk && self.below.is_none()).then(|| {
            let observer: Weak<dyn Observer> = self.myself.clone();
            let disk = Disk::new(self.disk_settings(config), Arc::clone(&self.clock), observer);
            disk.queue.set_linger(config.write_behind_ms);
            disk
        })
    }

    pub(crate) fn disk_settings(&self, config: &CacheConfig) -> DiskSettings {
        DiskSettings {
            dir: self.cwd.join(config.dir()),
            allow_network: config.allow_network_file_system,
            l2_bytes: mb_to_bytes(config.l2_max_size_mb),
            l3_bytes: mb_to_bytes(config.l3_max_size_mb),
            compression_threshold: config.compression_threshold_bytes,
            compress: config.enable_compression,
        }
    }
}
