//! Lets the settings of a running system follow its load: reads the parts, asks the controller, applies what it decides.
//!
//! [`steps`] is what is done, here is who does it when: one thread a system, from the first step or `autoTuning: true` on, which waits
//! to be asked while there is nothing to do. It holds the system weakly and ends with it. Lock order: the tuner, then the
//! settings that are live, then those that are seen.

mod reading;
mod steps;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde_json::{Value, json};

use super::Engine;
use crate::base::driven::Due;
use crate::base::error::{Error, ErrorKind, Result};
use crate::orchestrator::settings::Settings;
use crate::orchestrator::settings::live::Live;
use crate::orchestrator::tuning::{Adjustment, Controller, Counts, Knob, Values};
use crate::telemetry::event::EventKind;

/// As tools show it; the kernel keeps 15 bytes of it.
const THREAD: &str = "agentwise-tune";
/// How often the thread replays requests and looks at memory.
const TICK: Duration = Duration::from_secs(5);
/// Without `autoTuning`, requests are taken down for so many intervals after a step that was asked for, and so long at least.
const INTERVALS_BY_HAND: u64 = 2;
const LEAST_MS_BY_HAND: u64 = 600_000;

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

    /// Until asked, and for `TICK` at most if there is something to look at by then.
    fn wait(&self, is_looking: bool) {
        let mut is_asked = self.is_asked.lock();
        let until = Instant::now() + TICK;
        while !*is_asked {
            if !is_looking {
                self.changed.wait(&mut is_asked);
            } else if self.changed.wait_until(&mut is_asked, until).timed_out() {
                break;
            }
        }
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
    /// Seen without the state, for whoever must not wait for a step.
    is_stopped: AtomicBool,
    /// The flag `autoTuning` when it was looked at last.
    was_on: AtomicBool,
    has_thread: Mutex<bool>,
    /// When it is looked at where there is no thread.
    due: Due,
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
    /// Until when requests are taken down without the flag, monotonic.
    by_hand_until_ms: u64,
    /// Whether there is a reading to compare with.
    is_begun: bool,
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
            by_hand_until_ms: 0,
            is_begun: false,
        };
        Self {
            state: Mutex::new(state),
            stepping: Mutex::default(),
            shown: Mutex::default(),
            signal: Arc::default(),
            is_stopped: AtomicBool::new(false),
            was_on: AtomicBool::new(false),
            has_thread: Mutex::default(),
            due: Due::default(),
            engine: OnceLock::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// What a user set holds, and is what the tuning goes from: what `partial` names, and what is configured otherwise than before.
    /// `state` is this tuner's.
    pub(super) fn follow(&self, state: &mut State, partial: &Value, live: &Live, wall_ms: u64) {
        let is_path_named = |path: &str| partial.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
        let is_named = |knob: Knob| {
            is_path_named(knob.path()) || (knob == Knob::L1Size && is_path_named("cache.l1MaxSizeMB"))
        };
        let (bases, values) = (Values::of(&live.layers().configured()), Values::of(live.settings()));
        state.controller.set_config(live.settings().tuning.clone());
        state.controller.follow(&bases, &values, wall_ms, is_named);
        self.show(state);
    }

    /// Lets others see how things are.
    fn show(&self, state: &State) {
        *self.shown.lock() = Shown::of(state);
    }

    /// Ends the thread; nothing is changed any more. Waits for nobody.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.signal.ask();
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}

impl Engine {
    /// Begins to watch over memory and everything else, and to tune if that is switched on, now that there can be listeners.
    pub fn watch(self: &Arc<Self>) {
        let _ = self.tuner.engine.set(Arc::downgrade(self));
        self.orchestrator.watch();
        self.begin_upkeep();
        self.follow_tuning_flag();
    }

