//! What was left out of contexts, to be given back on demand.
//!
//! By content: the same part has the same reference in every call, so that texts which name it stay the same from turn to
//! turn. Bounded by bytes: what was not left out or asked for for longest is forgotten.

use std::sync::Arc;

use parking_lot::Mutex;

use super::recent::Recent;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::ARC_BYTES;

/// The name of a part: 64 bits of its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference(u64);

impl Reference {
    /// Of content with this hash.
    #[expect(clippy::cast_possible_truncation, reason = "a part of the hash is what is wanted")]
    pub(crate) fn of(hash: u128) -> Self {
        Self(hash as u64)
    }

    /// The bits.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// What its text says.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_ours.then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The parts of one filter.
#[derive(Debug)]
pub(crate) struct References {
    parts: Mutex<Recent<Arc<str>>>,
}

impl References {
    /// None, and at most `max_bytes` of JSON.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { parts: Mutex::new(Recent::new(max_bytes)) }
    }

    /// Remembers a part by its hash; `json` is asked for if it is new.
    pub(crate) fn keep(&self, hash: u128, json: impl FnOnce() -> String) -> Reference {
        let reference = Reference::of(hash);
        let key = u128::from(reference.0);
        if self.parts.lock().get(key).is_none() {
            let json: Arc<str> = json().into();
            let bytes = ARC_BYTES + json.len();
            self.parts.lock().insert(key, json, bytes);
        }
        reference
    }

    /// Whether all of these are known: a use of each that is.
    pub(crate) fn touch(&self, references: impl Iterator<Item = Reference>) -> bool {
        let mut parts = self.parts.lock();
        let mut all = true;
        for reference in references {
            all &= parts.get(u128::from(reference.0)).is_some();
        }
        all
    }

    /// Lets go of what is too much.
    pub(crate) fn settle(&self) {
        let gone = self.parts.lock().shrink();
        drop(gone);
    }

    /// JSON of a part, if it is still known.
    pub(crate) fn get(&self, reference: Reference) -> Option<Arc<str>> {
        self.parts.lock().get(u128::from(reference.0)).cloned()
    }

    /// Changes the bound.
    pub(crate) fn set_max_bytes(&self, max_bytes: usize) {
        self.parts.lock().set_max_bytes(max_bytes);
        self.settle();
    }

    /// Parts and bytes held.
    pub(crate) fn held(&self) -> (usize, usize) {
        let parts = self.parts.lock();
        (parts.len(), parts.bytes())
    }
}

impl Footprint for References {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("context references", self.parts.lock().held_bytes() as u64);
    }

    fn relieve(&self, _: Relief) {
        // Agents were told that they can ask for them.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_until_there_are_too_many() {
        let references = References::new(1000);
        let first = references.keep(7 << 80 | 1, || "\"a\"".into());
        assert_eq!(first.to_string(), "0000000000000001");
        assert_eq!(references.get(first).as_deref(), Some("\"a\""));
        assert_eq!(Reference::parse(&first.to_string()), Some(first));
        references.keep(7 << 80 | 1, || unreachable!("it is known"));
        references.keep(2, || "x".repeat(990));
        references.settle();
        assert_eq!(references.get(first), None);
        assert!(references.held().1 <= 1000);
    }

    #[test]
    fn other_texts_are_no_references() {
        for text in ["", "1", "000000000000000G", "000000000000000A", "+00000000000000a", "00000000000000011"]
        {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
