//! The disk tiers: L2, entries as they are, and L3, compressed ones, in one SQLite database for all processes of a machine.
//!
//! Map: [`location`] where it lives; [`db`] connections and schema, [`tables`] statements, [`batch`] transactions; [`row`] the
//! bytes of an entry, [`compression`] and [`training`] of dictionaries; [`readers`]; [`queue`] what waits to be written,
//! [`writer`] the thread that writes, [`commands`] what else it is asked to do, `recovery` what it does about failures, `room` on a full disk,
//! [`inspect`] looks at what is stored without using it, `compaction` gives room back; [`eviction`] budgets; [`coherence`] how processes notice each other's writes; [`ballast`] room to evict on a full disk.
//! This file is the handle that the rest of the cache has. It owns the writer thread; it knows nothing of L1.

pub(crate) mod ballast;
pub(crate) mod batch;
pub(crate) mod coherence;
pub(crate) mod commands;
pub(crate) mod compaction;
pub(crate) mod compression;
pub(crate) mod db;
pub(crate) mod eviction;
pub(crate) mod inspect;
pub(crate) mod location;
pub(crate) mod queue;
pub(crate) mod readers;
mod recovery;
mod room;
pub(crate) mod row;
pub(crate) mod tables;
pub(crate) mod training;
pub(crate) mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use super::key::{Key, Namespace};
use super::patience::Patience;
use crate::base::clock::SteadyClock;
use coherence::Coherence;
use db::Trouble;
use location::Generation;
use queue::{Command, Operation, Queue, Taken};
use readers::{Read, Reader, Readers};
use tables::{Row, Total};

/// How long a caller waits for the database to be opened.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);
/// How long a caller waits for a command.
const COMMAND_DEADLINE: Duration = Duration::from_secs(30);
/// How often a reader that found no cache directory looks again.
const LOOK_AGAIN_MS: u64 = 1000;

/// Settings of the disk tiers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DiskSettings {
    /// The cache directory.
    pub(crate) dir: PathBuf,
    /// Whether network file systems are allowed.
    pub(crate) allow_network: bool,
    /// Budget of L2, bytes.
    pub(crate) l2_bytes: u64,
    /// Budget of L3, bytes.
    pub(crate) l3_bytes: u64,
    /// Larger values are compressed when they leave L2; smaller ones go.
    pub(crate) compression_threshold: u64,
    /// Whether L3 compresses.
    pub(crate) compress: bool,
}

/// Who is told what became of entries; the rest of the cache. Called on the writer thread.
pub(crate) trait Observer: Send + Sync {
    /// These were written or removed: what the database has of their keys is to be believed.
    fn committed(&self, tasks: &[queue::Task]);
    /// What became of versions that were to be stored.
    fn stored(&self, versions: &[Kept]);
    /// These versions were not stored: another process has changed the key meanwhile.
    fn refused(&self, entries: &[(Key, u64)]);
    /// This row left the database for lack of room, or is in another tier as another row now.
    fn left(&self, hash: u64, row: i64, now: Option<i64>);
    /// This row was over its tier's limit: it left the tier, and would not have left a larger one.
    fn evicted(&self, hash: u64, row: &tables::Row);
    /// This was not written, and will not be.
    fn not_written(&self, tasks: Vec<queue::Task>);
    /// A lease of a key with this hash was given back.
    fn released(&self, hash: u64);
    /// Nothing waits to be written.
    fn rested(&self);
    /// Writing stopped.
    fn degraded(&self, reason: &'static str, message: &str);
    /// Writing goes on.
    fn recovered(&self, reason: &'static str, arrival: Arrival);
    /// The namespace that must be emptied before anything of it may be believed again.
    fn must_clear(&self) -> Option<Namespace>;
}

/// A version that was to be stored.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) key: Key,
    pub(crate) version: u64,
    /// Its row; `None`: no tier can hold it, and the key has no value on disk.
    pub(crate) row: Option<i64>,
    /// From while nobody else could commit: a foreign change that comes after this one changes it.
    pub(crate) stamp: u32,
}

/// How a place that was opened relates to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the same: stamps and row ids still hold.
    Same,
    /// Another one, with nothing in it.
    Empty,
    /// Another one, with entries of other processes.
    Other,
}

