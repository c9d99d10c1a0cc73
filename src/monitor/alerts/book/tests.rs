use serde_json::{Value, json};

use super::*;
use crate::monitor::alerts::Component;
use crate::monitor::alerts::rule::{Comparison, built_in};
use crate::monitor::alerts::silence::NewSilence;
use crate::monitor::config::AlertThresholds;
use crate::telemetry::metric::Metric;

mod kept;

/// Some moment, Unix ms.
pub(super) const START: u64 = 1_800_000_000_000;
const S: u64 = 1_000;
const MIN: u64 = 60 * S;

pub(super) fn rule(id: &str, threshold: f64, level: Level) -> Rule {
    Rule {
        id: id.to_owned(),
        metric: Metric::CpuUsage,
        comparison: Comparison::Above,
        threshold,
        level,
        component: Component::Cpu,
        for_ms: 0,
        hysteresis: 5.0,
        title: id.to_owned(),
        message: "{value} {unit}".to_owned(),
    }
}

pub(super) fn figures(cpu: Option<f64>) -> Figures {
    let mut figures = Figures::default();
    figures.set(Metric::CpuUsage, cpu);
    figures
}

/// A book with its rules and silences, and a time that is given from the start on.
struct Desk {
    book: Book,
    rules: Vec<Rule>,
    silences: Silences,
}

impl Desk {
    fn new(rules: impl Into<Vec<Rule>>) -> Self {
        Self { book: Book::new(7), rules: rules.into(), silences: Silences::new(8) }
    }

    /// What changed, in short: `+title` and `-title resolvedBy`.
    fn see(&mut self, at_ms: u64, cpu: impl Into<Option<f64>>) -> Vec<String> {
        let changes = self.book.evaluate(&self.rules, &figures(cpu.into()), START + at_ms);
        for change in &changes {
            if let Change::Created(alert) = change {
                self.book.hold_back(alert, &self.silences, START + at_ms);
            }
        }
        short(&changes)
    }

    fn silence(&mut self, at_ms: u64, duration_ms: u64) -> String {
        let value = json!({ "component": "cpu", "durationMs": duration_ms });
        let new = NewSilence::parse(&value, START + at_ms).unwrap();
        self.silences.add(new, START + at_ms).unwrap().id
    }

    fn create(&mut self, at_ms: u64, title: &str) -> Option<Arc<Alert>> {
        self.book.create(new_alert(title), START + at_ms)
    }

    /// The same after a restart.
    fn restarted(&self, at_ms: u64) -> (Self, Vec<String>) {
        let kept: Vec<_> = self.book.recent(0).into_iter().map(Arc::unwrap_or_clone).collect();
        let kept = serde_json::to_string(&kept).unwrap();
        let mut new = Self::new(self.rules.clone());
        new.silences.restore(self.silences.list(START + at_ms), START + at_ms);
        let changes = new.book.restore(serde_json::from_str(&kept).unwrap(), &new.rules, START + at_ms);
        (new, short(&changes))
    }
}

fn new_alert(title: &str) -> NewAlert {
    NewAlert::new(Level::Warning, Component::Performance, title, "m", Map::new()).unwrap()
}

fn short(changes: &[Change]) -> Vec<String> {
    let word = |change: &Change| match change {
        Change::Created(alert) => format!("+{}", alert.title),
        Change::Resolved(alert) => {
            format!("-{} {}", alert.title, alert.metadata["resolvedBy"].as_str().unwrap())
        }
    };
    changes.iter().map(word).collect()
}

/// Feeds figures and compares what changed at each.
fn check(rules: impl Into<Vec<Rule>>, steps: &[(u64, Option<f64>, &[&str])]) {
    let mut desk = Desk::new(rules);
    for (at_ms, cpu, changes) in steps {
        assert_eq!(desk.see(*at_ms, *cpu), *changes, "at {at_ms} ms with {cpu:?}");
    }
}

#[test]
fn an_alert_begins_over_the_threshold_and_ends_beyond_the_hysteresis() {
    check(
        [rule("cpu", 80.0, Level::Warning)],
        &[
            (0, Some(80.0), &[]),
            (10 * S, Some(80.1), &["+cpu"]),
            (20 * S, Some(99.0), &[]),
            (30 * S, Some(75.1), &[]),
            (40 * S, Some(75.0), &["-cpu condition"]),
            (50 * S, Some(75.0), &[]),
        ],
    );
}

#[test]
fn a_figure_that_is_to_be_high_is_an_alert_when_low() {
    let below = Rule { comparison: Comparison::Below, ..rule("hits", 60.0, Level::Warning) };
    check(
        [below],
        &[
            (0, Some(60.0), &[]),
            (10 * S, Some(59.9), &["+hits"]),
            (20 * S, Some(64.9), &[]),
            (30 * S, Some(65.0), &["-hits condition"]),
        ],
    );
}

