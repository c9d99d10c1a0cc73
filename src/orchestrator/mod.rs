//! The way of a context through the domains, and what the system as a whole says of itself.
//!
//! [`settings`] and [`settings_file`] are where a configuration comes from; [`pipeline`] is the way of a context; [`health`] makes
//! scores, [`advice`] recommendations, [`report`] statistics and reports. It starts no task and knows no JavaScript.

pub mod advice;
pub mod block_store;
pub mod health;
mod memory;
mod monitored;
mod monitoring;
mod pipeline;
mod repeated;
pub mod report;
pub mod settings;
pub mod settings_file;
pub mod token_service;
pub mod tuning;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Mutex, RwLock};
use serde_json::json;

use crate::base::clock::Clock;
use crate::base::footprint::Footprint;
use crate::cache::OpenCache;
use crate::context::{Change, ContextFilter, ContextFilterConfig, CountTokens};
use crate::memory::MemoryManager;
use crate::memory::board::Board;
use crate::monitor::{HostCpu, Monitor};
use crate::telemetry::event::{EventKind, EventSink};
use crate::tokens::DEFAULT_ENCODING;
use advice::Advisor;
pub use advice::cache_advice;
use block_store::BlockPlace;
pub use memory::new_memory_manager;
pub use monitoring::MonitoringPlace;
use pipeline::Pipeline;
pub use pipeline::{Again, Optimization, OptimizeRequest, Outcome, Report, Shared, Stage};
use settings::Settings;
use token_service::TokenService;
pub use world::{Driven, World};

/// A part, as events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Memory figures, limits and agents.
    Memory,
    /// Answers given before.
    Cache,
    /// Less context for each agent.
    Filter,
    /// Figures, health and alerts.
    Monitor,
}

impl Part {
    /// As in `getStatus().components`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memoryManager",
            Self::Cache => "cacheManager",
            Self::Filter => "contextFilter",
            Self::Monitor => "productionMonitor",
        }
    }

    /// Where its settings are in a configuration.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cache => "cache",
            Self::Filter => "contextFilter",
            Self::Monitor => "monitoring",
        }
    }
}

/// The parts that a configuration switches on; `None` is off.
#[derive(Debug, Clone, Default)]
pub struct Components {
    /// Memory figures, limits and agents.
    pub memory: Option<Arc<MemoryManager>>,
    /// Answers given before.
    pub cache: Option<Arc<OpenCache>>,
    /// Less context for each agent.
    pub filter: Option<Arc<ContextFilter>>,
    /// Figures, health and alerts.
    pub monitor: Option<Arc<Monitor>>,
}

/// Counters of the pipeline.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    operations: AtomicU64,
    filtered_contexts: AtomicU64,
    original_bytes: AtomicU64,
    filtered_bytes: AtomicU64,
    filter_failures: AtomicU64,
    token_failures: AtomicU64,
    latency: report::latency::Latency,
    tally: advice::tally::Tally,
    /// Unix ms of the last optimization; 0 before the first.
    last_wall_ms: AtomicU64,
}

/// The pipeline of one system.
#[derive(Debug)]
pub struct Orchestrator {
    components: Arc<RwLock<Components>>,
    tokens: Arc<TokenService>,
    host_cpu: HostCpu,
    board: Arc<Board>,
    is_watching: AtomicBool,
    events: Arc<EventSink>,
    /// What a relative cache directory is relative to.
    cwd: PathBuf,
    /// What a monitor is told of the process's surroundings.
    monitoring: MonitoringPlace,
    clock: ArcClock,
    world: World,
    started_ms: u64,
    counters: Arc<Counters>,
    advisor: Arc<Advisor>,
    pipeline: Pipeline,
    /// What changed among the files of agents and was not told yet.
    untold: Mutex<Vec<Change>>,
}

/// A clock that can stand in a struct with `Debug`.
#[derive(Clone)]
struct ArcClock(Arc<dyn Clock>);

impl std::fmt::Debug for ArcClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Orchestrator {
    /// The parts that `settings` switch on, empty.
    pub fn new(
        settings: &Settings,
        cwd: PathBuf,
        monitoring: MonitoringPlace,
        clock: Arc<dyn Clock>,
        events: Arc<EventSink>,
    ) -> Self {
        Self::new_in(World::real(clock), settings, cwd, monitoring, events)
    }

