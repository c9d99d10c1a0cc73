//! The file that `dump(file)` writes and `load(file)` reads: JSON Lines, so that other programs can read it.
//!
//! ```text
//! {"format":"agentwise-cache","version":1,"createdAt":"2026-01-31T12:00:00Z"}
//! {"key":"…","agentId":"…","value":{…},"createdAt":1769860800000,"expiresAt":…,"ttlMs":…,"tags":["…"]}
//! {"entries":1,"xxh3":"<16 hex digits: xxh3-64 of every byte before this line>"}
//! ```
//!
//! Each line ends with a line feed. Fields that have their default are left out. With a name that ends in `.zst`
//! the whole is one zstd stream. Owns the format, the atomic write (`writer.rs`) and the check before anything is
//! loaded (`reader.rs`). It does not know the store: entries are pushed in and pulled out one at a time, and memory
//! stays at a few lines.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::record::Kind;

mod reader;
mod writer;

pub(crate) use reader::DumpFile;
pub(crate) use writer::DumpWriter;

/// First field of every dump.
const FORMAT: &str = "agentwise-cache";
/// Version of the format; files with another one are refused.
const VERSION: u32 = 1;
/// How the last line begins. No entry begins so.
const TRAILER_START: &[u8] = b"{\"entries\":";
/// Entries between two calls of the progress callback.
const PROGRESS_ENTRIES: u64 = 1_000;

/// One entry of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DumpEntry {
    /// Empty for the default namespace.
    pub(crate) namespace: String,
    /// The query, with its mark if it has one (`base/name.rs`).
    pub(crate) key: String,
    /// The agent that may see it.
    pub(crate) agent_id: Option<String>,
    /// The model that gave the answer.
    pub(crate) model: Option<String>,
    /// SHA-256, hexadecimal, of the system prompt under which it was given.
    pub(crate) prompt_sha256: Option<String>,
    /// What the value is.
    pub(crate) kind: Kind,
    /// The plain string, or JSON text as `JSON.stringify` writes it. Line breaks between JSON tokens become spaces.
    pub(crate) value: String,
    /// When it was set, Unix ms.
    pub(crate) created_ms: u64,
    /// Until when it is fresh.
    pub(crate) expires_ms: u64,
    /// Its whole time to live.
    pub(crate) ttl_ms: u64,
    /// How long after that it may be served as stale.
    pub(crate) stale_ms: u64,
    /// Whether a read starts the time to live anew.
    pub(crate) sliding: bool,
    /// What it can be deleted by.
    pub(crate) tags: Vec<String>,
}

/// What went wrong with a dump. The reason never quotes an entry.
#[derive(Debug)]
pub(crate) struct DumpError {
    /// What kind of failure it is.
    pub(crate) reason: DumpReason,
    /// The line of the file, from 1, where there is one.
    pub(crate) line: Option<u64>,
}

/// Kinds of failure.
#[derive(Debug)]
pub(crate) enum DumpReason {
    /// The file is not a dump, of another version, damaged, or has a line over the limit.
    Invalid(String),
    /// The file cannot be read or written.
    Io(io::Error),
    /// The caller cancelled. A file that was being written is gone.
    Cancelled,
}

impl DumpError {
    fn invalid(line: u64, what: impl Into<String>) -> Self {
        Self { reason: DumpReason::Invalid(what.into()), line: Some(line) }
    }

    fn io(error: io::Error) -> Self {
        Self { reason: DumpReason::Io(error), line: None }
    }

    /// A line that is not what it has to be. serde's own message is only used where it cannot quote the line.
    fn json(line: u64, what: &str, error: &serde_json::Error) -> Self {
        let column = error.column();
        let why = if error.is_data() {
            format!("a field is missing, unknown or of the wrong type, at or before column {column}")
        } else {
            format!("it is not JSON, at column {column}")
        };
        Self::invalid(line, format!("{what} cannot be read: {why}"))
    }

    const CANCELLED: Self = Self { reason: DumpReason::Cancelled, line: None };
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match &self.reason {
            DumpReason::Invalid(what) => f.write_str(what),
            DumpReason::Io(error) => error.fmt(f),
            DumpReason::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            DumpReason::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// How the caller follows a dump or load.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    /// Asked before each entry.
    pub(crate) cancelled: &'a dyn Fn() -> bool,
    /// Called with the number of entries so far after every 1,000.
    pub(crate) progress: &'a dyn Fn(u64),
}

impl Watch<'_> {
    /// Before entry number `done + 1`.
    fn check(self, done: u64) -> Result<(), DumpError> {
        if (self.cancelled)() {
            return Err(DumpError::CANCELLED);
        }
        if done > 0 && done.is_multiple_of(PROGRESS_ENTRIES) {
            (self.progress)(done);
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeaderLine {
    format: String,
    version: u32,
    created_at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrailerLine {
    entries: u64,
    xxh3: String,
}

/// Declared where only JSON whose value is a string needs it: a text is a string already.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindField {
    Json,
}

/// An entry as it stands in its line; `S` and `V` are borrowed for writing and owned for reading.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntryLine<S, V> {
    key: S,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    namespace: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    agent_id: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    model: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    prompt_sha256: Option<S>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<KindField>,
    value: V,
    created_at: u64,
    expires_at: u64,
    ttl_ms: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    stale_ms: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    sliding: bool,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<S>,
}

fn none<S>() -> Option<S> {
    None
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether JSON text is a string.
fn is_string(json: &str) -> bool {
    json.starts_with('"')
}

impl EntryLine<String, Box<RawValue>> {
    fn into_entry(self, line: u64) -> Result<DumpEntry, DumpError> {
        let json = self.value.get();
        let (kind, value) = if is_string(json) && self.kind.is_none() {
            let text =
                serde_json::from_str(json).map_err(|error| DumpError::json(line, "the value", &error))?;
            (Kind::Text, text)
        } else {
            (Kind::Json, json.to_owned())
        };
        Ok(DumpEntry {
            namespace: self.namespace.unwrap_or_default(),
            key: self.key,
            agent_id: self.agent_id,
            model: self.model,
            prompt_sha256: self.prompt_sha256,
            kind,
            value,
            created_ms: self.created_at,
            expires_ms: self.expires_at,
            ttl_ms: self.ttl_ms,
            stale_ms: self.stale_ms,
            sliding: self.sliding,
            tags: self.tags,
        })
    }
}

#[cfg(test)]
mod tests;
