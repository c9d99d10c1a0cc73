//! The controller against simulated systems: it finds what is better, leaves alone what is not, and never oscillates.

mod limits;
mod plants;

use proptest::prelude::*;
use serde_json::json;

use super::controller::Change;
use super::*;
use crate::base::config::Configure;
use crate::orchestrator::settings::{Environment, Settings};
use plants::{Plant, reading};

impl Controller {
    /// A change without evidence, for whoever tests what comes of it.
    pub(crate) fn put(&mut self, knob: Knob, to: f64) -> Decision {
        let text = || "asked for by a test".to_owned();
        self.change(Change { knob, to, reason: text(), evidence: json!(null), why: text() }, 1)
    }
}

/// The default interval.
const STEP_MS: u64 = 300_000;

/// Runs a plant for some steps; the decisions, with the step of each.
fn run(controller: &mut Controller, plant: &mut Plant, steps: u64) -> Vec<(u64, Decision)> {
    let mut all = Vec::new();
    for step in 0..steps {
        plant.live(STEP_MS);
        for decision in controller.step(&reading(plant), plant.now_ms) {
            if let Some((knob, value)) = decision.apply {
                plant.apply(controller.bases(), knob, value);
            }
            all.push((step, decision));
        }
    }
    all
}

fn fresh() -> (Controller, Plant) {
    let plant = Plant::new(7);
    (started(TuningConfig::default(), &plant), plant)
}

fn started(config: TuningConfig, plant: &Plant) -> Controller {
    let mut controller = Controller::new(config, plant.values);
    controller.begin_from(&reading(plant), plant.now_ms);
    controller
}

#[track_caller]
fn assert_near(value: f64, expected: f64) {
    assert!(knob::is_same(value, expected), "{value}, not {expected}");
}

fn value(plant: &Plant, knob: Knob) -> f64 {
    plant.values.get(knob)
}

#[test]
fn no_data_means_no_change() {
    let (mut controller, mut plant) = fresh();
    plant.lookups_per_step = 0.0;
    assert!(run(&mut controller, &mut plant, 100).is_empty());
    assert_eq!(controller.steps(), 100);
}

#[test]
fn larger_l1_is_tried_and_kept_where_it_would_have_answered_more() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    let decisions = run(&mut controller, &mut plant, 10);
    assert!(value(&plant, Knob::L1Size) >= 2000.0, "{decisions:?}");
    let first = &decisions[0].1.adjustment;
    assert_eq!((first.setting, first.outcome), ("cache.l1MaxSize", Outcome::Trying));
    assert_eq!(first.also.as_ref().map(|also| also.setting), Some("cache.l1MaxSizeMB"));
    let kept = controller.history().rows().next().expect("a change");
    assert_eq!(kept.outcome, Outcome::Kept, "{kept:?}");
    assert!(kept.after.is_some() && kept.decided_at.is_some());
}

#[test]
fn size_that_suffices_is_left_alone() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 500.0;
    plant.adaptive_gain = 0.0;
    assert!(run(&mut controller, &mut plant, 50).is_empty());
}

#[test]
fn better_policy_is_taken() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 500.0;
    plant.adaptive_gain = 0.04;
    run(&mut controller, &mut plant, 6);
    assert_near(value(&plant, Knob::Policy), 2.0);
}

#[test]
fn growth_is_undone_at_once_when_memory_becomes_short() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    run(&mut controller, &mut plant, 1);
    assert!(controller.trial().is_some());
    plant.is_pressed = true;
    let decisions = run(&mut controller, &mut plant, 1);
    assert_eq!(decisions[0].1.adjustment.outcome, Outcome::Undone);
    assert_near(value(&plant, Knob::L1Size), 1000.0);
    assert!(run(&mut controller, &mut plant, 50).is_empty(), "nothing is tried while memory is short");
}

#[test]
fn kept_growth_goes_back_when_memory_becomes_short() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    run(&mut controller, &mut plant, 12);
    assert!(value(&plant, Knob::L1Size) > 1000.0);
    plant.is_pressed = true;
    let decisions = run(&mut controller, &mut plant, 1);
    assert_eq!(decisions[0].1.adjustment.to, json!(1000));
    assert_near(value(&plant, Knob::L1Size), 1000.0);
}

