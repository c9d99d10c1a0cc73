//! The connection to a lane's database: its settings, its schema, and what failures mean.
//!
//! The file is used by one connection at a time, so it is locked for good and the index of the write-ahead log is kept in
//! memory: there is no `-shm` file, and a commit costs no lock. A commit is not waited for on the disk: killing the process
//! loses nothing, losing power the last seconds, and neither ever the file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::codec::Columns;
use crate::telemetry::metric::Metric;

/// In `user_version`. A database of a later one is left alone.
const SCHEMA_VERSION: i32 = 1;

/// Small ones, because each sample writes whole pages. Measured, with the log: 2.8 KB for a sample of a system at rest and
/// 6.1 KB for one at work; 6.1 and 8.6 KB with SQLite's usual 4096 bytes.
const PAGE_BYTES: u32 = 1024;
/// Pages of the log before they are taken over into the database: 1 MB, about an hour of samples. Each time, the
/// disk is waited for.
const LOG_PAGES: u32 = 1024;

/// How long another program may keep the file, which only one that looks at it by hand does.
const PATIENCE: Duration = Duration::from_secs(1);

/// `p`: ids of the columns in blobs, by path of the metric; it is read whole, an index could only disagree with it. `r`: the newest samples, one blob each. `b`: blocks of older ones;
/// `first` and `last` are their least and greatest time, `step` the stretch that they were joined by, 0 for none. `seq` is the
/// order in which samples came: times may repeat and go back, it does not. `a`: alerts. `s`: states of other parts.
const SCHEMA: &str = "
CREATE TABLE p (id INTEGER PRIMARY KEY, path TEXT NOT NULL);
CREATE TABLE r (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE b (
  seq INTEGER PRIMARY KEY, step INTEGER NOT NULL, n INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE a (id TEXT NOT NULL UNIQUE, resolved INTEGER NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX a_at ON a(resolved, at);
CREATE TABLE s (key TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
";

/// Why something could not be done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is damaged, no database, or not one of ours.
    Damaged(String),
    /// It was written by a version after this one.
    Newer(i32),
    /// The system does not let us, for now at least. In words.
    Refused(String),
}

impl Trouble {
    /// What people are told.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Damaged(how) => format!("the file is damaged ({how})"),
            Self::Newer(version) => format!(
                "the file was written by a newer version of this package (schema {version}, this one knows {SCHEMA_VERSION}); \
                 it is left as it is: update the package, or move the file away"
            ),
            Self::Refused(why) => why.clone(),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's own words name tables and columns, never what is in them.
        let words = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk is full",
            Some(ErrorCode::ReadOnly) => "the file or its file system is read-only",
            Some(ErrorCode::PermissionDenied) => "there is no permission",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another program keeps the file locked"
            }
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::TooBig
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed,
            ) => return Self::Refused(error.to_string()),
            // Also a table that is not there or a value of another type: not what was written.
            _ => return Self::Damaged(error.to_string()),
        };
        Self::Refused(words.to_owned())
    }
}

/// Opens the database at `path`, which exists, checks it, and makes the schema if it is empty.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    // Exclusive before the first look at the file: only then there is no shared memory. No mmap: where a mapped file is cut off,
    // reading it kills the process.
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1000;",
    )?;
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > SCHEMA_VERSION {
        return Err(Trouble::Newer(version));
    }
    if version == 0 {
        connection.execute_batch(&format!(
            "PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
        ))?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    } else {
        let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if version < 0 || said != "ok" {
            return Err(Trouble::Damaged(said));
        }
    }
    let limit = 2 * LOG_PAGES * PAGE_BYTES;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {LOG_PAGES}; PRAGMA journal_size_limit = {limit};"
    ))?;
    Ok(connection)
}

/// The ids of all columns; metrics that are new in the table get one.
pub(super) fn columns(connection: &mut Connection) -> Result<Columns, Trouble> {
    let transaction = connection.transaction()?;
    let mut ids = {
        let mut all = transaction.prepare("SELECT id, path FROM p ORDER BY id")?;
        let ids = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        ids.collect::<rusqlite::Result<Vec<(u32, String)>>>()?
    };
    for metric in Metric::ALL {
        let path = metric.row().path;
        if ids.iter().all(|(_, known)| known != path) {
            let sql = "INSERT INTO p (path) VALUES (?1) RETURNING id";
            ids.push((
                transaction.prepare_cached(sql)?.query_row([path], |row| row.get(0))?,
                path.to_owned(),
            ));
        }
    }
    transaction.commit()?;
    Ok(Columns::new(ids))
}

/// Unsigned times and sizes as SQLite has them; beyond 2^63 is for ever.
pub(super) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
