use super::*;
use proptest::prelude::*;

const MODEL: &str = "deepseek/deepseek-chat";

#[test]
fn nothing_known_predicts_the_count_itself() {
    let calibrations = Calibrations::new();
    assert_eq!(calibrations.predict(MODEL, None, 7), 7);
    assert_eq!(calibrations.predict(MODEL, Some("a"), u64::MAX), u64::MAX);
    assert_eq!(calibrations.text(MODEL, 7), 7);
    assert_eq!(calibrations.calibration(MODEL), None);
    calibrations.record(MODEL, "a", 0, 10);
    calibrations.record(MODEL, "a", 10, 0);
    assert_eq!(calibrations.calibration(MODEL), None);
}

#[test]
fn what_the_caller_does_not_see_is_learnt_from_one_report() {
    let calibrations = Calibrations::new();
    calibrations.record("gpt-4o", "a", 1_000, 1_420);
    assert_eq!(calibrations.predict("openai/gpt-4o", Some("a"), 5_000), 5_420);
    // A new agent of the model starts from there.
    assert_eq!(calibrations.predict("gpt-4o", Some("b"), 5_000), 5_420);
    assert_eq!(calibrations.predict("gpt-4o", None, 5_000), 5_420);
    assert_eq!(calibrations.predict("gpt-4o", Some("a"), 0), 420);
}

#[test]
fn text_of_an_exact_model_stays_exact() {
    let calibrations = Calibrations::new();
    for count in 1..50 {
        calibrations.record("gpt-4o", "a", count * 1_000, count * 1_100 + 500);
    }
    assert_eq!(calibrations.text("gpt-4o", 12_345), 12_345);
    let known = calibrations.calibration("gpt-4o").expect("recorded");
    assert!((known.slope - 1.0).abs() < f64::EPSILON, "{known:?}");
    // Predictions still start at the last report.
    assert_eq!(calibrations.predict("gpt-4o", Some("a"), 49_001), 54_401);
}

#[test]
fn another_agent_starts_with_what_the_model_learnt() {
    let calibrations = Calibrations::new();
    for count in 1..40 {
        calibrations.record(MODEL, "first run", count * 1_000, count * 1_200 + 300);
    }
    let first_call = calibrations.predict(MODEL, Some("second run"), 2_000);
    assert!(first_call.abs_diff(2_700) < 60, "{first_call}");
    let known = calibrations.calibration(MODEL).expect("recorded");
    assert!((known.slope - 1.2).abs() < 0.01 && (known.intercept - 300.0).abs() < 20.0, "{known:?}");
    assert!(known.median_error < 0.001, "{known:?}");
    assert_eq!((known.samples, known.outliers), (39, 0));
    assert!(calibrations.text(MODEL, 1_000).abs_diff(1_200) < 10);
}

#[test]
fn wrong_report_changes_nothing() {
    for wrong in [1, 260, 26_000, u64::MAX] {
        let calibrations = Calibrations::new();
        for count in [1_000, 1_500, 2_000] {
            calibrations.record(MODEL, "a", count, count + 300);
        }
        let before = calibrations.predict(MODEL, Some("a"), 2_400);
        calibrations.record(MODEL, "a", 2_300, wrong);
        assert_eq!(calibrations.predict(MODEL, Some("a"), 2_400), before);
        assert_eq!(calibrations.calibration(MODEL).expect("recorded").outliers, 1);
        calibrations.record(MODEL, "a", 2_500, 2_800);
        assert_eq!(calibrations.predict(MODEL, Some("a"), 2_600), 2_900);
    }
}

#[test]
fn wrong_first_report_is_given_up_for_the_second() {
    for wrong in [130, 13_000] {
        let calibrations = Calibrations::new();
        calibrations.record(MODEL, "a", 1_000, wrong);
        assert_eq!(calibrations.predict(MODEL, Some("other"), 1_000), 1_000, "not yet for others");
        calibrations.record(MODEL, "a", 1_200, 1_500);
        assert_eq!(calibrations.predict(MODEL, Some("a"), 1_300), 1_600);
    }
}

#[test]
fn change_of_level_is_followed_after_two_reports() {
    let calibrations = Calibrations::new();
    for count in [1_000, 1_500, 2_000] {
        calibrations.record(MODEL, "a", count, count + 300);
    }
    // 20,000 tokens of tool schemas have come.
    calibrations.record(MODEL, "a", 2_200, 22_500);
    assert_eq!(calibrations.predict(MODEL, Some("a"), 2_300), 2_600);
    calibrations.record(MODEL, "a", 2_300, 22_600);
    assert_eq!(calibrations.predict(MODEL, Some("a"), 2_400), 22_700);
    let slope = calibrations.calibration(MODEL).expect("recorded").slope;
    assert!((slope - 1.0).abs() < 0.01, "{slope}");
}

#[test]
fn conversation_that_begins_anew_is_predicted_where_it_began() {
    let calibrations = Calibrations::new();
    // Counted without what assistants wrote, so the error grows with the conversation.
    for step in 0..40 {
        calibrations.record(MODEL, "a", 1_500 + step * 200, 2_000 + step * 350);
    }
    assert_eq!(calibrations.predict(MODEL, Some("a"), 1_500), 2_000);
    let below = calibrations.predict(MODEL, Some("a"), 100);
    assert!((100..600).contains(&below), "{below}");
}

