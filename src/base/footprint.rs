//! What the parts of this package hold in native memory, and how they are asked to hold less.
//!
//! Memory is the process's: whoever watches it sees the parts of every system and of every class by itself. So the parts
//! register themselves here, and a watcher needs to know none of them. A part that is gone is forgotten.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

/// How much less a part is to hold. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Relief {
    /// What its configuration allows.
    #[default]
    None,
    /// Entries that are found again elsewhere, or are least worth keeping, go: L1 shrinks.
    Shrink,
    /// So does what can be made again: analyses, counts, deltas' bases, page caches.
    Drop,
}

/// A part that holds memory worth counting.
pub trait Footprint: Send + Sync {
    /// Says what it holds: a name and bytes, one row for each kind of thing. Takes no longer than a few microseconds.
    fn held(&self, row: &mut dyn FnMut(&'static str, u64));

    /// Holds less from now on, until told otherwise. May take as long as it needs; never called on a JavaScript thread.
    fn relieve(&self, relief: Relief);
}

#[derive(Default)]
struct Parts {
    parts: Vec<Weak<dyn Footprint>>,
    /// What each watcher asks for; the most counts.
    asked: BTreeMap<u64, Relief>,
    relief: Relief,
}

static PARTS: LazyLock<Mutex<Parts>> = LazyLock::new(Mutex::default);

/// Counts `part` from now on, as long as it lives. It begins with the relief that is asked for now.
pub fn register(part: &Arc<dyn Footprint>) {
    let relief = {
        let mut parts = PARTS.lock();
        parts.parts.retain(|part| part.strong_count() > 0);
        parts.parts.push(Arc::downgrade(part));
        parts.relief
    };
    if relief > Relief::None {
        part.relieve(relief);
    }
}

/// What all parts hold, in bytes, by name.
pub fn held() -> BTreeMap<&'static str, u64> {
    let mut rows = BTreeMap::new();
    for part in living() {
        part.held(&mut |name, bytes| *rows.entry(name).or_insert(0) += bytes);
    }
    rows
}

/// A number for a watcher that asks for relief.
pub fn new_watcher() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Says what `watcher` asks for. When the most that any asks for changes, the parts are told, on this thread.
pub fn ask(watcher: u64, relief: Relief) {
    let changed = {
        let mut parts = PARTS.lock();
        if relief == Relief::None {
            parts.asked.remove(&watcher);
        } else {
            parts.asked.insert(watcher, relief);
        }
        let most = parts.asked.values().copied().max().unwrap_or_default();
        std::mem::replace(&mut parts.relief, most) != most
    };
    if changed {
        let relief = PARTS.lock().relief;
        for part in living() {
            part.relieve(relief);
        }
    }
}

/// Parts that are in use. Upgraded before they are called: a part may register another.
fn living() -> Vec<Arc<dyn Footprint>> {
    PARTS.lock().parts.iter().filter_map(Weak::upgrade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Part(Mutex<Vec<Relief>>);

    impl Footprint for Part {
        fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
            row("a part of a test", 5);
            row("a part of a test", 2);
        }

        fn relieve(&self, relief: Relief) {
            self.0.lock().push(relief);
        }
    }

    #[test]
    fn parts_are_counted_by_name_and_told_the_most_that_any_watcher_asks_for() {
        let part = Arc::new(Part::default());
        register(&(part.clone() as Arc<dyn Footprint>));
        assert_eq!(held().get("a part of a test"), Some(&7));
        let (one, two) = (new_watcher(), new_watcher());
        for (watcher, relief) in [
            (one, Relief::Shrink),
            (two, Relief::Drop),
            (one, Relief::None),
            (two, Relief::Shrink),
            (two, Relief::None),
        ] {
            ask(watcher, relief);
        }
        assert_eq!(*part.0.lock(), [Relief::Shrink, Relief::Drop, Relief::Shrink, Relief::None]);
        drop(part);
        assert_eq!(held().get("a part of a test"), None);
    }
}
