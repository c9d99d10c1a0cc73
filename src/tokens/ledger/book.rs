//! Figures by name, bounded: the least recently used names join the others.

use std::collections::HashMap;

use super::figures::Figures;
use crate::base::held::table_bytes;

/// Longest name that has figures of its own, in bytes; the rest of a longer one is cut off.
const MAX_NAME_BYTES: usize = 256;

/// Figures by name.
#[derive(Debug)]
pub(super) struct Book {
    most: usize,
    by_name: HashMap<String, (Figures, u64)>,
    name_bytes: usize,
    /// Of the names that are not here any more.
    others: Figures,
    tick: u64,
}

impl Book {
    pub(super) fn new(most: usize) -> Self {
        Self { most, by_name: HashMap::new(), name_bytes: 0, others: Figures::default(), tick: 0 }
    }

    pub(super) fn add(&mut self, name: &str, figures: &Figures) {
        self.tick += 1;
        let name = cut(name);
        if let Some((sum, used)) = self.by_name.get_mut(name) {
            sum.add(figures);
            *used = self.tick;
            return;
        }
        if self.by_name.len() >= self.most {
            self.fold_oldest();
        }
        self.name_bytes += name.len();
        self.by_name.insert(name.to_owned(), (figures.clone(), self.tick));
    }

    /// An eighth at once, so that the sort is paid rarely.
    fn fold_oldest(&mut self) {
        let mut ticks: Vec<u64> = self.by_name.values().map(|(_, used)| *used).collect();
        ticks.sort_unstable();
        let newest_folded = ticks[ticks.len() / 8];
        let (others, name_bytes) = (&mut self.others, &mut self.name_bytes);
        self.by_name.retain(|name, (figures, used)| {
            let is_kept = *used > newest_folded;
            if !is_kept {
                others.add(figures);
                *name_bytes -= name.len();
            }
            is_kept
        });
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        table_bytes(self.by_name.capacity(), size_of::<(String, (Figures, u64))>()) + self.name_bytes
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&String, &Figures)> {
        self.by_name.iter().map(|(name, (figures, _))| (name, figures))
    }

    pub(super) fn others(&self) -> &Figures {
        &self.others
    }
}

/// The name, at most as long as is looked at.
pub(super) fn cut(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
