//! The cache: L1 in front of the disk tiers, one object for all threads of a process.
//!
//! This file stores; [`super::lookup`] finds, [`super::removal`] removes, [`super::transfer`] moves many, `reconcile` keeps L1
//! and disk in step, [`super::stats`] counts. Lock order: L1, then the queue. Nothing here runs JavaScript.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::absences::Absences;
use super::config::CacheConfig;
use super::disk::queue::{Command, Operation, Put, Taken};
use super::disk::{Arrival, Disk, DiskSettings, Observer};
use super::events;
use super::key::{Key, Namespace, Scope};
use super::l1::map::{EvictingMap, Insertion};
use super::l1::{self, Entry, L1, Place};
use super::reconcile::Distrusted;
use super::record::{Kind, Record, Terms};
use super::stats::Counters;
use super::writes::Writes;
use crate::base::clock::{Clock, SteadyClock};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::units::mb_to_bytes;
use crate::telemetry::event::{EventHub, EventKind, EventSink};

/// How long closing waits for what is to be written.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(10);

/// The cache of one directory and namespace in this process.
pub struct CacheManager {
    pub(crate) namespace: Namespace,
    pub(crate) config: RwLock<CacheConfig>,
    pub(crate) l1: Mutex<L1>,
    pub(crate) disk: RwLock<Option<Arc<Disk>>>,
    pub(crate) clock: Arc<SteadyClock>,
    pub(crate) writes: Writes,
    pub(crate) absences: Absences,
    pub(crate) distrusted: Mutex<Distrusted>,
    pub(crate) versions: AtomicU64,
    pub(crate) counters: Counters,
    pub(crate) hub: Arc<EventHub>,
    /// Reason and message while the disk tiers are not used.
    pub(crate) degraded: Mutex<Option<(&'static str, String)>>,
    pub(crate) is_closed: AtomicBool,
    pub(crate) myself: Weak<Self>,
    /// What a relative `cacheDir` is relative to.
    cwd: PathBuf,
    seed: AtomicU64,
}

impl CacheManager {
    /// An empty cache, or what its directory, which may be relative to `cwd`, holds. Waits for nothing: the database is opened
    /// in the background.
    pub fn new(config: CacheConfig, cwd: PathBuf, clock: Arc<dyn Clock>) -> Arc<Self> {
        let clock = Arc::new(SteadyClock::new(clock));
        let namespace = Namespace::root(config.namespace.as_deref().unwrap_or_default());
        let manager = Arc::new_cyclic(|myself: &Weak<Self>| Self {
            namespace,
            l1: Mutex::new(EvictingMap::new(l1::policy(&config), l1::bounds(&config))),
            disk: RwLock::default(),
            clock: Arc::clone(&clock),
            writes: Writes::new(),
            absences: Absences::default(),
            distrusted: Mutex::default(),
            versions: AtomicU64::new(0),
            counters: Counters::default(),
            hub: Arc::default(),
            degraded: Mutex::default(),
            is_closed: AtomicBool::new(false),
            myself: Weak::clone(myself),
            cwd,
            seed: AtomicU64::new(clock.now_ms()),
            config: RwLock::new(config),
        });
        let disk = manager.new_disk();
        *manager.disk.write() = disk;
        manager
    }

    fn new_disk(&self) -> Option<Arc<Disk>> {
        let config = self.config.read();
        config.persist_to_disk.then(|| {
            let observer: Weak<dyn Observer> = self.myself.clone();
            Disk::new(self.disk_settings(&config), Arc::clone(&self.clock), observer)
        })
    }

    /// Events go to every sink attached to it.
    pub fn hub(&self) -> &Arc<EventHub> {
        &self.hub
    }

    /// Says which events have listeners in an attached sink. Who begins to listen for `degraded` while the disk tiers are not
    /// used is told so: opening them may have failed before anybody could listen.
    pub fn listen(&self, sink: &EventSink, names: &[String]) {
        let listened = sink.has_listener(EventKind::Degraded);
        sink.listen(names);
        if !listened && let Some((reason, message)) = &*self.degraded.lock() {
            sink.emit(EventKind::Degraded, || serde_json::json!({ "reason": reason, "message": message }));
        }
    }

