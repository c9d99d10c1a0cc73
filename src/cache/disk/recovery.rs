//! What the writer does about failures: making room, waiting, trying again, telling.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::db::{MAX_WAL_BYTES, Trouble};
use super::writer::{Writer, describe};
use super::{Condition, ballast};

/// First wait before it tries again after a failure; doubles up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// A failure that ended the use of the disk, and when it is tried again.
pub(super) struct Retry {
    reason: &'static str,
    pub(super) at: Instant,
    wait: Duration,
}

impl Writer {
    /// Frees room on a full disk: evicting needs some itself, which the ballast has kept.
    pub(super) fn make_room(&mut self) -> Result<(), Trouble> {
        let opened = self.disk.opened.read().clone().ok_or(Trouble::Io)?;
        let path = opened.generation.ballast();
        ballast::release(&path).map_err(|_| Trouble::Full)?;
        tracing::warn!("the disk is full; entries are evicted to make room");
        let result = self.shrink().and_then(|()| self.evict_share()).and_then(|()| self.shrink());
        let _ = ballast::ensure(&path);
        result
    }

    /// A log that cannot be taken over into the database, because a stopped process reads an old state, must not grow.
    pub(super) fn watch_log(&mut self) {
        let Some(opened) = self.disk.opened.read().clone() else { return };
        let log = opened.generation.database().with_extension("db-wal");
        if log.metadata().is_ok_and(|metadata| metadata.len() > MAX_WAL_BYTES)
            && self.shrink().is_ok()
            && log.metadata().is_ok_and(|metadata| metadata.len() > MAX_WAL_BYTES)
        {
            self.degrade(
                "stoppedReader",
                "a stopped process keeps the log of the cache database from being emptied",
            );
        }
    }

    /// Whether the disk is not used for now.
    pub(super) fn is_waiting(&self) -> bool {
        self.retry.is_some()
    }

    /// Uses the disk again if it can be; does nothing before its time.
    pub(super) fn try_again(&mut self) {
        let Some(retry) = self.retry.take() else { return };
        if Instant::now() < retry.at {
            self.retry = Some(retry);
            return;
        }
        // Most failures end with the place they came from: open it anew and see whether it can be written.
        let result = self.open(false).and_then(|()| {
            let probe = |writer: &mut Self| {
                writer.sync(true)?;
                writer.watch_log();
                if writer.retry.is_some() { Err(Trouble::Busy) } else { Ok(()) }
            };
            probe(self).map_err(describe)
        });
        match result {
            Ok(()) => self.recover(retry.reason),
            Err((reason, _)) => {
                let wait = (retry.wait * 2).min(LAST_RETRY);
                self.retry = Some(Retry { reason, at: Instant::now() + wait, wait });
                self.disk.set_condition(Condition::Degraded(reason));
            }
        }
    }

    /// The disk is used again.
    pub(super) fn recover(&mut self, reason: &'static str) {
        let arrival = self.arrival;
        let namespace = self.disk.observer.upgrade().and_then(|observer| observer.must_clear());
        if let Some(namespace) = namespace
            && let Err(trouble) = self.clear(&namespace, None)
        {
            let (reason, message) = describe(trouble);
            self.degrade(reason, &message);
            return;
        }
        self.settle();
        self.tell(|observer| observer.recovered(reason, arrival));
    }

    /// The disk is not used for now.
    pub(super) fn degrade(&mut self, reason: &'static str, message: &str) {
        let is_new = self.retry.as_ref().is_none_or(|retry| retry.reason != reason);
        self.retry = Some(Retry { reason, at: Instant::now() + FIRST_RETRY, wait: FIRST_RETRY });
        self.disk.set_condition(Condition::Degraded(reason));
        if is_new {
            tracing::warn!(reason, "the disk tiers of the cache are not used for now");
            self.tell(|observer| observer.degraded(reason, message));
        }
    }

    /// What waits cannot be written now.
    pub(super) fn give_up(&mut self) {
        let tasks = self.disk.queue.give_up();
        self.disk.counters.dropped.fetch_add(tasks.len() as u64, Ordering::Relaxed);
        self.tell(|observer| observer.not_written(tasks));
        self.disk.queue.done();
    }
}
