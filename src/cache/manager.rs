//! The cache: L1 in front of the disk tiers, one object for all threads of a process.
//!
//! This file stores; [`super::lookup`] finds, [`super::removal`] removes, [`super::transfer`] moves many, `reconcile` keeps L1
//! and disk in step, [`super::stats`] counts. Lock order: L1, then the queue. Nothing here runs JavaScript.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::absences::Absences;
use super::below::Below;
use super::config::CacheConfig;
use super::disk::Disk;
use super::disk::queue::{Command, Operation, Put, Taken};
use super::events;
use super::footprint::Relieved;
use super::hindsight::Hindsight;
use super::key::{Key, Namespace};
use super::l1::map::{EvictingMap, Insertion};
use super::l1::{self, Entry, L1, Place};
use super::observe::Observed;
use super::questions::Questions;
use super::reconcile::Distrusted;
use super::reconfigure::Settling;
use super::record::{Kind, Record, Terms, Uncompared};
use super::registry;
use super::stats::Counters;
use super::vectors::Vectors;
use super::writes::Writes;
use crate::base::clock::{Clock, SteadyClock};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::footprint::{Footprint, of_process};
use crate::base::held::Tally;
use crate::base::units::mb_to_bytes;
use crate::telemetry::event::{EventHub, EventKind, EventSink};

/// How long closing waits for what is to be written.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(10);

