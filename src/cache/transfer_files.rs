//! Entries to a file and back; [`super::dump`] has the format.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::disk::Condition;
use super::disk::db::Trouble;
use super::disk::queue::Operation;
use super::dump::{self, DumpEntry, DumpError, DumpFile, DumpReason, DumpWriter};
use super::key::{Key, Namespace, Parts};
use super::l1::Place;
use super::manager::{CacheManager, disk_error};
use super::record::{Record, Uncompared};
use super::transfer::Watch;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::units::{iso8601, mb_to_bytes};

/// Bytes of a line beside its value: key, tags and names, and what escaping adds.
const LINE_EXTRA_BYTES: usize = 64 << 20;
/// Rows read at once.
const PAGE: usize = 256;

/// What a dump wrote.
#[derive(Debug, Clone, Copy)]
pub struct Dumped {
    /// Entries.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What a load did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loaded {
    /// Entries stored.
    pub entries: u64,
    /// Entries that are expired or too large.
    pub skipped: u64,
}

impl CacheManager {
    /// Writes the entries of a namespace and below, whoever may see them, that are not expired. The file is complete under
    /// its name or not there at all; only its owner can read it. Blocks.
    ///
    /// # Errors
    /// `E_IO`; `E_CACHE_DISK` when the entries cannot be read; `E_CANCELLED`; `E_SHUT_DOWN`.
    pub fn dump(&self, namespace: &Namespace, path: &Path, watch: Watch<'_>) -> Result<Dumped> {
        self.check_open()?;
        let created_at = iso8601(self.clock.now_ms());
        let (is_cancelled, progress) = callbacks(watch);
        let follow = dump::Watch { cancelled: &is_cancelled, progress: &progress };
        let mut writer = DumpWriter::create(path, &created_at, self.max_line_bytes(), follow)
            .map_err(|error| file_error(path, &error))?;
        self.each_entry(namespace, &mut |key, record, fresh_ms| {
            let Some(entry) = to_dump(namespace, key, record, fresh_ms) else { return Ok(()) };
            writer.push(&entry).map_err(|error| file_error(path, &error))
        })?;
        let written = writer.finish().map_err(|error| file_error(path, &error))?;
        Ok(Dumped { entries: written.entries, bytes: written.bytes })
    }

    /// Stores the entries of a dump below a namespace, in place of what is there. Nothing is stored from a file that is not
    /// whole and unchanged; a cancelled load may have stored some. Blocks.
    ///
    /// # Errors
    /// `E_CACHE_FILE_INVALID`; `E_IO`; `E_CANCELLED`; `E_SHUT_DOWN`.
    pub fn load(&self, namespace: &Namespace, path: &Path, watch: Watch<'_>) -> Result<Loaded> {
        self.check_open()?;
        let (is_cancelled, progress) = callbacks(watch);
        let follow = dump::Watch { cancelled: &is_cancelled, progress: &progress };
        let mut file =
            DumpFile::open(path, self.max_line_bytes(), follow).map_err(|error| file_error(path, &error))?;
        let mut loaded = Loaded::default();
        for entry in file.read(follow).map_err(|error| file_error(path, &error))? {
            let entry = entry.map_err(|error| file_error(path, &error))?;
            if self.load_entry(namespace, entry) { loaded.entries += 1 } else { loaded.skipped += 1 }
        }
        Ok(loaded)
    }

    fn load_entry(&self, namespace: &Namespace, entry: DumpEntry) -> bool {
        let Some((key, record, fresh_ms)) = from_dump(namespace, entry, self.clock.now_ms()) else {
            return false;
        };
        let bytes = (key.bytes.len() + record.text.len()) as u64;
        if bytes > mb_to_bytes(self.config.read().max_entry_size_mb) {
            return false;
        }
        let stored = self.put(&key, record.shared(&self.values), fresh_ms, None);
        if stored.is_some_and(|stored| stored.is_crowded) {
            self.wait_for_room();
        }
        true
    }