    /// One step of the tuning now: `{ timestamp, stats, recommendations, adjustments }`, the same as `autoTuningCompleted` tells.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`; `E_INTERNAL` for a defect, which `autoTuningError` tells too.
    pub fn tune(&self) -> Result<Value> {
        self.check_open()?;
        let now_ms = self.orchestrator.now_ms();
        let by_hand_ms = self.interval_ms().saturating_mul(INTERVALS_BY_HAND).max(LEAST_MS_BY_HAND);
        self.tuner.lock().by_hand_until_ms = now_ms.saturating_add(by_hand_ms);
        self.start_thread();
        self.step_and_tell()
    }

    fn step_and_tell(&self) -> Result<Value> {
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

    /// What settings that changed ask for: values that are allowed, and a thread, or none of its work.
    pub(super) fn follow_settings(&self) {
        {
            let mut state = self.tuner.lock();
            let decisions = state.controller.fit(self.orchestrator.wall_ms());
            self.carry_out_aside(&mut state, &decisions);
        }
        self.follow_tuning_flag();
    }

    /// Begins or ends what the flag `autoTuning` asks for. Waits for a step only where it ends.
    fn follow_tuning_flag(&self) {
        let is_on = self.settings.lock().auto_tuning;
        let was_on = self.tuner.was_on.swap(is_on, Ordering::SeqCst);
        if is_on {
            self.start_thread();
        } else if was_on {
            let mut state = self.tuner.lock();
            state.by_hand_until_ms = 0;
            self.end_observing(&mut state, "the tuning was switched off; the value of before is back");
        }
        self.tuner.signal.ask();
    }

    fn start_thread(&self) {
        let mut has_thread = self.tuner.has_thread.lock();
        if *has_thread || self.tuner.is_stopped() {
            return;
        }
        let Some(weak) = self.tuner.engine.get().cloned() else { return };
        let signal = Arc::clone(&self.tuner.signal);
        // The first look is at once: what comes after it is compared with it.
        signal.ask();
        if self.orchestrator.world().by_hand().is_some() {
            // Whoever moves the clock looks.
            *has_thread = true;
            return;
        }
        let spawned = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || run(&weak, &signal));
        match spawned {
            Ok(_) => *has_thread = true,
            Err(error) => tracing::warn!(%error, "no thread to tune with; tune() still does a step"),
        }
    }

    fn interval_ms(&self) -> u64 {
        self.settings.lock().tuning.interval_ms
    }
}

impl Tuner {
    /// Monotonic ms at which it is to be looked at where there is no thread.
    pub(super) fn due_ms(&self, now_ms: u64) -> u64 {
        if !*self.has_thread.lock() || self.is_stopped() {
            return u64::MAX;
        }
        if *self.signal.is_asked.lock() { now_ms } else { self.due.at_ms(now_ms) }
    }
}

impl Engine {
    /// A look of the tuning if it is due, here and now. Whether it was.
    pub(super) fn run_tuning(&self) -> bool {
        let now_ms = self.orchestrator.now_ms();
        if self.tuner.due_ms(now_ms) > now_ms {
            return false;
        }
        if std::mem::take(&mut *self.tuner.signal.is_asked.lock()) {
            self.tuner.due.ask();
        }
        let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX);
        self.tuner.due.run(now_ms, || self.look().then_some(tick_ms))
    }

    /// A look; whether to look again soon. A defect in it does not end the tuning.
    fn look(&self) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.tick())).unwrap_or_else(|_| {
            tracing::error!("a look of the tuning failed; it goes on");
            true
        })
    }
}

fn run(weak: &Weak<Engine>, signal: &Signal) {
    let mut is_looking = true;
    loop {
        signal.wait(is_looking);
        let Some(engine) = weak.upgrade() else { return };
        if engine.tuner.is_stopped() || engine.is_closed() {
            return;
        }
        is_looking = engine.look();
    }
}

impl Drop for Tuner {
    /// A thread that waits to be asked finds that there is no system any more.
    fn drop(&mut self) {
        self.signal.ask();
    }
}
