//! What a manager knows, and what follows from it. Not synchronised: the manager has it behind its lock.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::actions::ActionLog;
use super::agents::{AgentRegistry, Gate, MAX_TRACKED_AGENTS, Now, Room};
use super::alerts::Alerts;
use super::collect::Collector;
use super::config::MemoryConfig;
use super::contexts::{Contexts, MAX_CONTEXTS};
use super::history::History;
use super::limits::{Figures, LimitFigure, LimitSource, SOURCES, figures};
use super::pressure::{
    BURST_HORIZON_MS, HEAP_HORIZON_MS, HORIZON_MS, HYSTERESIS_POINTS, Pressure, Step, Thresholds,
    looking_ahead,
};
use super::probe::{Detail, RawSample};
use super::slope::{Series, time_to};
use super::stats::V8Heap;
use crate::base::footprint::Relief;
use crate::base::units::{BYTES_PER_MB, mb_to_bytes, round2};
use crate::telemetry::event::EventKind;

/// Near a limit, samples are this far apart.
pub(crate) const NEAR_MS: u64 = 50;
/// At rest, this far.
pub(crate) const REST_MS: u64 = 250;
/// In between, this far.
const NEARER_MS: u64 = 100;
/// From where on samples come closer together: agents were seen to fill a tenth of a small limit in 200 ms.
const NEARER_FROM_PERCENT: f64 = 55.0;
/// From where on a limit is near.
const NEAR_FROM_PERCENT: f64 = 70.0;
/// So many samples fit into the time that is left to a limit.
const SAMPLES_TO_LIMIT: u64 = 20;

mod telling;

/// A limit that would be filled in so many seconds fills fast.
const GROWING_PART: f64 = 50.0;

/// So much of a limit in garbage is collected before memory is short.
const MUCH_GARBAGE_PART: u64 = 5;

/// What is to be done outside of the lock.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// What the parts are to be asked for.
    pub(crate) relief: Option<Relief>,
    /// Whether freed memory is to be given back to the system.
    pub(crate) release: bool,
}

/// See the module.
pub(crate) struct State {
    pub(crate) agents: AgentRegistry,
    pub(crate) contexts: Contexts,
    pub(crate) alerts: Alerts,
    pub(crate) history: History,
    pub(crate) collector: Collector,
    pub(crate) actions: ActionLog,
    pub(crate) raw: Option<RawSample>,
    /// Whether there were figures of the process once.
    was_known: bool,
    pub(crate) detail: Detail,
    pub(crate) pss: Option<u64>,
    pub(crate) heap: Option<V8Heap>,
    pub(crate) figures: Figures,
    /// One for each source, by its number.
    pub(crate) series: [Series; SOURCES],
    pub(crate) thresholds: Thresholds,
    pub(crate) work: Work,
    pressure: Pressure,
    pub(crate) since_wall_ms: u64,
    pub(crate) reason: String,
    /// Context keys that listeners were told to drop.
    told: HashSet<String>,
    told_ms: u64,
    events: Vec<(EventKind, Value)>,
}

impl State {
    pub(crate) fn new(config: &MemoryConfig) -> Self {
        Self {
            agents: AgentRegistry::new(mb_to_bytes(config.agent_memory_limit_mb), MAX_TRACKED_AGENTS),
            contexts: Contexts::new(config.context_retention_time_ms, MAX_CONTEXTS),
            alerts: Alerts::default(),
            history: History::default(),
            collector: Collector::default(),
            actions: ActionLog::default(),
            raw: None,
            was_known: false,
            detail: Detail::default(),
            pss: None,
            heap: None,
            figures: Figures::default(),
            series: Default::default(),
            thresholds: Thresholds::new(config),
            work: Work::default(),
            pressure: Pressure::default(),
            since_wall_ms: 0,
            reason: String::new(),
            told: HashSet::new(),
            told_ms: 0,
            events: Vec::new(),
        }
    }

    /// The step that holds.
    pub(crate) fn step(&self) -> Step {
        self.pressure.step()
    }

    /// The tightest limit.
    pub(crate) fn tightest(&self) -> Option<LimitFigure> {
        self.figures.tightest()
    }

    /// Its percentage.
    pub(crate) fn percentage(&self) -> Option<f64> {
        self.tightest().map(|figure| figure.percentage())
    }

    /// The smallest limit, in bytes; 0 when none is known.
    pub(crate) fn effective_limit(&self) -> u64 {
        self.figures.effective().map_or(0, |limit| limit.bytes)
    }

    /// How what counts against a limit grows, bytes a second.
    pub(crate) fn growth(&self, source: LimitSource) -> Option<f64> {
        self.series[source as usize].growth()
    }

    /// Ms until `figure`'s limit is reached.
    pub(crate) fn time_to_limit(&self, figure: &LimitFigure) -> Option<u64> {
        time_to(figure.limit, figure.used, self.growth(figure.source)?)
    }

