//! What is stored under a key: a value and what was said about it when it was stored. Never changes; tiers share it.

use std::sync::Arc;

use crate::base::held::{ARC_BYTES, Counted, Tally};

/// What the text of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON.
    Json,
    /// A string value itself, so that it needs no parsing.
    Text,
}

/// A value with its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The value as text.
    pub text: Box<str>,
    /// What the text is.
    pub kind: Kind,
    /// Unix ms at which it was stored.
    pub created_ms: u64,
    /// Life from then on, or from the last use if `sliding`, ms.
    pub ttl_ms: u64,
    /// How long after its life it may still stand in for a new value, ms.
    pub stale_ms: u64,
    /// Whether a use begins its life anew.
    pub sliding: bool,
    /// By which it can be deleted.
    pub tags: Box<[Box<str>]>,
    /// Its bytes, from when it is shared on.
    pub(crate) counted: Uncompared,
}

/// Of one record; says nothing of its value.
#[derive(Debug, Default)]
pub(crate) struct Uncompared(#[expect(dead_code, reason = "counts as long as it is there")] Option<Counted>);

impl Clone for Uncompared {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl PartialEq for Uncompared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Uncompared {}

/// What is asked for beside key and value when something is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    /// Life, ms; `None`: as configured.
    pub ttl_ms: Option<u64>,
    /// How long it may be served as stale afterwards, ms.
    pub stale_ms: u64,
    /// Whether a use begins its life anew; `None`: as configured.
    pub sliding: Option<bool>,
    /// Share of the life, 0–1, by which it is shortened at random; `None`: as configured.
    pub jitter: Option<f64>,
    /// By which it can be deleted.
    pub tags: Vec<Box<str>>,
}

impl Record {
    /// When it stops being fresh if nothing uses it, Unix ms.
    pub fn fresh_until_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms)
    }

    /// To be shared; counted in `tally` as long as anybody has it.
    pub(crate) fn shared(mut self, tally: &Arc<Tally>) -> Arc<Self> {
        let bytes = ARC_BYTES + size_of::<Self>() + self.heap_bytes();
        self.counted = Uncompared(Some(Counted::new(tally, bytes)));
        Arc::new(self)
    }

    /// Bytes that it holds besides the struct itself.
    pub fn heap_bytes(&self) -> usize {
        self.text.len() + self.tags.iter().map(|tag| tag.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}
