//! What the writer is asked to do besides writing entries: flushing, removals of many, leases, upkeep.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::db::{self, Trouble};
use super::queue::{Command, Order};
use super::tables::Candidate;
use super::writer::{BUSY, Writer};
use crate::cache::key::{Namespace, hash64};

/// Entries removed in one transaction, so that other processes get their turn.
const REMOVED_AT_ONCE: usize = 1024;
/// How long taking the log over waits for readers and writers.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(250);

impl Writer {
    pub(super) fn execute(&mut self, order: &Order) -> Result<i64, Trouble> {
        if self.is_waiting() && !self.may_tidy(&order.command) {
            return Err(Trouble::NotUsed);
        }
        loop {
            match self.try_execute(order) {
                // Each time it is checked, and after a few times given up: then there is another.
                Err(Trouble::Corrupt) => {
                    self.suspect();
                    self.check_place()?;
                }
                result => return result,
            }
        }
    }

    fn try_execute(&mut self, order: &Order) -> Result<i64, Trouble> {
        let now_ms = self.disk.clock.now_ms();
        match &order.command {
            Command::Flush { sync } => self.sync(*sync).map(|()| 0),
            Command::Clear { namespace, tier } => self.clear(namespace, *tier),
            Command::DeleteTags { namespace, tags } => self.delete_tags(namespace, tags),
            Command::Acquire { hash, until_ms } => {
                let token = self.token();
                let batch = self.batch()?;
                let held = batch.tables().acquire(*hash, token, *until_ms, now_ms)?;
                batch.commit()?;
                // Tokens are positive; times until which somebody else holds it are given negative.
                Ok(if held == 0 { token } else { -db::to_sql(held) })
            }
            Command::Renew { hash, token, until_ms } => {
                let batch = self.batch()?;
                let is_ours = batch.tables().renew(*hash, *token, *until_ms)?;
                batch.commit()?;
                Ok(i64::from(is_ours))
            }
            Command::Release { key, token } => {
                let batch = self.batch()?;
                batch.tables().release(key.hash, *token)?;
                batch.commit()?;
                if let Some(opened) = self.disk.opened.read().as_ref() {
                    opened.coherence.bump(key.hash64());
                }
                self.tell(|observer| observer.released(key.hash64()));
                Ok(0)
            }
            Command::Maintain => self.maintain(now_ms),
            Command::Relieve => self.relieve().map(|()| 0),
            Command::Tidy(step) => self.tidy(*step, now_ms),
        }
    }

    /// Unlikely to be another's: from the clock, a counter and where this writer is in memory.
    fn token(&mut self) -> i64 {
        self.tokens += 1;
        let place = std::ptr::from_ref(self).addr() as u64;
        let seed = [u64::from(std::process::id()), self.tokens, place].map(u64::to_le_bytes);
        let mixed = xxhash_rust::xxh3::xxh3_64_with_seed(seed.as_flattened(), self.disk.clock.now_ms());
        (mixed >> 1).max(1).cast_signed()
    }

    pub(super) fn sync(&self, sync: bool) -> Result<(), Trouble> {
        if sync {
            let connection = self.connection()?;
            // A commit under FULL syncs the log, and with it all commits before.
            connection.execute_batch("PRAGMA synchronous = FULL")?;
            let result =
                connection.execute_batch("BEGIN IMMEDIATE; UPDATE s SET n = n WHERE tier = 2; COMMIT");
            if result.is_err() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            connection.execute_batch("PRAGMA synchronous = NORMAL")?;
            result?;
        }
        Ok(())
    }

    pub(super) fn clear(&mut self, namespace: &Namespace, tier: Option<i64>) -> Result<i64, Trouble> {
        let (mut removed, mut after) = (0, 0);
        let disk = Arc::clone(&self.disk);
        let announce = || {
            if let Some(opened) = disk.opened.read().as_ref() {
                opened.coherence.bump_all();
            }
        };
        loop {
            let batch = self.batch()?;
            let tables = batch.tables();
            let found = tables.of_namespace(namespace, tier, after, REMOVED_AT_ONCE)?;
            for candidate in &found {
                batch.delete_row(candidate)?;
            }
            // Before and after, see `coherence`.
            announce();
            batch.commit()?;
            let Some(last) = found.last() else { break };
            (removed, after) = (removed + found.len(), last.hash);
        }
        announce();
        self.shrink()?;
        self.refresh_totals()?;
        Ok(db::to_sql(removed as u64))
    }

