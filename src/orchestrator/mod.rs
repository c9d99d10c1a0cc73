//! The way of a context through the domains, and what the system as a whole says of itself.
//!
//! [`settings`] and [`settings_file`] are where a configuration comes from; this file is the pipeline; [`health`] makes
//! scores, [`report`] the statistics, recommendations and reports. It starts no task and knows no JavaScript.

pub mod block_store;
pub mod health;
mod memory;
mod monitored;
mod monitoring;
pub mod report;
pub mod settings;
pub mod settings_file;
pub mod token_service;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use serde_json::json;

use crate::base::cancel::Cancel;
use crate::base::clock::Clock;
use crate::base::document::Document;
use crate::base::error::Error;
use crate::base::json::View;
use crate::base::units::{BYTES_PER_MB, round2};
use crate::cache::OpenCache;
use crate::context::{
    CallLimits, Change, ContextFilter, ContextFilterConfig, CountTokens, FilterOutcome, FilterRequest,
};
use crate::memory::MemoryManager;
use crate::memory::board::Board;
use crate::monitor::host_cpu::system_times;
use crate::monitor::{HostCpu, Monitor};
use crate::telemetry::event::{EventKind, EventSink};
use crate::tokens::{DEFAULT_ENCODING, DeltaEncoding, Optimized};
use block_store::BlockPlace;
pub use memory::new_memory_manager;
pub use monitored::cache_advice;
pub use monitoring::MonitoringPlace;
use settings::Settings;
use token_service::{TokenCall, TokenService};

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

/// One call of `optimizeAgentContext`.
#[derive(Debug, Clone, Default)]
pub struct OptimizeRequest {
    /// Whose context it is.
    pub agent_id: String,
    /// Limits of this call.
    pub limits: CallLimits,
    /// What happened lately counts twice.
    pub prioritize_recent: bool,
    /// How changes are said; `None`: as configured.
    pub encoding: Option<DeltaEncoding>,
    /// Who reads it; `None`: as configured.
    pub model: Option<String>,
    /// Whether the caller books the message itself.
    pub is_booked_later: bool,
}

/// What became of a context.
#[derive(Debug)]
pub struct Optimization {
    /// What the filter kept.
    pub filtered: FilterOutcome,
    /// What is new for the agent, with token counts.
    pub tokens: Optimized,
    /// Time of the filter, ms.
    pub filter_ms: f64,
    /// Time of hashing, comparing and counting, ms.
    pub tokens_ms: f64,
}

/// Why a context was not optimized.
#[derive(Debug)]
pub enum Unfinished {
    /// A stage failed, by its name: a defect.
    Failed(&'static str),
    /// The caller called it off.
    Cancelled(Error),
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
    started_ms: u64,
    counters: Arc<Counters>,
    fail_next_stage: AtomicBool,
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
        let orchestrator = Self {
            components: Arc::default(),
            tokens: Arc::new(TokenService::new(
                settings.tokens.clone(),
                BlockPlace::beside(&settings.cache, cwd.clone()),
                Arc::clone(&clock),
            )),
            board: Arc::default(),
            is_watching: AtomicBool::new(false),
            host_cpu: HostCpu::new(Arc::clone(&clock), Box::new(system_times)),
            events,
            cwd,
            monitoring,
            started_ms: clock.now_ms(),
            clock: ArcClock(clock),
            counters: Arc::default(),
            fail_next_stage: AtomicBool::new(false),
            untold: Mutex::default(),
        };
        orchestrator.apply(settings);
        orchestrator
    }

