//! Looking at stored entries without using them: pages of rows with their heads, and a check of every byte.
//!
//! Reads only. A page is one short transaction, so that it shows one state and holds the log back for no longer than it
//! takes. What is found damaged is told; removing it is the writer's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::OptionalExtension;

use super::db::{MAX_WAL_BYTES, Trouble, from_sql};
use super::readers::Reader;
use super::row::{self, Head, RowError};
use super::tables::{Candidate, L2, L3, ROW_BYTES, Row, Total};
use crate::cache::key::{Key, Namespace, Parts};

/// Bytes of a blob read for its head: enough for all but long lists of tags.
const HEAD_BYTES: usize = 512;
/// Bytes of log from which on reading one state gives way: half of what stops the writers.
const MOST_LOG_BYTES: u64 = MAX_WAL_BYTES / 2;
/// How often a long statement is looked after.
const LOOK_AFTER: Duration = Duration::from_millis(20);
/// Complaints of SQLite that are told.
const COMPLAINTS: usize = 10;

/// Which rows are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// Of this namespace and below; `None`: of all.
    pub(crate) namespace: Option<&'a Namespace>,
    /// In this tier.
    pub(crate) tier: Option<i64>,
    /// Only those with tags.
    pub(crate) tagged_only: bool,
}

/// A stored entry without its value. The head is not checked.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) key: Key,
    pub(crate) row: Row,
    pub(crate) head: Head,
}

/// Why a stored entry is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// SQLite cannot read it.
    Unreadable,
    /// Its row has no value.
    NoValue,
    /// Its key is not the one that its row says.
    Key,
    /// Some byte of it changed.
    Checksum,
    /// Another format.
    Format,
    /// Intact, but it cannot be unpacked: its dictionary is missing or damaged.
    Payload,
    /// Its row says another size, tier or namespace.
    Row,
}

impl Damage {
    /// Stable name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NoValue => "noValue",
            Self::Key => "key",
            Self::Checksum => "checksum",
            Self::Format => "format",
            Self::Payload => "payload",
            Self::Row => "row",
        }
    }
}

/// What a check of one entry found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The bytes of its key, if they can be read.
    pub(crate) key: Box<[u8]>,
    pub(crate) damage: Option<Damage>,
}

/// What the totals say and what there is, of one state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) said: [Total; 2],
    pub(crate) counted: [Total; 2],
    /// Values and tags without an entry.
    pub(crate) orphans: u64,
}

/// What SQLite says of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Integrity {
    Sound,
    Damaged(Vec<String>),
    /// Others wrote so much meanwhile that it was given up.
    Unfinished,
}

impl Reader {
    /// The rows after `after` in the order of hashes, and after which to go on: `None` at the end. Rows whose head cannot be
    /// read are left out.
    pub(crate) fn listed(
        &self,
        wanted: Wanted<'_>,
        after: u128,
        most: usize,
    ) -> Result<(Vec<Listed>, Option<u128>), Trouble> {
        let state = self.connection.unchecked_transaction()?;
        let found = self.tables().after(wanted.namespace, wanted.tier, wanted.tagged_only, after, most)?;
        let next = found.last().map(|last| last.hash).filter(|_| found.len() == most);
        let mut listed = Vec::with_capacity(found.len());
        for Candidate { hash, row } in found {
            let Some(key) = self.tables().key(row.id)?.map(Key::from_bytes) else { continue };
            if key.hash == hash
                && let Some(head) = self.head(row.id)?
            {
                listed.push(Listed { key, row, head });
            }
        }
        state.commit()?;
        Ok((listed, next))
    }

    /// The row of a hash with its key and head, if they can be read.
    pub(crate) fn listed_at(&self, hash: u128) -> Result<Option<Listed>, Trouble> {
        let (found, _) = self.listed(Wanted::default(), hash.wrapping_sub(1), 1)?;
        Ok(found.into_iter().next().filter(|listed| listed.key.hash == hash))
    }

    /// The head of a value that is there, reading no more of it than that.
    fn head(&self, id: i64) -> Result<Option<Head>, Trouble> {
        let blob = self.connection.blob_open("main", "v", "data", id, true)?;
        let (mut start, mut most) = (Vec::new(), HEAD_BYTES);
        loop {
            let read = start.len();
            start.resize(blob.len().min(most), 0);
            blob.read_at_exact(&mut start[read..], read)?;
            let head = row::head_of(&start);
            if head.is_some() || start.len() == blob.len() {
                return Ok(head);
            }
            most *= 8;
        }
    }

    /// Rows of a page without anything else, to be checked.
    pub(crate) fn rows(&self, after: u128, most: usize) -> Result<Vec<Candidate>, Trouble> {
        self.tables().after(None, None, false, after, most)
    }

