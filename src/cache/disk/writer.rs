//! The one thread of a process that writes: batches of what waits, commands, upkeep.
//!
//! Owns the writing connection. What fails is told to the observer and tried again later; nothing here ends the process.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::batch::{Batch, NewRow};
use super::coherence::Coherence;
use super::db::{self, Trouble};
use super::eviction::{Demotion, Placed};
use super::location::{CacheDir, Generation, LocationError};
use super::queue::{BATCH_BYTES, Operation, Put, Task, Work};
use super::readers::Readers;
use super::recovery::{Retry, give_up_generation};
use super::room::SMALL_BATCH_BYTES;
use super::row::{self, Codec, Head};
use super::tables::{Candidate, Tables};
use super::{Arrival, Condition, Disk, Kept, Opened, add_time, ballast};
use crate::cache::key::{Key, Parts};

/// How long the writer waits for another process's lock.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// How often it looks around when nothing is to be written.
const IDLE: Duration = Duration::from_secs(5);
/// The same while a dictionary is being trained.
const TRAINING: Duration = Duration::from_millis(50);
/// A batch is at most this share of the budgets, and not less than so many bytes.
const BATCHES_IN_BUDGET: usize = 32;
const LEAST_BATCH_BYTES: usize = 64 << 10;

/// What became of the entries of a batch, for the observer.
#[derive(Default)]
struct Written {
    stored: Vec<Kept>,
    refused: Vec<(Key, u64)>,
}

/// The writer of one [`Disk`].
pub(crate) struct Writer {
    pub(super) disk: Arc<Disk>,
    connection: Option<Connection>,
    pub(super) retry: Option<Retry>,
    pub(super) demotion: Demotion,
    pub(super) tokens: u64,
    /// Places entered so far.
    pub(super) moves: u64,
    /// Statements that failed on a database that a check found sound.
    pub(super) suspicions: u32,
    /// When the last one did.
    pub(super) suspected: Option<Instant>,
    /// When the disk was used again last, and how long that had to wait.
    pub(super) recovered: Option<(Instant, Duration)>,
    /// When emptying the log failed last.
    pub(super) log_tried: Option<Instant>,
    /// Since when the log is too large.
    pub(super) log_held_since: Option<Instant>,
    /// Whether the disk is nearly full.
    pub(super) has_little_room: bool,
    /// How the place that was opened last relates to the one before.
    pub(super) arrival: Arrival,
}

impl Writer {
    /// A writer that has not opened anything.
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self {
            disk,
            connection: None,
            retry: None,
            demotion: Demotion::new(),
            tokens: 0,
            moves: 0,
            suspicions: 0,
            suspected: None,
            recovered: None,
            log_tried: None,
            log_held_since: None,
            has_little_room: false,
            arrival: Arrival::Same,
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        // A panic is a defect; the cache goes on without its disk.
        let ended = catch_unwind(AssertUnwindSafe(|| self.work()));
        if ended.is_err() {
            tracing::error!("the writer of the cache failed; the cache goes on without its disk");
            self.disk.queue.close();
            self.give_up();
        }
        self.connection = None;
        *self.disk.opened.write() = None;
        *self.disk.coherence.write() = None;
        self.disk.set_condition(Condition::Closed);
    }

    fn work(&mut self) {
        match self.open(false) {
            Ok(()) => self.settle(),
            Err((reason, message)) => self.degrade(reason, &message),
        }
        loop {
            let most = if self.demotion.is_training() { TRAINING } else { IDLE };
            let wait =
                self.retry.as_ref().map_or(most, |retry| retry.at.saturating_duration_since(Instant::now()));
            let work = self.disk.queue.next(wait.min(most), self.batch_bytes());
            self.try_again();
            match work {
                Work::Tasks(tasks) => self.write(tasks),
                Work::Command(order) => {
                    let moves = self.moves;
                    if !self.is_waiting() && self.check_place().is_ok() && self.moves != moves {
                        // What was written to the place before is being written again: the command comes after it.
                        self.disk.queue.postpone(order);
                        continue;
                    }
                    let result = self.execute(&order);
                    // Nobody may be waiting any more.
                    let _ = order.reply.send(result);
                }
                Work::Idle => self.look_around(),
                Work::Closed => return,
            }
        }
    }