/// Whether the disk is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing needed it yet.
    Dormant,
    /// It is being opened.
    Opening,
    /// It is.
    Good,
    /// It is read but not written, or not used at all.
    Degraded(&'static str),
    /// Closed for good.
    Closed,
}

/// Counters of the disk tiers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) written: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) delayed: AtomicU64,
    pub(crate) corrupt: AtomicU64,
    pub(crate) compressed: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// Values read, and the time that reading and writing took, µs.
    pub(crate) reads: AtomicU64,
    pub(crate) read_us: AtomicU64,
    pub(crate) write_us: AtomicU64,
    /// Bytes of samples, dictionary and buffers that the writer holds, and those of zstd.
    pub(crate) writer_bytes: AtomicU64,
    pub(crate) packing_bytes: AtomicU64,
}

/// A generation that is in use.
pub(crate) struct Opened {
    /// Whether somebody saw a sign of damage; the writer looks.
    pub(crate) is_suspect: AtomicBool,
    pub(crate) generation: Generation,
    pub(crate) coherence: Arc<Coherence>,
    pub(crate) readers: Readers,
}

impl Opened {
    /// Whether it is the newest generation, and changes are counted in the file that others use.
    pub(crate) fn is_current(&self) -> bool {
        self.generation.is_current() && self.coherence.is_at(&self.generation.coherence())
    }
}

/// Figures that the writer keeps up to date.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) tiers: [Total; 2],
    pub(crate) dictionary_bytes: u64,
}

impl Totals {
    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.tiers.iter().all(|tier| tier.entries == 0)
    }
}

/// The disk tiers of one cache.
pub(crate) struct Disk {
    pub(crate) queue: Queue,
    pub(crate) settings: RwLock<DiskSettings>,
    pub(crate) opened: RwLock<Option<Arc<Opened>>>,
    /// That of the generation whose stamps L1 has; stays when the generation is lost, so that memory goes on to answer.
    pub(crate) coherence: RwLock<Option<Arc<Coherence>>>,
    pub(crate) condition: Mutex<Condition>,
    changed: Condvar,
    pub(crate) totals: Mutex<Totals>,
    pub(crate) counters: Counters,
    pub(crate) clock: Arc<SteadyClock>,
    pub(crate) observer: Weak<dyn Observer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    is_started: AtomicBool,
    looked_ms: AtomicU64,
}

impl Disk {
    /// Disk tiers that open when something needs them: at once in the background if the directory is there, else with the
    /// first entry.
    pub(crate) fn new(
        settings: DiskSettings,
        clock: Arc<SteadyClock>,
        observer: Weak<dyn Observer>,
    ) -> Arc<Self> {
        let disk = Arc::new(Self {
            queue: Queue::default(),
            settings: RwLock::new(settings),
            opened: RwLock::default(),
            coherence: RwLock::default(),
            condition: Mutex::new(Condition::Dormant),
            changed: Condvar::new(),
            totals: Mutex::default(),
            counters: Counters::default(),
            clock,
            observer,
            thread: Mutex::default(),
            is_started: AtomicBool::new(false),
            looked_ms: AtomicU64::new(0),
        });
        disk.start_if_there();
        disk
    }

    /// Adds an operation.
    pub(crate) fn push(self: &Arc<Self>, key: Key, operation: Operation) -> Taken {
        self.start();
        self.queue.push(key, operation)
    }

    /// Whether a key may be on disk and the answer is not in the queue: false as long as nothing was ever stored.
    pub(crate) fn may_have(self: &Arc<Self>) -> bool {
        if self.is_started.load(Ordering::Acquire) {
            return true;
        }
        let now_ms = self.clock.now_ms();
        if now_ms.saturating_sub(self.looked_ms.load(Ordering::Relaxed)) < LOOK_AGAIN_MS {
            return false;
        }
        self.looked_ms.store(now_ms, Ordering::Relaxed);
        self.start_if_there()
    }

    /// The opened generation; waits for it if it is being opened. `None` when the disk cannot be used.
    pub(crate) fn opened(&self) -> Option<Arc<Opened>> {
        let mut time = Patience::new(OPEN_DEADLINE);
        let mut condition = self.condition.lock();
        while *condition == Condition::Opening {
            if time.is_over() {
                return None;
            }
            time.spend(|most| self.changed.wait_for(&mut condition, most));
        }
        drop(condition);
        self.opened.read().clone()
    }