    /// Calls `visit` with every entry of a namespace and below that is not expired: on disk, then only in memory; all in memory
    /// while the disk is not used.
    fn each_entry(
        &self,
        namespace: &Namespace,
        visit: &mut dyn FnMut(&Key, &Record, u64) -> Result<()>,
    ) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let disk = self.disk().filter(|disk| disk.is_started());
        let disk = disk.filter(|disk| !matches!(disk.condition(), Condition::Degraded(_)));
        let has_disk = disk.is_some();
        if let Some(disk) = disk {
            // What waits is on disk then.
            self.flush(false)?;
            let mut after = Some(0);
            while let Some(hash) = after {
                let page = disk.with_reader(|reader| reader.page(namespace, hash, now_ms, PAGE));
                let (entries, next) = page.ok_or_else(|| disk_error(Trouble::Io))?;
                for (key, stored) in entries {
                    let is_newer =
                        matches!(disk.queue.find(&key), Some(Operation::Put(_) | Operation::Delete));
                    if !is_newer && !self.distrusted.lock().contains(&key) {
                        visit(&key, &stored.record, stored.row.fresh_ms)?;
                    }
                }
                after = next;
            }
        }
        let mut only_in_memory = Vec::new();
        self.scan(|key, entry| {
            let is_meant = Parts::read(key).is_some_and(|parts| namespace.contains(parts.namespace));
            let is_on_disk = has_disk && matches!(entry.place, Place::Stored(_));
            if is_meant && entry.fresh_ms > now_ms && !is_on_disk {
                only_in_memory.push((Key::from_bytes(key.into()), Arc::clone(&entry.record), entry.fresh_ms));
            }
            true
        });
        only_in_memory.iter().try_for_each(|(key, record, fresh_ms)| visit(key, record, *fresh_ms))
    }

    fn max_line_bytes(&self) -> usize {
        // A text of control characters takes six times its bytes in JSON.
        usize::try_from(mb_to_bytes(self.config.read().max_entry_size_mb) * 6)
            .unwrap_or(usize::MAX)
            .saturating_add(LINE_EXTRA_BYTES)
    }
}

fn callbacks(watch: Watch<'_>) -> (impl Fn() -> bool, impl Fn(u64)) {
    (
        || watch.is_cancelled.load(Ordering::Relaxed),
        |entries| watch.progress.store(entries, Ordering::Relaxed),
    )
}

fn to_dump(namespace: &Namespace, key: &Key, record: &Record, fresh_ms: u64) -> Option<DumpEntry> {
    let parts = Parts::read(&key.bytes)?;
    let below = parts.namespace.strip_prefix(namespace.bytes())?;
    Some(DumpEntry {
        namespace: str::from_utf8(below).ok()?.to_owned(),
        key: parts.query.to_owned(),
        agent_id: parts.agent_id.map(str::to_owned),
        model: parts.model.map(str::to_owned),
        prompt_sha256: parts.prompt_hash.map(hex),
        kind: record.kind,
        value: record.text.to_string(),
        created_ms: record.created_ms,
        expires_ms: fresh_ms,
        ttl_ms: record.ttl_ms,
        stale_ms: record.stale_ms,
        sliding: record.sliding,
        tags: record.tags.iter().map(ToString::to_string).collect(),
    })
}

/// Key, record and end of its fresh life; `None` for one that is expired or that no dump of this package has.
fn from_dump(namespace: &Namespace, entry: DumpEntry, now_ms: u64) -> Option<(Key, Record, u64)> {
    let fresh_ms = entry.expires_ms.min(now_ms.saturating_add(entry.ttl_ms));
    let is_below = entry.namespace.is_empty() || entry.namespace.starts_with('\0');
    if fresh_ms <= now_ms || !is_below {
        return None;
    }
    let path = [namespace.as_str(), &entry.namespace].concat();
    let hash = entry.prompt_sha256.as_deref().map(from_hex);
    let parts = Parts {
        namespace: path.as_bytes(),
        agent_id: entry.agent_id.as_deref(),
        model: entry.model.as_deref(),
        prompt_hash: match &hash {
            None => None,
            Some(hash) => Some(&hash.as_ref()?[..]),
        },
        query: &entry.key,
    };
    let record = Record {
        text: entry.value.into(),
        kind: entry.kind,
        created_ms: entry.created_ms.min(now_ms),
        ttl_ms: entry.ttl_ms,
        stale_ms: entry.stale_ms,
        sliding: entry.sliding,
        tags: entry.tags.into_iter().map(Into::into).collect(),
        counted: Uncompared::default(),
    };
    Some((parts.key(), record, fresh_ms))
}

fn file_error(path: &Path, error: &DumpError) -> Error {
    let (kind, what) = match &error.reason {
        DumpReason::Invalid(_) => (ErrorKind::CacheFileInvalid, "is not a sound dump of a cache"),
        DumpReason::Io(_) => (ErrorKind::Io, "cannot be read or written"),
        DumpReason::Cancelled => (ErrorKind::Cancelled, "was not finished"),
    };
    Error::new(kind, format!("{} {what}: {error}", path.display()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
