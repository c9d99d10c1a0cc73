//! The book of alerts: what rules and figures make of each other over time, and every alert that is remembered.
//!
//! - A rule has at most one alert that lasts. It is raised when the condition has held for `for`, and over when the figure is
//!   back beyond the hysteresis.
//! - The same alert is not raised again within 5 minutes. What flaps is told once; if it is bad when the 5 minutes are over, again.
//! - While a worse rule about the same figure holds, no lesser one is raised; one that lasts already goes on.
//! - No figure is no news: nothing begins, what lasts goes on. After 15 minutes it is over, as nobody can know any more.
//! - An alert of the application is over by hand or after 24 hours.
//!
//! It has no clock, reads no figures, keeps nothing on disk and sends nothing: it is told and says what changed. Times are wall
//! clock ms that never go back. One owner, who locks it.

mod history;
mod new_alert;
mod recent;
mod track;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::id::{Ids, Source};
use super::rule::Rule;
use super::silence::Silences;
use super::{Alert, Level};
use crate::telemetry::metric::Figures;
use history::{History, Number};
use recent::{Key, Recent};
use track::{Seen, Track};

pub use history::{MAX_ALERTS, MAX_BYTES};
pub use new_alert::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, NewAlert};

/// The same alert not again within this time. Given by the product's contract.
pub const REPEAT_MS: u64 = 5 * 60_000;
/// An alert of the application that nobody resolved is over then: what it told is a day old.
pub const APPLICATION_ALERT_MS: u64 = 24 * 3_600_000;

/// What changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An alert was raised. Nobody is to be told before [`Book::hold_back`] was asked.
    Created(Arc<Alert>),
    /// One is over. Nobody is to be told if it [is silenced](Alert::is_silenced): nobody knew of it.
    Resolved(Arc<Alert>),
}

/// Why an alert is over; `resolvedBy` of its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Condition,
    Manual,
    Rule,
    Age,
    NoData,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Manual => "manual",
            Self::Rule => "rule",
            Self::Age => "age",
            Self::NoData => "noData",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Book {
    ids: Ids,
    history: History,
    /// By the rule's id.
    tracks: BTreeMap<String, Track>,
    recent: Recent,
    /// Lasting alerts that nobody was told of, with the silence that holds them back.
    held_back: BTreeMap<Number, String>,
}

impl Book {
    /// An empty book. `seed` is to be random: it keeps the ids of processes apart.
    pub fn new(seed: u64) -> Self {
        Self {
            ids: Ids::new(seed),
            history: History::default(),
            tracks: BTreeMap::new(),
            recent: Recent::default(),
            held_back: BTreeMap::new(),
        }
    }

    /// Takes over what was kept before a restart; to be called before anything else. What lasted goes on and is not told again.
    /// Gives what is over by that: alerts whose rule is not among `rules`, means something else or cannot be known, and all but
    /// the latest of one rule.
    pub fn restore(&mut self, mut alerts: Vec<Alert>, rules: &[Rule], now_ms: u64) -> Vec<Change> {
        // One that the clock says is yet to come began now at the latest: the clock was set back.
        for alert in &mut alerts {
            alert.timestamp = alert.timestamp.min(now_ms);
        }
        alerts.sort_by_key(|alert| alert.timestamp);
        let mut changes = Vec::new();
        for alert in alerts {
            if self.history.has(&alert.id) {
                continue;
            }
            if now_ms - alert.timestamp < REPEAT_MS {
                self.recent.note(Key::new(alert.level, alert.component, &alert.title), alert.timestamp);
            }
            let rule = alert.rule().map(str::to_owned);
            let is_of_rule = alert.id.starts_with(Source::Rule.prefix());
            let track = Track::restored(&alert, now_ms);
            let (is_lasting, is_silenced) = (!alert.resolved, alert.is_silenced());
            let number = self.add(Arc::new(alert));
            if is_lasting && is_silenced {
                // Of a silence that is not known: whether another one holds it back is looked up.
                self.held_back.insert(number, String::new());
            }
            match (rule, track) {
                (Some(rule), Some(mut track)) => {
                    track.active = is_lasting.then_some(number);
                    let before = self.tracks.insert(rule, track).and_then(|before| before.active);
                    self.end_all(before, End::Rule, now_ms, &mut changes);
                }
                _ if is_of_rule && is_lasting => self.end_all([number], End::Rule, now_ms, &mut changes),
                _ => {}
            }
        }
        self.end_vanished(rules, now_ms, &mut changes);
        changes
    }