/// The cache of one directory and namespace in this process.
pub struct CacheManager {
    pub(crate) namespace: Namespace,
    pub(crate) config: RwLock<CacheConfig>,
    pub(super) settling: Settling,
    pub(crate) l1: Mutex<L1>,
    pub(crate) disk: RwLock<Option<Arc<Disk>>>,
    /// Stands for the disk tiers on a clock that is driven.
    pub(super) below: Option<Below>,
    pub(crate) clock: Arc<SteadyClock>,
    /// Bytes of all values that anybody has.
    pub(crate) values: Arc<Tally>,
    pub(crate) relief: Relieved,
    pub(crate) writes: Writes,
    pub(crate) absences: Absences,
    pub(crate) questions: Questions,
    pub(crate) vectors: Vectors,
    pub(crate) distrusted: Mutex<Distrusted>,
    pub(crate) versions: AtomicU64,
    pub(crate) counters: Counters,
    pub(crate) hindsight: Hindsight,
    pub(crate) observed: Observed,
    pub(crate) hub: Arc<EventHub>,
    /// Reason and message while the disk tiers are not used.
    pub(crate) degraded: Mutex<Option<(&'static str, String)>>,
    pub(crate) is_closed: AtomicBool,
    /// Whether entries are in memory only because the queue had no room.
    pub(crate) is_behind: AtomicBool,
    pub(crate) myself: Weak<Self>,
    /// What a relative `cacheDir` is relative to.
    pub(crate) cwd: PathBuf,
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
            below: clock.is_driven().then(Below::default),
            clock: Arc::clone(&clock),
            values: Arc::default(),
            relief: Relieved::default(),
            writes: Writes::new(),
            absences: Absences::default(),
            questions: Questions::new(),
            vectors: Vectors::default(),
            distrusted: Mutex::default(),
            versions: AtomicU64::new(0),
            counters: Counters::default(),
            hindsight: Hindsight::new(&config, clock.now_ms()),
            observed: Observed::default(),
            hub: Arc::default(),
            degraded: Mutex::default(),
            is_closed: AtomicBool::new(false),
            is_behind: AtomicBool::new(false),
            myself: Weak::clone(myself),
            cwd,
            seed: AtomicU64::new(clock.now_ms()),
            settling: Settling::new(&config),
            config: RwLock::new(config),
        });
        let is_driven = clock.is_driven();
        if manager.is_similarity_on() && !is_driven {
            crate::similarity::warm_up();
        }
        let disk = manager.new_disk(&manager.config.read());
        *manager.disk.write() = disk;
        // One that is driven belongs to its system alone, which registers it.
        if !is_driven {
            of_process().register(&(Arc::clone(&manager) as Arc<dyn Footprint>));
        }
        manager
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

    /// Stores a value.
    ///
    /// # Errors
    /// `E_CACHE_ENTRY_TOO_LARGE`, and the key has no value then; `E_SHUT_DOWN`.
    pub fn set(&self, key: &Key, text: Box<str>, kind: Kind, terms: Terms) -> Result<Stored> {
        self.set_if(key, text, kind, terms, None)
    }

    /// As [`Self::set`], unless the key was changed since `if_stamp` was what [`Self::stamp`] says: what was computed meanwhile
    /// must not take the place of what is newer.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_if(
        &self,
        key: &Key,
        text: Box<str>,
        kind: Kind,
        terms: Terms,
        if_stamp: Option<u64>,
    ) -> Result<Stored> {
        self.check_open()?;
        self.check_size(key, text.len())?;
        let record = self.record(text, kind, terms).shared(&self.values);
        let fresh_ms = record.fresh_until_ms();
        Ok(self.put(key, record, fresh_ms, if_stamp).unwrap_or(Stored { is_crowded: false }))
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
            counted: Uncompared::default(),
        }
    }

    /// Stores a record; `None` if the key has changed since `if_stamp`.
    pub(crate) fn put(
        &self,
        key: &Key,
        record: Arc<Record>,
        fresh_ms: u64,
        if_stamp: Option<u64>,
    ) -> Option<Stored> {
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
            if if_stamp.is_some_and(|stamp| stamp != self.stamp(key)) {
                return None;
            }
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
            if let Some(below) = self.below() {
                below.put(&key.bytes, &entry, &self.config.read());
            }
            let bytes = entry.bytes(key.bytes.len());
            let is_too_large = matches!(
                l1.insert(hash, &key.bytes, entry.clone(), bytes, &mut evicted),
                Insertion::TooLarge
            );
            if let Some(disk) = disk.as_ref().filter(|_| taken == Taken::No) {
                self.is_behind.store(true, Ordering::Release);
                disk.counters.delayed.fetch_add(1, Ordering::Relaxed);
                self.distrust(key.clone());
                if is_too_large {
                    // Kept nowhere: an older value must not come back.
                    disk.push(key.clone(), Operation::Delete);
                }
            }
            Stored { is_crowded: taken != Taken::Yes }
        };
        self.hindsight.forget(hash);
        self.observe_stored(key, &entry.record, fresh_ms);
        self.settle_evicted(evicted);
        self.note_question(key, &entry.record);
        self.hub.emit(EventKind::CacheSet, || events::entry(&key.bytes, &entry, Some("L1"), false));
        Some(stored)
    }

    /// Whether it is open, its disk tiers are in this directory, and its configuration lets them stay there.
    pub(crate) fn is_at(&self, dir: &Path) -> bool {
        let config = self.config();
        let asked = self.cwd.join(config.dir());
        let is_in = |path: &Path| registry::identity(path) == dir;
        !self.is_closed()
            && config.persist_to_disk
            && self.disk().is_some_and(|disk| {
                let path = disk.settings.read().dir.clone();
                is_in(&path) && (path == asked || is_in(&asked))
            })
    }

    /// Waits until all that was stored is written, and synced to the disk itself if asked. Blocks.
    ///
    /// # Errors
    /// `E_CACHE_DISK` when it could not be written.
    pub fn flush(&self, sync: bool) -> Result<()> {
        let Some(disk) = self.disk() else { return Ok(()) };
        self.write_all().map_err(disk_error)?;
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

    /// Writes what is not written and closes the database; whether all was written in time. A change of the configuration that
    /// is under way comes first, none begins afterwards. Idempotent. Blocks.
    pub fn close(&self) -> bool {
        let settled = self.settling.pause(CLOSE_DEADLINE);
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return true;
        }
        let is_settled = settled.is_some();
        // Who waits for it finds that it is closed.
        drop(settled);
        let Some(disk) = self.disk() else { return is_settled };
        let is_written = self.write_all().is_ok();
        let is_done = disk.close(CLOSE_DEADLINE) && is_written;
        self.l1.lock().clear();
        self.hindsight.give_up();
        is_done
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.read().clone()
    }

    /// The error of what a cache that was stopped is asked to do.
    pub(crate) fn closed() -> Error {
        Error::new(ErrorKind::ShutDown, "the cache was stopped; create a new one")
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed() { Err(Self::closed()) } else { Ok(()) }
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