    /// The configuration.
    pub fn config(&self) -> CacheConfig {
        self.config.read().clone()
    }

    /// The root of its keys.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

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
                let mut next = EvictingMap::new(l1::policy(&config), l1::bounds(&config));
                for (key, entry) in l1.iter_by_use() {
                    let hash = Key::from_bytes(key.into()).hash64();
                    next.insert(hash, key, entry.clone(), entry.bytes(key.len()), &mut evicted);
                }
                *l1 = next;
            } else if l1::bounds(&old) != l1::bounds(&config) {
                l1.set_bounds(l1::bounds(&config), &mut evicted);
            }
        }
        self.settle_evicted(evicted);
        let (before, after) = (self.disk_settings(&old), self.disk_settings(&config));
        let place = |config: &CacheConfig, settings: &DiskSettings| {
            (config.persist_to_disk, settings.dir.clone(), settings.allow_network)
        };
        if place(&old, &before) != place(&config, &after) {
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

    /// Stores a value.
    ///
    /// # Errors
    /// `E_CACHE_ENTRY_TOO_LARGE`, and the key has no value then; `E_SHUT_DOWN`.
    pub fn set(&self, key: &Key, text: Box<str>, kind: Kind, terms: Terms) -> Result<Stored> {
        self.check_open()?;
        self.check_size(key, text.len())?;
        let record = Arc::new(self.record(text, kind, terms));
        let fresh_ms = record.fresh_until_ms();
        Ok(self.put(key, record, fresh_ms))
    }

    /// The record of a value under the terms given and the configured ones.
    pub(crate) fn record(&self, text: Box<str>, kind: Kind, terms: Terms) -> Record {
        let config = self.config.read();
        let ttl_ms = terms.ttl_ms.unwrap_or_else(|| seconds_to_ms(config.ttl_seconds));
        let jitter = terms.jitter.unwrap_or(config.ttl_jitter);
        Record {
            text,
            kind,
            created_ms: self.clock.now_ms(),
            ttl_ms: if jitter > 0.0 { self.jittered(ttl_ms, jitter) } else { ttl_ms },
            stale_ms: terms.stale_ms,
            sliding: terms.sliding.unwrap_or(config.sliding_ttl),
            tags: terms.tags.into(),
        }
    }

    pub(crate) fn put(&self, key: &Key, record: Arc<Record>, fresh_ms: u64) -> Stored {
        let now_ms = self.clock.now_ms();
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        let disk = self.disk();
        let hash = key.hash64();
        let mut evicted = Vec::new();
        let put = Put { record: Arc::clone(&record), fresh_ms, used_ms: now_ms, version, if_stamp: None };
        let mut entry = Entry {
            record,
            fresh_ms,
            used_ms: now_ms,
            hits: 0,
            place: Place::MemoryOnly,
            stamp: 0,
            version,
            written_fresh_ms: fresh_ms,
        };
        let stored = {
            let mut l1 = self.l1.lock();
            self.writes.count(hash);
            self.absences.remove(hash);
            let mut taken = Taken::Yes;
            if let Some(disk) = &disk {
                entry.stamp = disk.stamp(hash);
                taken = disk.push(key.clone(), Operation::Put(put));
                if taken != Taken::No {
                    entry.place = Place::Queued;
                }
            }
            let bytes = entry.bytes(key.bytes.len());
            let is_too_large = matches!(
                l1.insert(hash, &key.bytes, entry.clone(), bytes, &mut evicted),
                Insertion::TooLarge
            );
            if let Some(disk) = disk.as_ref().filter(|_| taken == Taken::No) {
                disk.counters.delayed.fetch_add(1, Ordering::Relaxed);
                self.distrust(key.clone());
                if is_too_large {
                    // Kept nowhere: an older value must not come back.
                    disk.push(key.clone(), Operation::Delete);
                }
            }
            Stored { is_crowded: taken != Taken::Yes }
        };
        self.settle_evicted(evicted);
        self.hub.emit(EventKind::CacheSet, || events::entry(&key.bytes, &entry, Some("L1"), false));
        stored
    }

    /// Waits until all that was stored is written, and synced to the disk itself if asked. Blocks.
    ///
    /// # Errors
    /// `E_CACHE_DISK` when it could not be written.
    pub fn flush(&self, sync: bool) -> Result<()> {
        let Some(disk) = self.disk() else { return Ok(()) };
        self.write_memory_only();
        if !disk.is_started() {
            return Ok(());
        }
        disk.run(Command::Flush { sync }).map_err(disk_error)?;
        Ok(())
    }

    /// Waits until the queue has room. Blocks, at most five seconds.
    pub fn wait_for_room(&self) {
        if let Some(disk) = self.disk() {
            disk.counters.delayed.fetch_add(1, Ordering::Relaxed);
            disk.queue.wait_for_room(Duration::from_secs(5));
        }
    }

    /// Writes what is not written and closes the database; whether all was written in time. Idempotent. Blocks.
    pub fn close(&self) -> bool {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return true;
        }
        let Some(disk) = self.disk() else { return true };
        self.write_memory_only();
        let is_done = disk.close(CLOSE_DEADLINE);
        self.l1.lock().clear();
        is_done
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// A key of this cache.
    pub fn key(&self, namespace: &Namespace, scope: &Scope, query: &str) -> Key {
        Key::new(namespace, scope, query)
    }

    pub(crate) fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.read().clone()
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::ShutDown, "the cache was stopped; create a new one"));
        }
        Ok(())
    }

    /// Checks the bytes of a value with its key.
    ///
    /// # Errors
    /// `E_CACHE_ENTRY_TOO_LARGE`.
    pub fn check_bytes(&self, bytes: u64) -> Result<()> {
        let limit_mb = self.config.read().max_entry_size_mb;
        if bytes > mb_to_bytes(limit_mb) {
            let message = format!(
                "a value with its key must have at most cache.maxEntrySizeMB, {limit_mb} MB, and this one has {bytes} bytes; it is not stored"
            );
            return Err(Error::new(ErrorKind::CacheEntryTooLarge, message));
        }
        Ok(())
    }

    fn check_size(&self, key: &Key, value_bytes: usize) -> Result<()> {
        let result = self.check_bytes((key.bytes.len() + value_bytes) as u64);
        if result.is_err() {
            // The key's older value is not its value any more.
            self.forget(key);
        }
        result
    }

    fn disk_settings(&self, config: &CacheConfig) -> DiskSettings {
        DiskSettings {
            dir: self.cwd.join(config.dir()),
            allow_network: config.allow_network_file_system,
            l2_bytes: mb_to_bytes(config.l2_max_size_mb),
            l3_bytes: mb_to_bytes(config.l3_max_size_mb),
            compression_threshold: config.compression_threshold_bytes,
            compress: config.enable_compression,
        }
    }

    /// Between the whole life and what jitter leaves of it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a time is a time"
    )]
    fn jittered(&self, ttl_ms: u64, jitter: f64) -> u64 {
        let seed = self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let random = (xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64;
        ((ttl_ms as f64 * (1.0 - jitter * random)) as u64).max(1)
    }
}

/// What came of storing a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Whether more values should wait for room in the queue.
    pub is_crowded: bool,
}

impl Drop for CacheManager {
    fn drop(&mut self) {
        // Forgotten without a stop: what waits is still written by the thread, which then ends.
        if let Some(disk) = self.disk.get_mut().take() {
            disk.queue.close();
        }
    }
}

impl std::fmt::Debug for CacheManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheManager").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

/// The error of what the disk could not do.
pub(crate) fn disk_error(trouble: super::disk::db::Trouble) -> Error {
    Error::new(
        ErrorKind::CacheDisk,
        format!("the disk tiers of the cache did not do it: {} ({})", trouble.message(), trouble.reason()),
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated positive; saturates")]
fn seconds_to_ms(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}
