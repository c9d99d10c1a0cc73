//! What the writer does about failures: waiting, trying again, telling.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Condition;
use super::db::Trouble;
use super::location::{Generation, create_private};
use super::writer::{Writer, describe};

/// First wait before it tries again after a failure; doubles up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// A disk that is full again this soon after a recovery goes on with the wait before it.
const SOON: Duration = Duration::from_secs(60);

/// Failures of a database that its check finds sound, before it is given up.
const SUSPICIONS: u32 = 2;
/// Those before are forgotten when the last one is so long ago.
const SUSPICION: Duration = Duration::from_secs(600);

/// A failure that ended the use of the disk, and when it is tried again.
pub(super) struct Retry {
    pub(super) reason: &'static str,
    pub(super) at: Instant,
    wait: Duration,
}

impl Writer {
    /// Whether the database is still the one that others use; reopens it if not.
    pub(super) fn check_place(&mut self) -> Result<(), Trouble> {
        let Some(opened) = self.disk.opened.read().clone() else { return Err(Trouble::Io) };
        if opened.is_suspect.swap(false, Ordering::AcqRel) && self.is_damaged() {
            give_up_generation(&opened.generation);
            return self.reopen(true, "corrupt");
        }
        if !opened.is_current() {
            return self.reopen(false, "replaced");
        }
        Ok(())
    }

    /// Whether the database is damaged: SQLite's quick check says so, or it found nothing and statements fail all the same.
    fn is_damaged(&mut self) -> bool {
        let Ok(connection) = self.connection() else { return false };
        let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        let is_damaged = match said {
            Ok(said) => said != "ok",
            Err(error) => Trouble::from(error) == Trouble::Corrupt,
        };
        if self.suspected.is_none_or(|last| last.elapsed() > SUSPICION) {
            self.suspicions = 0;
        }
        self.suspicions += 1;
        self.suspected = Some(Instant::now());
        is_damaged || self.suspicions > SUSPICIONS
    }

    /// Has the database checked before it is used again.
    pub(super) fn suspect(&self) {
        if let Some(opened) = self.disk.opened.read().as_ref() {
            opened.is_suspect.store(true, Ordering::Release);
        }
    }

    fn reopen(&mut self, is_damaged: bool, reason: &'static str) -> Result<(), Trouble> {
        match self.open(is_damaged) {
            Ok(()) => {
                self.tell(|observer| {
                    observer
                        .degraded(reason, "the cache database was damaged or removed; a new one is begun");
                });
                self.recover(reason);
                Ok(())
            }
            Err((reason, message)) => {
                self.degrade(reason, &message);
                Err(Trouble::Io)
            }
        }
    }

    /// SQLite calls many things an error of input and output: the file system says more.
    pub(super) fn refined(&self, trouble: Trouble) -> Trouble {
        let opened = self.disk.opened.read().clone();
        let Some(opened) = opened.filter(|_| trouble == Trouble::Io) else { return trouble };
        let path = opened.generation.database().with_extension("probe");
        let _ = std::fs::remove_file(&path);
        match create_private(&path) {
            Ok(_) => {
                let _ = std::fs::remove_file(&path);
                trouble
            }
            Err(error) => Trouble::of_io(&error),
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
        // A database that cannot be read again and again, where its directory can, is given up: a log that was cut off under
        // its users never gets well.
        let is_damaged = self.suspicions > SUSPICIONS && self.refined(Trouble::Io) == Trouble::Io;
        if is_damaged && let Some(opened) = self.disk.opened.read().as_ref() {
            give_up_generation(&opened.generation);
        }
        // Most failures end with the place they came from: it is opened anew, and written to.
        let result = self.open(is_damaged).and_then(|()| {
            let probe = |writer: &mut Self| {
                if retry.reason == Trouble::Full.reason() {
                    writer.check_room()?;
                }
                writer.sync(true)?;
                writer.watch_log();
                if writer.retry.is_some() { Err(Trouble::Busy) } else { Ok(()) }
            };
            probe(self).map_err(describe)
        });
        match result {
            Ok(()) => {
                self.recovered = Some((Instant::now(), retry.wait));
                self.disk.set_condition(Condition::Good);
                self.recover(retry.reason);
            }
            Err((reason, _)) => {
                let may_be_damaged = may_be_damaged(reason);
                self.suspicions += u32::from(may_be_damaged);
                let is_to_be_known_soon = may_be_damaged && self.suspicions <= SUSPICIONS + 1;
                let wait = if is_to_be_known_soon { retry.wait } else { (retry.wait * 2).min(LAST_RETRY) };
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
        let is_full = reason == Trouble::Full.reason();
        let is_soon = self.recovered.is_some_and(|(at, _)| at.elapsed() < SOON);
        if is_soon && may_be_damaged(reason) {
            // What the first page needs can be read of a log that was cut off, and what entries need cannot.
            self.suspicions += 1;
        }
        let before = self.recovered.filter(|(at, _)| is_full && at.elapsed() < SOON).map(|(_, wait)| wait);
        let wait = before.map_or(FIRST_RETRY, |wait| (wait * 2).min(LAST_RETRY));
        self.retry = Some(Retry { reason, at: Instant::now() + wait, wait });
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

/// Whether a failure may come of a damaged database, be it that its check finds nothing.
fn may_be_damaged(reason: &str) -> bool {
    [Trouble::Io.reason(), Trouble::Corrupt.reason()].contains(&reason)
}

/// Lets everybody know, and keeps it for whoever wants to look.
pub(super) fn give_up_generation(generation: &Generation) {
    tracing::warn!(
        number = generation.number(),
        "the cache database is damaged; a new one is begun, the old one is kept"
    );
    if let Err(error) = generation.mark_unusable("damaged") {
        tracing::warn!(%error, "the damaged cache database could not be marked");
    }
}