    /// Brings the running parts to `settings`, which are checked. Parts that stay on keep what they hold.
    pub fn apply(&self, settings: &Settings) {
        let clock = || Arc::clone(&self.clock.0);
        // Work that grows with what the parts hold is done before the lock is taken.
        let old = self.components();
        let memory = self.memory(settings, old.memory);
        let cache = match (settings.enable_advanced_caching, old.cache) {
            (true, Some(cache)) => {
                cache.manager().reconfigure(settings.cache.clone());
                Some(cache)
            }
            (true, None) => {
                let cache = OpenCache::open(settings.cache.clone(), self.cwd.clone(), clock());
                cache.manager().hub().attach(&self.events);
                Some(Arc::new(cache))
            }
            (false, old) => {
                if let Some(old) = old {
                    old.close();
                }
                None
            }
        };
        let mut place = BlockPlace::beside(&settings.cache, self.cwd.clone());
        // Without a cache there is no directory either.
        place.cache_dir = place.cache_dir.filter(|_| settings.enable_advanced_caching);
        self.tokens.reconfigure(settings.tokens.clone(), place);
        let filter = settings.enable_context_filtering.then(|| {
            let filter =
                old.filter.unwrap_or_else(|| Arc::new(self.new_filter(settings.context_filter.clone())));
            filter.set_config(settings.context_filter.clone());
            filter
        });
        let monitor = self.monitor(settings, old.monitor);
        *self.components.write() = Components { memory, cache, filter, monitor };
    }

    fn new_filter(&self, config: ContextFilterConfig) -> ContextFilter {
        let clock = Arc::clone(&self.clock.0);
        ContextFilter::with_agents(config, self.cwd.clone(), clock, counter())
    }

    /// Counts of tokens, and what agents were given.
    pub fn tokens(&self) -> &TokenService {
        &self.tokens
    }

    /// The parts that are on.
    pub fn components(&self) -> Components {
        self.components.read().clone()
    }

    /// Filters a context, says what is new in it for the agent, and registers what the agent now holds.
    ///
    /// # Errors
    /// [`Unfinished::Failed`]: the caller gives the original context back. It is counted, and `optimizationError` is
    /// emitted. [`Unfinished::Cancelled`]: nothing changed, as if the call had not been made.
    pub fn optimize(
        &self,
        document: &Document,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization, Unfinished> {
        let started = Instant::now();
        let result = self.stages(document, request, cancel);
        if let Err(Unfinished::Cancelled(_)) = result {
            return result;
        }
        let agent_id = &request.agent_id;
        self.counters.operations.fetch_add(1, Ordering::Relaxed);
        self.counters.last_wall_ms.store(self.clock.0.wall_ms(), Ordering::Relaxed);
        match &result {
            Ok(done) => self.record(agent_id, done),
            Err(Unfinished::Cancelled(_)) => {}
            Err(Unfinished::Failed(stage)) => {
                tracing::error!(stage, "a stage failed; the original context is given back");
                self.events.emit(EventKind::OptimizationError, || {
                    json!({ "agentId": agent_id, "error": format!("the {stage} stage failed; please report this") })
                });
            }
        }
        self.events.emit(EventKind::AgentContextOptimized, || {
            json!({ "agentId": agent_id, "optimizationTime": elapsed_ms(started), "success": result.is_ok() })
        });
        result
    }

    /// Makes the next stage panic. For tests of what a defect does to callers.
    pub fn fail_next_stage(&self) {
        self.fail_next_stage.store(true, Ordering::Relaxed);
    }

    /// Removes expired cache entries and forgets what agents were given. Returns how many entries went.
    pub fn maintain(&self) -> u64 {
        self.tokens.maintain();
        self.components().cache.map_or(0, |cache| cache.manager().maintain())
    }

    fn stages(
        &self,
        document: &Document,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization, Unfinished> {
        let components = self.components();
        let started = Instant::now();
        let filtered = self.stage(&self.counters.filter_failures, || match &components.filter {
            Some(filter) => {
                self.refresh_agents();
                self.tell_changes(std::mem::take(&mut self.untold.lock()));
                filter.filter(document, &self.filter_request(&components, request), cancel)
            }
            None => Ok(FilterOutcome::unfiltered(document)),
        });
        let filtered = filtered.ok_or(Unfinished::Failed("filter"))?.map_err(Unfinished::Cancelled)?;
        // From here on the agent's state changes.
        cancel.check().map_err(Unfinished::Cancelled)?;
        let filter_ms = elapsed_ms(started);
        let started = Instant::now();
        let tokens = self.stage(&self.counters.token_failures, || {
            let call = TokenCall {
                encoding: request.encoding,
                model: request.model.clone(),
                operation: Some("optimizeAgentContext".to_owned()),
                max_tokens: request.limits.max_tokens,
                is_booked_later: request.is_booked_later,
                ..TokenCall::default()
            };
            self.tokens.optimize(&request.agent_id, View::whole(document), filtered.view(document), &call)
        });
        Ok(Optimization {
            tokens: tokens.ok_or(Unfinished::Failed("token"))?,
            filtered,
            filter_ms,
            tokens_ms: elapsed_ms(started),
        })
    }

    /// Looks at the files of agents. What changed is told by the next call that filters, when there can be listeners.
    pub fn refresh_agents(&self) {
        if let Some(filter) = self.components().filter {
            let changes = filter.refresh_agents();
            self.untold.lock().extend(changes);
        }
    }

    /// Emits what changed among the files of agents.
    fn tell_changes(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Added(spec) => self.events.emit(EventKind::SpecializationAdded, || spec),
                Change::Removed(name) => {
                    self.events.emit(EventKind::SpecializationRemoved, || json!({ "name": name }));
                }
                Change::Problem { file, message } => {
                    tracing::warn!("a file of an agent is not sound; see the warning event");
                    self.events.emit(EventKind::Warning, || json!({ "path": file, "message": message }));
                }
            }
        }
    }

