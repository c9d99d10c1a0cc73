//! A cache under another configuration: bounds, policy, another place for the disk tiers.

use super::config::CacheConfig;
use super::disk::queue::Command;
use super::disk::{Arrival, DiskSettings};
use super::key::Key;
use super::l1;
use super::l1::map::EvictingMap;
use super::manager::{CLOSE_DEADLINE, CacheManager};
use super::reconcile::Distrusted;
use super::registry;
use crate::base::units::mb_to_bytes;

impl CacheManager {
    /// Brings the cache to a checked configuration; `namespace` stays. What fits of the entries stays. O(entries) where
    /// bounds or policy change, off the JavaScript thread.
    pub fn reconfigure(&self, config: CacheConfig) {
        let config = CacheConfig { namespace: self.config.read().namespace.clone(), ..config };
        if config == *self.config.read() {
            return;
        }
        let old = std::mem::replace(&mut *self.config.write(), config.clone());
        let mut evicted = Vec::new();
        {
            let mut l1 = self.l1.lock();
            if l1::policy(&old) != l1::policy(&config) {
                let mut next = EvictingMap::new(l1::policy(&config), self.l1_bounds());
                for (key, entry) in l1.iter_by_use() {
                    let hash = Key::from_bytes(key.into()).hash64();
                    next.insert(hash, key, entry.clone(), entry.bytes(key.len()), &mut evicted);
                }
                *l1 = next;
            }
        }
        self.settle_evicted(evicted);
        self.bound(false);
        if let Some(disk) = self.disk() {
            disk.queue.set_linger(config.write_behind_ms);
        }
        if old.enable_similarity_detection != config.enable_similarity_detection {
            self.switch_similarity(config.enable_similarity_detection);
        }
        let (before, after) = (self.disk_settings(&old), self.disk_settings(&config));
        let place = |config: &CacheConfig, settings: &DiskSettings| {
            (config.persist_to_disk, registry::identity(&settings.dir), settings.allow_network)
        };
        if self.below.is_some() {
            // There is no place.
        } else if place(&old, &before) != place(&config, &after) {
            self.replace_disk();
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
    fn replace_disk(&self) {
        self.questions.begin_anew();
        let old = self.disk.write().take();
        if let Some(old) = old {
            old.close(CLOSE_DEADLINE);
        }
        let next = self.new_disk();
        (*self.disk.write()).clone_from(&next);
        self.absences.clear();
        *self.distrusted.lock() = Distrusted::default();
        let Some(disk) = next else { return };
        let is_empty = disk.is_started() && disk.opened().is_some() && disk.totals.lock().is_empty();
        let arrival = if is_empty || !disk.is_started() { Arrival::Empty } else { Arrival::Other };
        self.arrive(&disk, arrival);
        self.write_memory_only();
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