#[test]
fn value_that_a_user_sets_holds_and_ends_the_trial() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    run(&mut controller, &mut plant, 1);
    plant.values.set(Knob::L1Size, 600.0);
    plant.values.l1_mb = 10.0;
    plant.bases = plant.values;
    plant.base_size = 600.0;
    let decisions = run(&mut controller, &mut plant, 1);
    assert_eq!(decisions[0].1.adjustment.outcome, Outcome::Abandoned);
    assert_near(controller.bases().get(Knob::L1Size), 600.0);
    run(&mut controller, &mut plant, 40);
    assert!(value(&plant, Knob::L1Size) <= 2400.0);
}

#[test]
fn bounds_and_fixed_settings_are_respected() {
    let mut settings = Settings::defaults(Environment::Production);
    let given = json!({ "tuning": {
        "bounds": { "cache.l1MaxSize": { "max": 1500 } }, "fixed": ["cache.evictionPolicy"],
    } });
    settings.apply_json(&given, crate::base::config::Origin::Code).expect("sound");
    let mut plant = Plant::new(3);
    (plant.working_set, plant.adaptive_gain) = (5000.0, 0.2);
    plant.factors = vec![0.25, 0.5, 1.0, 1.5];
    let mut controller = started(settings.tuning, &plant);
    run(&mut controller, &mut plant, 20);
    assert_near(value(&plant, Knob::L1Size), 1500.0);
    assert_near(value(&plant, Knob::Policy), 0.0);
}

#[test]
fn threshold_is_raised_where_similar_answers_are_replaced_and_never_below_the_configured_one() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain, plant.similar) = (500.0, 0.0, 0.3);
    run(&mut controller, &mut plant, 30);
    assert!(value(&plant, Knob::Similarity) > 0.8);
    plant.similar = 0.0;
    run(&mut controller, &mut plant, 400);
    assert!(value(&plant, Knob::Similarity) >= 0.8);
}

#[test]
fn importance_threshold_falls_where_agents_fetch_what_was_left_out() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain, plant.fetching) = (500.0, 0.0, 1.0);
    run(&mut controller, &mut plant, 30);
    let lowered = value(&plant, Knob::Importance);
    assert!((0.075..0.3).contains(&lowered), "{lowered}");
}

#[test]
fn life_of_entries_grows_only_where_values_come_back_the_same() {
    for (changed, is_raised) in [(0.0, true), (1.0, false), (0.1, false)] {
        let (mut controller, mut plant) = fresh();
        (plant.working_set, plant.adaptive_gain) = (500.0, 0.0);
        (plant.expiring, plant.changed) = (0.2, changed);
        run(&mut controller, &mut plant, 60);
        assert_eq!(value(&plant, Knob::Ttl) > 3600.0, is_raised, "{changed}: {}", value(&plant, Knob::Ttl));
        assert!(value(&plant, Knob::Ttl) <= 4.0 * 3600.0);
    }
}

#[test]
fn writes_wait_for_each_other_where_the_writer_is_busy_and_no_longer_when_they_are_held_up() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain, plant.writes_per_s) = (500.0, 0.0, 900.0);
    run(&mut controller, &mut plant, 20);
    let waits = value(&plant, Knob::WriteBehind);
    assert!((2.0..=50.0).contains(&waits), "{waits}");
    plant.is_held_up = true;
    run(&mut controller, &mut plant, 100);
    assert!(value(&plant, Knob::WriteBehind) < waits);
}

#[test]
fn agents_that_wait_while_memory_is_free_may_hold_more() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain, plant.agent_need_mb) = (500.0, 0.0, 500.0);
    run(&mut controller, &mut plant, 20);
    assert!(
        (500.0..=1024.0).contains(&value(&plant, Knob::AgentLimit)),
        "{}",
        value(&plant, Knob::AgentLimit)
    );
}

#[test]
fn what_is_done_about_short_memory_begins_earlier_where_it_still_became_critical() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain, plant.critical_over) = (500.0, 0.0, 72.0);
    run(&mut controller, &mut plant, 30);
    assert!((55.0..=72.5).contains(&value(&plant, Knob::Alert)), "{}", value(&plant, Knob::Alert));
}