#[test]
fn a_condition_must_hold_for_its_time_without_a_break() {
    let slow = Rule { for_ms: 30 * S, ..rule("cpu", 80.0, Level::Warning) };
    check(
        [slow],
        &[
            (0, Some(90.0), &[]),
            (20 * S, Some(90.0), &[]),
            // Not bad, though not well either: a break.
            (25 * S, Some(79.0), &[]),
            (30 * S, Some(90.0), &[]),
            (50 * S, Some(90.0), &[]),
            // Not known: a break too.
            (55 * S, None, &[]),
            (60 * S, Some(90.0), &[]),
            (89 * S, Some(90.0), &[]),
            (90 * S, Some(90.0), &["+cpu"]),
        ],
    );
}

#[test]
fn what_flaps_is_told_once_in_five_minutes() {
    check(
        [rule("cpu", 80.0, Level::Warning)],
        &[
            (0, Some(90.0), &["+cpu"]),
            (MIN, Some(10.0), &["-cpu condition"]),
            (2 * MIN, Some(90.0), &[]),
            (3 * MIN, Some(10.0), &[]),
            (4 * MIN, Some(90.0), &[]),
            (5 * MIN - 1, Some(90.0), &[]),
            (5 * MIN, Some(90.0), &["+cpu"]),
            (20 * MIN, Some(90.0), &[]),
        ],
    );
}

#[test]
fn without_a_figure_nothing_begins_and_what_lasts_goes_on_for_fifteen_minutes() {
    check(
        [rule("cpu", 80.0, Level::Warning)],
        &[
            (0, None, &[]),
            (10 * S, Some(90.0), &["+cpu"]),
            (20 * S, None, &[]),
            (15 * MIN + 9 * S, None, &[]),
            (15 * MIN + 10 * S, None, &["-cpu noData"]),
            (16 * MIN, None, &[]),
            (17 * MIN, Some(90.0), &["+cpu"]),
            (18 * MIN, None, &[]),
            (32 * MIN, Some(90.0), &[]),
            (40 * MIN, None, &[]),
            (46 * MIN, Some(70.0), &["-cpu condition"]),
        ],
    );
}

#[test]
fn a_worse_rule_about_the_same_figure_holds_back_the_lesser_one() {
    let rules = [rule("warning", 80.0, Level::Warning), rule("critical", 95.0, Level::Critical)];
    check(
        rules.clone(),
        &[
            (0, Some(96.0), &["+critical"]),
            (10 * S, Some(91.0), &[]),
            (20 * S, Some(90.0), &["-critical condition", "+warning"]),
            (6 * MIN, Some(96.0), &["+critical"]),
            (7 * MIN, Some(70.0), &["-warning condition", "-critical condition"]),
            // The worse one holds, though it may not be told again yet.
            (8 * MIN, Some(96.0), &[]),
            (11 * MIN, Some(96.0), &["+critical"]),
        ],
    );
    // Of another figure or on the other side it holds nothing back.
    let other = Rule { metric: Metric::DiskPercentage, ..rules[0].clone() };
    let below = Rule {
        comparison: Comparison::Below,
        threshold: 99.0,
        hysteresis: 0.0,
        ..rule("low", 0.0, Level::Info)
    };
    let mut desk = Desk::new([other, below, rules[1].clone()]);
    let mut both = figures(Some(96.0));
    both.set(Metric::DiskPercentage, 90.0);
    let changes = desk.book.evaluate(&desk.rules, &both, START);
    assert_eq!(short(&changes), ["+critical", "+warning", "+low"]);
}

#[test]
fn resolved_by_hand_is_quiet_for_five_minutes_while_the_condition_goes_on() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.see(0, 90.0);
    let id = desk.book.active()[0].id.clone();
    let alert = desk.book.resolve(&id, START + 10 * MIN).unwrap();
    assert_eq!((alert.resolved, alert.resolved_at), (true, Some(START + 10 * MIN)));
    assert_eq!(alert.metadata["resolvedBy"], "manual");
    assert_eq!(desk.book.resolve(&id, START + 10 * MIN), None);
    assert_eq!(desk.book.resolve("nope", START), None);
    assert_eq!(desk.see(15 * MIN - 1, 90.0), [""; 0]);
    assert_eq!(desk.see(15 * MIN, 90.0), ["+cpu"]);
    // When it was over in between, it is news again.
    let id = desk.book.active()[0].id.clone();
    desk.book.resolve(&id, START + 21 * MIN).unwrap();
    assert_eq!(desk.see(22 * MIN, 10.0), [""; 0]);
    assert_eq!(desk.see(23 * MIN, 90.0), ["+cpu"]);
}

