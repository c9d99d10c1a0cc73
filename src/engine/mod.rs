//! The composition root: finds the configuration, builds the parts, wires them, and shuts them down in order.
//!
//! Everything that JavaScript can ask of a system goes through here; nothing here knows JavaScript. [`configuration`] changes the
//! settings of a running system, [`reports`] writes files, [`tuning`] lets settings follow the load, [`live`] lets other
//! programs ask it, `upkeep` removes what is expired, [`lifecycle`] ends it.

mod configuration;
mod driven;
pub mod lifecycle;
mod live;
mod reports;
mod state;
mod tuning;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, SystemClock};
use crate::base::driven::Due;
use crate::base::error::{Error, ErrorKind, Problem, Result};
use crate::cache::OpenCache;
use crate::context::{Reference, unknown_reference};
use crate::memory::board::Board;
use crate::memory::{MemoryManager, V8Heap};
use crate::monitor::Monitor;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::settings::layers::Layers;
use crate::orchestrator::settings::live::Live;
use crate::orchestrator::settings_file::{self, Loaded, SettingsRequest};
use crate::orchestrator::{
    Again, Driven, MonitoringPlace, Optimization, OptimizeRequest, Orchestrator, Shared, World,
};
use crate::telemetry::event::EventSink;
pub use reports::ReportRequest;

/// Longest agent id, in bytes. Ids are kept for every agent; nobody's name is longer.
const MAX_AGENT_ID_BYTES: usize = 1024;

pub use live::leave_all;

/// One running system.
#[derive(Debug)]
pub struct Engine {
    loaded: Loaded,
    settings: Mutex<Settings>,
    /// Held while settings change, which may take long.
    live_settings: Mutex<Live>,
    /// What they are made of, for those who only ask.
    explained: Mutex<Arc<(Layers, Settings)>>,
    orchestrator: Orchestrator,
    events: Arc<EventSink>,
    cwd: PathBuf,
    closed: AtomicBool,
    live: Arc<live::Live>,
    tuner: tuning::Tuner,
    /// When expired entries are removed where no timer asks for it.
    upkeep: Due,
}

impl Engine {
    /// Loads the configuration and builds what it switches on. Starts no thread, unless there is a cache directory to open.
    ///
    /// # Errors
    /// Those of [`settings_file::load`].
    pub fn open(request: &SettingsRequest) -> Result<Self> {
        Self::open_with(request, Arc::new(SystemClock::new()))
    }

