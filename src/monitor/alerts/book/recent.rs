//! Which alerts were raised in the last five minutes, by what makes two of them the same: component, level and title.

use std::collections::{HashMap, VecDeque};

use xxhash_rust::xxh3::xxh3_128;

use super::{MAX_ALERTS, REPEAT_MS};
use crate::base::held::table_bytes;
use crate::monitor::alerts::{Component, Level};

/// Most that are known: as many as alerts are remembered. Of more, the oldest may be raised again.
const MAX_KNOWN: usize = MAX_ALERTS;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    at_ms: HashMap<u128, u64>,
    in_order: VecDeque<(u64, u128)>,
}

impl Recent {
    /// Whether the same alert was raised less than five minutes ago.
    pub(super) fn has(&self, key: Key, now_ms: u64) -> bool {
        self.at_ms.get(&key.0).is_some_and(|at_ms| now_ms.saturating_sub(*at_ms) < REPEAT_MS)
    }

    /// Notes that it was raised at `at_ms`, and forgets what is too old or too much.
    pub(super) fn note(&mut self, Key(key): Key, at_ms: u64) {
        self.at_ms.insert(key, at_ms);
        self.in_order.push_back((at_ms, key));
        let is_old = |noted: &(u64, u128)| at_ms.saturating_sub(noted.0) >= REPEAT_MS;
        while self.in_order.len() > MAX_KNOWN || self.in_order.front().is_some_and(is_old) {
            let Some((noted_ms, key)) = self.in_order.pop_front() else { break };
            // Noted again since: that entry is further behind.
            if self.at_ms.get(&key) == Some(&noted_ms) {
                self.at_ms.remove(&key);
            }
        }
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        table_bytes(self.at_ms.capacity(), size_of::<(u128, u64)>())
            + self.in_order.capacity() * size_of::<(u64, u128)>()
    }
}

/// What two alerts have in common that are the same one. A title is known by its hash of 128 bits, so that long ones cost no
/// more than short ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u128);

impl Key {
    pub(super) fn new(level: Level, component: Component, title: &str) -> Self {
        let mut bytes = Vec::with_capacity(2 + title.len());
        bytes.extend([level as u8, component as u8]);
        bytes.extend(title.as_bytes());
        Self(xxh3_128(&bytes))
    }
}
