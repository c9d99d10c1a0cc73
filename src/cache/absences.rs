//! Keys that are known not to be on disk, so that they need not be looked up again: those of an agent whose answer is the
//! shared one, and those that are asked for over and over.
//!
//! A table of fixed size; a new row takes the place of another. A row holds as long as its stamp is current and this process
//! has not written the key.

use parking_lot::Mutex;

const ROWS: usize = 8192;

/// The table. 128 KB once something is in it.
#[derive(Debug, Default)]
pub(crate) struct Absences {
    rows: Mutex<Vec<(u64, u32)>>,
}

impl Absences {
    /// Notes that a key was not there when its stamp was `stamp`.
    pub(crate) fn insert(&self, hash: u64, stamp: u32) {
        let mut rows = self.rows.lock();
        if rows.is_empty() {
            rows.resize(ROWS, (0, 0));
        }
        rows[place(hash)] = (hash, stamp);
    }

    /// Whether it is known to be absent.
    pub(crate) fn contains(&self, hash: u64, stamp: u32) -> bool {
        self.rows.lock().get(place(hash)) == Some(&(hash, stamp))
    }

    /// Forgets a key that is written.
    pub(crate) fn remove(&self, hash: u64) {
        if let Some(row) = self.rows.lock().get_mut(place(hash)).filter(|row| row.0 == hash) {
            *row = (0, 0);
        }
    }

    /// Bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.rows.lock().capacity() * size_of::<(u64, u32)>()
    }

    /// Forgets all, and gives its memory back.
    pub(crate) fn give_up(&self) {
        *self.rows.lock() = Vec::new();
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.rows.lock().clear();
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % ROWS as u64).expect("invariant: less than the rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_holds_under_its_stamp_until_the_key_is_written() {
        let absences = Absences::default();
        assert!(!absences.contains(7, 0));
        absences.insert(7, 1);
        assert!(absences.contains(7, 1) && !absences.contains(7, 2) && !absences.contains(8, 1));
        absences.remove(7);
        assert!(!absences.contains(7, 1));
        absences.insert(7, 1);
        absences.insert(7 + ROWS as u64, 1);
        assert!(!absences.contains(7, 1), "the newer row took its place");
    }
}
