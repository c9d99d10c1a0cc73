//! Contexts that are at work. The same one, given for several agents at once, is copied, checked, measured and counted once.
//!
//! Nothing is kept when the last call of a context is over; `outcomes.rs` remembers what came of it.

use std::sync::{Arc, OnceLock, Weak};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::outcomes::Outcome;
use crate::base::document::{Columns, Document};
use crate::base::error::Result;
use crate::tokens::known::Whole;

/// A context at work.
#[derive(Debug)]
pub struct Shared {
    fingerprint: u128,
    columns: Mutex<Columns>,
    document: OnceLock<Result<Document>>,
    whole: Arc<Whole>,
    /// By question, what was found; its lock is held by who looks for it.
    found: Mutex<HashMap<u128, Arc<Mutex<Weak<Outcome>>>>>,
}

impl Shared {
    fn new(fingerprint: u128, columns: Columns) -> Arc<Self> {
        Arc::new(Self {
            fingerprint,
            columns: Mutex::new(columns),
            document: OnceLock::new(),
            whole: Arc::default(),
            found: Mutex::default(),
        })
    }

    /// Of the columns: equal ones are the same context.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// The values, read by whoever asks first.
    ///
    /// # Errors
    /// Those of [`Document::from_columns`].
    pub fn document(&self) -> std::result::Result<&Document, &crate::base::error::Error> {
        self.document
            .get_or_init(|| Document::from_columns(std::mem::take(&mut self.columns.lock())))
            .as_ref()
    }

    /// Tokens of the whole.
    pub(super) fn whole(&self) -> &Arc<Whole> {
        &self.whole
    }

    /// What is found for a question: by who asks first, while the others wait.
    pub(super) fn found(&self, question: u128) -> Arc<Mutex<Weak<Outcome>>> {
        Arc::clone(self.found.lock().entry(question).or_default())
    }
}

#[cfg(test)]
impl Shared {
    /// A document by itself.
    pub(crate) fn of(document: Document, fingerprint: u128) -> Arc<Self> {
        let shared = Self::new(fingerprint, Columns::default());
        assert!(shared.document.set(Ok(document)).is_ok(), "it is new");
        shared
    }
}

/// All contexts at work, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    contexts: Mutex<Contexts>,
}

#[derive(Debug, Default)]
struct Contexts {
    by_fingerprint: HashMap<u128, Weak<Shared>>,
    /// How many there may be before those that are gone are looked for.
    limit: usize,
}

/// So many are not worth looking through.
const MIN_TIDY: usize = 64;

impl AtWork {
    /// The context with this fingerprint; of one that nobody is at work on, `columns` are asked for.
    pub(super) fn context(&self, fingerprint: u128, columns: impl FnOnce() -> Columns) -> Arc<Shared> {
        let known = |contexts: &Contexts| contexts.by_fingerprint.get(&fingerprint).and_then(Weak::upgrade);
        if let Some(shared) = known(&self.contexts.lock()) {
            return shared;
        }
        let made = Shared::new(fingerprint, columns());
        let mut contexts = self.contexts.lock();
        if let Some(shared) = known(&contexts) {
            return shared;
        }
        if contexts.by_fingerprint.len() >= contexts.limit.max(MIN_TIDY) {
            contexts.by_fingerprint.retain(|_, shared| shared.strong_count() > 0);
            contexts.limit = 2 * contexts.by_fingerprint.len();
        }
        contexts.by_fingerprint.insert(fingerprint, Arc::downgrade(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns { kinds: vec![0], ends: vec![1], ..Columns::default() }
    }

    #[test]
    fn same_context_is_copied_once_while_somebody_is_at_work_on_it() {
        let at_work = AtWork::default();
        let first = at_work.context(1, columns);
        let second = at_work.context(1, || unreachable!("it is there"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(second.document().expect("sound").len(), 1);
        drop((first, second));
        let mut asked = false;
        at_work.context(1, || {
            asked = true;
            columns()
        });
        assert!(asked, "nothing is kept");
        for fingerprint in 0..1000 {
            at_work.context(fingerprint, columns);
        }
        assert!(at_work.contexts.lock().by_fingerprint.len() <= MIN_TIDY + 1);
    }

    #[test]
    fn columns_that_contradict_each_other_are_an_error_for_all() {
        let shared = Shared::new(1, Columns::default());
        assert!(shared.document().is_err() && shared.document().is_err());
    }
}