    /// Ms until the first limit is reached. V8's heap is left out: it grows by garbage until that is collected.
    pub(crate) fn soonest(&self) -> Option<u64> {
        let others = self.figures.iter().filter(|figure| figure.source != LimitSource::Heap);
        others.filter_map(|figure| self.time_to_limit(figure)).min()
    }

    /// Takes figures of the process, or that there are none: that does not hide behind older ones.
    pub(crate) fn take_sample(&mut self, now: Now, sample: Option<RawSample>, config: &MemoryConfig) {
        self.raw = sample;
        self.was_known |= self.raw.is_some();
        self.find_figures(config);
        for figure in self.figures.iter() {
            let grows = match (figure.source, &self.raw) {
                (LimitSource::Heap, _) => continue,
                // Whatever takes from what is available brings the end nearer.
                (LimitSource::System, Some(raw)) => raw.system_total.saturating_sub(raw.system_available),
                _ => figure.used,
            };
            self.series[figure.source as usize].push(now.mono_ms, grows);
        }
    }

    /// Takes figures of V8's heap.
    pub(crate) fn take_heap(&mut self, now: Now, heap: V8Heap, config: &MemoryConfig) {
        self.heap = Some(heap);
        self.find_figures(config);
        self.series[LimitSource::Heap as usize].push(now.mono_ms, heap.heap_used);
    }

    /// Judges what is known: steps, alerts, who waits, what is to be dropped.
    pub(crate) fn judge(&mut self, now: Now, config: &MemoryConfig) {
        let counted = self.counted();
        if let Some(change) =
            self.pressure.observe(now.mono_ms, counted.map(|(_, percentage)| percentage), &self.thresholds)
        {
            self.reason = self.explain(counted, change.to);
            self.since_wall_ms = now.wall_ms;
            self.change_step(now, change.from, change.to);
        }
        self.watch_alerts(now, config);
        if let Some((_, percentage)) = counted {
            let room = self.room(percentage);
            self.agents.govern(now, &room);
        }
        let (held, limit) = (self.agents.held_bytes(), self.effective_limit());
        let percentage = self.percentage().unwrap_or(0.0);
        // What V8 has beside what agents hold: garbage for the most part.
        let beside =
            self.heap.map_or(0, |heap| heap.heap_used.saturating_add(heap.external)).saturating_sub(held);
        let is_short = (self.step() >= Step::CollectGarbage
            && percentage >= self.thresholds.collect_garbage - HYSTERESIS_POINTS)
            || (percentage >= self.thresholds.shrink_caches && beside >= limit / MUCH_GARBAGE_PART);
        self.collector.is_waited_for = self.agents.throttled_count() > 0;
        self.collector.wants(now.mono_ms, is_short, held, limit);
        self.tell_contexts(now);
    }

    /// Forgets what was not used for long.
    pub(crate) fn expire(&mut self, now: Now) {
        self.agents.expire(now);
        let expired = self.contexts.expire(now);
        self.tell_expired(&expired);
    }

    /// Bytes that all of this takes, about.
    pub(crate) fn own_bytes(&self) -> u64 {
        (self.agents.own_bytes() + self.contexts.own_bytes() + size_of::<Self>()) as u64
    }

    /// Ms to the next sample.
    pub(crate) fn interval_ms(&self) -> u64 {
        let percentage = self.percentage().unwrap_or(0.0);
        let by_level = match percentage {
            _ if percentage >= NEAR_FROM_PERCENT => NEAR_MS,
            _ if percentage >= NEARER_FROM_PERCENT => NEARER_MS,
            _ => REST_MS,
        };
        let steps = self.figures.iter().filter_map(|figure| {
            let growth = self.series[figure.source as usize].last_step()?;
            time_to(figure.limit, figure.used, growth)
        });
        let by_time = steps.chain(self.soonest()).min().map_or(REST_MS, |left_ms| left_ms / SAMPLES_TO_LIMIT);
        by_level.min(by_time).clamp(NEAR_MS, REST_MS)
    }

    /// Everything goes on as if memory were plentiful.
    pub(crate) fn calm(&mut self, now: Now) {
        let from = self.step();
        if from > Step::Normal {
            "the watch has ended".clone_into(&mut self.reason);
            self.change_step(now, from, Step::Normal);
        }
        self.agents.set_gate(now, Gate::Open, "");
        self.agents.release_all();
        self.pressure = Pressure::default();
        self.collector = Collector::default();
        self.work = Work { relief: Some(Relief::None), release: false };
    }

    /// Whether figures of the process are not to be had any more: those of V8's heap alone would look like calm.
    fn is_blind(&self) -> bool {
        self.was_known && self.raw.is_none()
    }

    fn find_figures(&mut self, config: &MemoryConfig) {
        self.figures =
            figures(mb_to_bytes(config.max_memory_usage_mb), self.raw.as_ref(), self.heap.as_ref());
    }

