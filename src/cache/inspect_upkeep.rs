//! The store as a whole: whether every byte of it is what was written, and room that nobody needs.
//!
//! Reads on the caller's thread, page by page; what changes something is done by the writer in small steps. Never evicts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::disk::Disk;
use super::disk::compaction::Tidy;
use super::disk::db::{Trouble, from_sql};
use super::disk::inspect::{Checked, Integrity, Sums};
use super::disk::queue::{Command, Operation};
use super::disk::readers::Reader;
use super::disk::tables::{Candidate, L3, Total};
use super::inspect::names;
use super::key::{Key, Parts, hash64};
use super::l1::Place;
use super::lookup::Layer;
use super::manager::{CacheManager, disk_error};
use super::transfer::Watch;
use crate::base::error::{Error, ErrorKind, Result};

/// Rows looked at in one go.
const PAGE: usize = 256;
/// Damaged entries that are named; all are counted.
const MOST_NAMED: usize = 1000;

/// What a check found.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Entries read.
    pub checked: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Those that are not what was written; the first thousand.
    pub damaged: Vec<DamagedEntry>,
    /// How many there are.
    pub damaged_count: u64,
    /// Damaged entries that were removed. One that memory has is written again.
    pub removed: u64,
    /// Whether the totals are those of the rows; not looked at in a damaged database.
    pub totals: TotalsCheck,
    /// SQLite's check of the database.
    pub database: DatabaseCheck,
}

/// A damaged entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DamagedEntry {
    /// Its query, if its key can be read.
    pub key: Option<String>,
    /// Names of its namespace, the root first.
    pub namespace: Option<Vec<String>>,
    /// The agent it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// `L2` or `L3`.
    pub layer: &'static str,
    /// `unreadable`, `noValue`, `key`, `checksum`, `format`, `payload` or `row`.
    pub reason: &'static str,
}

/// The sums kept against those of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TotalsCheck {
    /// Whether they are equal.
    pub ok: bool,
    /// As kept: entries and bytes of L2 and L3.
    pub kept: [TierSums; 2],
    /// As counted.
    pub counted: [TierSums; 2],
    /// Values and tags that belong to no entry.
    pub orphans: u64,
    /// Whether it was mended.
    pub repaired: bool,
}

/// Sums of a tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TierSums {
    /// `L2` or `L3`.
    pub layer: &'static str,
    /// Entries.
    pub entries: u64,
    /// Bytes stored.
    pub stored_bytes: u64,
    /// Bytes of the values.
    pub raw_bytes: u64,
}

/// What SQLite says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseCheck {
    /// `ok`, `damaged`, `unfinished`: others wrote too much meanwhile; `none`: there is no database.
    pub state: &'static str,
    /// Its first complaints: pages and tables, never content.
    pub problems: Vec<String>,
    /// Whether another database was begun in place of the damaged one.
    pub replaced: bool,
}

/// What giving room back did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Bytes of the database with its log, before.
    pub before: u64,
    /// And after.
    pub after: u64,
    /// Expired entries removed, of memory and disk.
    pub expired: u64,
}

impl CacheManager {
    /// Reads every entry on disk, of all namespaces, and checks that it is what was written; then the totals, then the database.
    /// Damaged entries are removed and totals mended unless it `is_dry`. A damaged database is replaced as ever: another one is
    /// begun, the old one is kept. Blocks.
    ///
    /// # Errors
    /// `E_CANCELLED`: what was found until then is not removed; `E_CACHE_DISK` when the disk cannot be read or written;
    /// `E_SHUT_DOWN`.
    pub fn verify(&self, is_dry: bool, watch: Watch<'_>) -> Result<Verified> {
        let Some(disk) = self.disk_in_use()? else {
            let database = DatabaseCheck { state: "none", ..DatabaseCheck::default() };
            let none = sums(<[Total; 2]>::default());
            let totals = TotalsCheck { ok: true, kept: none, counted: none, ..TotalsCheck::default() };
            return Ok(Verified { totals, database, ..Verified::default() });
        };
        let mut verified = Verified::default();
        let rows = check_rows(&disk, &mut verified, watch);
        check(watch)?;
        let integrity = read(&disk, |reader| reader.integrity(watch.is_cancelled))?;
        check(watch)?;
        // Rows that cannot be read are what is expected of a damaged database, and of no other.
        let damaged = match (rows, &integrity) {
            (Err(_), Integrity::Damaged(_)) => Vec::new(),
            (rows, _) => rows?,
        };
        if !is_dry && !damaged.is_empty() {
            verified.removed = self.discard(&disk, &damaged)?;
        }
        if !matches!(integrity, Integrity::Damaged(_)) {
            verified.totals = check_totals(&disk, is_dry)?;
        }
        verified.database = check_database(&disk, integrity, is_dry)?;
        Ok(verified)
    }

    /// Removes what is expired and gives free room back to the file system. Entries that live are not touched. Blocks.
    ///
    /// # Errors
    /// `E_CANCELLED`: what was done until then is done; `E_CACHE_DISK`; `E_SHUT_DOWN`.
    pub fn compact(&self, watch: Watch<'_>) -> Result<Compacted> {
        self.check_open()?;
        let (removed, only_in_memory) = self.drop_expired_in_memory();
        let Some(disk) = self.disk_in_use()? else {
            return Ok(Compacted { expired: removed, ..Compacted::default() });
        };
        let mut compacted = Compacted { expired: only_in_memory, ..Compacted::default() };
        let step = |step| disk.run(Command::Tidy(step)).map(from_sql).map_err(disk_error);
        compacted.before = disk.file_bytes();
        loop {
            check(watch)?;
            let removed = step(Tidy::Expired)?;
            if removed == 0 {
                break;
            }
            compacted.expired += removed;
            watch.progress.fetch_add(removed, Ordering::Relaxed);
        }
        loop {
            check(watch)?;
            if step(Tidy::Pages)? == 0 {
                break;
            }
            watch.progress.fetch_add(1, Ordering::Relaxed);
        }
        step(Tidy::Log)?;
        compacted.after = disk.file_bytes();
        Ok(compacted)
    }