    /// The same in a world that may be somebody's test.
    pub fn new_in(
        world: World,
        settings: &Settings,
        cwd: PathBuf,
        monitoring: MonitoringPlace,
        events: Arc<EventSink>,
    ) -> Self {
        let clock = world.clock();
        let components = Arc::<RwLock<Components>>::default();
        let tokens = Arc::new(TokenService::new(
            settings.tokens.clone(),
            BlockPlace::beside(&settings.cache, cwd.clone()),
            Arc::clone(&clock),
        ));
        let counters = Arc::<Counters>::default();
        let advisor = Arc::new(Advisor {
            components: Arc::downgrade(&components),
            tokens: Arc::clone(&tokens),
            counters: Arc::clone(&counters),
            events: Arc::clone(&events),
            settings: RwLock::new(settings.clone()),
        });
        let orchestrator = Self {
            components,
            tokens,
            board: Arc::default(),
            is_watching: AtomicBool::new(false),
            host_cpu: world.host_cpu(),
            events,
            cwd,
            monitoring,
            started_ms: clock.now_ms(),
            clock: ArcClock(clock),
            world,
            counters,
            advisor,
            pipeline: Pipeline::default(),
            untold: Mutex::default(),
        };
        orchestrator.apply(settings);
        orchestrator
    }

    /// Brings the running parts to `settings`, which are checked. Parts that stay on keep what they hold. Those that are
    /// switched off end last: until then a failure can be undone by applying the settings before. Returns those, in the order of
    /// their end, for [`Self::tell_stopped`] when it is sure that it stays so.
    pub fn apply(&self, settings: &Settings) -> Vec<Part> {
        self.advisor.reconfigure(settings);
        // Work that grows with what the parts hold is done before the lock is taken.
        let old = self.components();
        let memory = self.memory(settings, old.memory.clone());
        let cache = match (settings.enable_advanced_caching, old.cache.clone()) {
            (true, Some(cache)) => {
                cache.manager().reconfigure(settings.cache.clone());
                Some(cache)
            }
            (true, None) => {
                let cache = OpenCache::open(settings.cache.clone(), self.cwd.clone(), self.world.clock());
                if self.world.by_hand().is_some() {
                    self.world.footprints().register(&(Arc::clone(cache.manager()) as Arc<dyn Footprint>));
                }
                cache.manager().hub().attach(&self.events);
                Some(Arc::new(cache))
            }
            (false, _) => None,
        };
        let mut place = BlockPlace::beside(&settings.cache, self.cwd.clone());
        // Without a cache there is no directory either.
        place.cache_dir = place.cache_dir.filter(|_| settings.enable_advanced_caching);
        self.tokens.reconfigure(settings.tokens.clone(), place);
        let filter = settings.enable_context_filtering.then(|| {
            let filter = old
                .filter
                .clone()
                .unwrap_or_else(|| Arc::new(self.new_filter(settings.context_filter.clone())));
            filter.set_config(settings.context_filter.clone());
            filter
        });
        self.fail_if_told();
        let monitor = self.monitor(settings, old.monitor.clone());
        let new = Components { memory, cache, filter, monitor };
        *self.components.write() = new.clone();
        Self::end_gone(&old, &new)
    }

    /// Panics if that was asked for. For tests of what a defect does to callers.
    fn fail_if_told(&self) {
        assert!(!self.pipeline.is_to_fail(), "failure asked for by a test");
    }

    fn new_filter(&self, config: ContextFilterConfig) -> ContextFilter {
        self.world.filter(config, &self.cwd)
    }

    /// What the system has around it.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Counts of tokens, and what agents were given.
    pub fn tokens(&self) -> &TokenService {
        &self.tokens
    }

    /// The parts that are on.
    pub fn components(&self) -> Components {
        self.components.read().clone()
    }

    /// Removes expired cache entries and forgets what agents were given. Returns how many entries went.
    pub fn maintain(&self) -> u64 {
        self.tokens.maintain();
        self.forget_outcomes();
        self.components().cache.map_or(0, |cache| cache.manager().maintain())
    }

    /// Ends the parts that are not there any more, those that ask the others first.
    fn end_gone(old: &Components, new: &Components) -> Vec<Part> {
        let mut ended = Vec::new();
        if let (Some(monitor), None) = (&old.monitor, &new.monitor) {
            monitor.stop();
            ended.push(Part::Monitor);
        }
        if let (Some(memory), None) = (&old.memory, &new.memory) {
            memory.stop();
            ended.push(Part::Memory);
        }
        if let (Some(cache), None) = (&old.cache, &new.cache) {
            cache.close();
            ended.push(Part::Cache);
        }
        ended
    }

    /// Tells that a part has ended.
    pub fn tell_stopped(&self, part: Part) {
        self.events.emit(EventKind::Stopped, || json!({ "component": part.name() }));
    }
}

/// Counts tokens for the filter, which knows no tokenizer.
pub fn counter() -> Arc<dyn CountTokens> {
    Arc::new(|text: &str| DEFAULT_ENCODING.tokenizer().count(text) as u64)
}

#[cfg(test)]
mod tests;
