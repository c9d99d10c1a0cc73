//! Writes a dump: complete under its name, or not there at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::Xxh3;

use super::{
    DumpEntry, DumpError, EntryLine, FORMAT, HeaderLine, KindField, TrailerLine, VERSION, Watch, is_string,
};
use crate::cache::record::Kind;

/// A dump may be gigabytes: zstd's own default, several hundred MB/s.
const LEVEL: i32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;

/// What a finished dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Entries.
    pub(crate) entries: u64,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// A dump that is being written, under a temporary name beside its target, readable by the owner only. Dropped before
/// [`DumpWriter::finish`], it leaves nothing behind.
pub(crate) struct DumpWriter<'a> {
    target: PathBuf,
    out: Sink,
    hasher: Box<Xxh3>,
    line: Vec<u8>,
    max_line_bytes: usize,
    entries: u64,
    watch: Watch<'a>,
}

impl<'a> DumpWriter<'a> {
    /// Begins the dump that will replace `target`. `created_at` is the ISO 8601 time for people. `max_line_bytes`
    /// is what the reader will allow: what it could not read is refused here.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn create(
        target: &Path,
        created_at: &str,
        max_line_bytes: usize,
        watch: Watch<'a>,
    ) -> Result<Self, DumpError> {
        let file = temporary_beside(target).map_err(DumpError::io)?;
        let packed = target.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"));
        let out = Sink::new(file, packed).map_err(DumpError::io)?;
        let target = target.to_owned();
        let hasher = Box::new(Xxh3::new());
        let mut writer = Self { target, out, hasher, line: Vec::new(), max_line_bytes, entries: 0, watch };
        writer.put(&HeaderLine {
            format: FORMAT.to_owned(),
            version: VERSION,
            created_at: created_at.to_owned(),
        })?;
        Ok(writer)
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// Cancelled; the file cannot be written; the value is not JSON or the line is over the limit. After an error
    /// the dump cannot be finished.
    pub(crate) fn push(&mut self, entry: &DumpEntry) -> Result<(), DumpError> {
        self.watch.check(self.entries)?;
        match entry.kind {
            Kind::Text => self.put(&line_of(entry, None, &entry.value))?,
            Kind::Json => {
                let one_line = on_one_line(&entry.value);
                let value: &RawValue = serde_json::from_str(&one_line)
                    .map_err(|error| DumpError::json(self.entries + 2, "the value", &error))?;
                let kind = is_string(value.get()).then_some(KindField::Json);
                self.put(&line_of(entry, kind, value))?;
            }
        }
        self.entries += 1;
        Ok(())
    }

    /// Closes the dump and puts it in the target's place. It is on disk when this returns.
    ///
    /// # Errors
    /// Cancelled; the file cannot be written. The target is then as it was.
    pub(crate) fn finish(mut self) -> Result<Written, DumpError> {
        self.watch.check(self.entries)?;
        let xxh3 = format!("{:016x}", self.hasher.digest());
        self.put(&TrailerLine { entries: self.entries, xxh3 })?;
        let file = self.out.finish().map_err(DumpError::io)?;
        let bytes = persist(file, &self.target).map_err(DumpError::io)?;
        Ok(Written { entries: self.entries, bytes })
    }

    fn put(&mut self, line: &impl Serialize) -> Result<(), DumpError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(|error| DumpError::io(error.into()))?;
        self.line.push(b'\n');
        if self.line.len() > self.max_line_bytes {
            let (bytes, limit) = (self.line.len(), self.max_line_bytes);
            let what = format!("the entry takes {bytes} bytes, {limit} are allowed");
            return Err(DumpError::invalid(self.entries + 2, what));
        }
        self.hasher.update(&self.line);
        self.out.write_all(&self.line).map_err(DumpError::io)
    }
}

fn line_of<V>(entry: &DumpEntry, kind: Option<KindField>, value: V) -> EntryLine<&str, V> {
    EntryLine {
        key: &entry.key,
        namespace: Some(entry.namespace.as_str()).filter(|name| !name.is_empty()),
        agent_id: entry.agent_id.as_deref(),
        model: entry.model.as_deref(),
        prompt_sha256: entry.prompt_sha256.as_deref(),
        kind,
        value,
        created_at: entry.created_ms,
        expires_at: entry.expires_ms,
        ttl_ms: entry.ttl_ms,
        stale_ms: entry.stale_ms,
        sliding: entry.sliding,
        tags: entry.tags.iter().map(String::as_str).collect(),
    }
}

/// In JSON a line break stands only between tokens, where a space means the same.
fn on_one_line(json: &str) -> std::borrow::Cow<'_, str> {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ").into() } else { json.into() }
}

fn temporary_beside(target: &Path) -> io::Result<NamedTempFile> {
    // Mode 0600 and a random name; removed when dropped.
    tempfile::Builder::new().prefix(".agentwise-dump-").suffix(".tmp").tempfile_in(directory_of(target))
}

fn directory_of(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn persist(file: NamedTempFile, target: &Path) -> io::Result<u64> {
    file.as_file().sync_all()?;
    let bytes = file.as_file().metadata()?.len();
    file.persist(target).map_err(|refused| refused.error)?;
    // The rename itself survives a power loss only once the directory is written. Windows has no such call.
    if cfg!(unix) {
        File::open(directory_of(target))?.sync_all()?;
    }
    Ok(bytes)
}

enum Sink {
    Plain(BufWriter<NamedTempFile>),
    Packed(Box<zstd::stream::write::Encoder<'static, BufWriter<NamedTempFile>>>),
}

impl Sink {
    fn new(file: NamedTempFile, packed: bool) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        if !packed {
            return Ok(Self::Plain(file));
        }
        let mut encoder = zstd::stream::write::Encoder::new(file, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Packed(Box::new(encoder)))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Packed(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<NamedTempFile> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Packed(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}
