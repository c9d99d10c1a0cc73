//! What a cache holds in memory, and how it holds less for a while.
//!
//! Not counted: what `SQLite` has, which is the process's ([`sqlite_bytes`]), counters that are shared with other processes, and
//! connections and buffers while somebody uses them.
//!
//! The configuration stays what its users see; while memory is short, L1 is bounded by a quarter of it. What leaves L1 then
//! goes the way of everything that does: what is nowhere else is written first. Texts that have no other place stay: agents
//! were told that they can fetch them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::config::Purpose;
use super::disk::queue::Command;
use super::disk::{Condition, Disk};
use super::l1;
use super::l1::ENTRY_OVERHEAD_BYTES;
use super::l1::map::Bounds;
use super::manager::CacheManager;
use super::reconcile::SCAN_AT_ONCE;
use super::record::Record;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::{ARC_BYTES, REDUCED, ZSTD};

/// Bytes by which L1 shrinks under one lock.
const BYTES_AT_ONCE: u64 = 16 << 20;
/// How long a step of shrinking waits for the writer, so that nothing is given up because too much waits.
const ROOM_DEADLINE: Duration = Duration::from_secs(5);

/// Bytes that `SQLite` holds in this process, by its own count: pages, statements, everything.
#[expect(unsafe_code, reason = "the count has no safe wrapper")]
pub fn sqlite_bytes() -> u64 {
    // SAFETY: reads a counter, under the mutex that belongs to it; may be called by any thread at any time.
    let bytes = unsafe { rusqlite::ffi::sqlite3_memory_used() };
    u64::try_from(bytes).unwrap_or(0)
}

/// How much less a cache is to hold now.
#[derive(Debug, Default)]
pub(crate) struct Relieved {
    level: AtomicU8,
    /// Locked while L1 is brought under its bounds.
    bounding: Mutex<()>,
}

impl Relieved {
    fn is_any(&self) -> bool {
        self.level.load(Ordering::Acquire) > Relief::None as u8
    }
}

impl CacheManager {
    /// The bounds of L1 now.
    pub(crate) fn l1_bounds(&self) -> Bounds {
        let config = self.config.read();
        let whole = l1::bounds(&config);
        let keeps_all = config.purpose == Purpose::Texts && !self.disk().is_some_and(|disk| is_used(&disk));
        if keeps_all || !self.relief.is_any() {
            return whole;
        }
        let reduced = usize::try_from(REDUCED).unwrap_or(usize::MAX);
        Bounds { entries: (whole.entries / reduced).max(1), bytes: whole.bytes / REDUCED }
    }

    /// Brings L1 under its bounds, in steps, so that nobody waits long for it. `has_time`: what is to be written may be waited
    /// for, so that it is. Not for the writer's thread then.
    pub(crate) fn bound(&self, has_time: bool) {
        let _others = self.relief.bounding.lock();
        let target = self.l1_bounds();
        self.follow_bounds(target);
        loop {
            let disk = self.disk().filter(|_| has_time).filter(is_used);
            if let Some(disk) = disk {
                disk.queue.wait_for_room(ROOM_DEADLINE);
            }
            let mut evicted = Vec::new();
            let is_done = {
                let mut l1 = self.l1.lock();
                let step = Bounds {
                    entries: target.entries.max(l1.len().saturating_sub(SCAN_AT_ONCE)),
                    bytes: target.bytes.max(l1.bytes().saturating_sub(BYTES_AT_ONCE)),
                };
                l1.set_bounds(step, &mut evicted);
                step == target
            };
            self.settle_evicted(evicted);
            if is_done {
                return;
            }
        }
    }
}

/// Whether what is stored is, or will be, on disk.
fn is_used(disk: &Arc<Disk>) -> bool {
    disk.is_started() && matches!(disk.condition(), Condition::Opening | Condition::Good)
}

impl Footprint for CacheManager {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let ([l1, values, policy], in_l1) = {
            let map = self.l1.lock();
            let policy = map.policy_bytes() as u64;
            let of_keys = map.key_bytes() as u64;
            let entries = map.len() as u64;
            // An entry counts for its key, what its record holds, and a flat rate.
            let records = map.bytes().saturating_sub(entries * ENTRY_OVERHEAD_BYTES + of_keys)
                + entries * (ARC_BYTES + size_of::<Record>()) as u64;
            (
                [map.held_bytes() as u64 - policy, self.values.bytes(), policy],
                records.min(self.values.bytes()),
            )
        };
        let rows = Rows::of(self.config.read().purpose);
        row(rows.l1, l1 + in_l1);
        row(rows.values, values.saturating_sub(in_l1));
        let tables = policy
            + (self.absences.held_bytes() + self.writes.held_bytes() + self.hindsight.held_bytes()) as u64
            + self.observed.held_bytes() as u64;
        row(rows.tables, tables + self.distrusted.lock().held_bytes() as u64);
        row("cache index", self.questions.held_bytes());
        row("cache vectors", self.vectors.held_bytes());
        let Some(disk) = self.disk() else { return };
        row(rows.queue, disk.queue.held_bytes() as u64);
        let opened = disk.opened.read().clone();
        let (buffers, zstd) = opened.map_or((0, 0), |opened| opened.readers.held_bytes());
        row("cache compression", disk.counters.writer_bytes.load(Ordering::Relaxed) + buffers as u64);
        row(ZSTD, disk.counters.packing_bytes.load(Ordering::Relaxed) + zstd as u64);
    }

    fn relieve(&self, relief: Relief) {
        if self.relief.level.swap(relief as u8, Ordering::AcqRel) < relief as u8 {
            // What is only in memory because there was no room.
            let _ = self.write_all();
        }
        self.bound(true);
        if relief < Relief::Drop {
            return;
        }
        self.absences.give_up();
        self.hindsight.give_up();
        if let Some(disk) = self.disk().filter(|disk| disk.is_started()) {
            if let Some(opened) = disk.opened.read().clone() {
                opened.readers.close_idle();
            }
            // The writer does it when it comes to it.
            let _ = disk.queue.order(Command::Relieve);
        }
    }
}

/// The rows of caches of one purpose.
struct Rows {
    l1: &'static str,
    values: &'static str,
    tables: &'static str,
    queue: &'static str,
}

impl Rows {
    fn of(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Answers => Self {
                l1: "cache L1",
                values: "cache values outside L1",
                tables: "cache tables",
                queue: "cache write queue",
            },
            Purpose::Texts => Self {
                l1: "shared texts",
                values: "shared texts",
                tables: "shared texts",
                queue: "shared text write queue",
            },
        }
    }
}
