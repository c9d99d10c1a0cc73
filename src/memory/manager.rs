//! The manager: one object that ties probe, limits, steps and agents together.
//!
//! One lock for what is known ([`State`]), one for the settings, never one across a read of the probe, an action or an event.
//! [`sampler`] calls [`MemoryManager::tick`], which reads, judges and acts; calls from JavaScript judge too, and leave the
//! acting to it. What is asked most is on a [`Board`] and costs no lock.
//!
//! Every call that names an agent, `forget` aside, counts as a use of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use super::agents::{Now, ThrottleReason};
use super::board::{Board, FACTOR, THROTTLED, VERSION};
use super::config::MemoryConfig;
use super::contexts::Marked;
use super::pressure::{Step, Thresholds};
use super::probe::Probe;
use super::sampler;
use super::state::State;
use super::stats::AgentStats;
use crate::base::clock::Clock;
use crate::base::driven::Due;
use crate::base::footprint::{Footprint, Footprints, Relief, new_watcher};
use crate::base::units::mb_to_bytes;
use crate::telemetry::event::{EventKind, EventSink};

/// Share of the tightest limit, in percent, above which contexts are cut, and
/// the factor to cut by. Given by the product's contract; highest first.
const CONTEXT_FACTORS: [(f64, f64); 3] = [(90.0, 0.5), (80.0, 0.7), (70.0, 0.85)];

/// Where a manager takes its time and figures from, and whom it tells and asks.
pub struct Surroundings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Figures of the process and the machine.
    pub probe: Box<dyn Probe>,
    /// Listeners.
    pub events: Arc<EventSink>,
    /// The parts of this package that hold memory.
    pub footprints: Arc<Footprints>,
    /// What SQLite has allocated, which another domain knows.
    pub sqlite_bytes: fn() -> u64,
    /// What JavaScript reads without a call.
    pub board: Arc<Board>,
}

/// Watches the memory of the process and of its agents, and acts when it gets short.
///
/// All methods may be called from any thread. Unknown agents are never an error.
pub struct MemoryManager {
    pub(super) config: RwLock<MemoryConfig>,
    pub(super) around: Surroundings,
    /// Shared with work that goes on after a look.
    pub(super) state: Arc<Mutex<State>>,
    pub(super) watcher: u64,
    /// Shared with the sampling thread, which does not hold the manager.
    pub(super) is_stopped: Arc<AtomicBool>,
    pub(super) started: Instant,
    pub(super) samples: AtomicU64,
    pub(super) sampling_ns: AtomicU64,
    pub(super) released_ms: AtomicU64,
    /// Monotonic ms from which the proportional set may be read again.
    pub(super) pss_from_ms: AtomicU64,
    /// When it is looked at where no thread does it.
    pub(super) due: Due,
    own: Arc<OwnFootprint>,
}

impl std::fmt::Debug for MemoryManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryManager").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

impl MemoryManager {
    /// A manager without agents. Takes no sample yet and starts no thread: see [`Self::watch`].
    #[must_use]
    pub fn new(config: MemoryConfig, around: Surroundings) -> Self {
        let state = Arc::new(Mutex::new(State::new(&config)));
        let own = Arc::new(OwnFootprint::default());
        around.footprints.register(&(Arc::clone(&own) as Arc<dyn Footprint>));
        Self {
            config: RwLock::new(config),
            around,
            state,
            watcher: new_watcher(),
            is_stopped: Arc::default(),
            started: Instant::now(),
            samples: AtomicU64::new(0),
            sampling_ns: AtomicU64::new(0),
            released_ms: AtomicU64::new(0),
            pss_from_ms: AtomicU64::new(0),
            due: Due::default(),
            own,
        }
    }

    /// Reads figures once, so that there are some, and neither judges by them nor tells anybody: whoever made the manager may
    /// not listen yet.
    pub fn prepare(&self) {
        let sample = self.around.probe.sample().ok();
        let config = self.config();
        self.with_state(|state, now| state.take_sample(now, sample, &config));
    }

    /// Lets the sampling thread of the process watch over `self`, until it is gone or stopped. On a clock that is driven,
    /// whoever moves it calls [`Self::run_due`].
    pub fn watch(self: &Arc<Self>) {
        sampler::watch(self);
    }

    /// Monotonic ms at which it is to be looked at, on a clock that is driven.
    pub fn due_ms(&self) -> u64 {
        self.due.at_ms(self.around.clock.now_ms())
    }

