//! The history on disk: samples, alerts, and small states of other parts, so that they survive a restart.
//!
//! Samples are kept in full for a day and then one a minute (after 30 days one an hour), see [`join`] for what is left of them.
//! They stand in an SQLite database of the monitor's own: several monitors may share a directory, and each takes the lowest
//! free *lane*, a file that is its alone. A process that was started again finds the history of the lane it had.
//!
//! In reading order: [`place`] is the directory, the lanes and their locks, [`owned`] who may own what is there; [`db`] the
//! connection; [`codec`] rows as blobs, of [`number`]s; [`join`] many rows as one; [`upkeep`] what becomes of rows with time.
//!
//! It never takes the process down and waits a second at most for another program. A file that is damaged is moved aside and a new one begun,
//! which [`MetricsStore::take_warnings`] tells; for everything else there is an error, nothing is half written, and the same
//! call may be made again later. It does not decide whether the file system is one for databases (the caller knows, who
//! has other files there), and holds no rows in memory.

pub(super) mod codec;
mod db;
pub(super) mod join;
mod number;
mod owned;
mod place;
#[cfg(test)]
mod test_support;
mod upkeep;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, params};

use self::codec::{Columns, decode, encode};
use self::db::{Trouble, to_sql};
use self::owned::Identity;
use self::place::Place;
use super::alerts::Alert;
use super::sample::SampleRow;
use crate::base::clock::{Clock, SystemClock};
use crate::base::error::{Error, ErrorKind, Result};

/// Alerts that are kept; the oldest resolved ones go first. A storm of 1,000 a second fills it in ten seconds, and all of it
/// takes about 5 MB.
pub const MOST_ALERTS: i64 = 10_000;
/// One row or one state. A usual row has half a kilobyte.
const MOST_BYTES: usize = 4 << 20;
/// More that nobody took are not kept; they are in the log all the same.
const MOST_WARNINGS: usize = 16;
/// How often other lanes are looked at, for those that nobody uses any more.
const LOOK_AT_LANES_MS: u64 = 3_600_000;

/// The history of one monitor. Used by one thread at a time; dropping it gives the lane back.
#[derive(Debug)]
pub struct MetricsStore {
    /// Before the lane, so that the file is closed when the lane is given back. `None` after a failure, until the next call.
    opened: Option<Opened>,
    place: Place,
    path: PathBuf,
    project: Option<String>,
    warnings: Vec<String>,
    /// Samples before it are as good as removed.
    gone_before_ms: u64,
    looked_at_lanes_ms: Option<u64>,
}

#[derive(Debug)]
struct Opened {
    connection: Connection,
    columns: Columns,
    file: Option<Identity>,
    next_seq: i64,
}

impl MetricsStore {
    /// Opens the history of `project` (`None`: of no project) in `dir`, which is made with mode 0700 when missing, in the
    /// lowest free lane.
    ///
    /// Checks the whole file, which takes about a millisecond per megabyte.
    ///
    /// # Errors
    /// `E_IO` when the directory cannot be used or written, belongs to others or can be changed by them, when all 64 lanes
    /// are taken, and when the file was written by a newer version (it stays as it is).
    pub fn open(dir: &Path, project: Option<&str>) -> Result<Self> {
        let place = Place::take(dir, project)?;
        let mut store = Self {
            opened: None,
            path: place.database(),
            place,
            project: project.map(str::to_owned),
            warnings: Vec::new(),
            gone_before_ms: 0,
            looked_at_lanes_ms: None,
        };
        store.opened()?;
        Ok(store)
    }

    /// The lane: 0 for the only monitor of a project in its directory.
    pub fn lane(&self) -> u32 {
        self.place.lane()
    }

    /// The database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened since the last call that people should know of: a damaged file that was moved aside, samples that were
    /// left out. Also after a call that succeeded.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Adds a sample. Durable against the end of the process at once, against a loss of power within half a minute or so.
    ///
    /// Times may repeat and go back: every sample is kept. Gauges and latencies are kept to seven digits, counters exactly.
    ///
    /// # Errors
    /// `E_IO`; `E_INVALID_ARGUMENT` for a row of over 4 MB.
    pub fn append(&mut self, row: &SampleRow) -> Result<()> {
        let is_written = self.with("write a sample to", |opened| {
            let blob = encode(std::slice::from_ref(row), &opened.columns);
            if blob.len() > MOST_BYTES {
                return Ok(false);
            }
            let mut insert =
                opened.connection.prepare_cached("INSERT INTO r (seq, at, data) VALUES (?1, ?2, ?3)")?;
            insert.execute(params![opened.next_seq, to_sql(row.at_ms), blob])?;
            opened.next_seq += 1;
            Ok(true)
        })?;
        if is_written {
            return Ok(());
        }
        let count = row.operations.len();
        Err(too_large(&format!("the sample with its {count} operations")))
    }

