//! Reads a dump: first all of it is verified, then entries are given out, so that nothing comes from a damaged file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use serde_json::value::RawValue;
use xxhash_rust::xxh3::Xxh3;

use super::{
    DumpEntry, DumpError, EntryLine, FORMAT, HeaderLine, TRAILER_START, TrailerLine, VERSION, Watch,
};

/// First bytes of a zstd frame (RFC 8878, 3.1.1): the content decides, not the name.
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Largest window that a compressed dump may ask memory for: 2^23, what zstd's level 19 uses. The writer needs less.
const MAX_WINDOW_LOG: u32 = 23;
const BUFFER_BYTES: usize = 256 * 1024;
/// A header is short. What is longer is not read as one.
const MAX_HEADER_BYTES: usize = 4 * 1024;

/// A dump that has been verified from the first byte to the last.
#[derive(Debug)]
pub(crate) struct DumpFile {
    file: File,
    max_line_bytes: usize,
    digest: u64,
}

impl DumpFile {
    /// Verifies the dump at `path`. Memory stays at a small multiple of `max_line_bytes` and,
    /// for a compressed one, a window of 8 MB, whatever the file claims or unpacks to.
    ///
    /// # Errors
    /// The file cannot be read; it is not a whole, unchanged dump of this version; a line is over the limit;
    /// cancelled.
    pub(crate) fn open(path: &Path, max_line_bytes: usize, watch: Watch<'_>) -> Result<Self, DumpError> {
        // Before it is opened: opening a pipe would wait for a writer.
        if !std::fs::metadata(path).map_err(DumpError::io)?.is_file() {
            return Err(DumpError::io(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            )));
        }
        let file = File::open(path).map_err(DumpError::io)?;
        let digest = {
            let mut scan = Scan::start(&file, max_line_bytes, watch)?;
            while scan.next()?.is_some() {}
            scan.hasher.digest()
        };
        Ok(Self { file, max_line_bytes, digest })
    }

    /// Its entries, in the order of the file. Each item is verified again: a file that is changed meanwhile ends in
    /// an error.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn read<'f>(&'f mut self, watch: Watch<'f>) -> Result<Entries<'f>, DumpError> {
        let scan = Scan::start(&self.file, self.max_line_bytes, watch)?;
        Ok(Entries { scan: Some(scan), digest: self.digest })
    }
}

/// Entries of a verified dump; ends after the first error.
pub(crate) struct Entries<'f> {
    scan: Option<Scan<'f>>,
    digest: u64,
}

impl Iterator for Entries<'_> {
    type Item = Result<DumpEntry, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        let scan = self.scan.as_mut()?;
        match scan.next() {
            Ok(Some(entry)) => return Some(Ok(entry)),
            Ok(None) if scan.hasher.digest() == self.digest => self.scan = None,
            Ok(None) => {
                let error = DumpError::invalid(scan.line_number, "the file was changed while it was read");
                self.scan = None;
                return Some(Err(error));
            }
            Err(error) => {
                self.scan = None;
                return Some(Err(error));
            }
        }
        None
    }
}

/// One pass over the file.
struct Scan<'f> {
    input: Input<'f>,
    watch: Watch<'f>,
    max_line_bytes: usize,
    hasher: Box<Xxh3>,
    line: Vec<u8>,
    /// Of the line in `line`, from 1.
    line_number: u64,
    entries: u64,
}