    /// Looks at it if that is due, on a clock that is driven. Whether it did.
    pub fn run_due(&self) -> bool {
        sampler::run_due(self)
    }

    /// Whether there is work that only JavaScript can do: garbage, or waits that are over.
    pub fn wants_javascript(&self) -> bool {
        let state = self.state.lock();
        !self.is_stopped() && (state.collector.is_asked() || state.agents.has_released())
    }

    /// The settings.
    pub fn config(&self) -> MemoryConfig {
        self.config.read().clone()
    }

    /// Replaces the settings (checked by their reader). Agents keep what they hold; those that were
    /// throttled and hold little by the new limit go on, the others are judged by it at their next registration; everything
    /// else is judged at once.
    pub fn set_config(&self, config: MemoryConfig) {
        self.with_state(|state, now| {
            state.agents.set_limit(now, mb_to_bytes(config.agent_memory_limit_mb));
            state.contexts.set_retention(config.context_retention_time_ms);
            state.thresholds = Thresholds::new(&config);
            *self.config.write() = config;
        });
        self.look(false);
    }

    /// Bytes that all agents hold now, as registered.
    pub fn held_bytes(&self) -> u64 {
        self.state.lock().agents.held_bytes()
    }

    /// Sets what an agent holds now, in bytes, replacing what was said before.
    ///
    /// Above `agent_memory_limit` the agent becomes throttled; it is released
    /// once it is below 80 % of it. At 100 000 agents the one unused for
    /// longest is forgotten for a new one, throttled or not.
    pub fn register_agent(&self, agent_id: &str, context_bytes: u64, cache_bytes: u64) {
        if self.is_stopped() {
            return;
        }
        let stats = self.with_state(|state, now| {
            state.agents.register(now, agent_id, context_bytes, cache_bytes);
            let wanted = self.around.events.has_listener(EventKind::AgentMemoryUpdate);
            wanted.then(|| state.agents.stats(agent_id))
        });
        if let Some(stats) = stats {
            self.around.events.emit(EventKind::AgentMemoryUpdate, || stats);
        }
    }

    /// What one agent holds; `None` for one not known.
    pub fn agent(&self, agent_id: &str) -> Option<AgentStats> {
        self.with_state(|state, _| state.agents.stats(agent_id))
    }

    /// Whether the agent is throttled. One not known is while all agents are, and while others wait for their turn.
    #[must_use]
    pub fn should_throttle(&self, agent_id: &str) -> bool {
        !self.is_stopped() && self.with_state(|state, now| state.agents.is_throttled(now, agent_id))
    }

    /// Why the agent is throttled; `None` when it is not.
    pub fn throttle_reason(&self, agent_id: &str) -> Option<ThrottleReason> {
        if self.is_stopped() {
            return None;
        }
        self.with_state(|state, now| state.agents.reason(now, agent_id))
    }

    /// Releases a throttled agent if it is below 80 % of its limit and memory is below 80 % of the tightest limit. True if
    /// this call released it.
    pub fn unthrottle(&self, agent_id: &str) -> bool {
        self.with_state(|state, now| {
            let is_short = state.percentage().is_some_and(|percentage| percentage >= 80.0);
            state.agents.unthrottle(now, agent_id, is_short)
        })
    }

    /// Forgets an agent, its throttling and its contexts. True if it was known.
    pub fn forget(&self, agent_id: &str) -> bool {
        self.with_state(|state, now| {
            state.contexts.release_agent(agent_id);
            let is_known = state.agents.forget(agent_id);
            if is_known {
                state.agents.moved(now);
            }
            is_known
        })
    }

    /// Notes that these agents are in use.
    pub fn use_agents(&self, agent_ids: &[String]) {
        self.with_state(|state, now| {
            for id in agent_ids {
                state.agents.use_now(now, id);
            }
        });
    }

    /// Begins to wait until an agent need not: a number that [`Self::take_released`] gives then. `None` when it need not now.
    pub fn wait(&self, agent_id: &str) -> Option<u64> {
        if self.is_stopped() {
            return None;
        }
        let number = self.with_state(|state, now| state.agents.wait(now, agent_id));
        if number.is_some() {
            sampler::nudge(self);
        }
        number
    }

    /// Ends a wait that its caller gave up.
    pub fn cancel_wait(&self, number: u64) {
        self.with_state(|state, _| state.agents.cancel_wait(number));
    }