    /// The limit that counts most, with the percentage that counts: growth is looked ahead, and so is what one agent more
    /// needs to be done: were less than that left, none ever would be.
    fn counted(&self) -> Option<(LimitFigure, f64)> {
        if self.is_blind() {
            return None;
        }
        let rows = self.figures.iter().map(|figure| {
            let ahead = self.ahead(figure);
            let all_from = self.thresholds.throttle_all;
            (*figure, if self.is_reserved(figure) { ahead.max(all_from) } else { ahead })
        });
        rows.max_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The percentage of a limit, growth included.
    fn ahead(&self, figure: &LimitFigure) -> f64 {
        let (growth, burst) = self.growing(figure.source);
        let at = |more: f64| looking_ahead(figure.percentage(), figure.used, figure.limit, more / 1000.0);
        let horizon_ms = |horizon_ms: f64| {
            if figure.source == LimitSource::Heap { HEAP_HORIZON_MS } else { horizon_ms }
        };
        let by_burst = at(burst * horizon_ms(BURST_HORIZON_MS));
        // What has just begun may be over as soon: by itself it stops everybody only where there is little left.
        let most = if figure.percentage() < self.thresholds.shrink_caches {
            self.thresholds.throttle_all - 0.01
        } else {
            f64::INFINITY
        };
        at(growth * horizon_ms(HORIZON_MS)).max(by_burst.min(most))
    }

    /// Whether what is left of a limit is what one agent more needs to be done.
    fn is_reserved(&self, figure: &LimitFigure) -> bool {
        if figure.percentage() < self.thresholds.shrink_caches {
            return false;
        }
        let Some(need) = self.agents.least_need() else { return false };
        let (growth, burst) = self.growing(figure.source);
        let soon = growth.max(burst).max(0.0) * HEAP_HORIZON_MS / 1000.0;
        let reserve = need as f64 * self.agents.weight(figure.used);
        (figure.used as f64 + soon + reserve) / figure.limit as f64 * 100.0 >= self.thresholds.throttle_all
    }

    /// How a figure grows, and how fast that has just begun, bytes a second; 0 when that is not known.
    fn growing(&self, source: LimitSource) -> (f64, f64) {
        let series = &self.series[source as usize];
        (series.growth().unwrap_or(0.0), series.burst().unwrap_or(0.0))
    }

    fn change_step(&mut self, now: Now, from: Step, to: Step) {
        let relief = |step: Step| match step {
            Step::Normal => Relief::None,
            Step::ShrinkCaches => Relief::Shrink,
            _ => Relief::Drop,
        };
        if relief(from) != relief(to) {
            self.work.relief = Some(relief(to));
        }
        self.work.release |= from < Step::ReleaseMemory && to >= Step::ReleaseMemory;
        let gate = match to {
            Step::ThrottleAll => Gate::All,
            Step::ThrottleLargest => Gate::Largest,
            // Memory is not short any more, whoever still waits.
            Step::Normal => Gate::Open,
            _ => Gate::Easing,
        };
        let throttled = self.agents.throttled_count();
        self.agents.set_gate(now, gate, &self.reason);
        for step in [Step::ThrottleLargest, Step::ThrottleAll] {
            if from < step && to >= step {
                self.actions.note(step, now.wall_ms, &self.reason, 0, 0.0);
            }
        }
        if to == Step::ThrottleAll {
            self.events.push((EventKind::EmergencyCleanup, json!({ "timestamp": now.wall_ms })));
        }
        self.events.push((
            EventKind::PressureChanged,
            json!({
                "step": to.name(),
                "previous": from.name(),
                "percentage": self.percentage().map(round2),
                "source": self.tightest().map(|figure| figure.source),
                "reason": self.reason,
                "throttled": self.agents.throttled_count(),
                "throttledBefore": throttled,
                "timestamp": now.wall_ms,
            }),
        ));
    }

    fn room(&self, percentage: f64) -> Room {
        let left = |up_to: f64| {
            let left = self.figures.iter().map(|figure| {
                let bytes = (figure.limit as f64 * up_to / 100.0 - figure.used as f64).max(0.0);
                mb_to_bytes(bytes / BYTES_PER_MB)
            });
            left.min().unwrap_or(0)
        };
        Room {
            percentage,
            real_percentage: self.percentage().unwrap_or(percentage),
            all_from: self.thresholds.throttle_all,
            largest_from: self.thresholds.throttle_largest,
            calm_below: self.thresholds.throttle_largest - HYSTERESIS_POINTS,
            calm_bytes: left(self.thresholds.throttle_largest),
            free_bytes: left(self.thresholds.throttle_all),
            is_growing: self.figures.iter().filter(|figure| figure.source != LimitSource::Heap).any(
                |figure| {
                    let burst = self.series[figure.source as usize].burst().unwrap_or(0.0);
                    burst >= figure.limit as f64 / GROWING_PART
                },
            ),
            is_hard: self.tightest().is_some_and(|figure| figure.source.is_hard()),
            used_bytes: self.tightest().map_or(0, |figure| figure.used),
        }
    }
}