#[test]
fn change_that_does_not_help_is_undone_and_tried_ever_more_rarely() {
    let (mut controller, mut plant) = fresh();
    (plant.working_set, plant.adaptive_gain) = (500.0, 0.0);
    // Fetched again whatever the threshold.
    (plant.fetching, plant.is_stubborn) = (1.0, true);
    let decisions = run(&mut controller, &mut plant, 1000);
    let trials = decisions.iter().filter(|(_, one)| one.adjustment.outcome == Outcome::Trying).count();
    assert!((2..=14).contains(&trials), "{trials} trials");
    assert_near(value(&plant, Knob::Importance), 0.3);
    assert!(controller.history().undone >= 2);
}

#[test]
fn history_is_bounded() {
    let mut history = History::default();
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    let first = run(&mut controller, &mut plant, 1).remove(0).1.adjustment;
    for _ in 0..500 {
        let id = history.next_id();
        history.push(Adjustment { id, ..first.clone() });
    }
    assert_eq!(history.rows().len(), 200);
    assert_eq!(history.rows().next().map(|row| row.id), Some(301));
}

#[test]
fn settings_of_the_tuning_are_checked() {
    let bad = json!({
        "interval": 10, "fixed": ["cache.l2MaxSizeMB"],
        "bounds": { "cache.ttl": {}, "cache.ttlSeconds": { "min": 5, "max": 1 }, "cache.l1MaxSize": { "least": 1 } },
    });
    let mut settings = Settings::defaults(Environment::Production);
    let error = settings.apply_json(&json!({ "tuning": bad }), crate::base::config::Origin::Code);
    let error = error.expect_err("refused");
    let mut paths: Vec<&str> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "tuning.bounds[\"cache.l1MaxSize\"].least",
            "tuning.bounds[\"cache.ttl\"]",
            "tuning.bounds[\"cache.ttlSeconds\"]",
            "tuning.fixed",
            "tuning.interval",
        ]
    );
    assert!(TuningConfig::default().updated("", &json!({ "interval": 1000 })).is_ok());
}

/// Changes of direction of one setting's value.
fn turns(decisions: &[(u64, Decision)], knob: Knob, start: f64) -> usize {
    let (mut last, mut direction, mut turns) = (start, None, 0);
    for (_, decision) in decisions {
        let Some((_, value)) = decision.apply.filter(|(changed, _)| *changed == knob) else { continue };
        let is_up = value > last;
        turns += usize::from(direction.is_some_and(|before| before != is_up));
        (last, direction) = (value, Some(is_up));
    }
    turns
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Working sets that jump, noise, pressure that comes and goes, callers that replace answers: values stay in bounds, nothing
    /// is begun while memory is short, and no setting turns more often than doubling back-offs allow.
    #[test]
    fn nothing_oscillates_or_leaves_its_bounds(
        seed in 0_u64..1_000_000,
        noise in 0.0..0.2_f64,
        moves_every in 1_u64..40,
        stubborn in any::<bool>(),
    ) {
        const STEPS: u64 = 600;
        let mut plant = Plant::new(seed);
        plant.noise = noise;
        plant.is_stubborn = stubborn;
        plant.moves_every = moves_every;
        let start = plant.values;
        let mut controller = started(TuningConfig::default(), &plant);
        let mut all = Vec::new();
        for step in 0..STEPS {
            let decisions = run(&mut controller, &mut plant, 1);
            for (_, decision) in decisions {
                prop_assert!(!plant.is_pressed || decision.adjustment.outcome != Outcome::Trying);
                all.push((step, decision));
            }
            for knob in Knob::ALL {
                let (low, high) = knob.bounds(start.get(knob), &TuningConfig::default());
                let value = value(&plant, knob);
                prop_assert!(value >= low - 1e-9 && value <= high + 1e-9, "{knob:?} {value}");
            }
        }
        for knob in Knob::ALL {
            let turns = turns(&all, knob, start.get(knob));
            // Of each direction 9 trials can be undone, with two turns each, as their bars add up to 2⁹ − 2 steps; 9 more turns
            // are kept.
            prop_assert!(turns <= 45, "{knob:?} turned {turns} times in {STEPS} steps");
        }
    }
}