#[test]
fn forgotten_agent_is_a_new_one_and_the_model_keeps_what_it_learnt() {
    let calibrations = Calibrations::new();
    for count in [1_000, 1_500, 2_000] {
        calibrations.record(MODEL, "a", count, count + 300);
        calibrations.record(MODEL, "b", count, count + 900);
    }
    calibrations.reset_agent("b");
    assert_eq!(calibrations.predict(MODEL, Some("a"), 3_000), 3_300);
    assert_eq!(calibrations.predict(MODEL, Some("b"), 3_000), 3_600, "the middle of the two");
    calibrations.clear();
    assert_eq!(calibrations.predict(MODEL, Some("a"), 3_000), 3_000);
}

#[test]
fn models_and_agents_are_bounded_and_the_used_ones_stay() {
    let calibrations = Calibrations::new();
    for index in 0..3 * MAX_AGENTS {
        calibrations.record("m", "kept", 1_000, 1_300);
        calibrations.record("m", &format!("agent {index}"), 1_000, 1_100);
    }
    for index in 0..3 * MAX_MODELS {
        calibrations.record("m", "kept", 1_000, 1_300);
        calibrations.record(&format!("model-{index}"), "a", 1_000, 1_100);
    }
    let models = calibrations.models.lock();
    assert!(models.by_name.len() <= MAX_MODELS);
    assert!(models.by_name["m"].agents.len() <= MAX_AGENTS);
    assert!(models.by_name["m"].agents.contains_key("kept"));
}

#[test]
fn calibrations_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Calibrations>();
}

/// A conversation: what is counted at each call, and what is reported for it.
fn conversation(slope: f64, intercept: f64, growth: &[u64]) -> Vec<(u64, u64)> {
    let mut count = 800;
    growth
        .iter()
        .map(|more| {
            count += more;
            (count, whole(slope * count as f64 + intercept))
        })
        .collect()
}

proptest! {
    #[test]
    fn constant_line_is_recovered(
        slope in 0.7..1.6f64,
        intercept in 0.0..3_000.0f64,
        growth in proptest::collection::vec(50..900u64, 30..60),
    ) {
        let calibrations = Calibrations::new();
        let calls = conversation(slope, intercept, &growth);
        for &(count, reported) in &calls {
            calibrations.record(MODEL, "a", count, reported);
        }
        let known = calibrations.calibration(MODEL).expect("recorded");
        prop_assert!((known.slope - slope).abs() < 0.15 * (slope - 1.0).abs() + 0.01, "{known:?}");
        for (calls_after, &(count, _)) in calls.iter().enumerate().skip(5) {
            // Any call that was there, and a longer one.
            for count in [count, count + calls_after as u64 * 100] {
                let expected = slope * count as f64 + intercept;
                let found = calibrations.predict(MODEL, Some("a"), count) as f64;
                prop_assert!((found / expected - 1.0).abs() < 0.03, "{found} for {expected}");
            }
        }
    }

    #[test]
    fn outliers_are_ignored(
        slope in 0.8..1.4f64,
        intercept in 0.0..1_000.0f64,
        growth in proptest::collection::vec(50..900u64, 30..60),
        wrong in proptest::collection::vec((2..30usize, prop_oneof![Just(0.0), Just(0.1), Just(10.0), Just(1e9)]), 0..4),
    ) {
        let clean = Calibrations::new();
        let disturbed = Calibrations::new();
        let mut before = 0;
        for (position, &(count, reported)) in conversation(slope, intercept, &growth).iter().enumerate() {
            // Two in a row that agree are no outliers any more: one is left out after each.
            let factor = wrong.iter().find(|(at, _)| *at == position && position > before + 1).map(|(_, factor)| *factor);
            if let Some(factor) = factor {
                before = position;
                disturbed.record(MODEL, "a", count, whole(reported as f64 * factor));
            } else {
                clean.record(MODEL, "a", count, reported);
                disturbed.record(MODEL, "a", count, reported);
            }
        }
        let (a, b) = (clean.calibration(MODEL).expect("recorded"), disturbed.calibration(MODEL).expect("recorded"));
        prop_assert!((a.slope - b.slope).abs() < 1e-9 && (a.intercept - b.intercept).abs() < 1e-6, "{a:?} {b:?}");
        prop_assert_eq!(clean.predict(MODEL, Some("a"), 70_000), disturbed.predict(MODEL, Some("a"), 70_000));
    }

    #[test]
    fn whatever_is_reported_predictions_stay_finite_and_in_proportion(
        reports in proptest::collection::vec((0..4u8, 0..=u64::MAX, 0..=u64::MAX), 0..80),
        count in 0..=u64::MAX / 8,
    ) {
        let calibrations = Calibrations::new();
        for (agent, predicted, reported) in reports {
            // All magnitudes, not only the largest.
            let shift = u32::from(agent) * 15;
            calibrations.record(MODEL, &agent.to_string(), predicted >> shift, reported >> (45 - shift));
        }
        for agent in ["0", "1", "2", "3", "new"] {
            let first = calibrations.predict(MODEL, Some(agent), count);
            prop_assert_eq!(first, calibrations.predict(MODEL, Some(agent), count));
        }
        if let Some(known) = calibrations.calibration(MODEL) {
            prop_assert!(known.slope >= 0.25 && known.slope <= 4.0 && known.intercept.is_finite(), "{known:?}");
        }
    }
}