    /// Waits that are over since the last call.
    pub fn take_released(&self) -> Vec<u64> {
        self.state.lock().agents.take_released()
    }

    /// Who is throttled: all but the named (`true`), or the named; `None` when these are more than `most`.
    pub fn throttled_list(&self, most: usize) -> Option<(bool, Vec<Arc<str>>)> {
        if self.is_stopped() {
            return Some((false, Vec::new()));
        }
        self.state.lock().agents.throttled_list(most)
    }

    /// Starts or renews the retention of a context key.
    pub fn touch_context(&self, key: &str) {
        self.with_state(|state, now| {
            let given_up = state.contexts.touch(now, key);
            state.tell_expired(given_up.as_slice());
        });
    }

    /// Says that an agent holds a context.
    pub fn hold_context(&self, key: &str, agent_id: &str, bytes: u64, importance: f64) {
        self.with_state(|state, now| {
            let given_up = state.contexts.hold(now, key, agent_id, bytes, importance);
            state.tell_expired(given_up.as_slice());
            state.hear_of(key);
            state.agents.use_now(now, agent_id);
        });
    }

    /// The caller dropped a context. True if its key was known.
    pub fn release_context(&self, key: &str) -> bool {
        self.with_state(|state, _| {
            state.hear_of(key);
            state.contexts.release(key)
        })
    }

    /// Contexts that an agent, or all of them, should drop now, the least valuable first.
    pub fn contexts_to_drop(&self, agent_id: Option<&str>) -> Vec<Marked> {
        self.with_state(|state, now| state.marked(now, agent_id))
    }

    /// Percentage of the tightest limit by the last sample; takes one when there was none. `None` without figures.
    pub fn percentage(&self) -> Option<f64> {
        let is_known = { self.state.lock().raw.is_some() };
        if !is_known {
            self.look(false);
        }
        self.state.lock().percentage()
    }

    /// Ends the watch: nobody is throttled any more, who waits is released, the parts hold what they are configured for.
    pub fn stop(&self) {
        if self.is_stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        self.with_state(State::calm);
        self.around.board.set(THROTTLED, 0.0);
        self.around.board.set(FACTOR, 1.0);
        if self.around.footprints.ask(self.watcher, Relief::None) {
            self.around.footprints.settle_soon();
        }
        sampler::nudge(self);
    }

    /// Whether what can be made again is to be dropped, by JavaScript too.
    pub fn is_dropping(&self) -> bool {
        self.state.lock().step() >= Step::DropCaches
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    pub(super) fn now(&self) -> Now {
        Now { mono_ms: self.around.clock.now_ms(), wall_ms: self.around.clock.wall_ms() }
    }

    /// Runs `work` under the lock, then publishes what changed and tells listeners.
    pub(super) fn with_state<T>(&self, work: impl FnOnce(&mut State, Now) -> T) -> T {
        let (result, events) = {
            let mut state = self.state.lock();
            // Read under the lock, or a thread that waited for it would bring an
            // older time than the agents last in line have.
            let now = self.now();
            state.agents.expire(now);
            let result = work(&mut state, now);
            self.publish(&state);
            self.own.0.store(state.own_bytes(), Ordering::Relaxed);
            (result, state.take_events())
        };
        for (kind, event) in events {
            self.around.events.emit(kind, || event);
        }
        result
    }

    fn publish(&self, state: &State) {
        if self.is_stopped() {
            return;
        }
        let board = &self.around.board;
        let any = state.agents.throttled_count() > 0 || state.agents.is_closed_to_new();
        board.set(VERSION, state.agents.version() as f64);
        board.set(THROTTLED, f64::from(u8::from(any)));
        let factor = state.percentage().and_then(|percentage| {
            CONTEXT_FACTORS.iter().find(|(above, _)| percentage > *above).map(|(_, factor)| *factor)
        });
        board.set(FACTOR, factor.unwrap_or(1.0));
    }
}

/// What managers hold: agents, contexts, history. Read while another has the state, it says what it did before.
#[derive(Debug, Default)]
pub(super) struct OwnFootprint(pub(super) AtomicU64);

impl Footprint for OwnFootprint {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("agents and their contexts", self.0.load(Ordering::Relaxed));
    }

    fn relieve(&self, _: Relief) {}
}

impl Drop for MemoryManager {
    fn drop(&mut self) {
        if self.around.footprints.ask(self.watcher, Relief::None) {
            self.around.footprints.settle_soon();
        }
    }
}

#[cfg(test)]
mod tests;