    /// Looks at figures and says what changed, in order. With alerts switched off: without rules, and what they raised is over.
    pub fn evaluate(&mut self, rules: &[Rule], figures: &Figures, now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.end_old(now_ms, &mut changes);
        self.end_vanished(rules, now_ms, &mut changes);
        for rule in rules {
            let new = || Track::new(rule, now_ms);
            let track = self.tracks.entry(rule.id.clone()).or_insert_with(new);
            let end = match track.see(rule, figures.get(rule.metric), now_ms) {
                Seen::On => continue,
                Seen::Over => End::Condition,
                Seen::NoData => End::NoData,
            };
            let active = track.active;
            self.end_all(active, end, now_ms, &mut changes);
        }
        for rule in self.due(rules, now_ms) {
            if let Some(value) = figures.get(rule.metric) {
                changes.push(Change::Created(self.raise(rule, value, now_ms)));
            }
        }
        changes
    }

    /// Raises an alert of the application; `None` if the same one (component, level, title) was raised less than 5 minutes ago.
    pub fn create(&mut self, new: NewAlert, now_ms: u64) -> Option<Arc<Alert>> {
        let NewAlert { level, component, title, message, metadata } = new;
        if self.recent.has(Key::new(level, component, &title), now_ms) {
            return None;
        }
        let id = self.new_id(Source::Application, now_ms);
        let (timestamp, resolved, resolved_at) = (now_ms, false, None);
        let alert =
            Alert { id, level, component, title, message, timestamp, resolved, resolved_at, metadata };
        Some(self.begin(alert, now_ms).1)
    }

    /// Ends an alert by hand; `None` if none of this id lasts. Its rule raises none for 5 minutes while the condition goes on.
    pub fn resolve(&mut self, id: &str, now_ms: u64) -> Option<Arc<Alert>> {
        let number = self.history.number(id)?;
        let rule = self.history.lasting(number)?.rule();
        let track = rule.and_then(|rule| self.tracks.get_mut(rule));
        if let Some(track) = track.filter(|track| track.active == Some(number)) {
            track.dismissed(now_ms);
        }
        self.end(number, End::Manual, now_ms)
    }

    /// To be asked for each alert that was raised, before anybody is told: whether a silence holds it back. If so it is marked
    /// as `silenced`, kept for [`Book::release`] and given as it is now.
    pub fn hold_back(&mut self, alert: &Arc<Alert>, silences: &Silences, now_ms: u64) -> (Arc<Alert>, bool) {
        let silence = silences.matching(alert, now_ms);
        let number = self.history.number(&alert.id);
        let held = silence.zip(number).and_then(|(silence, number)| {
            let marked = self.history.change(number, |alert| mark(alert, true))?;
            self.held_back.insert(number, silence.id.clone());
            Some((marked, true))
        });
        held.unwrap_or_else(|| (Arc::clone(alert), false))
    }

    /// Alerts that last, that nobody was told of, and that no silence holds back any more: they are to be told now. Each is given
    /// once; its `silenced` is false from then on.
    pub fn release(&mut self, silences: &Silences, now_ms: u64) -> Vec<Arc<Alert>> {
        if self.held_back.is_empty() {
            return Vec::new();
        }
        let running = silences.running(now_ms);
        let mut free = Vec::new();
        for (number, silence) in &mut self.held_back {
            if running.contains(silence.as_str()) {
                continue;
            }
            let alert = self.history.lasting(*number);
            match alert.and_then(|alert| silences.matching(alert, now_ms)) {
                Some(other) => silence.clone_from(&other.id),
                None => free.push(*number),
            }
        }
        let mut told = Vec::with_capacity(free.len());
        for number in free {
            self.held_back.remove(&number);
            told.extend(self.history.change(number, |alert| mark(alert, false)));
        }
        told
    }

    /// The settings changed: what rules raised that are gone or mean something else now is over.
    pub fn keep_rules(&mut self, rules: &[Rule], now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.end_vanished(rules, now_ms, &mut changes);
        changes
    }

    /// The alert of this id, if it is remembered.
    pub fn get(&self, id: &str) -> Option<Arc<Alert>> {
        self.history.get(id).cloned()
    }

    /// All since `since_ms` (inclusive), newest first.
    pub fn recent(&self, since_ms: u64) -> Vec<Arc<Alert>> {
        self.history.since(since_ms)
    }

    /// Those that last, newest first.
    pub fn active(&self) -> Vec<Arc<Alert>> {
        let mut lasting: Vec<_> = self.history.all_lasting().map(|(_, alert)| Arc::clone(alert)).collect();
        lasting.reverse();
        lasting
    }

    /// How many last.
    pub fn active_count(&self) -> usize {
        self.history.lasting_count()
    }

    /// How many alerts of the application that lasted were given up for lack of room.
    pub fn forgotten(&self) -> u64 {
        self.history.forgotten()
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        const TRACK: usize = crate::base::held::tree_entry_bytes(size_of::<(String, Track)>());
        const HELD_BACK: usize = crate::base::held::tree_entry_bytes(size_of::<(Number, String)>());
        let silences: usize = self.held_back.values().map(String::len).sum();
        self.history.bytes()
            + self.recent.bytes()
            + self.tracks.len() * TRACK
            + self.held_back.len() * HELD_BACK
            + silences
    }

