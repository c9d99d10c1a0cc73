//! How much of the text that is sent in whole values was sent before: what references would have replaced.
//!
//! Lines are looked at by their hash, one of [`RATIO`] hashes stands for the others, and of these a fixed table remembers the
//! last: 32 KB once something was sent. What was pushed out of it counts as new, so that the share is at most too low. Only
//! strings count, as far in as [`DEPTH`]; nothing of them is kept.

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::document::Kind;
use crate::base::json::{Fate, View};
use crate::tokens::delta::Delta;

/// One of so many lines is looked at.
pub(crate) const RATIO: u64 = 8;
/// Lines that are remembered: a hundred thousand lines of text.
const PLACES: usize = 4096;
/// Shorter lines are brackets and blanks, which nobody refers to.
const LEAST_LINE: usize = 16;
/// Shorter texts are not worth a reference.
const LEAST_TEXT: usize = 256;
/// Levels of a context that are looked through.
const DEPTH: usize = 4;
/// Values of a context that are looked at, so that one of a million numbers costs nothing.
const MOST_VALUES: usize = 4096;

/// Counts of one system.
#[derive(Debug, Default)]
pub(crate) struct Repeated(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Empty before the first line.
    known: Vec<u64>,
    counts: Counts,
}

/// What was counted. Bytes are of the lines that were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages with new values.
    pub(crate) messages: u64,
    /// Bytes of lines.
    pub(crate) bytes: u64,
    /// Of these, those in lines that were sent before.
    pub(crate) repeated: u64,
}

impl Counts {
    /// Share of the bytes that were sent before; `None` without any.
    pub(crate) fn share(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.repeated as f64 / self.bytes as f64)
    }
}

impl Repeated {
    /// Looks at the values that a message has whole. O(text).
    pub(crate) fn sent(&self, view: View<'_>, delta: &Delta) {
        let unchanged: &[usize] = match delta {
            Delta::Unchanged => return,
            Delta::Full => &[],
            Delta::Changed { unchanged, .. } => unchanged,
        };
        let mut lines = Vec::new();
        let mut left = MOST_VALUES;
        if view.document.kind(0) == Kind::Object {
            for value in view.entries(0).filter(|value| unchanged.binary_search(value).is_err()) {
                look(view, value, DEPTH, &mut left, &mut lines);
            }
        }
        let mut state = self.0.lock();
        state.counts.messages += 1;
        for (hash, bytes) in lines {
            state.line(hash, bytes);
        }
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().counts
    }

    /// Begins anew.
    pub(crate) fn reset(&self) {
        *self.0.lock() = State::default();
    }
}

impl State {
    fn line(&mut self, hash: u64, bytes: u64) {
        if self.known.is_empty() {
            self.known = vec![0; PLACES];
        }
        let place = (hash >> 32) as usize % PLACES;
        self.counts.bytes += bytes;
        if self.known[place] == hash {
            self.counts.repeated += bytes;
        } else {
            self.known[place] = hash;
        }
    }
}

/// Lines of the strings of a value.
fn look(view: View<'_>, value: usize, depth: usize, left: &mut usize, lines: &mut Vec<(u64, u64)>) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match view.document.kind(value) {
        // One that was cut is no text of its own.
        Kind::String if view.fate(value) != Fate::Cut => {
            let text = view.document.text(value);
            if text.len() >= LEAST_TEXT {
                let long = text.lines().filter(|line| line.len() >= LEAST_LINE);
                let hashed = long.map(|line| (xxh3_64(line.as_bytes()), line.len() as u64));
                lines.extend(hashed.filter(|(hash, _)| hash.is_multiple_of(RATIO)));
            }
        }
        Kind::Object | Kind::Array if depth > 1 => {
            for inner in view.entries(value) {
                look(view, inner, depth - 1, left, lines);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::document::tests::document;

    fn file(from: usize) -> String {
        (from..from + 400).map(|line| format!("line {line} of a source file")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn lines_that_were_sent_before_count_wherever_they_stand() {
        let repeated = Repeated::default();
        assert_eq!(repeated.counts().share(), None);
        let first = document(&json!({ "a.rs": file(0) }).to_string());
        repeated.sent(View::whole(&first), &Delta::Full);
        let counts = repeated.counts();
        assert!(counts.bytes > 500 && counts.repeated == 0, "{counts:?}");
        // Half of it is known, in another place.
        let second = document(&json!({ "files": [{ "text": file(200) }] }).to_string());
        repeated.sent(View::whole(&second), &Delta::Full);
        let share = (repeated.counts().repeated) as f64 / (repeated.counts().bytes - counts.bytes) as f64;
        assert!((0.35..0.65).contains(&share), "{share}");
        repeated.reset();
        assert_eq!(repeated.counts(), Counts::default());
    }

    #[test]
    fn what_is_not_sent_or_too_short_does_not_count() {
        let repeated = Repeated::default();
        let given = document(&json!({ "a": file(0), "b": "short", "c": 5 }).to_string());
        repeated.sent(View::whole(&given), &Delta::Unchanged);
        assert_eq!(repeated.counts().messages, 0);
        let view = View::whole(&given);
        let unchanged: Vec<usize> = view.entries(0).take(1).collect();
        let (added, modified, removed) = (Vec::new(), Vec::new(), Vec::new());
        repeated.sent(view, &Delta::Changed { added, modified, removed, unchanged });
        let counts = repeated.counts();
        assert_eq!((counts.messages, counts.bytes), (1, 0));
        let nothing = document("[]");
        repeated.sent(View::whole(&nothing), &Delta::Full);
        assert_eq!(repeated.counts().bytes, 0);
    }
}
