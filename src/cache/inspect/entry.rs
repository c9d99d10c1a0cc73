//! What a list of entries is asked for, says of one, and where it goes on.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::cache::disk::db::from_sql;
use crate::cache::disk::inspect::{Listed, Wanted};
use crate::cache::disk::queue::Put;
use crate::cache::disk::row::Codec;
use crate::cache::disk::tables::{L2, L3};
use crate::cache::key::{Key, Namespace, Parts};
use crate::cache::l1::Entry;
use crate::cache::lookup::{Layer, end_of_life_ms};

/// Which entries are listed. The default is all of the directory.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Of this namespace and below; `None`: of every one.
    pub namespace: Option<Namespace>,
    /// Whose query begins with one of these; empty: any.
    pub prefixes: Vec<String>,
    /// Whose query is one of these; empty: any.
    pub queries: BTreeSet<String>,
    /// That this layer holds.
    pub layer: Option<Layer>,
    /// With this tag.
    pub tag: Option<String>,
    /// That only this agent sees.
    pub agent_id: Option<String>,
    /// Of this model.
    pub model: Option<String>,
}

impl EntryFilter {
    pub(super) fn wanted(&self) -> Wanted<'_> {
        let tier = match self.layer {
            Some(Layer::L2) => Some(L2),
            Some(Layer::L3) => Some(L3),
            Some(Layer::L1) | None => None,
        };
        Wanted { namespace: self.namespace.as_ref(), tier, tagged_only: self.tag.is_some() }
    }

    pub(super) fn is_meant(&self, key: &[u8]) -> bool {
        let Some(parts) = Parts::read(key) else { return false };
        let begins = |prefix: &String| parts.query.starts_with(prefix);
        self.namespace.as_ref().is_none_or(|namespace| namespace.contains(parts.namespace))
            && (self.prefixes.is_empty() || self.prefixes.iter().any(begins))
            && (self.queries.is_empty() || self.queries.contains(parts.query))
            && self.agent_id.as_ref().is_none_or(|agent| parts.agent_id == Some(agent))
            && self.model.as_ref().is_none_or(|model| parts.model == Some(model))
    }

    pub(super) fn has_tag(&self, tags: &[Box<str>]) -> bool {
        self.tag.as_ref().is_none_or(|tag| tags.iter().any(|of| **of == **tag))
    }

    pub(super) fn takes(&self, info: &EntryInfo) -> bool {
        self.layer.is_none_or(|layer| info.layers.contains(&layer)) && self.has_tag(&info.tags)
    }
}

/// An entry without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryInfo {
    /// Its query.
    pub key: String,
    /// Names of its namespace, the root first.
    pub namespace: Vec<String>,
    /// The agent it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The model that gave the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// SHA-256 of the system prompt, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_sha256: Option<String>,
    /// Where a lookup would find it.
    #[serde(serialize_with = "layer_name")]
    pub layer: Layer,
    /// All that hold it, the fastest first.
    #[serde(serialize_with = "layer_names")]
    pub layers: Vec<Layer>,
    /// Bytes of the value.
    pub size: u64,
    /// Bytes that it takes of its disk tier's limit, with key and row; 0 while it is only in memory.
    pub stored_size: u64,
    /// Whether it is compressed on disk.
    pub compressed: bool,
    /// When it was stored, Unix ms.
    #[serde(rename = "createdAt")]
    pub created_ms: u64,
    /// When it was used last, Unix ms. Of an entry on disk uses are noted every ten minutes at most.
    #[serde(rename = "lastAccessed")]
    pub used_ms: u64,
    /// End of its fresh life, Unix ms.
    #[serde(rename = "expiresAt")]
    pub fresh_ms: u64,
    /// Uses since it came into memory; of one that is not, uses since it came up for eviction last, at most 3.
    pub hit_count: u64,
    /// By which it can be deleted.
    pub tags: Vec<Box<str>>,
    /// Whether its life is over and it only stands in for a new value.
    pub stale: bool,
    /// The place in the list from which on others come.
    #[serde(serialize_with = "text")]
    pub cursor: Cursor,
}