    /// Reads all of an entry; `None` if its version is not there any more.
    pub(crate) fn check(&mut self, candidate: &Candidate) -> Result<Option<Checked>, Trouble> {
        let Candidate { hash, row } = candidate;
        let value = match self.tables().blob(row.id) {
            Ok(value) => value,
            // Others may be readable all the same.
            Err(Trouble::Corrupt) => {
                let damage = Some(Damage::Unreadable);
                return Ok(Some(Checked { key: Box::default(), damage }));
            }
            Err(trouble) => return Err(trouble),
        };
        let Some((key, blob)) = value else {
            let is_there = self.tables().row(*hash)?.is_some_and(|now| now.id == row.id);
            let damage = Some(Damage::NoValue);
            return Ok(is_there.then(|| Checked { key: Box::default(), damage }));
        };
        let damage = self.damage(candidate, &key, &blob)?;
        Ok(Some(Checked { key, damage }))
    }

    fn damage(&mut self, candidate: &Candidate, key: &[u8], blob: &[u8]) -> Result<Option<Damage>, Trouble> {
        let Candidate { hash, row } = candidate;
        let parts = Parts::read(key);
        let Some(parts) = parts.filter(|_| Key::from_bytes(key.into()).hash == *hash) else {
            return Ok(Some(Damage::Key));
        };
        match row::decode(*hash, blob) {
            Err(RowError::Checksum) => return Ok(Some(Damage::Checksum)),
            Err(RowError::Format) => return Ok(Some(Damage::Format)),
            Ok(_) => {}
        }
        let Some(record) = self.unpacked(*hash, blob)? else { return Ok(Some(Damage::Payload)) };
        let namespace = self.namespace_of(*hash)?;
        let is_as_said = from_sql(row.stored) == (key.len() + blob.len()) as u64 + ROW_BYTES
            && from_sql(row.raw) == record.text.len() as u64
            && [L2, L3].contains(&row.tier)
            && namespace.is_none_or(|namespace| namespace == parts.namespace);
        Ok((!is_as_said).then_some(Damage::Row))
    }

    fn namespace_of(&self, hash: u128) -> Result<Option<Vec<u8>>, Trouble> {
        let mut statement = self.connection.prepare_cached("SELECT ns FROM m WHERE h = ?")?;
        Ok(statement.query_row([super::db::hash_bytes(hash)], |sql| sql.get(0)).optional()?)
    }

    /// Counts what there is, and what the totals say, in one state. O(n).
    pub(crate) fn sums(&self) -> Result<Sums, Trouble> {
        let state = self.connection.unchecked_transaction()?;
        let tables = self.tables();
        let number = |sql| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(from_sql);
        let (rows, values) = (number("SELECT count(*) FROM m")?, number("SELECT count(*) FROM v")?);
        let tags = number("SELECT count(*) FROM t WHERE h NOT IN (SELECT h FROM m)")?;
        let sums = Sums {
            said: tables.totals()?,
            counted: tables.counted()?,
            orphans: values.saturating_sub(rows) + tags,
        };
        state.commit()?;
        Ok(sums)
    }

    /// SQLite's own check of the structure: pages, indexes, types. It reads one state all the while, so it is given up when
    /// `is_cancelled`, or when others have written too much log meanwhile.
    pub(crate) fn integrity(&self, is_cancelled: &AtomicBool) -> Result<Integrity, Trouble> {
        let log = self.connection.path().map(|path| format!("{path}-wal"));
        let log_bytes = || {
            log.as_ref().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |metadata| metadata.len())
        };
        let (is_done, interrupt) = (AtomicBool::new(false), self.connection.get_interrupt_handle());
        let result = std::thread::scope(|scope| {
            let (is_done, log_bytes) = (&is_done, &log_bytes);
            let watcher = scope.spawn(move || {
                while !is_done.load(Ordering::Acquire) {
                    if is_cancelled.load(Ordering::Relaxed) || log_bytes() > MOST_LOG_BYTES {
                        interrupt.interrupt();
                    }
                    std::thread::park_timeout(LOOK_AFTER);
                }
            });
            let result = self.complaints();
            is_done.store(true, Ordering::Release);
            watcher.thread().unpark();
            result
        });
        match result {
            Ok(complaints) if complaints == ["ok"] => Ok(Integrity::Sound),
            Ok(complaints) => Ok(Integrity::Damaged(complaints)),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                Ok(Integrity::Unfinished)
            }
            Err(error) => match Trouble::from(error) {
                Trouble::Corrupt => Ok(Integrity::Damaged(vec![Trouble::Corrupt.message().to_owned()])),
                trouble => Err(trouble),
            },
        }
    }

    fn complaints(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare(&format!("PRAGMA quick_check({COMPLAINTS})"))?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    }
}
