//! Lets the settings of a running system follow its load: reads the parts, asks the controller, applies what it decides.
//!
//! One thread a system, from the first step or `autoTuning: true` on. It holds the system weakly and ends with it. Lock order: the tuner,
//! then the settings that are live, then those that are seen.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde_json::{Value, json};

use super::Engine;
use crate::base::error::{Error, ErrorKind, Result};
use crate::cache::{CacheManager, RehearsalPlan, other_policy};
use crate::memory::MemoryManager;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::tuning::knob::policy;
use crate::orchestrator::tuning::{
    Adjustment, Controller, Count, Counts, Decision, Gauges, Knob, Reading, Values,
};
use crate::orchestrator::{Components, counter};
use crate::telemetry::event::EventKind;

/// As tools show it; the kernel keeps 15 bytes of it.
const THREAD: &str = "agentwise-tune";
/// How often the thread replays requests and looks at memory.
const TICK: Duration = Duration::from_secs(5);
/// A gap between two looks at memory counts at most so long, ms: the machine may have slept.
const MOST_TICK_MS: u64 = 15_000;
/// Sizes of L1 that are rehearsed at most.
const MOST_SIZES: usize = 7;
/// Of a long answer only the beginning is counted, bytes.
const COUNTED_BYTES: usize = 1 << 16;
/// Memory is critical from here on, and half free up to here, %.
const CRITICAL_PERCENT: f64 = 95.0;
const IDLE_PERCENT: f64 = 50.0;

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

    fn reading(&self) -> Reading {
        let Components { memory, cache, filter, .. } = self.orchestrator.components();
        let mut counts = Counts::default();
        let mut gauges = Gauges::default();
        let mut rehearsed = Vec::new();
        if let Some(cache) = cache {
            rehearsed = read_cache(cache.manager(), &mut counts, &mut gauges);
        }
        if let Some(filter) = filter {
            counts.set(Count::Contexts, filter.calls() as f64);
            counts.set(Count::FetchedBack, filter.resolved() as f64);
        }
        counts.set(Count::TokensSaved, self.orchestrator.tokens().ledger().transport_saved() as f64);
        if let Some(memory) = memory {
            let overview = memory.overview();
            gauges.is_pressed = memory.is_short();
            gauges.memory_percent = overview.percentage;
            gauges.memory_limit_mb = overview.limit.map(mb);
            gauges.agents_mb = mb(overview.held);
            gauges.throttled = overview.throttled as f64;
        }
        let values = Values::of(&self.settings.lock());
        Reading { wall_ms: self.orchestrator.wall_ms(), values, counts, gauges, rehearsed }
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

/// Sizes by powers of two between the bounds, and the bounds, under the configured policy and another one.
fn plan(controller: &Controller, settings: &Settings) -> RehearsalPlan {
    let (bases, config) = (controller.bases(), &settings.tuning);
    let base = bases.get(Knob::L1Size).max(1.0);
    let (low, high) = Knob::L1Size.bounds(base, config);
    let mut factors = vec![1.0];
    if !config.is_fixed(Knob::L1Size) {
        let powers = (-4..=6).filter(|power| *power != 0).map(|power| 2.0_f64.powi(power));
        factors.extend(powers.filter(|factor| factor * base >= low && factor * base <= high));
        factors.extend([low / base, high / base]);
        factors.sort_by(f64::total_cmp);
        factors.dedup_by(|a, b| (*a - *b).abs() < 0.05 * *b);
        // Those far from the configured one go first.
        while factors.len() > MOST_SIZES {
            let is_low_farther = (1.0 / factors[0]) > factors[factors.len() - 1];
            factors.remove(if is_low_farther { 0 } else { factors.len() - 1 });
        }
    }
    let own = policy(bases.get(Knob::Policy)).0;
    let mut policies = vec![own];
    if !config.is_fixed(Knob::Policy) {
        policies.push(other_policy(own));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size within its limits")]
    let (entries, bytes) = (base as u64, (bases.l1_mb * crate::base::units::BYTES_PER_MB) as u64);
    RehearsalPlan { entries, bytes, policies, factors }
}

fn read_cache(
    cache: &CacheManager,
    counts: &mut Counts,
    gauges: &mut Gauges,
) -> Vec<crate::cache::Rehearsed> {
    let (stats, seen) = (cache.stats(), cache.observations());
    for (count, value) in [
        (Count::Lookups, stats.lookups()),
        (Count::L1Hits, stats.l1.hits),
        (Count::DiskHits, stats.l2.hits + stats.l3.tier.hits),
        (Count::Expired, seen.expired),
        (Count::RenewedSame, seen.renewed_same),
        (Count::RenewedChanged, seen.renewed_changed),
        (Count::SimilarServed, stats.overall.similarity_detections),
        (Count::SimilarRefuted, seen.similar_refuted),
        (Count::TimedMisses, seen.timed_misses),
        (Count::MissMs, seen.miss_ms),
        (Count::DiskReads, seen.disk_reads),
        (Count::DiskReadUs, seen.disk_read_us),
        (Count::Written, stats.disk.written),
        (Count::Batches, stats.disk.batches),
        (Count::WriteUs, seen.write_us),
        (Count::Held, stats.disk.delayed + stats.disk.dropped),
    ] {
        counts.set(count, value as f64);
    }
    gauges.l1_held_mb = stats.l1.size_mb;
    gauges.has_disk = matches!(stats.disk.state, "ok" | "idle" | "opening");
    gauges.sample_ratio = f64::from(seen.sample_ratio);
    let count = counter();
    let texts = cache.some_texts();
    let tokens = texts.iter().map(|record| {
        let text = &record.text;
        let end =
            (0..=text.len().min(COUNTED_BYTES)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let counted = &text[..end];
        count.count(counted) as f64 * text.len() as f64 / counted.len().max(1) as f64
    });
    gauges.tokens_per_answer = (!texts.is_empty()).then(|| tokens.sum::<f64>() / texts.len() as f64);
    seen.rehearsed
}

/// Adds how memory was since the last look.
fn look_at_memory(state: &mut State, memory: Option<&MemoryManager>, now_ms: u64) {
    let since_ms = state.looked_ms.map_or(0, |looked_ms| now_ms.saturating_sub(looked_ms));
    state.looked_ms = Some(now_ms);
    let Some(memory) = memory else { return };
    let overview = memory.overview();
    let Some(percent) = overview.percentage else { return };
    let ms = since_ms.min(MOST_TICK_MS) as f64;
    if percent >= CRITICAL_PERCENT {
        state.counted.add(Count::CriticalMs, ms);
    }
    if percent >= memory.config().alert_threshold_percent {
        state.counted.add(Count::AlertMs, ms);
    }
    if percent < IDLE_PERCENT && overview.throttled > 0 {
        state.counted.add(Count::IdleThrottledMs, ms);
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / crate::base::units::BYTES_PER_MB
}