#[test]
fn rules_that_are_gone_or_mean_something_else_end_their_alerts() {
    let first = rule("cpu", 80.0, Level::Warning);
    for (changed, expected) in [
        (None, vec!["-cpu rule"]),
        (Some(Rule { level: Level::Critical, ..first.clone() }), vec!["-cpu rule", "+cpu"]),
        (Some(Rule { title: "busy".into(), ..first.clone() }), vec!["-cpu rule", "+busy"]),
        (Some(Rule { threshold: 85.0, ..first.clone() }), vec![]),
        (Some(Rule { threshold: 99.0, ..first.clone() }), vec!["-cpu condition"]),
    ] {
        let mut desk = Desk::new([first.clone()]);
        desk.see(0, 90.0);
        desk.rules = changed.iter().cloned().collect();
        assert_eq!(desk.see(6 * MIN, 90.0), expected, "{changed:?}");
    }
    // Gone and back again within the five minutes: not told twice.
    let mut desk = Desk::new([first.clone()]);
    desk.see(0, 90.0);
    desk.rules.clear();
    assert_eq!(desk.see(MIN, 90.0), ["-cpu rule"]);
    desk.rules.push(first);
    assert_eq!(desk.see(2 * MIN, 90.0), [""; 0]);
    assert_eq!(desk.see(5 * MIN, 90.0), ["+cpu"]);
}

#[test]
fn an_alert_holds_the_figures_and_how_it_ended() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    for (at_s, cpu) in [(0, 90.0), (10, 97.5), (20, 91.0), (30, 60.0)] {
        desk.see(at_s * S, cpu);
    }
    let alert = desk.book.recent(0)[0].clone();
    let metadata = json!({
        "rule": "cpu", "metric": "cpu.usage", "value": 90.0, "threshold": 80.0,
        "resolvedBy": "condition", "endValue": 60.0, "worstValue": 97.5,
    });
    assert_eq!(Value::Object(alert.metadata.clone()), metadata);
    assert_eq!((alert.message.as_str(), alert.timestamp), ("90 %", START));
    assert_eq!((alert.resolved_at, alert.rule()), (Some(START + 30 * S), Some("cpu")));
}

#[test]
fn alerts_of_the_application_are_the_same_by_component_level_and_title() {
    let mut desk = Desk::new([]);
    assert!(desk.create(0, "a").is_some());
    assert!(desk.create(5 * MIN - 1, "a").is_none());
    assert!(desk.create(1, "b").is_some());
    let critical = NewAlert { level: Level::Critical, ..new_alert("a") };
    assert!(desk.book.create(critical, START + 2).is_some());
    assert!(desk.create(5 * MIN, "a").is_some());
    // Of a rule's alert too.
    desk.rules = vec![Rule { component: Component::Performance, ..rule("c", 80.0, Level::Warning) }];
    assert_eq!(desk.see(6 * MIN, 90.0), ["+c"]);
    assert!(desk.create(6 * MIN, "c").is_none());
}

#[test]
fn alerts_of_the_application_end_after_a_day() {
    let mut desk = Desk::new([]);
    desk.create(0, "a");
    let by_hand = desk.create(S, "b").unwrap();
    assert!(desk.book.resolve(&by_hand.id, START + 2 * S).is_some());
    assert_eq!(desk.see(24 * 60 * MIN - 1, None), [""; 0]);
    assert_eq!(desk.see(24 * 60 * MIN, None), ["-a age"]);
    assert_eq!(desk.book.active_count(), 0);
}

#[test]
fn metadata_of_the_application_cannot_feign_a_rule() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    let metadata = json!({ "rule": "cpu", "metric": "cpu.usage" });
    let metadata = metadata.as_object().unwrap().clone();
    let new = NewAlert::new(Level::Info, Component::Cpu, "t", "m", metadata).unwrap();
    let alert = desk.book.create(new, START).unwrap();
    assert_eq!(alert.rule(), None);
    assert_eq!(desk.restarted(S).0.see(10 * S, 10.0), [""; 0]);
}

#[test]
fn a_silenced_alert_is_told_once_when_the_silence_is_over_and_it_lasts() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.silence(0, 10 * MIN);
    desk.see(0, 90.0);
    assert!(desk.book.active()[0].is_silenced());
    let longer = desk.silence(5 * MIN, 10 * MIN);
    for at_ms in [0, 10 * MIN] {
        assert_eq!(desk.book.release(&desk.silences, START + at_ms), []);
    }
    assert!(desk.silences.remove(&longer));
    let told = desk.book.release(&desk.silences, START + 11 * MIN);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].is_silenced(), &told[0].metadata["silenced"]), (false, &Value::Bool(false)));
    assert_eq!(desk.book.release(&desk.silences, START + 11 * MIN), []);
    assert_eq!(desk.book.active(), told);
}

#[test]
fn a_silenced_alert_that_is_over_is_never_told() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.silence(0, 10 * MIN);
    desk.see(0, 90.0);
    desk.see(MIN, 10.0);
    assert!(desk.book.recent(0)[0].is_silenced());
    assert_eq!(desk.book.release(&desk.silences, START + 11 * MIN), []);
}

#[test]
fn the_built_in_rules_are_silent_on_a_fresh_system() {
    let mut book = Book::new(1);
    let rules = built_in(&AlertThresholds::default());
    assert_eq!(book.evaluate(&rules, &Figures::default(), START), []);
}
