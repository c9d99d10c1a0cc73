//! One connection to the database: its settings, the schema, and what SQLite's failures mean here.
//!
//! Statements are in `tables` and, where they change totals, in `batch`. Every connection belongs to one thread at a time.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::location::reason_of_io;

/// In `user_version` and in the directory's name. A database of another version is left alone.
pub(crate) const SCHEMA_VERSION: i32 = 1;

/// 3.51.3 mended a lost commit after a reset of the write-ahead log.
const LEAST_SQLITE: i32 = 3_051_003;

/// Of the write-ahead log that a reader may hold back before writing stops.
pub(crate) const MAX_WAL_BYTES: u64 = 64 << 20;

/// `m`: one row an entry; `v`: key and blob; `t`: tags; `s`: totals of each tier, kept in the same transaction so that
/// budgets and statistics cost nothing, and in row 0 the last id given; `d`: compression dictionaries; `l`: leases of computations under way.
///
/// `m.id` is that of the blob and new with every write: it is the entry's version. `m.pos` is its place in its tier's
/// queue of eviction.
const SCHEMA: &str = "
CREATE TABLE m (
  h BLOB PRIMARY KEY, id INTEGER NOT NULL, tier INTEGER NOT NULL, pos INTEGER NOT NULL, hits INTEGER NOT NULL,
  stored INTEGER NOT NULL, raw INTEGER NOT NULL, fresh INTEGER NOT NULL, gone INTEGER NOT NULL, used INTEGER NOT NULL,
  ns BLOB NOT NULL, tagged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX m_pos ON m(tier, pos);
CREATE INDEX m_gone ON m(gone);
CREATE TABLE v (id INTEGER PRIMARY KEY, k BLOB NOT NULL, data BLOB NOT NULL);
CREATE TABLE t (tag BLOB, h BLOB, PRIMARY KEY (tag, h)) WITHOUT ROWID;
CREATE INDEX t_h ON t(h);
CREATE TABLE s (tier INTEGER PRIMARY KEY, n INTEGER NOT NULL, stored INTEGER NOT NULL, raw INTEGER NOT NULL);
INSERT INTO s VALUES (0, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0);
CREATE TABLE d (
  n INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, data BLOB NOT NULL, volume INTEGER NOT NULL, fraction REAL NOT NULL
);
CREATE TABLE l (h BLOB PRIMARY KEY, token INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
";

/// Why the database could not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Another process holds a lock for longer than the deadline.
    Busy,
    /// No room on the disk.
    Full,
    /// The file or its directory cannot be written.
    ReadOnly,
    /// The file is damaged or not a database, or another version's.
    Corrupt,
    /// No permission.
    Permission,
    /// Reading or writing failed otherwise.
    Io,
    /// A failure before this one; the disk tiers are not used for now.
    NotUsed,
}

impl Trouble {
    /// Stable name, for events and statistics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "full",
            Self::ReadOnly => "readOnly",
            Self::Corrupt => "corrupt",
            Self::Permission => "permission",
            Self::Io => "io",
            Self::NotUsed => "degraded",
        }
    }

    /// What people are told.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Busy => "another process keeps the cache database locked",
            Self::Full => "the disk of the cache directory is full",
            Self::ReadOnly => "the cache directory is read-only",
            Self::Corrupt => "the cache database is damaged",
            Self::Permission => "no permission to use the cache directory",
            Self::Io => "the cache database cannot be read or written",
            Self::NotUsed => "they are not used for now, getStats().disk says why",
        }
    }
}

impl Trouble {
    /// What an error of the operating system means.
    pub(crate) fn of_io(error: &std::io::Error) -> Self {
        match reason_of_io(error) {
            "full" => Self::Full,
            "readOnly" => Self::ReadOnly,
            "permission" => Self::Permission,
            "busy" => Self::Busy,
            _ => Self::Io,
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's own words name tables and columns, never what is in them.
        tracing::debug!(%error, "a statement failed");
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                Self::Permission
            }
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => Self::Io,
            // Also a value of another type than the schema's, or a table that is not there: not what was written.
            _ => Self::Corrupt,
        }
    }
}

/// Most pages of the log before it is taken over into the database. Measured: with 500 pages, writing 20,000 entries of 4 KB
/// takes half as long again, because each time the disk is waited for.
const MOST_LOG_PAGES: u64 = 2000;
const LEAST_LOG_PAGES: u64 = 64;
/// The log's share of the budget of both tiers.
const LOG_SHARE: u64 = 16;
pub(crate) const PAGE_BYTES: u64 = 8192;

/// Bytes of the log from which on it is taken over into the database, by what the tiers may take.
pub(crate) fn log_bytes(budget_bytes: u64) -> u64 {
    (budget_bytes / PAGE_BYTES / LOG_SHARE).clamp(LEAST_LOG_PAGES, MOST_LOG_PAGES) * PAGE_BYTES
}

/// Bounds the log of a writing connection by what the tiers may take.
pub(crate) fn bound_log(connection: &Connection, budget_bytes: u64) -> Result<(), Trouble> {
    let pages = log_bytes(budget_bytes) / PAGE_BYTES;
    let limit = 2 * pages * PAGE_BYTES;
    connection.execute_batch(&format!(
        "PRAGMA wal_autocheckpoint = {pages}; PRAGMA journal_size_limit = {limit};"
    ))?;
    Ok(())
}

/// Opens the database at `path`, which exists, and makes the schema if it is empty.
pub(crate) fn open(path: &Path, busy: Duration) -> Result<Connection, Trouble> {
    if rusqlite::version_number() < LEAST_SQLITE {
        return Err(Trouble::Io);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        create(&mut connection)?;
    } else if version != SCHEMA_VERSION {
        return Err(Trouble::Corrupt);
    }
    // No mmap: where a mapped file is truncated, reading it kills the process.
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000;",
    )?;
    Ok(connection)
}

fn create(connection: &mut Connection) -> Result<(), Trouble> {
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;",
    )?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been first.
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// A key's hash as it is stored.
pub(crate) fn hash_bytes(hash: u128) -> [u8; 16] {
    hash.to_be_bytes()
}

/// Unsigned times and sizes as SQLite has them; beyond 2^63 is for ever.
pub(crate) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The reverse; a negative one is not ours and counts as 0.
pub(crate) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
