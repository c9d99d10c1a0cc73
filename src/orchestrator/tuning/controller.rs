//! The trials: one at a time, judged by the rule that asked for it, kept or undone.
//!
//! It cannot oscillate: after an undo that direction is barred for twice as many steps as the time before, and a setting goes
//! back the way it came only after a time that doubles as well. So of `n` steps at most about `5 log₂ n + n / 50` change
//! the direction of a setting. While memory is short nothing new is tried, and what takes memory is undone at once.

use serde_json::Value;

use super::config::TuningConfig;
use super::history::{Adjustment, Also, History, Outcome};
use super::knob::{KNOBS, Knob, Values, is_same};
use super::reading::{Reading, Recent};
use super::rules::{self, Proposal, Tried, Verdict, View};
use super::track::Track;

/// Steps after which a trial that could not be measured ends: two and a half hours of the default interval. One that needs time to
/// be judged gets so many times that time as well.
const PATIENCE: u64 = 30;
const PATIENT_TIMES: f64 = 1.25;

/// What was decided: to be carried out, and told.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The change as it stands in the history now.
    pub adjustment: Adjustment,
    /// The setting to change and its value; `None` when the value in force stays.
    pub apply: Option<(Knob, f64)>,
}

#[derive(Debug)]
struct Trial {
    id: u64,
    tried: Tried,
    begun_step: u64,
    begun_ms: u64,
}

/// A change that needs no trial.
pub(super) struct Change {
    pub(super) knob: Knob,
    pub(super) to: f64,
    pub(super) reason: String,
    pub(super) evidence: Value,
    pub(super) why: String,
}

/// The machine.
#[derive(Debug)]
pub struct Controller {
    config: TuningConfig,
    bases: Values,
    /// What it believes to be in force.
    expected: Values,
    tracks: [Track; KNOBS],
    trial: Option<Trial>,
    recent: Recent,
    history: History,
    step: u64,
}

impl Controller {
    /// A machine that begins with the configured values.
    pub fn new(config: TuningConfig, bases: Values) -> Self {
        Self {
            config,
            bases,
            expected: bases,
            tracks: [Track::default(); KNOBS],
            trial: None,
            recent: Recent::default(),
            history: History::default(),
            step: 0,
        }
    }

    /// Its settings from now on.
    pub fn set_config(&mut self, config: TuningConfig) {
        self.config = config;
    }

    /// The configured values.
    pub fn bases(&self) -> &Values {
        &self.bases
    }

    /// What was done.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The trial that runs.
    pub fn trial(&self) -> Option<&Adjustment> {
        let id = self.trial.as_ref()?.id;
        self.history.rows().find(|row| row.id == id)
    }

    /// The settings that are not as configured, with their values.
    pub fn tuned(&self) -> Vec<(Knob, f64)> {
        let values = Knob::ALL.into_iter().map(|knob| (knob, self.expected.get(knob)));
        values.filter(|(knob, _)| !self.expected.is_same(*knob, &self.bases)).collect()
    }

    /// The value that it believes to be in force.
    pub fn present(&self, knob: Knob) -> f64 {
        self.expected.get(knob)
    }

    /// Values of this setting that a trial of it compares.
    pub fn compared(&self, knob: Knob) -> Option<(f64, f64)> {
        let tried = self.trial.as_ref()?.tried;
        (tried.knob == knob).then_some((tried.from, tried.to))
    }

    /// Takes over what was changed by others: `bases` are the configured values, `values` those in force. What `is_named`, or is
    /// not as it was, is a user's.
    pub fn follow(
        &mut self,
        bases: &Values,
        values: &Values,
        wall_ms: u64,
        is_named: impl Fn(Knob) -> bool,
    ) -> Vec<Decision> {
        let is_set = |knob: &Knob| {
            is_named(*knob) || !self.bases.is_same(*knob, bases) || !self.expected.is_same(*knob, values)
        };
        let knobs: Vec<Knob> = Knob::ALL.into_iter().filter(is_set).collect();
        knobs.into_iter().filter_map(|knob| self.user_set(knob, bases, values, wall_ms)).collect()
    }

    /// A user set this setting: a trial of it ends.
    fn user_set(&mut self, knob: Knob, bases: &Values, values: &Values, wall_ms: u64) -> Option<Decision> {
        self.bases.take(knob, bases);
        self.expected.take(knob, values);
        self.tracks[knob as usize] = Track::from_step(self.step);
        let id = self.trial.take_if(|trial| trial.tried.knob == knob)?.id;
        let why = "the setting was changed by its user, whose value holds".to_owned();
        self.decided(id, Outcome::Abandoned, why, None, wall_ms, None)
    }

