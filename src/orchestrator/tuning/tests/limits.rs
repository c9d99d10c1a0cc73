//! What is tuned gives way: to short memory, to bounds that change, to failures. And what a trial may take to be judged.

use super::super::reading::{Recent, most_judged_seconds};
use super::*;

fn config(tuning: &serde_json::Value) -> TuningConfig {
    TuningConfig::default().updated("", tuning).expect("sound")
}

#[test]
fn everything_that_takes_memory_gives_way_at_once_and_says_why() {
    let (mut controller, plant) = fresh();
    for (knob, to) in [(Knob::L1Size, 2000.0), (Knob::AgentLimit, 512.0)] {
        let decision = controller.put(knob, to);
        assert_eq!(decision.apply, Some((knob, to)));
    }
    let decisions = controller.give_way(Some(91.0), plant.now_ms, 77);
    let applied: Vec<_> = decisions.iter().filter_map(|decision| decision.apply).collect();
    assert_eq!(applied, [(Knob::L1Size, 1000.0), (Knob::AgentLimit, 256.0)]);
    for decision in &decisions {
        let row = controller.history().rows().find(|row| row.id == decision.adjustment.id);
        assert_eq!(row, Some(&decision.adjustment));
        assert_eq!(decision.adjustment.decided_at, Some(77));
        assert!(decision.adjustment.why.is_some());
    }
    assert!(controller.tuned().is_empty() && controller.give_way(Some(91.0), plant.now_ms, 78).is_empty());
}

#[test]
fn trial_from_a_grown_value_goes_back_to_the_configured_one_when_memory_becomes_short() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 8000.0;
    plant.factors = vec![1.0, 2.0, 4.0];
    run(&mut controller, &mut plant, 40);
    let grown = value(&plant, Knob::L1Size);
    assert!(grown > 1000.0, "{grown}");
    let applied: Vec<_> =
        controller.give_way(None, plant.now_ms, 1).into_iter().filter_map(|one| one.apply).collect();
    assert_eq!(applied, [(Knob::L1Size, 1000.0)]);
}

#[test]
fn values_out_of_new_bounds_are_clamped_and_fixed_ones_given_back() {
    for (tuning, to) in [
        (json!({ "bounds": { "cache.l1MaxSize": { "max": 1500 } } }), 1500.0),
        (json!({ "bounds": { "cache.l1MaxSize": { "max": 500 } } }), 1000.0),
        (json!({ "bounds": { "cache.l1MaxSize": { "min": 3000 } } }), 1000.0),
        (json!({ "fixed": ["cache.l1MaxSize"] }), 1000.0),
    ] {
        let (mut controller, _) = fresh();
        controller.put(Knob::L1Size, 2000.0);
        assert!(controller.fit(1).is_empty());
        controller.set_config(config(&tuning));
        let decisions = controller.fit(1);
        assert_eq!(decisions.len(), 1, "{tuning}");
        assert_eq!(decisions[0].apply, Some((Knob::L1Size, to)), "{tuning}");
        assert!(controller.fit(2).is_empty(), "{tuning}");
    }
}

#[test]
fn trial_out_of_new_bounds_ends_as_one_that_is_abandoned_does() {
    for is_abandoned in [false, true] {
        let (mut controller, mut plant) = fresh();
        plant.working_set = 3000.0;
        run(&mut controller, &mut plant, 1);
        assert!(controller.trial().is_some());
        controller.set_config(config(&json!({ "fixed": ["cache.l1MaxSize"] })));
        let decisions = if is_abandoned {
            controller.abandon(5, "no more").into_iter().collect()
        } else {
            controller.fit(5)
        };
        assert_eq!(decisions.len(), 1);
        assert_eq!(decisions[0].apply, Some((Knob::L1Size, 1000.0)));
        assert_eq!(decisions[0].adjustment.outcome, Outcome::Abandoned);
        assert!(controller.trial().is_none() && controller.tuned().is_empty());
    }
}