    /// Runs a stage; a panic in it is counted and ends here.
    fn stage<T>(&self, failures: &AtomicU64, work: impl FnOnce() -> T) -> Option<T> {
        let fail = self.fail_next_stage.swap(false, Ordering::Relaxed);
        // Stages share only data behind locks that do not poison and counters: after a panic both are as usable as
        // before, at worst one agent's base is missing, and then its next context is sent in full.
        let result = catch_unwind(AssertUnwindSafe(|| {
            assert!(!fail, "failure asked for by a test");
            work()
        }));
        result.map_err(|_| failures.fetch_add(1, Ordering::Relaxed)).ok()
    }

    fn filter_request(&self, components: &Components, request: &OptimizeRequest) -> FilterRequest {
        let memory = components.memory.as_ref();
        FilterRequest {
            agent_id: request.agent_id.clone(),
            held_mb: memory.map_or(0.0, |memory| memory.held_bytes() as f64 / BYTES_PER_MB),
            others_mb: memory.map(|memory| {
                let own = memory.agent(&request.agent_id).map_or(0, |agent| agent.total_memory);
                memory.held_bytes().saturating_sub(own) as f64 / BYTES_PER_MB
            }),
            system_load: self.host_cpu.percentage().unwrap_or(0.0),
            memory_percentage: memory.and_then(|memory| memory.percentage()).unwrap_or(0.0),
            limits: request.limits,
            prioritize_recent: request.prioritize_recent,
        }
    }

    fn record(&self, agent_id: &str, done: &Optimization) {
        let filtered = &done.filtered;
        self.counters.filtered_contexts.fetch_add(u64::from(filtered.fates.is_some()), Ordering::Relaxed);
        self.counters.original_bytes.fetch_add(filtered.original_bytes, Ordering::Relaxed);
        self.counters.filtered_bytes.fetch_add(filtered.filtered_bytes, Ordering::Relaxed);
        self.events.emit(EventKind::ContextOptimized, || {
            json!({
                "agentId": agent_id,
                "reductionRatio": filtered.reduction_ratio(),
                "memoryUsage": filtered.filtered_bytes,
            })
        });
        let Some(memory) = self.components().memory else { return };
        memory.register_agent(agent_id, filtered.filtered_bytes, 0);
    }
}

/// Counts tokens for the filter, which knows no tokenizer.
pub fn counter() -> Arc<dyn CountTokens> {
    Arc::new(|text: &str| DEFAULT_ENCODING.tokenizer().count(text) as u64)
}

fn elapsed_ms(since: Instant) -> f64 {
    round2(since.elapsed().as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests;