    /// Rules that are gone or mean something else now: what they raised is over.
    fn end_vanished(&mut self, rules: &[Rule], now_ms: u64, changes: &mut Vec<Change>) {
        let by_id: HashMap<&str, &Rule> = rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
        let mut gone = Vec::new();
        self.tracks.retain(|id, track| {
            let rule = by_id.get(id.as_str());
            if rule.is_some_and(|rule| track.is_of(rule)) {
                return true;
            }
            gone.extend(track.active);
            match rule {
                Some(rule) => *track = track.renewed(rule, now_ms),
                None => track.rest(),
            }
            rule.is_some() || track.is_quiet(now_ms)
        });
        self.end_all(gone, End::Rule, now_ms, changes);
    }

    /// Alerts of the application that are a day old.
    fn end_old(&mut self, now_ms: u64, changes: &mut Vec<Change>) {
        let is_old = |alert: &Alert| now_ms.saturating_sub(alert.timestamp) >= APPLICATION_ALERT_MS;
        let old = self.history.all_lasting().take_while(|(_, alert)| is_old(alert));
        let old: Vec<_> = old.filter(|(_, alert)| alert.rule().is_none()).map(|(number, _)| number).collect();
        self.end_all(old, End::Age, now_ms, changes);
    }

    /// Rules that are to raise an alert, the worst first.
    fn due<'r>(&self, rules: &'r [Rule], now_ms: u64) -> Vec<&'r Rule> {
        let track = |rule: &Rule| self.tracks.get(&rule.id);
        let is_held_back = |rule: &Rule| {
            rules.iter().any(|other| track(other).is_some_and(|track| track.holds_back(other, rule)))
        };
        let is_due =
            |rule: &&Rule| track(rule).is_some_and(|track| track.is_due(now_ms)) && !is_held_back(rule);
        let mut due: Vec<_> = rules.iter().filter(is_due).collect();
        due.sort_by_key(|rule| std::cmp::Reverse::<Level>(rule.level));
        due
    }

    fn raise(&mut self, rule: &Rule, value: f64, now_ms: u64) -> Arc<Alert> {
        let entries = [
            ("rule", json!(rule.id)),
            ("metric", json!(rule.metric.row().path)),
            ("value", json!(value)),
            ("threshold", json!(rule.threshold)),
        ];
        let alert = Alert {
            id: self.new_id(Source::Rule, now_ms),
            level: rule.level,
            component: rule.component,
            title: rule.title.clone(),
            message: rule.words(value),
            timestamp: now_ms,
            resolved: false,
            resolved_at: None,
            metadata: Map::from_iter(entries.map(|(name, value)| (name.to_owned(), value))),
        };
        let (number, alert) = self.begin(alert, now_ms);
        if let Some(track) = self.tracks.get_mut(&rule.id) {
            track.raised(number, value, now_ms);
        }
        alert
    }

    fn begin(&mut self, alert: Alert, now_ms: u64) -> (Number, Arc<Alert>) {
        self.recent.note(Key::new(alert.level, alert.component, &alert.title), now_ms);
        let alert = Arc::new(alert);
        (self.add(Arc::clone(&alert)), alert)
    }

    fn add(&mut self, alert: Arc<Alert>) -> Number {
        let (number, gone) = self.history.add(alert);
        for gone in gone {
            self.held_back.remove(&gone);
        }
        number
    }

    fn end_all(
        &mut self,
        numbers: impl IntoIterator<Item = Number>,
        end: End,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) {
        for number in numbers {
            changes.extend(self.end(number, end, now_ms).map(Change::Resolved));
        }
    }

    fn end(&mut self, number: Number, end: End, now_ms: u64) -> Option<Arc<Alert>> {
        let rule = self.history.lasting(number)?.rule();
        let track =
            rule.and_then(|rule| self.tracks.get_mut(rule)).filter(|track| track.active == Some(number));
        let figures = track.map(|track| {
            track.active = None;
            (track.last, Some(track.worst).filter(|worst| worst.is_finite()))
        });
        let (last, worst) = figures.unwrap_or_default();
        self.held_back.remove(&number);
        self.history.change(number, |alert| {
            alert.resolved = true;
            alert.resolved_at = Some(now_ms);
            alert.metadata.insert("resolvedBy".to_owned(), end.name().into());
            for (name, value) in [("endValue", last), ("worstValue", worst)] {
                if let Some(value) = value {
                    alert.metadata.insert(name.to_owned(), value.into());
                }
            }
        })
    }

    fn new_id(&mut self, source: Source, now_ms: u64) -> String {
        self.ids.next(source.prefix(), now_ms, |id| self.history.has(id))
    }
}

/// Notes on a lasting alert whether a silence holds it back.
fn mark(alert: &mut Alert, is_silenced: bool) {
    alert.metadata.insert("silenced".to_owned(), Value::Bool(is_silenced));
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