impl EntryInfo {
    /// That of an entry in memory, with its row if that has the same value; `None` for one that is gone.
    pub(super) fn of_memory(
        key: &Key,
        entry: &Entry,
        on_disk: Option<&Listed>,
        at: Cursor,
        now_ms: u64,
    ) -> Option<Self> {
        let record = &entry.record;
        let ends = (entry.fresh_ms, entry.gone_ms());
        let mut info = Self::new(key, record.created_ms, ends, &record.tags, at, now_ms)?;
        info.layers.push(Layer::L1);
        info.layers.extend(on_disk.map(|listed| layer_of(listed.row.tier)));
        info.stored_size = on_disk.map_or(0, |listed| from_sql(listed.row.stored));
        info.compressed = on_disk.is_some_and(|listed| listed.head.codec != Codec::Plain);
        (info.layer, info.size) = (Layer::L1, record.text.len() as u64);
        (info.used_ms, info.hit_count) = (entry.used_ms, entry.hits);
        Some(info)
    }

    /// That of a value that waits to be written and is not in L1 any more.
    pub(super) fn of_put(key: &Key, put: &Put, at: Cursor, now_ms: u64) -> Option<Self> {
        let record = &put.record;
        let ends = (put.fresh_ms, put.fresh_ms.saturating_add(record.stale_ms));
        let mut info = Self::new(key, record.created_ms, ends, &record.tags, at, now_ms)?;
        info.layers.push(Layer::L2);
        (info.size, info.used_ms) = (record.text.len() as u64, put.used_ms);
        Some(info)
    }

    /// That of a row.
    pub(super) fn of_row(Listed { key, row, head }: &Listed, at: Cursor, now_ms: u64) -> Option<Self> {
        let fresh_ms = end_of_life_ms(row.fresh_ms, head.created_ms, head.ttl_ms, head.sliding, now_ms);
        let ends = (fresh_ms, fresh_ms.saturating_add(head.stale_ms));
        let mut info = Self::new(key, head.created_ms, ends, &head.tags, at, now_ms)?;
        info.layer = layer_of(row.tier);
        info.layers.push(info.layer);
        (info.size, info.stored_size) = (from_sql(row.raw), from_sql(row.stored));
        (info.used_ms, info.hit_count) = (row.used_ms, from_sql(row.hits));
        info.compressed = head.codec != Codec::Plain;
        Some(info)
    }

    fn new(
        key: &Key,
        created_ms: u64,
        (fresh_ms, gone_ms): (u64, u64),
        tags: &[Box<str>],
        at: Cursor,
        now_ms: u64,
    ) -> Option<Self> {
        let parts = Parts::read(&key.bytes).filter(|_| gone_ms > now_ms)?;
        Some(Self {
            key: parts.query.to_owned(),
            namespace: names(parts.namespace),
            agent_id: parts.agent_id.map(str::to_owned),
            model: parts.model.map(str::to_owned),
            prompt_sha256: parts.prompt_hash.map(crate::cache::transfer_files::hex),
            layer: Layer::L2,
            layers: Vec::new(),
            size: 0,
            stored_size: 0,
            compressed: false,
            created_ms,
            used_ms: created_ms,
            fresh_ms,
            hit_count: 0,
            tags: tags.to_vec(),
            stale: fresh_ms <= now_ms,
            cursor: at.after(key.hash),
        })
    }
}

/// Names of a namespace's path, the root first.
pub(crate) fn names(path: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(path).split('\0').map(str::to_owned).collect()
}

fn layer_of(tier: i64) -> Layer {
    if tier == L3 { Layer::L3 } else { Layer::L2 }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn layer_name<S: Serializer>(layer: &Layer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(layer.name())
}

fn layer_names<S: Serializer>(layers: &[Layer], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(layers.iter().map(|layer| layer.name()))
}

fn text<S: Serializer>(cursor: &Cursor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cursor)
}

/// A place in a list, to go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) part: Part,
    /// After the key with this hash.
    pub(super) hash: u128,
}

/// What a list is being made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is on disk.
    Disk,
    /// What is in memory.
    Memory,
}

const PARTS: [(char, Part); 2] = [('d', Part::Disk), ('m', Part::Memory)];

impl Cursor {
    /// What its text says.
    pub fn parse(text: &str) -> Option<Self> {
        let (&(_, part), hash) = PARTS.iter().find_map(|part| Some((part, text.strip_prefix(part.0)?)))?;
        Some(Self { part, hash: u128::from_str_radix(hash, 16).ok()? })
    }

    fn after(self, hash: u128) -> Self {
        Self { hash, ..self }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = PARTS.iter().find(|part| part.1 == self.part).map_or('d', |part| part.0);
        write!(f, "{letter}{:x}", self.hash)
    }
}
