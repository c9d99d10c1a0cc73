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

/// Steps for which a direction is barred after its first undo, and at most.
const FIRST_BAR: u64 = 2;
const MOST_BAR: u64 = 256;
/// Steps after which a trial that could not be measured ends: two and a half hours of the default interval, longer than most
/// lives of entries.
const PATIENCE: u64 = 30;

/// What was decided: to be carried out, and told.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The change as it stands in the history now.
    pub adjustment: Adjustment,
    /// The setting to change and its value; `None` when the value in force stays.
    pub apply: Option<(Knob, f64)>,
}

/// One setting's past.
#[derive(Debug, Clone, Copy)]
struct Track {
    /// Until which step each direction (down, up) is barred, and for how long the next time.
    barred_until: [u64; 2],
    bar: [u64; 2],
    /// Undone in each direction since something was kept in it: the next try goes farther.
    undone: [u32; 2],
    /// The last direction, whether up.
    last: Option<bool>,
    /// Until which step it may not turn, and for how long the next time.
    turn_after: u64,
    turn: u64,
    /// What came before this step was under another value.
    since_step: u64,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            barred_until: [0; 2],
            bar: [FIRST_BAR; 2],
            undone: [0; 2],
            last: None,
            turn_after: 0,
            turn: FIRST_BAR,
            since_step: 0,
        }
    }
}

impl Track {
    fn may(&self, step: u64, is_up: bool) -> bool {
        let is_turn = self.last.is_some_and(|last| last != is_up);
        step >= self.barred_until[usize::from(is_up)] && (!is_turn || step >= self.turn_after)
    }

    fn moved(&mut self, step: u64, is_up: bool) {
        if self.last.is_some_and(|last| last != is_up) {
            self.turn = (self.turn * 2).min(MOST_BAR);
        }
        self.last = Some(is_up);
        self.turn_after = step + self.turn;
        self.since_step = step;
    }

    fn undone(&mut self, step: u64, is_up: bool) {
        let at = usize::from(is_up);
        self.barred_until[at] = step + self.bar[at];
        self.bar[at] = (self.bar[at] * 2).min(MOST_BAR);
        self.undone[at] += 1;
        self.since_step = step;
    }
}

