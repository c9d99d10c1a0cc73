#![expect(clippy::float_cmp, reason = "figures that are kept exactly")]

use super::*;
use proptest::prelude::*;

const S: u64 = 1_000_000;

/// An event loop that does not run in `stalls` (from, until; in order, apart) and answers within 50 µs otherwise.
struct Simulation {
    stalls: Vec<(u64, u64)>,
}

impl Simulation {
    /// How long work waits that comes at `at_us`.
    fn delay_us(&self, at_us: u64) -> u64 {
        self.stalls
            .iter()
            .find(|(from, until)| (*from..*until).contains(&at_us))
            .map_or(50, |(_, until)| until - at_us)
    }

    /// Figures of each interval, as measured.
    fn measured(&self, interval_us: u64, end_us: u64) -> Vec<LoopFigures> {
        let delay = LoopDelay::default();
        let mut figures = Vec::new();
        let mut answer_us = None;
        for now_us in (1..=end_us / ASK_EVERY_US).map(|tick| tick * ASK_EVERY_US) {
            if let Some(at_us) = answer_us.filter(|at_us| *at_us <= now_us) {
                delay.answered(at_us);
                answer_us = None;
            }
            if now_us % interval_us == 0 {
                figures.extend(delay.take(now_us));
            }
            if delay.ask(now_us) {
                answer_us = Some(now_us + self.delay_us(now_us));
            }
        }
        figures
    }

    /// The same of work that comes every 97 µs; what waits at the end of an interval counts with its age.
    fn exact(&self, interval_us: u64, interval: u64) -> LoopFigures {
        let (from_us, until_us) = (interval * interval_us, (interval + 1) * interval_us);
        let mut delays: Vec<u64> =
            (from_us..until_us).step_by(97).map(|at_us| self.delay_us(at_us).min(until_us - at_us)).collect();
        delays.sort_unstable();
        let longest = |(start, end): &(u64, u64)| {
            (*start < until_us && *end > from_us).then(|| (*end).min(until_us) - start)
        };
        LoopFigures {
            p50_ms: ms(delays[delays.len() / 2]),
            p99_ms: ms(delays[delays.len() * 99 / 100]),
            max_ms: ms(self.stalls.iter().filter_map(longest).max().unwrap_or(50)),
        }
    }
}

#[test]
fn an_idle_loop_has_short_delays() {
    let figures = Simulation { stalls: vec![] }.measured(10 * S, 10 * S);
    assert_eq!(figures, [LoopFigures { p50_ms: 0.05, p99_ms: 0.05, max_ms: 0.05 }]);
}

#[test]
fn a_stall_weighs_what_it_is() {
    let simulation = Simulation { stalls: vec![(3 * S, 5 * S)] };
    let figures = simulation.measured(10 * S, 10 * S)[0];
    let exact = simulation.exact(10 * S, 0);
    assert!((exact.p99_ms - 1_900.0).abs() < 1.0 && exact.max_ms == 2_000.0, "{exact:?}");
    assert!((figures.p99_ms - exact.p99_ms).abs() <= 110.0, "{figures:?}");
    assert!((figures.max_ms - exact.max_ms).abs() <= 100.0, "{figures:?}");
    assert!((figures.p50_ms / 0.05 - 1.0).abs() < 0.01, "{figures:?}");
}

#[test]
fn a_stall_over_three_intervals_counts_in_each_and_once() {
    let delay = LoopDelay::default();
    assert!(delay.ask(9 * S));
    assert!(!delay.ask(9 * S + ASK_EVERY_US));
    let first = delay.take(10 * S).expect("one is open");
    assert_eq!((first.max_ms, first.p99_ms), (1_000.0, 1_000.0));
    assert_eq!(delay.outstanding_ms(20 * S), Some(11_000.0));
    let second = delay.take(20 * S).expect("one is open");
    assert_eq!(second.max_ms, 11_000.0, "it is that old");
    assert!(
        (second.p99_ms / 9_900.0 - 1.0).abs() < 0.01,
        "what came in this interval waits 10 s at most: {second:?}"
    );
    delay.answered(21 * S);
    assert_eq!(delay.outstanding_ms(21 * S), None);
    let third = delay.take(30 * S).expect("answered in it");
    assert_eq!(third.max_ms, 12_000.0);
    assert!(third.p99_ms <= 1_000.0 && third.p50_ms >= 490.0, "{third:?}");
    assert_eq!(delay.take(40 * S), None, "nothing was asked");
}

#[test]
fn a_question_just_asked_is_counted_when_it_is_answered() {
    let delay = LoopDelay::default();
    assert!(delay.ask(S));
    assert_eq!(delay.take(S + 99_999), None);
    delay.answered(S + 150_000);
    let figures = delay.take(2 * S).expect("answered");
    assert_eq!(figures.max_ms, 150.0);
}

#[test]
fn answers_to_nothing_and_forgotten_questions_are_no_delays() {
    let delay = LoopDelay::default();
    delay.answered(S);
    assert!(delay.ask(2 * S));
    delay.forget();
    assert_eq!((delay.take(9 * S), delay.outstanding_ms(9 * S)), (None, None));
    assert!(delay.ask(10 * S));
    delay.answered(9 * S);
    assert_eq!(
        delay.take(11 * S).map(|figures| figures.max_ms),
        Some(0.0),
        "a clock that goes back gives no delay"
    );
}

#[test]
fn a_stall_of_a_day_takes_no_longer_to_count_than_one_of_an_hour() {
    let delay = LoopDelay::default();
    assert!(delay.ask(0));
    delay.answered(86_400 * S);
    let figures = delay.take(86_400 * S).expect("answered");
    assert_eq!(figures.max_ms, 86_400_000.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn figures_are_those_of_work_that_comes_at_any_time(
        stalls in prop::collection::vec((1_000_u64..3 * S, 1_000_u64..8 * S), 1..12),
    ) {
        let mut at_us = 0;
        let stalls: Vec<_> = stalls
            .into_iter()
            .map(|(before_us, length_us)| {
                let from_us = at_us + before_us;
                at_us = from_us + length_us;
                (from_us, at_us)
            })
            .collect();
        let simulation = Simulation { stalls };
        let measured = simulation.measured(10 * S, 60 * S);
        prop_assert_eq!(measured.len(), 6);
        for (number, figures) in (0..).zip(measured) {
            let exact = simulation.exact(10 * S, number);
            // A hundred samples: a share of two of them each way, which on a stall is twice the time between two.
            for (what, read, exact) in [("p99", figures.p99_ms, exact.p99_ms), ("max", figures.max_ms, exact.max_ms)] {
                prop_assert!(read <= exact * 1.01 + 200.1, "{} {} for {}", what, read, exact);
                prop_assert!(read >= exact * 0.99 - 200.1, "{} {} for {}", what, read, exact);
            }
        }
    }
}
