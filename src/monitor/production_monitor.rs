//! The monitor: one object that ties readings, store, health, alerts, channels and exports together.
//!
//! [`watch`](super::watch) is the thread that calls [`Monitor::tick`](Monitor::tick); calls from JavaScript only read what is
//! known or change the books. One lock for what is known ([`State`]), never held across a reading, the disk, the network or an
//! event.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};

use super::channel::{Channels, Delivery, Notice, Secrets};
use super::config::MonitoringConfig;
use super::exports::Exports;
use super::health::Checks;
use super::keep::Keep;
use super::measure::Readings;
use super::net::Net;
use super::sources::{Handed, Sources};
use super::state::State;
use super::watch;
use crate::base::clock::{Clock, SteadyClock};
use crate::base::config::Environment;
use crate::base::error::{Error, ErrorKind, Problem, Result};
use crate::base::machine::GivenMachine;
use crate::telemetry::event::{EventKind, EventSink};

/// JavaScript is to hand over figures.
pub const ASK_FIGURES: u32 = 1;
/// JavaScript is to ask its parts how they are.
pub const ASK_ANSWERS: u32 = 2;

/// Alerts made while alerts are off, of whose end nobody is to be told.
const MAX_UNTOLD: usize = 10_000;

/// What a monitor works with.
pub struct Surroundings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Listeners.
    pub events: Arc<EventSink>,
    /// The parts that it monitors; `None`: what JavaScript hands over.
    pub sources: Option<Arc<dyn Sources>>,
    /// Environment variables, secrets among them.
    pub variables: BTreeMap<String, String>,
    /// Where the process works, and the cache directory from there.
    pub directory: PathBuf,
    /// Whether the store may be there.
    pub has_disk: bool,
    /// Whose figures these are; another project's are not read.
    pub project: Option<String>,
    /// Where the system runs.
    pub environment: Environment,
    /// A machine to read instead of this one.
    pub machine: Option<Arc<GivenMachine>>,
}

/// Watches over a system, tells who is to be told, and shows what it knows.
pub struct Monitor {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wall: SteadyClock,
    pub(super) events: Arc<EventSink>,
    pub(super) config: RwLock<MonitoringConfig>,
    pub(super) environment: Environment,
    pub(super) project: Option<String>,
    /// Unix ms of the start: counters count from here.
    pub(super) started_ms: u64,
    /// Tells this monitor from all others.
    pub(super) instance: String,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) handed: Arc<Handed>,
    /// Whether figures of parts come from JavaScript alone.
    pub(super) is_handed: bool,
    pub(super) readings: Readings,
    pub(super) state: Mutex<State>,
    pub(super) keep: Keep,
    pub(super) checks: Checks,
    pub(super) net: Arc<Net>,
    pub(super) channels: Arc<Channels>,
    pub(super) exports: Exports,
    pub(super) asked: Asked,
    pub(super) is_attached: AtomicBool,
    pub(super) is_stopped: Arc<AtomicBool>,
    pub(super) nudged: Arc<watch::Nudge>,
}

/// What JavaScript was asked for and when, monotonic ms; 0 is not.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Bits that it has not seen yet.
    pub(super) bits: std::sync::atomic::AtomicU32,
    pub(super) figures_ms: AtomicU64,
    pub(super) answers_ms: AtomicU64,
    pub(super) has_figures: AtomicBool,
    pub(super) has_answers: AtomicBool,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

impl Monitor {
    /// A monitor that has seen nothing. Starts the server and the export that are configured, and no other thread; opens no file: see [`Self::start`].
    pub fn new(config: MonitoringConfig, around: Surroundings) -> Arc<Self> {
        let Surroundings {
            clock,
            events,
            sources,
            variables,
            directory,
            has_disk,
            project,
            environment,
            machine,
        } = around;
        let is_driven = clock.is_driven();
        let handed = Arc::<Handed>::default();
        let is_handed = sources.is_none();
        let sources = sources.unwrap_or_else(|| Arc::clone(&handed) as Arc<dyn Sources>);
        let net = Arc::new(Net::default());
        let told = {
            let events = Arc::clone(&events);
            Box::new(move |delivery: Delivery| tell_delivery(&events, &delivery))
        };
        let settings = super::exports::channel_settings(&config, environment, project.as_deref());
        let secrets = Secrets::from_variables(&variables);
        let channels = Channels::new(Arc::clone(&clock), Arc::clone(&net), &settings, secrets, told);
        let wall = SteadyClock::new(Arc::clone(&clock));
        let started_ms = wall.now_ms();
        let state = State::new(&config);
        let monitor = Arc::new(Self {
            readings: match machine {
                Some(machine) => Readings::given(machine, clock.now_us()),
                None => Readings::new(clock.now_us(), directory.clone()),
            },
            keep: Keep::new(directory.join("monitor"), has_disk, project.clone()),
            wall,
            clock,
            events,
            config: RwLock::new(config),
            environment,
            project,
            started_ms,
            instance: instance(),
            variables,
            sources,
            handed,
            is_handed,
            state: Mutex::new(state),
            checks: Checks::new(is_driven),
            net,
            channels,
            exports: Exports::default(),
            asked: Asked::default(),
            is_attached: AtomicBool::new(false),
            is_stopped: Arc::default(),
            nudged: Arc::default(),
        });
        // Here, so that the server's address can be asked for; what fails is among the problems.
        monitor.exports.serve_at_once(&monitor);
        monitor
    }

    /// Begins to watch: starts the thread.
    pub fn start(self: &Arc<Self>, is_attached: bool) {
        self.is_attached.store(is_attached, Ordering::Relaxed);
        watch::start(self);
    }

    /// Monotonic ms at which it is to be looked at, on a clock that is driven.
    pub fn due_ms(&self) -> u64 {
        watch::due_ms(self)
    }