    /// The samples since `since_ms` (Unix ms) by time; of the same time, in the order in which they came.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn load(&mut self, since_ms: u64) -> Result<Vec<SampleRow>> {
        let since_ms = since_ms.max(self.gone_before_ms);
        let (rows, damaged) = self.with("read", |opened| {
            let (mut rows, mut damaged) = (Vec::new(), 0);
            for sql in [
                "SELECT data FROM b WHERE last >= ?1 ORDER BY seq",
                "SELECT data FROM r WHERE at >= ?1 ORDER BY seq",
            ] {
                let mut statement = opened.connection.prepare_cached(sql)?;
                let mut found = statement.query([to_sql(since_ms)])?;
                while let Some(row) = found.next()? {
                    match decode(row.get_ref(0)?.as_blob().map_err(wrong_type)?, &opened.columns) {
                        Some(decoded) => rows.extend(decoded),
                        None => damaged += 1,
                    }
                }
            }
            Ok((rows, damaged))
        })?;
        self.warn_of_damaged(damaged);
        let mut rows: Vec<SampleRow> = rows;
        rows.retain(|row| row.at_ms >= since_ms);
        rows.sort_by_key(|row| row.at_ms);
        Ok(rows)
    }

    /// Joins samples that are older than a day, removes what is older than `retention_ms`, and gives free room back. Does a
    /// bounded part of the work at a time: call it once a minute or so.
    ///
    /// Of alerts, only resolved ones are removed by age. Where another process removed the file, a new one is begun.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn maintain(&mut self, now_ms: u64, retention_ms: u64) -> Result<()> {
        if self.opened.as_ref().is_some_and(|opened| opened.file != Identity::at(&self.path)) {
            self.warn(format!("{} was removed; a new history is begun", self.path.display()));
            self.opened = None;
        }
        let damaged = self.with("maintain", |opened| {
            upkeep::run(&mut opened.connection, &opened.columns, now_ms, retention_ms)
        })?;
        self.gone_before_ms = now_ms.saturating_sub(retention_ms);
        self.warn_of_damaged(damaged);
        if self.looked_at_lanes_ms.is_none_or(|at_ms| now_ms.abs_diff(at_ms) >= LOOK_AT_LANES_MS) {
            self.looked_at_lanes_ms = Some(now_ms);
            self.place.remove_abandoned(SystemTime::UNIX_EPOCH + Duration::from_millis(self.gone_before_ms));
        }
        Ok(())
    }

    /// Keeps `alerts`, in place of those of the same ids. Of more than [`MOST_ALERTS`] the oldest resolved ones go first.
    ///
    /// # Errors
    /// `E_IO`; none of them is kept then.
    pub fn put_alerts(&mut self, alerts: &[Alert]) -> Result<()> {
        let mut texts = Vec::with_capacity(alerts.len());
        for alert in alerts {
            let text = serde_json::to_string(alert);
            let text = text.map_err(|error| {
                Error::new(ErrorKind::Internal, "cannot write an alert").with_source(error)
            })?;
            texts.push(text);
        }
        self.with("write alerts to", |opened| {
            let transaction = opened.connection.transaction()?;
            let mut put = transaction.prepare_cached(
                "INSERT INTO a (id, resolved, at, data) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET resolved = excluded.resolved, at = excluded.at, data = excluded.data",
            )?;
            for (alert, text) in alerts.iter().zip(&texts) {
                put.execute(params![alert.id, alert.resolved, to_sql(alert.timestamp), text])?;
            }
            drop(put);
            let count: i64 =
                transaction.prepare_cached("SELECT count(*) FROM a")?.query_row([], |row| row.get(0))?;
            if count > MOST_ALERTS {
                transaction
                    .prepare_cached(
                        "DELETE FROM a WHERE rowid IN (SELECT rowid FROM a ORDER BY resolved DESC, at, rowid LIMIT ?1)",
                    )?
                    .execute([count - MOST_ALERTS])?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// The alerts that began at `since_ms` (Unix ms) or later, by time.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn alerts(&mut self, since_ms: u64) -> Result<Vec<Alert>> {
        let (alerts, damaged) = self.with("read", |opened| {
            let (mut alerts, mut damaged) = (Vec::new(), 0);
            let sql = "SELECT data FROM a WHERE at >= ?1 ORDER BY at, rowid";
            let mut statement = opened.connection.prepare_cached(sql)?;
            let mut found = statement.query([to_sql(since_ms)])?;
            while let Some(row) = found.next()? {
                match serde_json::from_str(row.get_ref(0)?.as_str().map_err(wrong_type)?) {
                    Ok(alert) => alerts.push(alert),
                    Err(_) => damaged += 1,
                }
            }
            Ok((alerts, damaged))
        })?;
        self.warn_of_damaged(damaged);
        Ok(alerts)
    }

    /// Keeps the state of another part under its name, in place of the one before.
    ///
    /// # Errors
    /// `E_IO`; `E_INVALID_ARGUMENT` for more than 4 MB.
    pub fn put_state(&mut self, key: &str, json: &str) -> Result<()> {
        if json.len() > MOST_BYTES {
            return Err(too_large(&format!("the state {key}")));
        }
        self.with("write a state to", |opened| {
            let sql = "INSERT OR REPLACE INTO s (key, data) VALUES (?1, ?2)";
            opened.connection.prepare_cached(sql)?.execute([key, json])?;
            Ok(())
        })
    }

    /// The state that was kept under this name.
    ///
    /// # Errors
    /// `E_IO`.
    pub fn state(&mut self, key: &str) -> Result<Option<String>> {
        self.with("read", |opened| {
            let mut statement = opened.connection.prepare_cached("SELECT data FROM s WHERE key = ?1")?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })
    }

    /// Brings everything into the one file and gives the lane back.
    ///
    /// # Errors
    /// `E_IO`; the lane is given back all the same, and what was written is read the next time.
    pub fn close(mut self) -> Result<()> {
        let Some(opened) = self.opened.take() else { return Ok(()) };
        opened.connection.close().map_err(|(_, error)| self.failed("close", &error.into()))
    }

    /// Does `work` with the open database; opens it first where the call before had failed. With a damaged one, it is moved
    /// aside, and the work done again with a new one.
    fn with<T>(
        &mut self,
        doing: &str,
        mut work: impl FnMut(&mut Opened) -> std::result::Result<T, Trouble>,
    ) -> Result<T> {
        let trouble = match work(self.opened()?) {
            Ok(done) => return Ok(done),
            Err(trouble) => trouble,
        };
        // Closed after any failure: the next call begins with all checks.
        self.opened = None;
        if let Trouble::Damaged(how) = &trouble {
            self.move_aside(how)?;
            return work(self.opened()?).map_err(|trouble| self.failed(doing, &trouble));
        }
        Err(self.failed(doing, &trouble))
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        if self.opened.is_none() {
            self.opened = Some(self.reopen()?);
        }
        Ok(self.opened.as_mut().expect("invariant: opened above"))
    }

    fn reopen(&mut self) -> Result<Opened> {
        // Where the directory was removed, others do not see our lock.
        if !self.place.is_held() {
            let dir = self.place.dir().to_owned();
            self.place = Place::take(&dir, self.project.as_deref())?;
            self.path = self.place.database();
        }
        match self.try_open()? {
            Ok(opened) => Ok(opened),
            Err(Trouble::Damaged(how)) => {
                self.move_aside(&how)?;
                self.try_open()?.map_err(|trouble| self.failed("open", &trouble))
            }
            Err(trouble) => Err(self.failed("open", &trouble)),
        }
    }

    fn try_open(&self) -> Result<std::result::Result<Opened, Trouble>> {
        let file = self.place.prepare()?;
        let opened = db::open(&self.path).and_then(|mut connection| {
            let columns = db::columns(&mut connection)?;
            let sql =
                "SELECT max(ifnull((SELECT max(seq) FROM r), 0), ifnull((SELECT max(seq + n) FROM b), 0))";
            let last: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            let next_seq =
                last.checked_add(1).ok_or_else(|| Trouble::Damaged("its numbers are used up".to_owned()))?;
            Ok(Opened { connection, columns, file, next_seq })
        });
        Ok(opened)
    }

    fn move_aside(&mut self, how: &str) -> Result<()> {
        let aside = self.place.move_aside(SystemClock::new().wall_ms())?;
        self.warn(format!(
            "{} is damaged ({how}); it was moved to {}, and a new history is begun",
            self.path.display(),
            aside.display()
        ));
        Ok(())
    }

    fn warn(&mut self, warning: String) {
        tracing::warn!(%warning, "monitor store");
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(warning);
        }
    }

    fn warn_of_damaged(&mut self, count: u64) {
        if count > 0 {
            self.warn(format!("{count} damaged entries of {} were left out", self.path.display()));
        }
    }

    fn failed(&self, doing: &str, trouble: &Trouble) -> Error {
        Error::new(ErrorKind::Io, format!("cannot {doing} {}: {}", self.path.display(), trouble.message()))
    }
}

fn wrong_type(error: rusqlite::types::FromSqlError) -> Trouble {
    Trouble::Damaged(error.to_string())
}

fn too_large(what: &str) -> Error {
    let limit = MOST_BYTES >> 20;
    Error::new(ErrorKind::InvalidArgument, format!("cannot keep {what}: it takes over {limit} MB"))
}

#[cfg(test)]
mod tests;
