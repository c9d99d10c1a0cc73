//! Lets the settings of a running system follow its load: reads the parts, asks the controller, applies what it decides.
//!
//! One thread a system, from the first step or `autoTuning: true` on. It holds the system weakly and ends with it. Lock order: the tuner,
//! then the settings that are live, then those that are seen.

mod reading;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde_json::{Value, json};

use super::Engine;
use crate::base::error::{Error, ErrorKind, Result};
use crate::orchestrator::settings::Settings;
use crate::orchestrator::tuning::{Adjustment, Controller, Count, Counts, Decision, Knob, Values};
use crate::telemetry::event::EventKind;
use reading::{look_at_memory, plan};

/// As tools show it; the kernel keeps 15 bytes of it.
const THREAD: &str = "agentwise-tune";
/// How often the thread replays requests and looks at memory.
const TICK: Duration = Duration::from_secs(5);
/// Wakes the thread.
#[derive(Debug, Default)]
struct Signal {
    is_asked: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn ask(&self) {
        *self.is_asked.lock() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut is_asked = self.is_asked.lock();
        let until = Instant::now() + TICK;
        while !*is_asked && !self.changed.wait_until(&mut is_asked, until).timed_out() {}
        *is_asked = false;
    }
}

/// The tuning of one system.
#[derive(Debug)]
pub(super) struct Tuner {
    state: Mutex<State>,
    /// Held during a step, which takes longer than anybody should wait for the state.
    stepping: Mutex<()>,
    /// What others see, so that nobody waits for a step.
    shown: Mutex<Shown>,
    signal: Arc<Signal>,
    /// The system, once somebody watches over it.
    engine: OnceLock<Weak<Engine>>,
}

/// What is seen of the tuning.
#[derive(Debug, Clone, Default)]
struct Shown {
    history: Vec<Adjustment>,
    trial: Option<Adjustment>,
    tuned: Vec<(Knob, f64)>,
    last_run: Option<u64>,
    steps: u64,
    kept: u64,
    undone: u64,
}

impl Shown {
    fn of(state: &State) -> Self {
        let history = state.controller.history();
        Self {
            history: history.rows().cloned().collect(),
            trial: state.controller.trial().cloned(),
            tuned: state.controller.tuned(),
            last_run: state.last_run,
            steps: state.controller.steps(),
            kept: history.kept,
            undone: history.undone,
        }
    }
}

/// What a step works on.
#[derive(Debug)]
pub(super) struct State {
    controller: Controller,
    /// What the thread counted itself.
    counted: Counts,
    looked_ms: Option<u64>,
    /// When the last step was, Unix ms, and when the next one is due, monotonic.
    last_run: Option<u64>,
    due_ms: u64,
    has_thread: bool,
    is_begun: bool,
    is_stopped: bool,
}

impl Tuner {
    /// Nothing tuned yet.
    pub(super) fn new(settings: &Settings) -> Self {
        let state = State {
            controller: Controller::new(settings.tuning.clone(), Values::of(settings)),
            counted: Counts::default(),
            looked_ms: None,
            last_run: None,
            due_ms: 0,
            has_thread: false,
            is_begun: false,
            is_stopped: false,
        };
        Self {
            state: Mutex::new(state),
            stepping: Mutex::default(),
            shown: Mutex::default(),
            signal: Arc::default(),
            engine: OnceLock::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// What a user set holds, and is what the tuning goes from: what `partial` names, and what is not as `before`. `state` is
    /// this tuner's.
    pub(super) fn user_set(
        &self,
        state: &mut State,
        partial: &Value,
        before: &Values,
        settings: &Settings,
        wall_ms: u64,
    ) {
        state.user_set(partial, before, settings, wall_ms);
        *self.shown.lock() = Shown::of(state);
    }

    /// Ends the thread; nothing is changed any more.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.signal.ask();
    }
}

impl State {
    fn user_set(&mut self, partial: &Value, before: &Values, settings: &Settings, wall_ms: u64) {
        self.controller.set_config(settings.tuning.clone());
        let values = Values::of(settings);
        for knob in Knob::ALL {
            let is_named = |path: &str| partial.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
            let is_named = is_named(knob.path()) || (knob == Knob::L1Size && is_named("cache.l1MaxSizeMB"));
            #[expect(clippy::float_cmp, reason = "nobody set it, so it is the same number")]
            if is_named || values.get(knob) != before.get(knob) {
                self.controller.user_set(knob, &values, wall_ms);
            }
        }
    }
}

impl Engine {
    /// Begins to watch over memory and everything else, and to tune if that is switched on, now that there can be listeners.
    pub fn watch(self: &Arc<Self>) {
        let _ = self.tuner.engine.set(Arc::downgrade(self));
        self.orchestrator.watch();
        self.follow_tuning_flag();
    }

