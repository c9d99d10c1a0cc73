//! What the tests of this module share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use serde_json::{Value, json};

use super::board::Board;
use super::config::MemoryConfig;
use super::manager::{MemoryManager, Surroundings};
use super::probe::{Detail, Probe, ProbeError, RawSample};
use super::stats::V8Heap;
use crate::base::clock::ManualClock;
use crate::base::footprint::{Footprint, Footprints, Relief};
use crate::telemetry::event::{EventKind, EventSink};

pub(crate) const MB: u64 = 1 << 20;

/// The one place that knows how the clock for tests is made.
pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new())
}

/// A probe that says what it is told and counts how often it is asked.
#[derive(Clone, Default)]
pub(crate) struct FakeProbe(Arc<FakeState>);

#[derive(Default)]
struct FakeState {
    sample: Mutex<Option<RawSample>>,
    detail: Mutex<Detail>,
    pss: Mutex<Option<u64>>,
    calls: AtomicUsize,
    detail_calls: AtomicUsize,
    pss_calls: AtomicUsize,
    /// Called by each sample.
    then: Mutex<Option<Hook>>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

impl FakeProbe {
    /// What the next samples are; `None` makes them fail.
    pub(crate) fn set(&self, sample: Option<RawSample>) {
        *self.0.sample.lock() = sample;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// What the next details are; nothing at first.
    pub(crate) fn set_detail(&self, detail: Detail) {
        *self.0.detail.lock() = detail;
    }

    pub(crate) fn detail_calls(&self) -> usize {
        self.0.detail_calls.load(Ordering::SeqCst)
    }

    pub(crate) fn set_pss(&self, pss: u64) {
        *self.0.pss.lock() = Some(pss);
    }

    pub(crate) fn pss_calls(&self) -> usize {
        self.0.pss_calls.load(Ordering::SeqCst)
    }

    /// What every sample does besides.
    pub(crate) fn at_each_sample(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.0.then.lock() = Some(Arc::new(hook));
    }
}

impl Probe for FakeProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let hook = self.0.then.lock().clone();
        if let Some(hook) = hook {
            hook();
        }
        self.0.sample.lock().ok_or(ProbeError::Unavailable { what: "the fake figure" })
    }

    fn pss(&self) -> Option<u64> {
        self.0.pss_calls.fetch_add(1, Ordering::SeqCst);
        *self.0.pss.lock()
    }

    fn detail(&self) -> Detail {
        self.0.detail_calls.fetch_add(1, Ordering::SeqCst);
        *self.0.detail.lock()
    }
}

/// A part of 3 MB that remembers what it was asked for.
#[derive(Default)]
pub(crate) struct Recording(pub(crate) Mutex<Vec<Relief>>);

impl Footprint for Recording {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("recording", 3 * MB);
    }

    fn relieve(&self, relief: Relief) {
        self.0.lock().push(relief);
    }
}

/// A manager with a limit of 1000 MB, so that MB are tenths of a percent, and all that it knows of the world.
pub(crate) struct Setup {
    pub(crate) manager: Arc<MemoryManager>,
    pub(crate) probe: FakeProbe,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) events: Arc<EventSink>,
    pub(crate) part: Arc<Recording>,
    board: Arc<Board>,
}

pub(crate) fn setup() -> Setup {
    setup_with(MemoryConfig { max_memory_usage_mb: 1000.0, ..MemoryConfig::default() })
}

pub(crate) fn setup_with(config: MemoryConfig) -> Setup {
    let (probe, clock) = (FakeProbe::default(), manual_clock());
    let (events, part, board) = (Arc::new(EventSink::new()), Arc::<Recording>::default(), Arc::default());
    let footprints = Arc::<Footprints>::default();
    footprints.register(&(part.clone() as Arc<dyn Footprint>));
    let around = Surroundings {
        clock: clock.clone(),
        probe: Box::new(probe.clone()),
        events: Arc::clone(&events),
        footprints,
        sqlite_bytes: || 2 * MB,
        board: Arc::clone(&board),
    };
    let manager = Arc::new(MemoryManager::new(config, around));
    Setup { manager, probe, clock, events, part, board }
}

/// A process of so many MB on a machine that has 6000 MB besides.
pub(crate) fn raw(rss_mb: u64) -> RawSample {
    RawSample {
        rss: rss_mb * MB,
        system_total: 8000 * MB,
        system_available: 6000 * MB,
        swap_total: 0,
        swap_free: 0,
        cgroup: None,
    }
}

/// A heap that holds so many MB of at most so many.
pub(crate) fn heap(used_mb: u64, limit_mb: u64) -> V8Heap {
    V8Heap { heap_total: used_mb * MB, heap_used: used_mb * MB, external: 0, heap_limit: limit_mb * MB }
}

impl Setup {
    /// What the next samples say.
    pub(crate) fn rss(&self, megabytes: u64) {
        self.probe.set(Some(raw(megabytes)));
    }

    /// Half a minute later, when nothing of before counts as growth: a tick.
    pub(crate) fn tick_at(&self, megabytes: u64) {
        self.rss(megabytes);
        self.clock.advance(30_000);
        self.manager.tick();
    }

    /// So long with the same figures, a tick each 250 ms.
    pub(crate) fn ticks_for(&self, ms: u64) {
        for _ in 0..ms / 250 {
            self.clock.advance(250);
            self.manager.tick();
        }
    }

    pub(crate) fn listen_to_all(&self) {
        let names: Vec<String> = EventKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
        self.events.listen(&names);
    }

    /// What was told since the last call.
    pub(crate) fn told(&self) -> Vec<(String, Value)> {
        self.events.drain().map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
    }

    /// What was told under one name since the last call for any.
    pub(crate) fn told_as(&self, name: &str) -> Vec<Value> {
        self.told().into_iter().filter(|(told, _)| told == name).map(|(_, data)| data).collect()
    }

    /// What a cell of the board says.
    pub(crate) fn cell(&self, cell: usize) -> Value {
        json!(self.board.get(cell))
    }

    pub(crate) fn step(&self) -> &'static str {
        self.manager.state.lock().step().name()
    }

    pub(crate) fn throttled(&self, ids: &[&str]) -> Vec<bool> {
        ids.iter().map(|id| self.manager.should_throttle(id)).collect()
    }

    /// Registers agents that hold so many MB.
    pub(crate) fn hold(&self, agents: &[(&str, u64)]) {
        for (id, megabytes) in agents {
            self.manager.register_agent(id, megabytes * MB, 0);
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use fixture::Fixture;

#[cfg(target_os = "linux")]
mod fixture {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    /// A directory that stands for `/`.
    pub(crate) struct Fixture(TempDir);

    impl Fixture {
        pub(crate) fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        pub(crate) fn root(&self) -> &Path {
            self.0.path()
        }

        pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        /// Mounts the unified hierarchy's `/` on /sys/fs/cgroup, makes the
        /// directory `made` in it and puts the process into `group`.
        pub(crate) fn v2(&self, made: &str, group: &str) {
            self.write("proc/self/cgroup", format!("0::{group}\n"));
            self.write(
                "proc/self/mountinfo",
                "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
                 29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            );
            fs::create_dir_all(self.root().join(format!("sys/fs/cgroup{made}"))).unwrap();
        }
    }
}
