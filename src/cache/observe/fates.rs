//! What happened to single keys of late, until their next value says how it ended.
//!
//! A table of fixed size: a key takes the place of another one, which is then not counted. That costs evidence, never makes it.

/// A value stored so soon after another one was served takes its place, ms: longer than any answer of a model takes, shorter
/// than the life of an answer.
pub(super) const SOON_MS: u64 = 600_000;

/// Places: 48 KB.
const PLACES: usize = 1536;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A lookup found nothing.
    Missed {
        /// Unix ms.
        at_ms: u64,
    },
    /// A lookup found a value whose life was over.
    Expired {
        /// Hash of the value.
        value: u64,
    },
    /// It was answered with the value of another question.
    Served {
        /// Hash of the value.
        value: u64,
        /// Unix ms.
        at_ms: u64,
    },
}

/// The table; empty until it is used.
#[derive(Default)]
pub(super) struct Fates {
    places: Vec<Option<(u64, Fate)>>,
}

impl Fates {
    /// Remembers what happened to a key. A miss says less than what led to it.
    pub(super) fn note(&mut self, hash: u64, fate: Fate) {
        if self.places.is_empty() {
            self.places = vec![None; PLACES];
        }
        let place = &mut self.places[place(hash)];
        let is_known =
            place.is_some_and(|(known, fate)| known == hash && !matches!(fate, Fate::Missed { .. }));
        if !(is_known && matches!(fate, Fate::Missed { .. })) {
            *place = Some((hash, fate));
        }
    }

    /// What happened to a key, which is forgotten.
    pub(super) fn take(&mut self, hash: u64) -> Option<Fate> {
        let place = self.places.get_mut(place(hash))?;
        place.take_if(|(known, _)| *known == hash).map(|(_, fate)| fate)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Option<(u64, Fate)>>()
    }
}

fn place(hash: u64) -> usize {
    usize::try_from((hash >> 20) % PLACES as u64).expect("invariant: less than the places")
}