    fn delete_tags(&mut self, namespace: &Namespace, tags: &[Box<str>]) -> Result<i64, Trouble> {
        let mut removed = 0;
        let disk = Arc::clone(&self.disk);
        let announce = |found: &[Candidate]| {
            if let Some(opened) = disk.opened.read().as_ref() {
                for candidate in found {
                    opened.coherence.bump(hash64(candidate.hash));
                }
            }
        };
        for tag in tags {
            loop {
                let batch = self.batch()?;
                let tables = batch.tables();
                let found = tables.tagged(namespace.bytes(), tag, REMOVED_AT_ONCE)?;
                for candidate in &found {
                    batch.delete_row(candidate)?;
                }
                announce(&found);
                batch.commit()?;
                announce(&found);
                removed += found.len();
                if found.len() < REMOVED_AT_ONCE {
                    break;
                }
            }
        }
        self.refresh_totals()?;
        Ok(db::to_sql(removed as u64))
    }

    fn maintain(&mut self, now_ms: u64) -> Result<i64, Trouble> {
        let budget = {
            let settings = self.disk.settings.read();
            settings.l2_bytes + settings.l3_bytes
        };
        db::bound_log(self.connection()?, budget)?;
        let mut removed = 0;
        loop {
            let count = self.remove_expired(now_ms, REMOVED_AT_ONCE)?;
            removed += count;
            if count < REMOVED_AT_ONCE {
                break;
            }
        }
        let batch = self.batch()?;
        batch.tables().recount()?;
        batch.tables().drop_leases(now_ms)?;
        batch.commit()?;
        self.refresh_totals()?;
        self.keep_budgets();
        self.shrink()?;
        Ok(db::to_sql(removed as u64))
    }

    /// Lets go of pages of the database that are remembered, and of memory for packing.
    fn relieve(&mut self) -> Result<(), Trouble> {
        self.demotion.relieve();
        self.note_held();
        self.connection()?.execute_batch("PRAGMA shrink_memory")?;
        Ok(())
    }

    pub(super) fn remove_expired(&mut self, now_ms: u64, most: usize) -> Result<usize, Trouble> {
        let batch = self.batch()?;
        let tables = batch.tables();
        let found = tables.expired(now_ms, most)?;
        for candidate in &found {
            batch.delete_row(candidate)?;
        }
        batch.commit()?;
        self.disk.counters.expired.fetch_add(found.len() as u64, Ordering::Relaxed);
        Ok(found.len())
    }

    /// Gives free pages back to the file system, if there are many, and empties the log.
    pub(super) fn shrink(&mut self) -> Result<(), Trouble> {
        let (free, all) = self.pages()?;
        if free * 4 > all {
            self.vacuum(free)?;
        }
        self.empty_log()?;
        Ok(())
    }

    /// Takes the log over into the database; whether nothing of it is left.
    pub(super) fn empty_log(&self) -> Result<bool, Trouble> {
        let connection = self.connection()?;
        connection.busy_timeout(CHECKPOINT_BUSY)?;
        let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(BUSY)?;
        Ok(is_busy? == 0)
    }

    /// Free pages and all pages of the database.
    pub(super) fn pages(&self) -> Result<(u64, u64), Trouble> {
        let connection = self.connection()?;
        let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok((db::from_sql(pages("freelist_count")?), db::from_sql(pages("page_count")?)))
    }

    /// Gives so many free pages back.
    pub(super) fn vacuum(&self, pages: u64) -> Result<(), Trouble> {
        // As a query: it stops after one page otherwise.
        let mut statement = self.connection()?.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}