    /// Changes whatever is out of bounds, or is to be left alone, now that the settings of the tuning are others.
    pub fn fit(&mut self, wall_ms: u64) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let why = "the tuning may not set that value any more";
        let tried = self.trial.as_ref().map(|trial| trial.tried);
        if let Some(tried) = tried.filter(|tried| !is_same(self.fitted(tried.knob, tried.to), tried.to)) {
            let (outcome, back) = (Outcome::Abandoned, tried.from);
            decisions.extend(self.end_trial(back, wall_ms, outcome, why.to_owned(), None));
        }
        for knob in Knob::ALL {
            let (value, to) = (self.present(knob), self.fitted(knob, self.present(knob)));
            let is_tried = self.compared(knob).is_some();
            if !is_tried && !self.expected.is_same(knob, &self.bases) && !is_same(value, to) {
                let reason = "its bounds were changed".to_owned();
                let change = Change { knob, to, reason, evidence: Value::Null, why: why.to_owned() };
                decisions.push(self.change(change, wall_ms));
            }
        }
        decisions
    }

    /// Ends the trial that runs: the value of before is to be back.
    pub fn abandon(&mut self, wall_ms: u64, why: &str) -> Option<Decision> {
        let from = self.trial.as_ref()?.tried.from;
        self.end_trial(from, wall_ms, Outcome::Abandoned, why.to_owned(), None)
    }

    /// A decision could not be carried out, and `values` are in force all the same. The change as it stands then.
    pub fn failed(
        &mut self,
        decision: &Decision,
        values: &Values,
        wall_ms: u64,
        why: &str,
    ) -> Option<Adjustment> {
        let (knob, to) = decision.apply?;
        let id = decision.adjustment.id;
        self.trial.take_if(|trial| trial.id == id);
        self.expected.take(knob, values);
        self.tracks[knob as usize].undone(self.step, to > values.get(knob));
        let why = format!(
            "{} could not be set to {}, and stays at {}: {why}",
            knob.path(),
            knob.shown(to),
            knob.shown(values.get(knob))
        );
        self.history.decide(id, Outcome::Abandoned, why, None, wall_ms)
    }

    /// Forgets what was read: nothing was counted meanwhile.
    pub fn forget(&mut self) {
        self.recent.clear();
    }

    /// A reading that the first step compares with.
    pub fn begin_from(&mut self, reading: &Reading, now_ms: u64) {
        self.recent.push(self.step, now_ms, reading);
    }

    /// One step: judges the trial that runs, or begins one if there is reason to. `now_ms` is monotonic. What is decided has to
    /// be in force by the next step.
    pub fn step(&mut self, reading: &Reading, now_ms: u64) -> Vec<Decision> {
        self.step += 1;
        let mut decisions = self.follow(&reading.bases, &reading.values, reading.wall_ms, |_| false);
        self.recent.push(self.step, now_ms, reading);
        if reading.gauges.is_pressed {
            decisions.extend(self.give_way(reading.gauges.memory_percent, now_ms, reading.wall_ms));
            return decisions;
        }
        if self.trial.is_some() {
            decisions.extend(self.judge(reading, now_ms));
        }
        // What was kept leaves room for the next at once.
        if self.trial.is_none() && decisions.iter().all(|decision| decision.apply.is_none()) {
            decisions.extend(self.begin(reading, now_ms));
        }
        decisions
    }

    fn fitted(&self, knob: Knob, value: f64) -> f64 {
        knob.fitted(value, self.bases.get(knob), &self.config)
    }

    fn view<'a>(&'a self, reading: &'a Reading, knob: Knob, from_step: u64) -> View<'a> {
        View {
            recent: &self.recent,
            reading,
            config: &self.config,
            bases: &self.bases,
            from_step,
            undone: self.tracks[knob as usize].undone,
        }
    }

    fn judge(&mut self, reading: &Reading, now_ms: u64) -> Option<Decision> {
        let Trial { id, tried, begun_step, begun_ms } = *self.trial.as_ref()?;
        match rules::judge(&tried, &self.view(reading, tried.knob, begun_step)) {
            Verdict::Wait => {
                let seconds = now_ms.saturating_sub(begun_ms) as f64 / 1000.0;
                let is_time_left = seconds < rules::least_seconds(&tried) * PATIENT_TIMES;
                if is_time_left || self.step - begun_step < PATIENCE {
                    return None;
                }
                let why = "too little happened to tell; the value of before is back".to_owned();
                self.end_trial(tried.from, reading.wall_ms, Outcome::Abandoned, why, None)
            }
            Verdict::Undo(why, after) => {
                self.end_trial(tried.from, reading.wall_ms, Outcome::Undone, why, Some(after))
            }
            Verdict::Keep(why, after) => {
                self.trial = None;
                let at = usize::from(tried.to > tried.from);
                self.tracks[tried.knob as usize].undone[at] = 0;
                self.decided(id, Outcome::Kept, why, Some(after), reading.wall_ms, None)
            }
        }
    }

    /// Ends the trial; the setting goes back to `back`, or as near as the tuning may set it.
    fn end_trial(
        &mut self,
        back: f64,
        wall_ms: u64,
        outcome: Outcome,
        why: String,
        after: Option<Value>,
    ) -> Option<Decision> {
        let Trial { id, tried, .. } = self.trial.take()?;
        let back = self.fitted(tried.knob, back);
        self.tracks[tried.knob as usize].undone(self.step, tried.to > tried.from);
        self.expect(tried.knob, back);
        self.decided(id, outcome, why, after, wall_ms, Some((tried.knob, back)))
    }

    /// Memory is short: whatever took memory goes at once, the rest is measured when there is enough again.
    pub fn give_way(&mut self, memory_percent: Option<f64>, now_ms: u64, wall_ms: u64) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for knob in [Knob::L1Size, Knob::AgentLimit] {
            let (value, base) = (self.present(knob), self.bases.get(knob));
            if let Some((from, to)) = self.compared(knob) {
                if to > from || to > base {
                    let why = "memory became short".to_owned();
                    decisions.extend(self.end_trial(from.min(base), wall_ms, Outcome::Undone, why, None));
                }
            } else if value > base && !is_same(value, base) {
                let change = Change {
                    knob,
                    to: base,
                    reason: "memory is short: the configured value is back".to_owned(),
                    evidence: serde_json::json!({ "memoryPercent": memory_percent }),
                    why: "memory became short".to_owned(),
                };
                decisions.push(self.change(change, wall_ms));
            }
        }
        if let Some(trial) = &mut self.trial {
            (trial.begun_step, trial.begun_ms) = (self.step, now_ms);
        }
        decisions
    }

    /// Makes a change that needs no trial; nothing goes the other way soon.
    pub(super) fn change(&mut self, change: Change, wall_ms: u64) -> Decision {
        let Change { knob, to, reason, evidence, why } = change;
        let is_up = to > self.present(knob);
        let proposal = Proposal { knob, to, reason, evidence, before: Value::Null, measure: 0.0 };
        let decision = self.make(wall_ms, proposal, Outcome::Kept, Some(why));
        self.tracks[knob as usize].undone(self.step, !is_up);
        decision
    }

    fn begin(&mut self, reading: &Reading, now_ms: u64) -> Option<Decision> {
        let may = |knob: Knob, is_up: bool| {
            !self.config.is_fixed(knob) && self.tracks[knob as usize].may(self.step, is_up)
        };
        let proposal = Knob::ALL.into_iter().find_map(|knob| {
            let view = self.view(reading, knob, self.tracks[knob as usize].since_step);
            rules::propose(knob, &view, &may)
        })?;
        let (knob, from, to, measure) =
            (proposal.knob, reading.values.get(proposal.knob), proposal.to, proposal.measure);
        let decision = self.make(reading.wall_ms, proposal, Outcome::Trying, None);
        let tried = Tried { knob, from, to, measure };
        self.trial =
            Some(Trial { id: decision.adjustment.id, tried, begun_step: self.step, begun_ms: now_ms });
        Some(decision)
    }

    fn make(&mut self, wall_ms: u64, proposal: Proposal, outcome: Outcome, why: Option<String>) -> Decision {
        let Proposal { knob, to, reason, evidence, before, .. } = proposal;
        let from = self.present(knob);
        self.tracks[knob as usize].moved(self.step, to > from);
        let also = (knob == Knob::L1Size).then(|| Also {
            setting: "cache.l1MaxSizeMB",
            from: serde_json::json!(self.expected.l1_mb),
            to: serde_json::json!(self.bases.mb_for(to)),
        });
        self.expect(knob, to);
        let adjustment = Adjustment {
            id: self.history.next_id(),
            at: wall_ms,
            setting: knob.path(),
            from: knob.shown(from),
            to: knob.shown(to),
            also,
            reason,
            evidence,
            before,
            after: None,
            outcome,
            decided_at: why.is_some().then_some(wall_ms),
            why,
        };
        self.history.push(adjustment.clone());
        Decision { adjustment, apply: Some((knob, to)) }
    }

    fn expect(&mut self, knob: Knob, value: f64) {
        self.expected.set(knob, value);
        if knob == Knob::L1Size {
            self.expected.l1_mb = self.bases.mb_for(value);
        }
    }

    fn decided(
        &mut self,
        id: u64,
        outcome: Outcome,
        why: String,
        after: Option<Value>,
        wall_ms: u64,
        apply: Option<(Knob, f64)>,
    ) -> Option<Decision> {
        let adjustment = self.history.decide(id, outcome, why, after, wall_ms)?;
        Some(Decision { adjustment, apply })
    }
}
