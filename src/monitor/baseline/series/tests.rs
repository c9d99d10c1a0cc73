use super::super::End;
use super::super::rule::{HIT_RATE, LATENCY};
use super::super::simulation::{APPLICATIONS, Chance, false_alarms, found_after};
use super::*;
use proptest::prelude::*;

const DAY_MS: u64 = 86_400_000;

/// A series that is given a value a minute.
struct Fed {
    series: Series,
    minute: u64,
    chance: Chance,
}

impl Fed {
    fn new(rule: Rule) -> Self {
        Self { series: Series::new(rule), minute: 0, chance: Chance::new(1) }
    }

    /// So many minutes about `level`, give or take a twentieth; what came of it and in which minute.
    fn feed(&mut self, minutes: u64, level: f64) -> Vec<(u64, Edge)> {
        (0..minutes)
            .filter_map(|number| {
                self.minute += 1;
                let value = level * (0.95 + 0.1 * self.chance.uniform());
                Some((number + 1, self.series.add(self.minute * MINUTE_MS, value)?))
            })
            .collect()
    }
}

#[test]
fn twice_as_slow_is_found_within_eight_minutes_and_ends_within_three() {
    let mut fed = Fed::new(LATENCY);
    assert_eq!(fed.feed(120, 100.0), []);
    let began = fed.feed(30, 200.0);
    let [(7, Edge::Began(episode))] = began[..] else { panic!("{began:?}") };
    assert_eq!(episode.since_ms, 123 * MINUTE_MS, "the third value is where the median of five moves");
    assert!(
        (episode.usual.center / 100.0 - 1.0).abs() < 0.02 && (episode.current / 200.0 - 1.0).abs() < 0.05
    );
    let ended = fed.feed(30, 100.0);
    assert!(matches!(ended[..], [(3, Edge::Ended(_, End::Recovered))]), "{ended:?}");
}

#[test]
fn less_is_no_degradation_and_neither_is_one_wild_minute() {
    for (rule, usual, better) in [(LATENCY, 100.0, 10.0), (HIT_RATE, 50.0, 95.0)] {
        let mut fed = Fed::new(rule);
        fed.feed(120, usual);
        for _ in 0..20 {
            assert_eq!(fed.feed(3, better), []);
            assert_eq!(fed.feed(5, usual), []);
        }
    }
    let mut fed = Fed::new(LATENCY);
    fed.feed(120, 100.0);
    for _ in 0..20 {
        assert_eq!(fed.feed(2, 10_000.0), []);
        assert_eq!(fed.feed(8, 100.0), []);
    }
}

#[test]
fn what_is_small_is_let_be() {
    let mut fed = Fed::new(LATENCY);
    fed.feed(120, 0.01);
    assert_eq!(fed.feed(60, 4.0), [], "less than 5 ms more");
    let mut fed = Fed::new(HIT_RATE);
    fed.feed(120, 90.0);
    assert_eq!(fed.feed(60, 82.0), [], "less than 10 points");
    assert_eq!(fed.feed(60, 60.0).len(), 1);
}

#[test]
fn nothing_is_said_before_an_hour_is_known() {
    let mut fed = Fed::new(LATENCY);
    fed.feed(50, 100.0);
    assert_eq!(fed.feed(15, 500.0), []);
}

#[test]
fn a_bad_time_does_not_become_usual_before_it_lasted_a_day() {
    let mut fed = Fed::new(LATENCY);
    fed.feed(2 * 1_440, 100.0);
    for _ in 0..5 {
        let edges = fed.feed(240, 300.0);
        assert!(matches!(edges[..], [(_, Edge::Began(_))]), "{edges:?}");
        let Some(Episode { usual, .. }) = fed.series.episode() else { panic!("it is on") };
        assert!((usual.center / 100.0 - 1.0).abs() < 0.02, "{usual:?}");
        fed.feed(60, 100.0);
    }
    let edges = fed.feed(3 * 1_440, 300.0);
    assert!(
        matches!(edges[..], [(_, Edge::Began(_)), (1_440..1_460, Edge::Ended(_, End::Usual))]),
        "{edges:?}"
    );
    assert!(matches!(fed.feed(30, 600.0)[..], [(7, Edge::Began(_))]), "300 is usual now");
}

#[test]
fn without_values_for_an_hour_it_is_over() {
    let mut fed = Fed::new(LATENCY);
    fed.feed(120, 100.0);
    fed.feed(10, 300.0);
    let last_ms = fed.minute * MINUTE_MS;
    assert_eq!(fed.series.look(last_ms + STALE_MS - 1), None);
    assert!(matches!(fed.series.look(last_ms + STALE_MS), Some(Edge::Ended(_, End::Quiet))));
    assert_eq!(fed.series.look(last_ms + DAY_MS), None);
}

#[test]
fn every_morning_is_no_degradation_once_two_were_seen() {
    let mut fed = Fed::new(LATENCY);
    let mut edges_of_days = Vec::new();
    for _ in 0..5 {
        let mut edges = fed.feed(480, 100.0);
        edges.extend(fed.feed(600, 200.0));
        edges.extend(fed.feed(360, 100.0));
        edges_of_days.push(edges.len());
    }
    assert_eq!(edges_of_days, [2, 2, 0, 0, 0]);
    fed.feed(480, 100.0);
    assert_eq!(fed.feed(60, 400.0).len(), 1, "worse than in other mornings");
}

/// What `docs/decisions/0020-degradations.md` says in short.
#[test]
fn simulated_applications_are_judged_as_documented() {
    for application in APPLICATIONS {
        let false_alarms = false_alarms(application, LATENCY, 1, 5);
        let expected = if application.name == "twice as slow in working hours" { 2 } else { 0 };
        assert!(false_alarms <= expected, "{}: {false_alarms}", application.name);
        let found = (0..3).filter_map(|seed| found_after(application, LATENCY, 3.0, seed)).count();
        assert!(found >= 2, "{}: three times as slow is found in {found} of 3", application.name);
    }
}

proptest! {
    #[test]
    fn whatever_comes_nothing_breaks_and_memory_is_bounded(
        steps in prop::collection::vec((0_u64..300_000_000, prop::num::f64::ANY), 1..400),
    ) {
        let mut series = Series::new(LATENCY);
        let mut at_ms = 0;
        for (forward_ms, value) in steps {
            // Mostly a minute, at times a jump of days, ahead or back.
            at_ms = if forward_ms % 10 == 0 { forward_ms } else { at_ms + 60_000 };
            series.add(at_ms, value);
            series.look(at_ms);
            prop_assert!(series.values.iter().zip(series.values.iter().skip(1)).all(|(one, next)| one.minute <= next.minute));
        }
        prop_assert!(series.held_bytes() < 20_000);
    }
}
