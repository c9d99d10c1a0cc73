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

/// The parts that are counted together.
#[derive(Default)]
pub struct Footprints(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    known: Vec<Weak<dyn Footprint>>,
    /// What each watcher asks for; the most counts.
    asked: BTreeMap<u64, Relief>,
    relief: Relief,
}

/// Those of this process.
pub fn of_process() -> &'static Arc<Footprints> {
    static OF_PROCESS: LazyLock<Arc<Footprints>> = LazyLock::new(Arc::default);
    &OF_PROCESS
}

/// A number for a watcher that asks for relief.
pub fn new_watcher() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Footprints {
    /// Counts `part` from now on, as long as it lives. It begins with the relief that is asked for now.
    pub fn register(&self, part: &Arc<dyn Footprint>) {
        let relief = {
            let mut parts = self.0.lock();
            parts.known.retain(|part| part.strong_count() > 0);
            parts.known.push(Arc::downgrade(part));
            parts.relief
        };
        if relief > Relief::None {
            part.relieve(relief);
        }
    }

    /// What all parts hold, in bytes, by name.
    pub fn held(&self) -> BTreeMap<&'static str, u64> {
        let mut rows = BTreeMap::new();
        for part in self.living() {
            part.held(&mut |name, bytes| *rows.entry(name).or_insert(0) += bytes);
        }
        rows
    }

    /// Says what `watcher` asks for. When the most that any asks for changes, the parts are told, on this thread.
    pub fn ask(&self, watcher: u64, relief: Relief) {
        let changed = {
            let mut parts = self.0.lock();
            if relief == Relief::None {
                parts.asked.remove(&watcher);
            } else {
                parts.asked.insert(watcher, relief);
            }
            let most = parts.asked.values().copied().max().unwrap_or_default();
            (std::mem::replace(&mut parts.relief, most) != most).then_some(most)
        };
        if let Some(relief) = changed {
            for part in self.living() {
                part.relieve(relief);
            }
        }
    }

    /// Parts that are in use. Upgraded before they are called: a part may register another.
    fn living(&self) -> Vec<Arc<dyn Footprint>> {
        self.0.lock().known.iter().filter_map(Weak::upgrade).collect()
    }
}

impl std::fmt::Debug for Footprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Footprints").field("parts", &self.0.lock().known.len()).finish_non_exhaustive()
    }
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
        let all = Footprints::default();
        let part = Arc::new(Part::default());
        all.register(&(part.clone() as Arc<dyn Footprint>));
        assert_eq!(all.held().get("a part of a test"), Some(&7));
        let (one, two) = (new_watcher(), new_watcher());
        for (watcher, relief) in [
            (one, Relief::Shrink),
            (two, Relief::Drop),
            (one, Relief::None),
            (two, Relief::Shrink),
            (two, Relief::None),
        ] {
            all.ask(watcher, relief);
        }
        assert_eq!(*part.0.lock(), [Relief::Shrink, Relief::Drop, Relief::Shrink, Relief::None]);
        drop(part);
        assert_eq!(all.held().get("a part of a test"), None);
    }
}
