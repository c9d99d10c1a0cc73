//! The whole cache: its tiers together, with time and failures in the test's hand.

mod below;
mod budgets;
mod clock;
mod dumps;
mod failures;
mod inspect;
mod inspect_model;
mod inspect_upkeep;
mod leases;
mod model;
mod model_tests;
mod processes;
mod settling;
mod sharing;
mod vectors;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use proptest::test_runner::Config as ProptestConfig;

use super::*;
use crate::base::clock::ManualClock;
#[cfg(unix)]
use crate::base::mounted::Mounted;
use crate::telemetry::event::EventSink;

/// Far longer than anything here takes: reached only when a test fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// A quarter of the usual cases (`PROPTEST_CASES`): each opens databases.
fn proptest_config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, failure_persistence: None, ..usual }
}

/// Where and when caches of one test live.
struct World {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("temp dir"), clock: Arc::default() }
    }

    /// The cache directory.
    fn path(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// The newest generation's directory.
    fn generation(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.path()).expect("list").map(|entry| entry.expect("entry").path());
        let is_ours =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("v1-"));
        entries.filter(is_ours).max().expect("a generation")
    }

    fn database(&self) -> PathBuf {
        self.generation().join("cache.db")
    }

    /// Takes the cache directory away in one step: a cache may look for it, and make it anew, while one is being emptied.
    fn take_away(&self) {
        std::fs::rename(self.path(), self.dir.path().join("taken away")).expect("renamed");
    }

    /// A small file system over the cache directory, where there may be one.
    #[cfg(unix)]
    fn mount(&self, size: &str) -> Option<Mounted> {
        std::fs::create_dir_all(self.path()).expect("create");
        Mounted::over(&self.path(), size)
    }

    /// A cache, as a process of its own would have it.
    fn open(&self) -> Arc<CacheManager> {
        self.open_with(|_| ())
    }

    fn open_with(&self, change: impl FnOnce(&mut CacheConfig)) -> Arc<CacheManager> {
        let mut config = CacheConfig { cache_dir: Some("cache".to_owned()), ..CacheConfig::default() };
        change(&mut config);
        CacheManager::new(config, self.dir.path().to_owned(), self.clock.clone())
    }
}

fn keys(query: &str) -> Keys {
    Keys::new(&Namespace::default(), &Scope::default(), query)
}

fn set(cache: &CacheManager, query: &str, text: &str) {
    set_for(cache, query, text, Terms::default());
}

fn set_for(cache: &CacheManager, query: &str, text: &str, terms: Terms) {
    cache.set(keys(query).to_store(), text.into(), Kind::Text, terms).expect("stored");
}

fn get(cache: &CacheManager, query: &str) -> Option<String> {
    cache.find(&keys(query), false).map(|hit| hit.record.text.to_string())
}

fn layer(cache: &CacheManager, query: &str) -> Option<Layer> {
    cache.find(&keys(query), false).map(|hit| hit.layer)
}

fn ttl(ms: u64) -> Terms {
    Terms { ttl_ms: Some(ms), ..Terms::default() }
}

/// Empties L1; what is on disk stays there.
fn leave_l1(cache: &CacheManager) {
    cache.flush(false).expect("flush");
    cache.clear(&Namespace::default(), Some(Layer::L1)).expect("clear L1");
}

/// What a cache tells its listeners.
struct Events {
    sink: Arc<EventSink>,
    wakes: Receiver<()>,
    seen: Vec<serde_json::Value>,
}

impl Events {
    fn of(cache: &CacheManager, names: &[&str]) -> Self {
        let sink = Arc::new(EventSink::new());
        let (send, wakes) = channel();
        sink.on_first_event(move || {
            // The test may have ended.
            let _ = send.send(());
        });
        sink.listen(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        cache.hub().attach(&sink);
        Self { sink, wakes, seen: Vec::new() }
    }

    /// All so far, as `[name, data]`.
    fn seen(&mut self) -> &[serde_json::Value] {
        let drained = self.sink.drain().unwrap_or_else(|| "[]".to_owned());
        let events: Vec<_> = serde_json::from_str(&drained).expect("JSON");
        self.seen.extend(events);
        &self.seen
    }

    /// Their names.
    fn names(&mut self) -> Vec<String> {
        self.seen().iter().map(|event| event[0].as_str().expect("name").to_owned()).collect()
    }

    /// Waits for one of this name that has not been waited for.
    fn wait_for(&mut self, name: &str) -> serde_json::Value {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(event) = self.seen().iter().rev().find(|event| event[0] == name) {
                return event[1].clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            self.wakes.recv_timeout(left).unwrap_or_else(|_| unreachable!("{name} never came"));
        }
    }
}
