//! What the tuning does: looks, steps, and what either of them decides.

use std::sync::Arc;

use serde_json::{Value, json};

use super::reading::{look_at_memory, plan};
use super::{Engine, State};
use crate::base::error::Result;
use crate::orchestrator::tuning::knob::is_same;
use crate::orchestrator::tuning::{Adjustment, Count, Decision, Values};

impl Engine {
    /// The values in force.
    pub(super) fn values(&self) -> Values {
        Values::of(&self.settings.lock())
    }

    /// The configured values, whatever was tuned.
    pub(super) fn configured(&self) -> Values {
        let explained = Arc::clone(&self.explained.lock());
        Values::of(&explained.0.configured())
    }

    /// A look, and a step if one is due. Whether to look again soon.
    pub(super) fn tick(&self) -> bool {
        let is_on = self.settings.lock().auto_tuning;
        {
            let mut state = self.tuner.lock();
            let now_ms = self.orchestrator.now_ms();
            look_at_memory(&mut state, self.memory().as_deref(), now_ms);
            self.give_way(&mut state);
            if !is_on && now_ms >= state.by_hand_until_ms {
                self.end_observing(&mut state, "no step was asked for any more; the value of before is back");
                // What grown values take is given back when memory becomes short.
                return !state.controller.tuned().is_empty();
            }
        }
        self.begin_to_observe();
        if let Some(cache) = self.cache() {
            cache.manager().rehearse();
        }
        let (now_ms, interval_ms) = (self.orchestrator.now_ms(), self.interval_ms());
        let is_due = {
            let mut state = self.tuner.lock();
            // A shorter interval holds at once.
            state.due_ms = state.due_ms.min(now_ms.saturating_add(interval_ms));
            let is_due = is_on && now_ms >= state.due_ms;
            if is_due {
                // Also for a step that fails on its way: it is not begun again with each look.
                state.due_ms = now_ms.saturating_add(interval_ms);
            }
            is_due
        };
        if is_due {
            let _ = self.step_and_tell();
        }
        true
    }

    /// Gives back what takes memory if that is short now: the next step may be far.
    fn give_way(&self, state: &mut State) {
        let Some(memory) = self.memory().filter(|memory| memory.is_short()) else { return };
        let (percent, now_ms) = (memory.overview().percentage, self.orchestrator.now_ms());
        let decisions = state.controller.give_way(percent, now_ms, self.orchestrator.wall_ms());
        self.carry_out_aside(state, &decisions);
    }

    /// Has requests taken down for rehearsals, and takes the reading that the first step compares with.
    fn begin_to_observe(&self) {
        if self.tuner.is_stopped() {
            return;
        }
        let is_begun = {
            let state = self.tuner.lock();
            self.observe(&state);
            state.is_begun
        };
        if is_begun {
            return;
        }
        // Counts tokens, which takes its time.
        let reading = self.reading();
        let (now_ms, interval_ms) = (self.orchestrator.now_ms(), self.interval_ms());
        let mut state = self.tuner.lock();
        if !state.is_begun {
            state.is_begun = true;
            state.controller.begin_from(&reading, now_ms);
            state.due_ms = now_ms.saturating_add(interval_ms);
        }
    }

    fn observe(&self, state: &State) {
        let Some(cache) = self.cache() else { return };
        let signal = Arc::clone(&self.tuner.signal);
        let plan = plan(&state.controller, &self.settings.lock());
        cache.manager().observe(Some(plan), move || signal.ask());
    }

    /// Takes no requests down any more, and abandons the trial: nobody would judge it.
    pub(super) fn end_observing(&self, state: &mut State, why: &str) {
        let decision = state.controller.abandon(self.orchestrator.wall_ms(), why);
        self.carry_out_aside(state, decision.as_slice());
        state.is_begun = false;
        state.controller.forget();
        if let Some(cache) = self.cache() {
            cache.manager().observe(None, || {});
        }
    }

    pub(super) fn tuning_step(&self) -> Result<Value> {
        let _others = self.tuner.stepping.lock();
        self.begin_to_observe();
        let mut reading = self.reading();
        let adjustments = {
            let mut state = self.tuner.lock();
            let now_ms = self.orchestrator.now_ms();
            look_at_memory(&mut state, self.memory().as_deref(), now_ms);
            for count in [Count::CriticalMs, Count::AlertMs, Count::IdleThrottledMs] {
                reading.counts.set(count, state.counted.get(count));
            }
            (reading.values, reading.bases) = (self.values(), self.configured());
            let decisions = state.controller.step(&reading, now_ms);
            let adjustments = self.carry_out(&mut state, &decisions);
            state.last_run = Some(reading.wall_ms);
            state.due_ms = now_ms.saturating_add(self.interval_ms());
            // Sizes are rehearsed around the configured one, which a user may have changed.
            self.observe(&state);
            self.tuner.show(&state);
            adjustments?
        };
        Ok(json!({
            "timestamp": self.orchestrator.wall_ms(),
            "stats": self.orchestrator.statistics(&self.orchestrator.health()),
            "recommendations": self.orchestrator.recommendations(),
            "adjustments": adjustments,
        }))
    }

    /// The same for decisions between two steps: those that fail are told by the log and the history.
    pub(super) fn carry_out_aside(&self, state: &mut State, decisions: &[Decision]) {
        if decisions.is_empty() {
            return;
        }
        if let Err(error) = self.carry_out(state, decisions) {
            tracing::error!(code = error.kind().code(), "a setting could not be given back");
        }
        self.tuner.show(state);
    }

    /// Carries out what was decided; the changes as they stand then. One that fails is taken back, and does not keep the others.
    fn carry_out(&self, state: &mut State, decisions: &[Decision]) -> Result<Vec<Adjustment>> {
        let mut failed = None;
        for decision in decisions {
            let Err(error) = self.carry_out_one(state, decision) else { continue };
            let (values, wall_ms) = (self.values(), self.orchestrator.wall_ms());
            state.controller.failed(decision, &values, wall_ms, &error.to_string());
            failed = failed.or(Some(error));
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(decisions.iter().map(|decision| decision.adjustment.clone()).collect()),
        }
    }

    fn carry_out_one(&self, state: &State, decision: &Decision) -> Result<()> {
        let Some((knob, value)) = decision.apply else { return Ok(()) };
        let bases = state.controller.bases();
        let mut partial = bases.partial(knob, value);
        // The configured value itself is given back.
        if is_same(value, bases.get(knob)) {
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
