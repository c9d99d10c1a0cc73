//! Reading entries: a few connections, each used by one thread at a time.
//!
//! Owned by an opened generation and gone with it. Reading never waits for the writer: that is what the write-ahead log is
//! for.

use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::compression::{Decompressor, Dictionary};
use super::db::{self, Trouble};
use super::row;
use super::tables::{Candidate, Row, Tables};
use crate::cache::key::{Key, Namespace};
use crate::cache::record::{Record, Uncompared};

/// Connections kept: as many as Node's pool has threads by default.
const MOST_IDLE: usize = 4;
/// How long a read waits while another process recovers the log after a crash.
const BUSY: Duration = Duration::from_secs(2);
/// No value is larger: the most that `maxEntrySizeMB` allows.
const MAX_VALUE_BYTES: u64 = 256 << 20;
/// Looks again when the row changed between its two statements.
const TRIES: usize = 4;

/// An entry as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) row: Row,
    pub(crate) record: Record,
}

/// Entries with their keys, and the hash after which to go on.
pub(crate) type Page = (Vec<(Key, Stored)>, Option<u128>);

/// What the database says of a key.
#[derive(Debug)]
pub(crate) enum Read {
    /// The entry, whatever its age.
    Found(Box<Stored>),
    /// None.
    Absent,
    /// The version that is there is not what was written; it is to be discarded.
    Damaged(i64),
}

/// A connection with what it needs to unpack.
pub(crate) struct Reader {
    pub(super) connection: Connection,
    unpack: Decompressor,
}

impl Reader {
    /// The tables.
    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables(&self.connection)
    }

    /// The entry of a key.
    pub(crate) fn read(&mut self, key: &Key) -> Result<Read, Trouble> {
        for _ in 0..TRIES {
            let Some(row) = self.tables().row(key.hash)? else { return Ok(Read::Absent) };
            let id = row.id;
            let Some((stored_key, blob)) = self.tables().blob(id)? else { continue };
            if stored_key != key.bytes {
                // Another key with the same hash, or a damaged one.
                let is_sound = Key::from_bytes(stored_key).hash == key.hash;
                return Ok(if is_sound { Read::Absent } else { Read::Damaged(id) });
            }
            return Ok(match self.unpacked(key.hash, &blob)? {
                Some(record) => Read::Found(Box::new(Stored { row, record })),
                None => Read::Damaged(id),
            });
        }
        // A row whose value is gone for good, or one that is written faster than it can be read.
        Ok(self.tables().row(key.hash)?.map_or(Read::Absent, |row| Read::Damaged(row.id)))
    }

    /// The sound entries of a page of a namespace that are fresh, and after which hash to go on.
    pub(crate) fn page(
        &mut self,
        namespace: &Namespace,
        after: u128,
        now_ms: u64,
        most: usize,
    ) -> Result<Page, Trouble> {
        let found = self.tables().of_namespace(namespace, None, after, most)?;
        let next = found.last().map(|last| last.hash);
        let mut entries = Vec::new();
        for Candidate { hash, row } in found {
            if row.fresh_ms <= now_ms {
                continue;
            }
            let Some((key, blob)) = self.tables().blob(row.id)? else { continue };
            let key = Key::from_bytes(key);
            if key.hash == hash
                && let Some(record) = self.unpacked(hash, &blob)?
            {
                entries.push((key, Stored { row, record }));
            }
        }
        Ok((entries, next))
    }

    /// The record in a blob; `None` if it is not what was written.
    pub(crate) fn unpacked(&mut self, hash: u128, blob: &[u8]) -> Result<Option<Record>, Trouble> {
        let Ok((head, payload)) = row::decode(hash, blob) else { return Ok(None) };
        if let row::Codec::ZstdDict(id) = head.codec
            && !self.unpack.knows(id)
        {
            let stored = self.tables().dictionary(id)?;
            let Some(dictionary) = stored.and_then(|stored| Dictionary::from_stored(&stored)) else {
                return Ok(None);
            };
            if dictionary.id != id || self.unpack.add(&dictionary).is_err() {
                return Ok(None);
            }
        }
        // An entry that is larger than what the limit is now was sound when it was stored.
        let bytes = self.unpack.decompress(head.codec, payload, head.raw_len, MAX_VALUE_BYTES).ok();
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| Record {
            text: text.into(),
            kind: head.kind,
            created_ms: head.created_ms,
            ttl_ms: head.ttl_ms,
            stale_ms: head.stale_ms,
            sliding: head.sliding,
            tags: head.tags.into(),
            counted: Uncompared::default(),
        }))
    }
}

/// The connections of one generation.
pub(crate) struct Readers {
    database: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    /// For the database at `database`.
    pub(crate) fn new(database: PathBuf) -> Self {
        Self { database, idle: Mutex::default() }
    }

    /// Bytes of buffers and of zstd that connections hold which nobody uses now.
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        let idle = self.idle.lock();
        let each = idle.iter().map(|reader| reader.unpack.held_bytes());
        each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Closes the connections that nobody uses now.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }

    /// Runs `work` with a connection. One that failed is not used again.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Reader) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader {
                connection: db::open(&self.database, BUSY)?,
                unpack: Decompressor::new().map_err(|_| Trouble::Io)?,
            },
        };
        let result = work(&mut reader)?;
        let mut idle = self.idle.lock();
        if idle.len() < MOST_IDLE {
            idle.push(reader);
        }
        Ok(result)
    }
}