    /// Foreign changes of a key, see [`Coherence::stamp`]; 0 before the database is open.
    pub(crate) fn stamp(&self, hash: u64) -> u32 {
        self.coherence.read().as_ref().map_or(0, |coherence| coherence.stamp(hash))
    }

    /// What the database has for a key. Blocks.
    pub(crate) fn read(self: &Arc<Self>, key: &Key) -> Option<Read> {
        let begun = Instant::now();
        let read = self.with_reader(|reader| reader.read(key))?;
        add_time(&self.counters.read_us, begun);
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        if let Read::Damaged(row) = read {
            self.counters.corrupt.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("a stored entry was damaged; it is a miss and is removed");
            self.queue.push(key.clone(), Operation::Discard(row));
        }
        Some(read)
    }

    /// The row of a key without its value. Blocks.
    pub(crate) fn row(&self, hash: u128) -> Result<Option<Row>, Trouble> {
        self.with_reader(|reader| reader.tables().row(hash)).ok_or(Trouble::NotUsed)
    }

    /// Runs `work` with a reader; `None` when the disk cannot be read. Blocks.
    pub(crate) fn with_reader<T>(&self, work: impl FnOnce(&mut Reader) -> Result<T, Trouble>) -> Option<T> {
        let opened = self.opened()?;
        match opened.readers.with(work) {
            Ok(value) => Some(value),
            Err(trouble) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                if trouble == Trouble::Corrupt {
                    // The writer looks whether it really is and begins a new generation.
                    opened.is_suspect.store(true, Ordering::Release);
                    let _ = self.queue.order(Command::Flush { sync: false });
                }
                None
            }
        }
    }

    /// Runs a command on the writer thread after all that was pushed before. Blocks.
    ///
    /// # Errors
    /// What kept the command, or anything before it, from being done.
    pub(crate) fn run(self: &Arc<Self>, command: Command) -> Result<i64, Trouble> {
        self.start();
        let answer = self.queue.order(command).ok_or(Trouble::Io)?;
        answer.recv_timeout(COMMAND_DEADLINE).unwrap_or(Err(Trouble::Busy))
    }

    /// Bytes of the database and its log; 0 while it is not open.
    pub(crate) fn file_bytes(&self) -> u64 {
        let Some(opened) = self.opened.read().clone() else { return 0 };
        let database = opened.generation.database();
        let bytes = |path: PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
        bytes(database.with_extension("db-wal")) + bytes(database)
    }

    /// Whether there is, or ever was, anything to write or read.
    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    /// Condition now.
    pub(crate) fn condition(&self) -> Condition {
        *self.condition.lock()
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        *self.condition.lock() = condition;
        self.changed.notify_all();
    }

    /// Writes what waits and closes the database. Waits at most `deadline`; whether it was done in time. Idempotent.
    pub(crate) fn close(&self, deadline: Duration) -> bool {
        self.queue.close();
        let thread = self.thread.lock().take();
        let Some(thread) = thread else { return true };
        let mut time = Patience::new(deadline);
        let mut condition = self.condition.lock();
        while *condition != Condition::Closed {
            if time.is_over() {
                return false;
            }
            time.spend(|most| self.changed.wait_for(&mut condition, most));
        }
        drop(condition);
        thread.join().is_ok()
    }

    fn start_if_there(self: &Arc<Self>) -> bool {
        let is_there = self.settings.read().dir.is_dir();
        if is_there {
            self.start();
        }
        is_there
    }

    fn start(self: &Arc<Self>) {
        if self.is_started.swap(true, Ordering::AcqRel) {
            return;
        }
        self.set_condition(Condition::Opening);
        let disk = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("agentwise-cache".to_owned())
            .spawn(move || writer::Writer::new(disk).run());
        match spawned {
            Ok(thread) => *self.thread.lock() = Some(thread),
            Err(_) => self.set_condition(Condition::Degraded("threads")),
        }
    }
}

/// Adds the µs since then.
fn add_time(to: &AtomicU64, since: Instant) {
    let us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    to.fetch_add(us, Ordering::Relaxed);
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("condition", &self.condition()).finish_non_exhaustive()
    }
}