#[test]
fn trial_that_could_not_be_applied_is_none() {
    let (mut controller, mut plant) = fresh();
    plant.working_set = 3000.0;
    plant.live(STEP_MS);
    let decision = controller.step(&reading(&plant), plant.now_ms).remove(0);
    let row = controller.failed(&decision, &plant.values, 9, "out of order").expect("a change");
    assert_eq!((row.outcome, row.decided_at), (Outcome::Abandoned, Some(9)));
    assert!(row.why.is_some_and(|why| why.ends_with("out of order")));
    assert!(controller.trial().is_none() && controller.tuned().is_empty());
    plant.live(STEP_MS);
    let next = controller.step(&reading(&plant), plant.now_ms);
    assert!(
        next.iter().all(|one| one.adjustment.outcome != Outcome::Abandoned),
        "nobody else set it: {next:?}"
    );
}

#[test]
fn change_that_is_not_kept_any_more_is_not_counted_as_kept() {
    let (mut controller, plant) = fresh();
    let decision = controller.put(Knob::Ttl, 7200.0);
    assert_eq!(controller.history().kept, 1);
    controller.failed(&decision, &plant.values, 9, "out of order");
    assert_eq!(controller.history().kept, 0);
    assert_near(controller.present(Knob::Ttl), 3600.0);
}

#[test]
fn life_that_could_not_be_judged_is_not_tried() {
    for (hours, is_tried) in [(1.0, true), (4.0, true), (5.0, false)] {
        let mut plant = Plant::new(7);
        plant.values.set(Knob::Ttl, hours * 3600.0);
        plant.bases = plant.values;
        (plant.working_set, plant.adaptive_gain, plant.expiring) = (500.0, 0.0, 0.2 * hours);
        let mut controller = started(TuningConfig::default(), &plant);
        let decisions = run(&mut controller, &mut plant, 200);
        assert_eq!(!decisions.is_empty(), is_tried, "{hours} h: {decisions:?}");
        let has_kept = decisions.iter().any(|(_, one)| one.adjustment.outcome == Outcome::Kept);
        assert_eq!(has_kept, is_tried, "{hours} h: {decisions:?}");
    }
}

#[test]
fn rules_that_need_minutes_have_them_at_short_intervals_too() {
    let mut plant = Plant::new(7);
    (plant.working_set, plant.adaptive_gain, plant.agent_need_mb) = (500.0, 0.0, 500.0);
    let mut controller = started(config(&json!({ "interval": 1000 })), &plant);
    for _ in 0..600 {
        plant.live(1000);
        for decision in controller.step(&reading(&plant), plant.now_ms) {
            let (knob, value) = decision.apply.unwrap_or((Knob::AgentLimit, value(&plant, Knob::AgentLimit)));
            plant.apply(controller.bases(), knob, value);
        }
    }
    assert!(value(&plant, Knob::AgentLimit) > 256.0);
    assert!(controller.history().kept > 0, "{:?}", controller.history());
}

#[test]
fn readings_reach_back_for_hours_however_often_they_are_taken() {
    for interval_ms in [1000, STEP_MS, 20 * STEP_MS] {
        let plant = Plant::new(7);
        let mut recent = Recent::default();
        for step in 0..30_000 {
            recent.push(step, step * interval_ms, &reading(&plant));
        }
        for seconds in [interval_ms as f64 / 1000.0, 7200.0, most_judged_seconds(interval_ms)] {
            let window = recent.window(0, |window| window.seconds >= seconds).expect("a window");
            let most = (seconds * 1.5).max(seconds + interval_ms as f64 / 1000.0);
            assert!(window.seconds <= most, "{} for {seconds} at {interval_ms}", window.seconds);
        }
    }
}

#[test]
fn schema_knows_what_is_tuned() {
    let schema = include_str!("../../../../config/optimization.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    let tuning = &schema["properties"]["tuning"]["properties"];
    let paths = |without: Option<Knob>| -> serde_json::Value {
        Knob::ALL.into_iter().filter(|knob| Some(*knob) != without).map(|knob| json!(knob.path())).collect()
    };
    assert_eq!(tuning["fixed"]["items"]["enum"], paths(None));
    assert_eq!(tuning["bounds"]["propertyNames"]["enum"], paths(Some(Knob::Policy)));
    let row = &tuning["bounds"]["additionalProperties"];
    assert_eq!(row["additionalProperties"], false);
    assert_eq!(row["properties"], json!({ "min": { "type": "number" }, "max": { "type": "number" } }));
}