impl<'f> Scan<'f> {
    fn start(file: &'f File, max_line_bytes: usize, watch: Watch<'f>) -> Result<Self, DumpError> {
        let mut scan = Self {
            input: Input::new(file).map_err(DumpError::io)?,
            watch,
            max_line_bytes,
            hasher: Box::new(Xxh3::new()),
            line: Vec::new(),
            line_number: 0,
            entries: 0,
        };
        scan.read_line(max_line_bytes.min(MAX_HEADER_BYTES))?;
        // A newer version may have other fields: the version is looked at before they are.
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&scan.line).map_err(|error| DumpError::json(1, "the header", &error))?;
        if fields.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(DumpError::invalid(1, format!("it is not a dump: its format is not \"{FORMAT}\"")));
        }
        match fields.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                let what = format!("it has version {version}, this package reads version {VERSION}");
                return Err(DumpError::invalid(1, what));
            }
            None => return Err(DumpError::invalid(1, "the header has no version")),
        }
        let header: HeaderLine = serde_json::from_value(fields.into())
            .map_err(|error| DumpError::json(1, "the header", &error))?;
        let _ = header.created_at;
        scan.hasher.update(&scan.line);
        Ok(scan)
    }

    /// The next entry; `None` after a trailer that is right and the last thing in the file.
    fn next(&mut self) -> Result<Option<DumpEntry>, DumpError> {
        self.watch.check(self.entries)?;
        self.read_line(self.max_line_bytes)?;
        if self.line.starts_with(TRAILER_START) {
            return self.end().map(|()| None);
        }
        let parsed: EntryLine<String, Box<RawValue>> = serde_json::from_slice(&self.line)
            .map_err(|error| DumpError::json(self.line_number, "the entry", &error))?;
        self.hasher.update(&self.line);
        self.entries += 1;
        parsed.into_entry(self.line_number).map(Some)
    }

    fn end(&mut self) -> Result<(), DumpError> {
        let line = self.line_number;
        let trailer: TrailerLine = serde_json::from_slice(&self.line)
            .map_err(|error| DumpError::json(line, "the last line", &error))?;
        if trailer.entries != self.entries {
            let what = format!("it says {} entries, the file has {}", trailer.entries, self.entries);
            return Err(DumpError::invalid(line, what));
        }
        if trailer.xxh3 != format!("{:016x}", self.hasher.digest()) {
            return Err(DumpError::invalid(line, "the checksum does not match: the file was changed"));
        }
        if self.input.fill(line + 1)? {
            return Err(DumpError::invalid(line + 1, "there is something after the last line"));
        }
        Ok(())
    }

    /// Reads a whole line, with its end, into `self.line`.
    fn read_line(&mut self, max_bytes: usize) -> Result<(), DumpError> {
        self.line.clear();
        self.line_number += 1;
        let number = self.line_number;
        let limit = max_bytes as u64;
        let mut bounded = (&mut self.input.reader).take(limit);
        bounded.read_until(b'\n', &mut self.line).map_err(|error| self.input.unreadable(error, number))?;
        if self.line.last() == Some(&b'\n') {
            Ok(())
        } else if self.line.len() as u64 == limit {
            Err(DumpError::invalid(number, format!("the line is longer than {limit} bytes")))
        } else {
            Err(DumpError::invalid(number, "the file ends here: it was cut off"))
        }
    }
}

/// The unpacked bytes of the file.
struct Input<'f> {
    reader: Box<dyn BufRead + 'f>,
    packed: bool,
}

impl<'f> Input<'f> {
    fn new(mut file: &'f File) -> io::Result<Self> {
        file.rewind()?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let packed = reader.fill_buf()?.starts_with(&ZSTD_MAGIC);
        if !packed {
            return Ok(Self { reader: Box::new(reader), packed });
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        Ok(Self { reader: Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)), packed })
    }

    /// Whether there is more.
    fn fill(&mut self, line: u64) -> Result<bool, DumpError> {
        match self.reader.fill_buf() {
            Ok(bytes) => Ok(!bytes.is_empty()),
            Err(error) => Err(self.unreadable(error, line)),
        }
    }

    /// What the operating system says is a failure to read; what zstd says is a fault of the file.
    fn unreadable(&self, error: io::Error, line: u64) -> DumpError {
        if self.packed && error.raw_os_error().is_none() {
            DumpError::invalid(line, "the compressed data is damaged")
        } else {
            DumpError::io(error)
        }
    }
}
