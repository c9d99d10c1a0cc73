//! Room on the disk: care where there is little, eviction where there is none.
//!
//! `SQLite` writes what it changes to the log first, and taking the log over into the database needs room for it once more. Where
//! little is left the log is therefore kept as small as one small batch: the ballast is then always enough to evict in.

use std::time::{Duration, Instant};

use super::ballast::{self, BALLAST_BYTES};
use super::db::{self, MAX_WAL_BYTES, Trouble};
use super::location::free_bytes;
use super::writer::Writer;

/// Free bytes, beside what a batch needs, below which the log is emptied after every batch: several times the largest log.
const LITTLE: u64 = 64 << 20;
/// Most bytes of a batch then.
pub(super) const SMALL_BATCH_BYTES: usize = 1 << 20;
/// Free pages given back in one step, 2 MB: moving them goes through the log.
pub(super) const PAGES_AT_ONCE: u64 = 256;
/// Free bytes beside what a batch needs below which entries are given up: other processes may write a batch at the same time.
const RESERVE: u64 = 8 << 20;
/// Most times that entries are given up for the same batch.
const ROUNDS: u32 = 4;
/// Free bytes of a disk that was full from which on it is used again.
const FREE_TO_RECOVER: u64 = 2 << 20;
/// Times its bound that the log may have before it is emptied by force.
const LOG_EXCESS: u64 = 3;
/// How long emptying it is tried, in what steps, and how long after a failure it is left alone.
const LOG_ATTEMPT: Duration = Duration::from_secs(1);
const LOG_STEP: Duration = Duration::from_millis(5);
const LOG_PAUSE: Duration = Duration::from_secs(3);
/// How long it may not be possible to empty it.
const LOG_PATIENCE: Duration = Duration::from_secs(10);

impl Writer {
    /// Free bytes of the file system; `None` where it is not known.
    fn free(&self) -> Option<u64> {
        let opened = self.disk.opened.read().clone()?;
        free_bytes(&opened.generation.database()).ok().flatten()
    }

    /// Before a batch of so many bytes: sees to it that it can be taken over from the log into the database afterwards.
    pub(super) fn mind_room(&mut self, bytes: u64) {
        let free = self.free();
        let is_below = |limit| free.is_some_and(|free| free < limit);
        self.has_little_room = is_below(LITTLE + 2 * bytes);
        if is_below(2 * bytes + RESERVE) {
            // Where this does not help, the batch fails and more is tried.
            let _ = self.free_up(2 * bytes + 2 * RESERVE);
        }
    }

    /// Gives up entries of a full disk until there is room for `bytes`, or until that does not help. Evicting needs some room
    /// itself, which the ballast has kept.
    pub(super) fn make_room(&mut self, bytes: u64) -> Result<(), Trouble> {
        let opened = self.disk.opened.read().clone().ok_or(Trouble::Io)?;
        let path = opened.generation.ballast();
        let had_ballast = ballast::release(&path).map_err(|_| Trouble::Full)?;
        tracing::warn!("the disk is full; entries are evicted to make room");
        self.has_little_room = true;
        // Taking the log over may need room that only eviction makes.
        self.try_to_empty_log();
        let result = self.free_up(2 * bytes + 2 * RESERVE + BALLAST_BYTES);
        let _ = if had_ballast { ballast::restore(&path) } else { ballast::ensure(&path) };
        result
    }

    /// Gives up entries until so many bytes are free, or until that does not help.
    fn free_up(&mut self, enough: u64) -> Result<(), Trouble> {
        for _ in 0..ROUNDS {
            if self.free().is_none_or(|free| free >= enough) || self.disk.totals.lock().is_empty() {
                break;
            }
            self.evict_share()?;
            if !self.give_pages_back()? {
                break;
            }
        }
        Ok(())
    }

    /// Gives all free pages back to the file system, in steps that need little room; `false` if readers kept it from that.
    fn give_pages_back(&mut self) -> Result<bool, Trouble> {
        loop {
            let (free, _) = self.pages()?;
            if free == 0 {
                return Ok(true);
            }
            self.vacuum(free.min(PAGES_AT_ONCE))?;
            if !self.try_to_empty_log() {
                return Ok(false);
            }
        }
    }

    /// Whether a disk that was full has room again: one small write that succeeds says little.
    pub(super) fn check_room(&mut self) -> Result<(), Trouble> {
        let is_full = |writer: &Self| writer.free().is_some_and(|free| free < FREE_TO_RECOVER);
        if is_full(self) {
            self.make_room(0)?;
        }
        if is_full(self) { Err(Trouble::Full) } else { Ok(()) }
    }

    /// A log that cannot be taken over into the database must not grow: it is emptied when it has become several times as
    /// large as it should be, and where that is not possible for seconds, because a stopped process reads an old state,
    /// nothing more is written.
    pub(super) fn watch_log(&mut self) {
        let Some(opened) = self.disk.opened.read().clone() else { return };
        let log = opened.generation.database().with_extension("db-wal");
        let bytes = || log.metadata().map_or(0, |metadata| metadata.len());
        if bytes() <= self.log_limit() {
            self.log_held_since = None;
            return;
        }
        if self.log_tried.is_some_and(|tried| tried.elapsed() < LOG_PAUSE) {
            return;
        }
        let since = *self.log_held_since.get_or_insert_with(Instant::now);
        if self.try_to_empty_log() {
            (self.log_tried, self.log_held_since) = (None, None);
            return;
        }
        self.log_tried = Some(Instant::now());
        if bytes() > MAX_WAL_BYTES && since.elapsed() > LOG_PATIENCE {
            self.degrade(
                "stoppedReader",
                "a stopped process keeps the log of the cache database from being emptied",
            );
        }
    }

    /// Empties the log, in a while at most, and says whether it did. Nothing is written meanwhile: every process does so, and
    /// so one of them gets the lock that it takes. Only what lasts is trouble.
    pub(super) fn try_to_empty_log(&self) -> bool {
        let until = Instant::now() + LOG_ATTEMPT;
        loop {
            match self.empty_log() {
                Ok(true) => return true,
                Ok(false) | Err(Trouble::Busy) if Instant::now() < until => std::thread::sleep(LOG_STEP),
                _ => return false,
            }
        }
    }

    fn log_limit(&self) -> u64 {
        if self.has_little_room {
            return 0;
        }
        let settings = self.disk.settings.read();
        LOG_EXCESS * db::log_bytes(settings.l2_bytes + settings.l3_bytes)
    }
}