    /// Opens the newest generation; `is_damaged` leaves the present one and begins another.
    pub(super) fn open(&mut self, is_damaged: bool) -> Result<(), (&'static str, String)> {
        self.connection = None;
        let old = self.disk.opened.read().clone();
        if let Some(old) = old.as_ref().filter(|old| !is_damaged && old.is_current()) {
            // Only the connection is new: what is known of the place still holds. Whether it can be written is not known yet.
            self.connection = Some(self.connect(&old.generation).map_err(describe)?);
            return Ok(());
        }
        self.disk.set_condition(Condition::Opening);
        *self.disk.opened.write() = None;
        let settings = self.disk.settings.read().clone();
        let place = |error: LocationError| (error.reason(), error.to_string());
        let dir = CacheDir::open(&settings.dir, settings.allow_network).map_err(place)?;
        let left = old.as_ref().filter(|_| is_damaged).map(|old| &old.generation);
        let newest = dir.generation(left).map_err(place)?;
        let result = match self.enter(newest) {
            // The newest turned out to be damaged too.
            Err(failed) if failed.0 == Trouble::Corrupt => {
                give_up_generation(&failed.1);
                let next = dir.generation(Some(&failed.1)).map_err(place)?;
                self.enter(next)
            }
            result => result,
        };
        result.map_err(|failed| describe(failed.0))
    }

    fn enter(&mut self, generation: Generation) -> Result<(), Box<(Trouble, Generation)>> {
        match self.read_in(&generation) {
            Ok(coherence) => {
                let (coherence, readers) = (Arc::new(coherence), Readers::new(generation.database()));
                let opened = Opened { is_suspect: AtomicBool::new(false), generation, coherence, readers };
                *self.disk.opened.write() = Some(Arc::new(opened));
                self.moves += 1;
                self.suspicions = 0;
                self.disk.set_condition(Condition::Good);
                Ok(())
            }
            Err(trouble) => {
                self.connection = None;
                Err(Box::new((trouble, generation)))
            }
        }
    }

    /// From now on stamps are those of the place that is open; what is not told of it by then is not told.
    pub(super) fn settle(&mut self) {
        self.arrival = Arrival::Same;
        let opened = self.disk.opened.read().clone();
        *self.disk.coherence.write() = opened.map(|opened| Arc::clone(&opened.coherence));
    }

    fn read_in(&mut self, generation: &Generation) -> Result<Coherence, Trouble> {
        // Without it a full disk is harder to recover from; everything else works.
        let _ = ballast::ensure(&generation.ballast());
        let coherence = Coherence::open(&generation.coherence()).map_err(|error| match error.kind() {
            // Another size than it was made with.
            ErrorKind::InvalidData => Trouble::Corrupt,
            _ => Trouble::of_io(&error),
        })?;
        let connection = self.connect(generation)?;
        let is_empty = Tables(&connection).totals()?.iter().all(|total| total.entries == 0);
        self.arrival = if is_empty { Arrival::Empty } else { Arrival::Other };
        self.demotion.load_dictionary(Tables(&connection))?;
        self.connection = Some(connection);
        self.refresh_totals()?;
        Ok(coherence)
    }

    fn connect(&self, generation: &Generation) -> Result<Connection, Trouble> {
        let connection = db::open(&generation.database(), BUSY)?;
        let settings = self.disk.settings.read();
        db::bound_log(&connection, settings.l2_bytes + settings.l3_bytes)?;
        Ok(connection)
    }

    fn look_around(&mut self) {
        if !self.is_waiting() && self.check_place().is_ok() {
            let _ = self.refresh_totals();
            self.rest();
            self.tell(|observer| observer.rested());
        }
    }

    fn write(&mut self, tasks: Vec<Task>) {
        if self.is_waiting() || self.check_place().is_err() {
            self.give_up();
            return;
        }
        let bytes = tasks.iter().map(Task::bytes).sum::<usize>() as u64;
        let begun = Instant::now();
        self.mind_room(bytes);
        let result = loop {
            match self.commit(&tasks) {
                Err(Trouble::Full) => break self.make_room(bytes).and_then(|()| self.commit(&tasks)),
                // Each time it is checked, and after a few times given up: then there is another.
                Err(Trouble::Corrupt) => {
                    self.suspect();
                    if let Err(trouble) = self.check_place() {
                        break Err(trouble);
                    }
                }
                result => break result,
            }
        };
        match result {
            Ok(written) => {
                self.disk.counters.batches.fetch_add(1, Ordering::Relaxed);
                add_time(&self.disk.counters.write_us, begun);
                let stored = written.stored.iter().filter(|kept| kept.row.is_some()).count();
                self.disk.counters.written.fetch_add(stored as u64, Ordering::Relaxed);
                announce(&self.disk, &tasks);
                self.tell(|observer| {
                    observer.committed(&tasks);
                    observer.stored(&written.stored);
                    observer.refused(&written.refused);
                });
                self.disk.queue.done();
                let _ = self.refresh_totals();
                self.keep_budgets();
                self.watch_log();
            }
            Err(trouble) => {
                self.disk.counters.failures.fetch_add(1, Ordering::Relaxed);
                let (reason, message) = describe(self.refined(trouble));
                self.degrade(reason, &message);
                self.give_up();
            }
        }
    }

