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

    /// Holds less from now on, until told otherwise. May take as long as it needs; called by one thread at a time, and never on a
    /// JavaScript thread.
    fn relieve(&self, relief: Relief);
}

/// The parts that are counted together.
#[derive(Default)]
pub struct Footprints {
    parts: Mutex<Parts>,
    /// Held by whoever delivers.
    delivery: Mutex<()>,
    is_driven: bool,
}

#[derive(Default)]
struct Parts {
    known: Vec<Weak<dyn Footprint>>,
    /// What each watcher asks for; the most counts.
    asked: BTreeMap<u64, Relief>,
    relief: Relief,
    /// What the parts were told last; `None` when a part was not told yet.
    told: Option<Relief>,
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

/// Runs what may take long on a thread of its own; in tests of this crate here and now, so that they need not wait.
pub fn apart(work: impl FnOnce() + Send + 'static) {
    if cfg!(test) {
        work();
        return;
    }
    let thread = std::thread::Builder::new().name("agentwise-relief".into());
    if let Err(error) = thread.spawn(work) {
        tracing::warn!(%error, "no thread to ask parts for memory with; they are asked at the next change");
    }
}

impl Footprints {
    /// Those of a system whose clock is moved by hand: it has its own parts and starts no thread.
    pub fn driven() -> Arc<Self> {
        Arc::new(Self { is_driven: true, ..Self::default() })
    }

    /// Counts `part` from now on, as long as it lives. While relief is asked for, it hears of it soon.
    pub fn register(self: &Arc<Self>, part: &Arc<dyn Footprint>) {
        let is_to_hear = {
            let mut parts = self.parts.lock();
            parts.known.retain(|part| part.strong_count() > 0);
            parts.known.push(Arc::downgrade(part));
            if parts.relief > Relief::None {
                parts.told = None;
            }
            parts.relief > Relief::None
        };
        if is_to_hear {
            self.settle_soon();
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

    /// Notes what `watcher` asks for. True when the most that any asks for has changed: somebody is to call [`Self::settle`],
    /// where it may take long.
    pub fn ask(&self, watcher: u64, relief: Relief) -> bool {
        let mut parts = self.parts.lock();
        if relief == Relief::None {
            parts.asked.remove(&watcher);
        } else {
            parts.asked.insert(watcher, relief);
        }
        parts.relief = parts.asked.values().copied().max().unwrap_or_default();
        parts.told.unwrap_or_default() != parts.relief
    }

    /// Tells the parts the most that any watcher asks for, and again until that has not changed meanwhile.
    pub fn settle(&self) {
        let _one_at_a_time = self.delivery.lock();
        loop {
            let relief = {
                let mut parts = self.parts.lock();
                if parts.told.unwrap_or_default() == parts.relief {
                    return;
                }
                parts.told = Some(parts.relief);
                parts.relief
            };
            for part in self.living() {
                part.relieve(relief);
            }
        }
    }

    /// The same on a thread of its own.
    pub fn settle_soon(self: &Arc<Self>) {
        if self.is_driven {
            self.settle();
            return;
        }
        let own = Arc::clone(self);
        apart(move || own.settle());
    }

    /// Parts that are in use. Upgraded before they are called: a part may register another.
    fn living(&self) -> Vec<Arc<dyn Footprint>> {
        self.parts.lock().known.iter().filter_map(Weak::upgrade).collect()
    }
}

impl std::fmt::Debug for Footprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Footprints").field("parts", &self.parts.lock().known.len()).finish_non_exhaustive()
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
        let all = Arc::new(Footprints::default());
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
            if all.ask(watcher, relief) {
                all.settle();
            }
        }
        assert_eq!(*part.0.lock(), [Relief::Shrink, Relief::Drop, Relief::Shrink, Relief::None]);
        drop(part);
        assert_eq!(all.held().get("a part of a test"), None);
    }
}
