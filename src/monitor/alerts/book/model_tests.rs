//! Random figures, times and hands against what must be true of any book, whatever happens.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::tests::{START, figures, rule};
use super::*;
use crate::monitor::alerts::Component;
use crate::monitor::alerts::rule::Comparison;

#[derive(Debug, Clone)]
enum Step {
    /// Time passes, then figures are looked at; rules of this mask are switched off.
    Look { after_ms: u64, cpu: Option<f64>, off: u8 },
    /// Somebody resolves the lasting alert at this place.
    Resolve(usize),
    /// The application raises one of a few alerts.
    Create(u8),
    /// The process starts again.
    Restart,
}

fn rules() -> Vec<Rule> {
    let slow = Rule { for_ms: 60_000, hysteresis: 10.0, ..rule("slow", 70.0, Level::Info) };
    let below = Rule { comparison: Comparison::Below, ..rule("below", 20.0, Level::Warning) };
    vec![rule("warning", 80.0, Level::Warning), rule("critical", 95.0, Level::Critical), slow, below]
}

fn step() -> impl Strategy<Value = Step> {
    let cpu = prop_oneof![
        1 => Just(None),
        4 => (0.0..100.0).prop_map(Some),
        4 => (70.0..100.0).prop_map(Some),
    ];
    let after_ms = prop_oneof![4 => 1_u64..20_000, 2 => 20_000_u64..400_000, 1 => 400_000_u64..100_000_000];
    let off = prop_oneof![9 => Just(0), 1 => 0_u8..16];
    prop_oneof![
        12 => (after_ms, cpu, off).prop_map(|(after_ms, cpu, off)| Step::Look { after_ms, cpu, off }),
        2 => (0_usize..4).prop_map(Step::Resolve),
        2 => (0_u8..3).prop_map(Step::Create),
        1 => Just(Step::Restart),
    ]
}

/// What has been told so far.
#[derive(Default)]
struct Told {
    /// When each alert was last raised, by its title.
    at_ms: HashMap<String, u64>,
    created: HashSet<String>,
    /// When the alert of a rule was resolved by hand, by its title, while the figure has not been seen to be well since.
    dismissed_ms: HashMap<String, u64>,
    resolved: HashSet<String>,
}

impl Told {
    fn created(&mut self, alert: &Alert) {
        assert!(self.created.insert(alert.id.clone()), "ids are unique");
        let before = self.at_ms.insert(alert.title.clone(), alert.timestamp);
        assert!(before.is_none_or(|before| alert.timestamp - before >= REPEAT_MS), "not within 5 minutes");
        let dismissed_ms = self.dismissed_ms.get(&alert.title);
        assert!(
            dismissed_ms.is_none_or(|at_ms| alert.timestamp - at_ms >= REPEAT_MS),
            "nor of being resolved"
        );
    }

    fn resolved(&mut self, alert: &Alert) {
        assert!(alert.resolved && alert.resolved_at >= Some(alert.timestamp));
        assert!(self.created.contains(&alert.id), "what is over was told");
        assert!(self.resolved.insert(alert.id.clone()), "over once");
    }

    fn check(&self, book: &Book) {
        let all = book.recent(0);
        assert!(all.is_sorted_by(|a, b| a.timestamp >= b.timestamp), "newest first");
        assert_eq!(all.len(), self.created.len());
        let lasting: HashSet<_> = book.active().iter().map(|alert| alert.id.clone()).collect();
        assert_eq!(lasting, &self.created - &self.resolved);
        assert_eq!(all.iter().filter(|alert| !alert.resolved).count(), lasting.len());
        let of_rules: Vec<_> =
            book.active().iter().filter_map(|alert| alert.rule().map(str::to_owned)).collect();
        assert_eq!(of_rules.iter().collect::<HashSet<_>>().len(), of_rules.len(), "one of each rule");
    }
}

fn run(steps: &[Step]) {
    let (mut book, mut told) = (Book::new(1), Told::default());
    let mut now_ms = START;
    for step in steps {
        match step {
            Step::Look { after_ms, cpu, off } => {
                now_ms += after_ms;
                let rules = rules().into_iter().enumerate().filter(|(place, _)| off & (1 << place) == 0);
                let rules: Vec<_> = rules.map(|(_, rule)| rule).collect();
                told.dismissed_ms.retain(|title, _| {
                    let rule = rules.iter().find(|rule| rule.title == *title);
                    rule.is_some_and(|rule| cpu.is_none_or(|cpu| !rule.ends(cpu)))
                });
                let changes = book.evaluate(&rules, &figures(*cpu), now_ms);
                for change in &changes {
                    match change {
                        Change::Created(alert) => told.created(alert),
                        Change::Resolved(alert) => told.resolved(alert),
                    }
                }
                for alert in book.active() {
                    let rule = alert.rule().map(|id| rules.iter().find(|rule| rule.id == id));
                    // What lasts has its rule, and is not seen to be well.
                    assert!(rule.is_none_or(|rule| rule.is_some_and(|rule| cpu.is_none_or(|cpu| !rule.ends(cpu)))));
                }
            }
            Step::Resolve(place) => {
                if let Some(alert) = book.active().get(*place) {
                    told.resolved(&book.resolve(&alert.id, now_ms).unwrap());
                    if alert.rule().is_some() {
                        told.dismissed_ms.insert(alert.title.clone(), now_ms);
                    }
                }
            }
            Step::Create(title) => {
                let title = format!("application {title}");
                let new = NewAlert::new(Level::Info, Component::Cache, title, "m", Map::new()).unwrap();
                if let Some(alert) = book.create(new, now_ms) {
                    told.created(&alert);
                }
            }
            Step::Restart => {
                let kept = book.recent(0).into_iter().map(Arc::unwrap_or_clone).collect();
                book = Book::new(1);
                assert_eq!(book.restore(kept, &rules(), now_ms), []);
            }
        }
        told.check(&book);
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_book_is_in_order(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps);
    }

    #[test]
    fn noise_within_the_hysteresis_is_one_alert(noise in prop::collection::vec(75.001..200.0, 1..200)) {
        let mut book = Book::new(1);
        let rules = [rule("warning", 80.0, Level::Warning)];
        let looks = std::iter::once(80.5).chain(noise);
        let mut changes = Vec::new();
        for (n, cpu) in looks.enumerate() {
            let now_ms = START + n as u64 * 60_000;
            changes.extend(book.evaluate(&rules, &figures(Some(cpu)), now_ms));
        }
        prop_assert_eq!(changes.len(), 1);
    }
}