    /// One step of the tuning now: `{ timestamp, stats, recommendations, adjustments }`, the same as `autoTuningCompleted` tells.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_INTERNAL` for a defect, which `autoTuningError` tells too.
    pub fn tune(&self) -> Result<Value> {
        self.check_open()?;
        self.begin_to_observe();
        let done = catch_unwind(AssertUnwindSafe(|| self.tuning_step()));
        let told = done.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "a step of the tuning failed; please report this"))
        });
        match &told {
            Ok(told) => self.events.emit(EventKind::AutoTuningCompleted, || told.clone()),
            Err(error) => {
                tracing::error!(code = error.kind().code(), "a step of the tuning failed");
                self.events.emit(EventKind::AutoTuningError, || json!({ "error": error.to_string() }));
            }
        }
        told
    }

    /// Changes of settings by the tuning, oldest first, at most 200.
    pub fn tuning_history(&self) -> Vec<Adjustment> {
        self.tuner.shown.lock().history.clone()
    }

    /// The settings that are not as configured because of the tuning, by path.
    pub fn tuned(&self) -> Vec<(&'static str, Value)> {
        let shown = self.tuner.shown.lock();
        shown.tuned.iter().map(|(knob, value)| (knob.path(), knob.shown(*value))).collect()
    }

    /// `tuning` of `getStatus()`.
    pub(super) fn tuning_status(&self) -> Value {
        let (is_on, interval_ms) = {
            let settings = self.settings.lock();
            (settings.auto_tuning, settings.tuning.interval_ms)
        };
        let shown = self.tuner.shown.lock();
        json!({
            "enabled": is_on,
            "interval": interval_ms,
            "lastRun": shown.last_run,
            "trial": shown.trial,
            "steps": shown.steps,
            "kept": shown.kept,
            "undone": shown.undone,
        })
    }

    /// Begins or ends what the flag `autoTuning` asks for.
    pub(super) fn follow_tuning_flag(&self) {
        if self.settings.lock().auto_tuning {
            self.begin_to_observe();
        }
        self.tuner.signal.ask();
    }

    /// Has requests taken down for rehearsals, and a thread that replays them.
    fn begin_to_observe(&self) {
        let mut state = self.tuner.lock();
        if state.is_stopped {
            return;
        }
        self.observe(&state);
        if !state.is_begun {
            state.is_begun = true;
            let reading = self.reading();
            state.controller.begin_from(&reading, self.orchestrator.now_ms());
        }
        if state.has_thread {
            return;
        }
        let Some(weak) = self.tuner.engine.get().cloned() else { return };
        let interval_ms = self.settings.lock().tuning.interval_ms;
        state.due_ms = self.orchestrator.now_ms().saturating_add(interval_ms);
        let signal = Arc::clone(&self.tuner.signal);
        let spawned = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || run(&weak, &signal));
        match spawned {
            Ok(_) => state.has_thread = true,
            Err(error) => tracing::warn!(%error, "no thread to tune with; tune() still does a step"),
        }
    }

    fn observe(&self, state: &State) {
        let Some(cache) = self.cache() else { return };
        let signal = Arc::clone(&self.tuner.signal);
        let plan = plan(&state.controller, &self.settings.lock());
        cache.manager().observe(Some(plan), move || signal.ask());
    }

    /// A look, and a step if one is due. Whether to go on.
    fn tick(&self) -> bool {
        if self.is_closed() || self.tuner.lock().is_stopped {
            return false;
        }
        if let Some(cache) = self.cache() {
            cache.manager().rehearse();
        }
        let (is_on, interval_ms) = {
            let settings = self.settings.lock();
            (settings.auto_tuning, settings.tuning.interval_ms)
        };
        let now_ms = self.orchestrator.now_ms();
        let is_due = {
            let mut state = self.tuner.lock();
            look_at_memory(&mut state, self.memory().as_deref(), now_ms);
            // A shorter interval holds at once.
            state.due_ms = state.due_ms.min(now_ms.saturating_add(interval_ms));
            is_on && now_ms >= state.due_ms
        };
        if is_due {
            let _ = self.tune();
        }
        true
    }

    fn tuning_step(&self) -> Result<Value> {
        let _others = self.tuner.stepping.lock();
        let now_ms = self.orchestrator.now_ms();
        let mut reading = self.reading();
        let adjustments: Vec<Adjustment> = {
            let mut state = self.tuner.lock();
            look_at_memory(&mut state, self.memory().as_deref(), now_ms);
            for count in [Count::CriticalMs, Count::AlertMs, Count::IdleThrottledMs] {
                reading.counts.set(count, state.counted.get(count));
            }
            reading.values = Values::of(&self.settings.lock());
            let decisions = state.controller.step(&reading, now_ms);
            let bases = *state.controller.bases();
            for decision in &decisions {
                self.carry_out(decision, &bases)?;
            }
            state.last_run = Some(reading.wall_ms);
            state.due_ms = now_ms.saturating_add(self.settings.lock().tuning.interval_ms);
            // Sizes are rehearsed around the configured one, which a user may have changed.
            self.observe(&state);
            *self.tuner.shown.lock() = Shown::of(&state);
            decisions.into_iter().map(|decision| decision.adjustment).collect()
        };
        Ok(json!({
            "timestamp": self.orchestrator.wall_ms(),
            "stats": self.orchestrator.statistics(&self.orchestrator.health()),
            "recommendations": self.orchestrator.recommendations(),
            "adjustments": adjustments,
        }))
    }

    fn carry_out(&self, decision: &Decision, bases: &Values) -> Result<()> {
        let Some((knob, value)) = decision.apply else { return Ok(()) };
        let mut partial = bases.partial(knob, value);
        #[expect(clippy::float_cmp, reason = "the configured value itself is given back")]
        if value == bases.get(knob) {
            for setting in partial.as_object_mut().into_iter().flat_map(|sections| sections.values_mut()) {
                setting
                    .as_object_mut()
                    .into_iter()
                    .flat_map(|keys| keys.values_mut())
                    .for_each(|at| *at = Value::Null);
            }
        }
        self.tune_configuration(&partial)?;
        tracing::info!(setting = knob.path(), "the tuning changed a setting; see tuningHistory");
        Ok(())
    }
}

fn run(weak: &Weak<Engine>, signal: &Signal) {
    loop {
        signal.wait();
        let Some(engine) = weak.upgrade() else { return };
        let is_going_on = catch_unwind(AssertUnwindSafe(|| engine.tick())).unwrap_or_else(|_| {
            tracing::error!("a look of the tuning failed; it goes on");
            true
        });
        if !is_going_on {
            return;
        }
    }
}