#[derive(Debug)]
struct Trial {
    id: u64,
    tried: Tried,
    begun_step: u64,
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
        values.filter(|(knob, value)| !is_same(*value, self.bases.get(*knob))).collect()
    }

    /// A user set this setting: that is the configured value now, and a trial of it ends.
    pub fn user_set(&mut self, knob: Knob, values: &Values, wall_ms: u64) -> Option<Decision> {
        self.bases.set(knob, values.get(knob));
        self.expected.set(knob, values.get(knob));
        if knob == Knob::L1Size {
            (self.bases.l1_mb, self.expected.l1_mb) = (values.l1_mb, values.l1_mb);
        }
        self.tracks[knob as usize] = Track { since_step: self.step, ..Track::default() };
        let id = self.trial.take_if(|trial| trial.tried.knob == knob)?.id;
        let why = "the setting was changed by its user, whose value holds".to_owned();
        self.decided(id, Outcome::Abandoned, why, None, wall_ms, None)
    }

    /// A reading that the first step compares with.
    pub fn begin_from(&mut self, reading: &Reading, now_ms: u64) {
        self.recent.push(self.step, now_ms, reading);
    }

    /// One step: judges the trial that runs, or begins one if there is reason to. `now_ms` is monotonic. What is decided has to
    /// be in force by the next step.
    pub fn step(&mut self, reading: &Reading, now_ms: u64) -> Vec<Decision> {
        self.step += 1;
        let mut decisions = self.follow_user(reading);
        self.recent.push(self.step, now_ms, reading);
        if reading.gauges.is_pressed {
            decisions.extend(self.give_way(reading));
            return decisions;
        }
        if self.trial.is_some() {
            decisions.extend(self.judge(reading));
        }
        // What was kept leaves room for the next at once.
        if self.trial.is_none() && decisions.iter().all(|decision| decision.apply.is_none()) {
            decisions.extend(self.begin(reading));
        }
        decisions
    }

    /// What was changed by others since the last step.
    fn follow_user(&mut self, reading: &Reading) -> Vec<Decision> {
        let changed = |knob: &Knob| {
            let is_mb = *knob == Knob::L1Size && !is_same(reading.values.l1_mb, self.expected.l1_mb);
            is_mb || !is_same(reading.values.get(*knob), self.expected.get(*knob))
        };
        let knobs: Vec<Knob> = Knob::ALL.into_iter().filter(changed).collect();
        knobs.into_iter().filter_map(|knob| self.user_set(knob, &reading.values, reading.wall_ms)).collect()
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

    fn judge(&mut self, reading: &Reading) -> Option<Decision> {
        let Trial { id, tried, begun_step } = *self.trial.as_ref()?;
        match rules::judge(&tried, &self.view(reading, tried.knob, begun_step)) {
            Verdict::Wait if self.step - begun_step < PATIENCE => None,
            Verdict::Wait => {
                let why = "too little happened to tell; the value of before is back".to_owned();
                self.undo(reading, Outcome::Abandoned, why, None)
            }
            Verdict::Undo(why, after) => self.undo(reading, Outcome::Undone, why, Some(after)),
            Verdict::Keep(why, after) => {
                self.trial = None;
                let at = usize::from(tried.to > tried.from);
                self.tracks[tried.knob as usize].undone[at] = 0;
                self.decided(id, Outcome::Kept, why, Some(after), reading.wall_ms, None)
            }
        }
    }

    fn undo(
        &mut self,
        reading: &Reading,
        outcome: Outcome,
        why: String,
        after: Option<Value>,
    ) -> Option<Decision> {
        let Trial { id, tried, .. } = self.trial.take()?;
        self.tracks[tried.knob as usize].undone(self.step, tried.to > tried.from);
        self.expect(tried.knob, tried.from);
        self.decided(id, outcome, why, after, reading.wall_ms, Some((tried.knob, tried.from)))
    }

    /// Memory is short: what took memory goes at once, the rest is measured when there is enough again.
    fn give_way(&mut self, reading: &Reading) -> Option<Decision> {
        let takes_memory = |knob| matches!(knob, Knob::L1Size | Knob::AgentLimit);
        if let Some(Trial { tried, .. }) = &self.trial {
            if takes_memory(tried.knob) && tried.to > tried.from {
                return self.undo(reading, Outcome::Undone, "memory became short".to_owned(), None);
            }
            let step = self.step;
            if let Some(trial) = &mut self.trial {
                trial.begun_step = step;
            }
            return None;
        }
        let is_grown = |knob: &Knob| takes_memory(*knob) && self.expected.get(*knob) > self.bases.get(*knob);
        let knob = Knob::ALL.into_iter().find(is_grown)?;
        let proposal = Proposal {
            knob,
            to: self.bases.get(knob),
            reason: "memory is short: the configured value is back".to_owned(),
            evidence: serde_json::json!({ "memoryPercent": reading.gauges.memory_percent }),
            before: Value::Null,
            measure: 0.0,
        };
        let mut decision = self.make(reading, proposal, Outcome::Kept);
        self.tracks[knob as usize].undone(self.step, true);
        decision.adjustment.decided_at = Some(reading.wall_ms);
        Some(decision)
    }

    fn begin(&mut self, reading: &Reading) -> Option<Decision> {
        let may = |knob: Knob, is_up: bool| {
            !self.config.is_fixed(knob) && self.tracks[knob as usize].may(self.step, is_up)
        };
        let proposal = Knob::ALL.into_iter().find_map(|knob| {
            let view = self.view(reading, knob, self.tracks[knob as usize].since_step);
            rules::propose(knob, &view, &may)
        })?;
        let (knob, from, to, measure) =
            (proposal.knob, reading.values.get(proposal.knob), proposal.to, proposal.measure);
        let decision = self.make(reading, proposal, Outcome::Trying);
        let tried = Tried { knob, from, to, measure };
        self.trial = Some(Trial { id: decision.adjustment.id, tried, begun_step: self.step });
        Some(decision)
    }

    fn make(&mut self, reading: &Reading, proposal: Proposal, outcome: Outcome) -> Decision {
        let Proposal { knob, to, reason, evidence, before, .. } = proposal;
        let from = reading.values.get(knob);
        self.tracks[knob as usize].moved(self.step, to > from);
        let also = (knob == Knob::L1Size).then(|| Also {
            setting: "cache.l1MaxSizeMB",
            from: serde_json::json!(reading.values.l1_mb),
            to: serde_json::json!(self.bases.mb_for(to)),
        });
        self.expect(knob, to);
        let adjustment = Adjustment {
            id: self.history.next_id(),
            at: reading.wall_ms,
            setting: knob.path(),
            from: knob.shown(from),
            to: knob.shown(to),
            also,
            reason,
            evidence,
            before,
            after: None,
            outcome,
            why: None,
            decided_at: None,
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