    /// The same on another clock.
    ///
    /// # Errors
    /// Those of [`settings_file::load`].
    pub fn open_with(request: &SettingsRequest, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self::open_in(World::real(clock), settings_file::load(request)?, request))
    }

    /// The same on a clock and a machine of somebody's test: it reads and writes no file and starts no thread. See
    /// [`Self::advance`].
    ///
    /// # Errors
    /// Those of [`settings_file::load_without_files`].
    pub fn open_driven(request: &SettingsRequest, driven: Driven) -> Result<Self> {
        Ok(Self::open_in(World::driven(driven), settings_file::load_without_files(request)?, request))
    }

    fn open_in(world: World, mut loaded: Loaded, request: &SettingsRequest) -> Self {
        let settings = loaded.settings.clone();
        let events = Arc::new(EventSink::new());
        let cwd = request.cwd.clone();
        let monitoring =
            MonitoringPlace { variables: request.env.clone(), project: settings.cache.namespace.clone() };
        let live = live::Live::new(world.clock());
        let orchestrator =
            Orchestrator::new_in(world, &settings, cwd.clone(), monitoring, Arc::clone(&events));
        if let Some(monitor) = orchestrator.components().monitor {
            loaded.warnings.extend(monitor.problems());
        }
        tracing::debug!(
            environment = settings.environment.name(),
            from_file = loaded.source.is_some(),
            "system built"
        );
        for warning in &loaded.warnings {
            tracing::warn!(
                setting = warning.path,
                "a setting is not as it was asked for; see the warning event"
            );
        }
        Self {
            live_settings: Mutex::new(Live::new(&loaded)),
            explained: Mutex::new(Arc::new((loaded.layers.clone(), settings.clone()))),
            tuner: tuning::Tuner::new(&settings),
            loaded,
            settings: Mutex::new(settings),
            orchestrator,
            events,
            cwd,
            closed: AtomicBool::new(false),
            live,
            upkeep: Due::default(),
        }
    }

    /// The system's events.
    pub fn events(&self) -> &Arc<EventSink> {
        &self.events
    }

    /// Says which events have listeners, by name.
    pub fn listen(&self, names: &[String]) {
        match self.cache() {
            Some(cache) => cache.manager().listen(&self.events, names),
            None => self.events.listen(names),
        }
    }

    /// What is not as it was asked for but did not prevent the start.
    pub fn warnings(&self) -> &[Problem] {
        &self.loaded.warnings
    }

    /// Whether there is to be a client of a shared context, of which project, and where its server is.
    pub fn shared_context(&self) -> Value {
        let system = &self.loaded.system;
        json!({
            "isEnabled": system.enable_shared_context,
            "projectId": system.project_id,
            "url": system.shared_context_url,
        })
    }

    /// Whether changes of the configuration file are to be taken over.
    pub fn watches_configuration(&self) -> bool {
        self.loaded.system.watch_config
    }

    /// The pipeline.
    pub fn orchestrator(&self) -> &Orchestrator {
        &self.orchestrator
    }

    /// What to send for a context that the agent has; see [`Orchestrator::again`].
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn again(&self, fingerprint: u128, request: &OptimizeRequest) -> Result<Again> {
        self.check_open()?;
        Ok(self.orchestrator.again(fingerprint, request))
    }

    /// The same where it may take a while; see [`Orchestrator::again_elsewhere`].
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_CANCELLED` when `cancel` was called off.
    pub fn again_elsewhere(
        &self,
        fingerprint: u128,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Option<Optimization>> {
        self.check_open()?;
        self.orchestrator.again_elsewhere(fingerprint, request, cancel)
    }

    /// Filters a context and says what is new in it; see [`Orchestrator::optimize`].
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_CANCELLED` when `cancel` was called off.
    pub fn optimize(
        &self,
        context: &Shared,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization> {
        self.check_open()?;
        self.orchestrator.optimize(context, request, cancel)
    }

    /// JSON of a part that was left out of a context.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_REFERENCE_UNKNOWN`.
    pub fn resolve_reference(&self, reference: &str) -> Result<Arc<str>> {
        self.check_open()?;
        let found = Reference::parse(reference).and_then(|reference| self.orchestrator.resolve(reference));
        found.ok_or_else(|| unknown_reference(reference))
    }

    /// The cache; `None` when it is off and after shutdown.
    pub fn cache(&self) -> Option<Arc<OpenCache>> {
        if self.is_closed() { None } else { self.orchestrator.components().cache }
    }

    /// The memory manager; `None` when it is off and after shutdown.
    pub fn memory(&self) -> Option<Arc<MemoryManager>> {
        if self.is_closed() { None } else { self.orchestrator.components().memory }
    }

    /// The monitor; `None` when it is off and after shutdown.
    pub fn monitor(&self) -> Option<Arc<Monitor>> {
        if self.is_closed() { None } else { self.orchestrator.components().monitor }
    }

    /// What JavaScript reads of the memory manager without a call.
    pub fn board(&self) -> &Arc<Board> {
        self.orchestrator.board()
    }

    /// `getStatus()`.
    pub fn status(&self, v8: Option<V8Heap>) -> Value {
        let mut status = self.orchestrator.status(&self.settings.lock(), v8);
        status["live"] = self.live.status();
        status["configFile"] = json!(self.explained.lock().0.file());
        status["tuning"] = self.tuning_status();
        status
    }

    /// `getHealthStatus()`.
    pub fn health(&self, v8: Option<V8Heap>) -> Value {
        self.orchestrator.health_status(&self.settings.lock(), v8)
    }

    /// Whether the system may serve production; false after shutdown.
    pub fn is_production_ready(&self) -> bool {
        !self.is_closed() && self.orchestrator.health().is_production_ready()
    }

    /// Removes expired entries and forgets what agents were given.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn maintain(&self) -> Result<u64> {
        self.check_open()?;
        Ok(self.orchestrator.maintain())
    }

    /// Whether `shut_down` was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::ShutDown, "the system was shut down; create a new one"));
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nobody can be answered any more.
        self.live.end();
    }
}

/// Checks an agent id.
///
/// # Errors
/// `E_INVALID_ARGUMENT` when it is empty or longer than 1,024 bytes.
pub fn check_agent_id(agent_id: &str) -> Result<()> {
    if agent_id.is_empty() || agent_id.len() > MAX_AGENT_ID_BYTES {
        let message = format!("agentId must have 1 to {MAX_AGENT_ID_BYTES} bytes, got {}", agent_id.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