    /// Looks at what is due, on a clock that is driven. Whether something was.
    pub fn run_due(self: &Arc<Self>) -> bool {
        watch::run_due(self)
    }

    /// Whether JavaScript is asked for something.
    pub fn wants_javascript(&self) -> bool {
        self.asked.bits.load(Ordering::Acquire) != 0
    }

    /// The settings.
    pub fn config(&self) -> MonitoringConfig {
        self.config.read().clone()
    }

    /// Replaces the settings, which are checked.
    pub fn set_config(self: &Arc<Self>, config: MonitoringConfig) {
        if self.is_stopped() {
            return;
        }
        let now_ms = self.now_ms();
        let changes = self.state.lock().reconfigure(&self.config(), &config, now_ms);
        // What ends by this is told by the channels that told it.
        self.tell_alerts(changes);
        let settings = super::exports::channel_settings(&config, self.environment, self.project.as_deref());
        self.channels.reconfigure(&settings);
        *self.config.write() = config;
        self.tell_failures(self.exports.serve_at_once(self));
        watch::nudge(self);
    }

    /// What is not as it was asked for: channels without an address, a server that could not be started. A monitor without a
    /// port is better than none.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.channels.problems();
        problems.extend(self.exports.problems());
        let failure = self.keep.failure();
        problems.extend(failure.map(|message| Problem { path: "persistMetrics".to_owned(), message }));
        // Environment variables have names of their own.
        let is_setting = |path: &str| path.starts_with(|first: char| first.is_ascii_lowercase());
        for problem in problems.iter_mut().filter(|problem| is_setting(&problem.path)) {
            problem.path.insert_str(0, "monitoring.");
        }
        problems
    }

    /// Unix ms that never go back.
    pub fn now_ms(&self) -> u64 {
        self.wall.now_ms()
    }

    /// Where requests are recorded.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// JavaScript is there: gives what it is asked for, as bits.
    pub fn pulse(&self) -> u32 {
        self.readings.event_loop().answered(self.clock.now_us());
        self.asked.bits.swap(0, Ordering::AcqRel)
    }

    /// Takes over figures that only JavaScript can read.
    pub fn hand_figures(self: &Arc<Self>, said: &Value) {
        self.handed.take_figures(said);
        self.asked.has_figures.store(true, Ordering::Release);
        watch::nudge(self);
    }

    /// Takes over how the parts are that only JavaScript can ask.
    pub fn hand_answers(self: &Arc<Self>, said: &Value) {
        self.handed.take_answers(said);
        self.asked.has_answers.store(true, Ordering::Release);
        watch::nudge(self);
    }

    /// Ends the watch: what waits to be told is told, within `DEADLINE`; what could not be is kept for the next start. Blocks.
    /// Only the first call does anything.
    pub fn stop(self: &Arc<Self>) {
        if self.is_stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        watch::end(self);
        // Requests since the last sample.
        self.sample(false);
        self.exports.close();
        let left = self.channels.flush(super::keep::FLUSH_DEADLINE);
        if left > 0 {
            tracing::warn!(
                left,
                "alerts were not delivered before the end; they are kept for the next start"
            );
        }
        self.write_down(true);
        self.channels.close();
        self.net.close();
        self.keep.close();
    }

    /// Refuses what a stopped monitor cannot do.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn check_running(&self) -> Result<()> {
        if self.is_stopped() { Err(stopped()) } else { Ok(()) }
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Sends a test message on every channel that is on, or on one. Blocks for half a minute at most.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` for a channel that does not exist; `E_NOT_AVAILABLE` for one that is off.
    pub fn test_alert(&self, channel: Option<&str>) -> Result<Value> {
        self.check_running()?;
        Ok(json!(self.channels.test(channel)?))
    }

    /// Tells the channels. While alerts are off nobody is told of new ones, but of the end of those that were told.
    pub(super) fn notify(&self, notice: Notice) {
        let is_on = self.config.read().alerts_enabled;
        let is_told = {
            let untold = &mut self.state.lock().untold;
            match &notice {
                Notice::Created(alert) if !is_on => {
                    if untold.len() < MAX_UNTOLD {
                        untold.insert(alert.id.clone());
                    }
                    false
                }
                Notice::Created(_) => true,
                Notice::Resolved(alert) => !untold.remove(&alert.id),
            }
        };
        if is_told {
            self.channels.notify(notice);
        }
    }

    pub(super) fn tell_failures(&self, failures: Vec<(&'static str, String)>) {
        for (path, message) in failures {
            self.warn(&format!("monitoring.{path}"), &message);
        }
    }

    pub(super) fn warn(&self, path: &str, message: &str) {
        tracing::warn!(setting = path, "the monitor cannot do what it is asked for; see the warning event");
        self.events.emit(EventKind::Warning, || json!({ "path": path, "message": message }));
    }
}

/// Random, as the semantic conventions ask for.
fn instance() -> String {
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    format!("{:016x}{:016x}", state.hash_one(0), state.hash_one(1))
}

/// What calls get after a stop.
pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::ShutDown, "the monitor was stopped; create a new one")
}

fn tell_delivery(events: &EventSink, delivery: &Delivery) {
    let kind = if delivery.lost.is_none() { EventKind::AlertDelivered } else { EventKind::AlertNotDelivered };
    events.emit(kind, || {
        let mut told = json!({ "channel": delivery.channel, "ids": delivery.ids });
        if let Some(reason) = &delivery.lost {
            told["reason"] = json!(reason);
        }
        told
    });
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Only signals: whoever wants what waits to be told stops it.
        self.is_stopped.store(true, Ordering::SeqCst);
        self.nudged.nudge();
    }
}

#[cfg(test)]
mod tests;