    /// The disk tiers with all that waited written; `None` if there is nothing on disk.
    fn disk_in_use(&self) -> Result<Option<Arc<Disk>>> {
        self.check_open()?;
        let Some(disk) = self.disk().filter(|disk| disk.is_started()) else { return Ok(None) };
        // What cannot be written is no reason not to look at what is there.
        let _ = self.flush(false);
        if disk.opened().is_none() {
            return Err(unreadable());
        }
        Ok(Some(disk))
    }

    /// Removes versions that are damaged. What memory has of them is written again.
    fn discard(&self, disk: &Arc<Disk>, damaged: &[(Key, i64)]) -> Result<u64> {
        for (key, id) in damaged {
            let mut l1 = self.l1.lock();
            if let Some(entry) = l1.find_mut(hash64(key.hash), |entry| entry.place == Place::Stored(*id)) {
                entry.place = Place::MemoryOnly;
            }
            disk.push(key.clone(), Operation::Discard(*id));
        }
        disk.run(Command::Flush { sync: false }).map_err(disk_error)?;
        self.write_memory_only();
        disk.run(Command::Flush { sync: false }).map_err(disk_error)?;
        Ok(damaged.len() as u64)
    }
}

/// Checks all rows; the keys and versions of those that are damaged.
fn check_rows(disk: &Disk, verified: &mut Verified, watch: Watch<'_>) -> Result<Vec<(Key, i64)>> {
    let (mut after, mut damaged) = (0, Vec::new());
    loop {
        let page = read(disk, |reader| {
            let rows = reader.rows(after, PAGE)?;
            let mut checked = Vec::with_capacity(rows.len());
            for candidate in rows {
                if watch.is_cancelled.load(Ordering::Relaxed) {
                    break;
                }
                let found = reader.check(&candidate)?;
                watch.progress.fetch_add(1, Ordering::Relaxed);
                checked.push((candidate, found));
            }
            Ok(checked)
        })?;
        check(watch)?;
        let Some((last, _)) = page.last() else { return Ok(damaged) };
        after = last.hash;
        for (candidate, found) in page {
            let Some(found) = found else { continue };
            verified.checked += 1;
            verified.bytes += from_sql(candidate.row.stored);
            if let Some(entry) = damaged_entry(&candidate, &found) {
                verified.damaged_count += 1;
                if verified.damaged.len() < MOST_NAMED {
                    verified.damaged.push(entry);
                }
                damaged.push((Key { bytes: found.key, hash: candidate.hash }, candidate.row.id));
            }
        }
    }
}

fn damaged_entry(candidate: &Candidate, found: &Checked) -> Option<DamagedEntry> {
    let parts = Parts::read(&found.key);
    Some(DamagedEntry {
        key: parts.map(|parts| parts.query.to_owned()),
        namespace: parts.map(|parts| names(parts.namespace)),
        agent_id: parts.and_then(|parts| parts.agent_id).map(str::to_owned),
        layer: if candidate.row.tier == L3 { Layer::L3.name() } else { Layer::L2.name() },
        reason: found.damage?.name(),
    })
}

fn check_totals(disk: &Arc<Disk>, is_dry: bool) -> Result<TotalsCheck> {
    let Sums { said, counted, orphans } = read(disk, |reader| reader.sums())?;
    let ok = said == counted && orphans == 0;
    if !ok && !is_dry {
        disk.run(Command::Tidy(Tidy::Orphans)).map_err(disk_error)?;
    }
    Ok(TotalsCheck { ok, kept: sums(said), counted: sums(counted), orphans, repaired: !ok && !is_dry })
}

fn sums([l2, l3]: [Total; 2]) -> [TierSums; 2] {
    [(Layer::L2, l2), (Layer::L3, l3)].map(|(layer, total)| TierSums {
        layer: layer.name(),
        entries: total.entries,
        stored_bytes: total.stored,
        raw_bytes: total.raw,
    })
}

fn check_database(disk: &Arc<Disk>, integrity: Integrity, is_dry: bool) -> Result<DatabaseCheck> {
    Ok(match integrity {
        Integrity::Sound => DatabaseCheck { state: "ok", ..DatabaseCheck::default() },
        Integrity::Unfinished => DatabaseCheck { state: "unfinished", ..DatabaseCheck::default() },
        Integrity::Damaged(problems) => {
            if !is_dry {
                // The writer looks itself, and begins another one.
                if let Some(opened) = disk.opened() {
                    opened.is_suspect.store(true, Ordering::Release);
                }
                disk.run(Command::Flush { sync: false }).map_err(disk_error)?;
            }
            DatabaseCheck { state: "damaged", problems, replaced: !is_dry }
        }
    })
}

fn check(watch: Watch<'_>) -> Result<()> {
    if watch.is_cancelled.load(Ordering::Relaxed) {
        return Err(Error::new(ErrorKind::Cancelled, "the call was ended by its caller"));
    }
    Ok(())
}

/// Reads without suspecting anything: a dry run has no consequences.
fn read<T>(disk: &Disk, work: impl FnOnce(&mut Reader) -> std::result::Result<T, Trouble>) -> Result<T> {
    let opened = disk.opened().ok_or_else(unreadable)?;
    opened.readers.with(work).map_err(disk_error)
}

fn unreadable() -> Error {
    disk_error(Trouble::NotUsed)
}
