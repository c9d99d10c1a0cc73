//! What events say of entries. Values are JSON text or plain text, which the facade makes a value of when it is looked at.

use serde::Serialize;

use super::key::Parts;
use super::l1::Entry;
use super::lookup::Layer;
use super::record::{Kind, Record};

/// `CacheEntry` of the public API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryEvent<'a> {
    key: &'a str,
    /// With a string value, the value itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_text: Option<&'a str>,
    /// With any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_json: Option<&'a str>,
    size: usize,
    created_at: u64,
    last_accessed: u64,
    hit_count: u64,
    /// Seconds.
    ttl: f64,
    compressed: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'static str>,
    key: &'a str,
    entry: EntryEvent<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct KeyEvent<'a> {
    key: &'a str,
}

/// An event about an entry of L1.
pub(crate) fn entry<'a>(
    key: &'a [u8],
    entry: &'a Entry,
    layer: Option<&'static str>,
    compressed: bool,
) -> Event<'a> {
    event(key, &entry.record, entry.used_ms, entry.hits, layer, compressed)
}

/// An event about a value that was found.
pub(crate) fn of_record<'a>(
    key: &'a [u8],
    record: &'a Record,
    used_ms: u64,
    hits: u64,
    layer: Layer,
) -> Event<'a> {
    event(key, record, used_ms, hits, Some(layer.name()), layer == Layer::L3)
}

/// An event about a key.
pub(crate) fn key(key: &[u8]) -> KeyEvent<'_> {
    KeyEvent { key: query(key) }
}

fn event<'a>(
    key: &'a [u8],
    record: &'a Record,
    used_ms: u64,
    hits: u64,
    layer: Option<&'static str>,
    compressed: bool,
) -> Event<'a> {
    let key = query(key);
    let text = Some(&*record.text);
    let entry = EntryEvent {
        key,
        value_text: text.filter(|_| record.kind == Kind::Text),
        value_json: text.filter(|_| record.kind == Kind::Json),
        size: record.text.len(),
        created_at: record.created_ms,
        last_accessed: used_ms,
        hit_count: hits,
        ttl: record.ttl_ms as f64 / 1000.0,
        compressed,
    };
    Event { layer, key, entry }
}

fn query(key: &[u8]) -> &str {
    Parts::read(key).map_or("", |parts| parts.query)
}