    /// Bytes of one batch: until the next eviction, they come on top of the budgets.
    fn batch_bytes(&self) -> usize {
        let settings = self.disk.settings.read();
        let budget = usize::try_from(settings.l2_bytes + settings.l3_bytes).unwrap_or(usize::MAX);
        let most = if self.has_little_room { SMALL_BATCH_BYTES } else { BATCH_BYTES };
        (budget / BATCHES_IN_BUDGET).clamp(LEAST_BATCH_BYTES, most)
    }

    /// Writes a batch in one transaction.
    fn commit(&mut self, tasks: &[Task]) -> Result<Written, Trouble> {
        // Blobs are made before the lock is taken.
        let blobs: Vec<Option<Placed>> = tasks
            .iter()
            .map(|task| match &task.operation {
                Operation::Put(put) => {
                    self.demotion.see(&put.record.text);
                    self.placed(task.key.hash, blob(&task.key, put))
                }
                _ => None,
            })
            .collect();
        let disk = Arc::clone(&self.disk);
        let batch = self.batch()?;
        let tables = batch.tables();
        let mut written = Written::default();
        for (task, placed) in tasks.iter().zip(&blobs) {
            let key = &task.key;
            match &task.operation {
                Operation::Put(put) => {
                    // Nobody else can commit now: what the stamp says holds.
                    let stamp = disk.stamp(key.hash64());
                    if put.if_stamp.is_some_and(|known| known != stamp) {
                        // Which of the two is newer cannot be told: neither is served again.
                        batch.delete(key.hash)?;
                        written.refused.push((key.clone(), put.version));
                        continue;
                    }
                    let row = if let Some(placed) = placed {
                        Some(batch.put(&new_row(key, put, placed))?)
                    } else {
                        batch.delete(key.hash)?;
                        None
                    };
                    written.stored.push(Kept { key: key.clone(), version: put.version, row, stamp });
                }
                Operation::Delete => {
                    batch.delete(key.hash)?;
                }
                Operation::Discard(id) => {
                    let row = tables.row(key.hash)?.filter(|row| row.id == *id);
                    if let Some(row) = row {
                        batch.delete_row(&Candidate { hash: key.hash, row })?;
                    }
                }
                Operation::Touch { row, used_ms, life } => {
                    tables.touch(key.hash, *row, *used_ms, *life)?;
                }
            }
        }
        // For who writes next, before anybody can; for who reads, again when it is there.
        announce(&disk, tasks);
        batch.commit()?;
        Ok(written)
    }

    pub(super) fn batch(&mut self) -> Result<Batch<'_>, Trouble> {
        Batch::begin(self.connection.as_mut().ok_or(Trouble::Io)?)
    }

    pub(super) fn connection(&self) -> Result<&Connection, Trouble> {
        self.connection.as_ref().ok_or(Trouble::Io)
    }

    pub(super) fn refresh_totals(&mut self) -> Result<(), Trouble> {
        let tables = Tables(self.connection()?);
        let (tiers, dictionary_bytes) = (tables.totals()?, tables.dictionary_bytes()?);
        *self.disk.totals.lock() = super::Totals { tiers, dictionary_bytes };
        self.note_held();
        Ok(())
    }

    pub(super) fn tell(&self, what: impl FnOnce(&dyn super::Observer)) {
        if let Some(observer) = self.disk.observer.upgrade() {
            what(&*observer);
        }
    }
}

pub(super) fn describe(trouble: Trouble) -> (&'static str, String) {
    (trouble.reason(), trouble.message().to_owned())
}

/// Lets other processes know what changed.
fn announce(disk: &Disk, tasks: &[Task]) {
    let Some(opened) = disk.opened.read().clone() else { return };
    for task in tasks {
        if matches!(task.operation, Operation::Put(_) | Operation::Delete) {
            opened.coherence.bump(task.key.hash64());
        }
    }
}

/// The blob of an entry for L2.
fn blob(key: &Key, put: &Put) -> Vec<u8> {
    let record = &put.record;
    let head = Head {
        created_ms: record.created_ms,
        ttl_ms: record.ttl_ms,
        stale_ms: record.stale_ms,
        kind: record.kind,
        sliding: record.sliding,
        tags: record.tags.to_vec(),
        raw_len: record.text.len() as u64,
        codec: Codec::Plain,
    };
    row::encode(key.hash, &head, record.text.as_bytes())
}

fn new_row<'a>(key: &'a Key, put: &'a Put, placed: &'a Placed) -> NewRow<'a> {
    NewRow {
        hash: key.hash,
        tier: placed.tier,
        raw: put.record.text.len() as u64,
        fresh_ms: put.fresh_ms,
        gone_ms: put.fresh_ms.saturating_add(put.record.stale_ms),
        used_ms: put.used_ms,
        namespace: Parts::read(&key.bytes).map_or(&[], |parts| parts.namespace),
        tags: &put.record.tags,
        key: &key.bytes,
        blob: &placed.blob,
    }
}
