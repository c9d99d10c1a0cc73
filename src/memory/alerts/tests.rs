use proptest::prelude::*;
use serde_json::json;

use super::*;

const SAMPLE_MS: u64 = 500;
const HOUR_MS: u64 = 3_600_000;
const WALL_MS: u64 = 1_767_225_600_000;

fn at(mono_ms: u64) -> Now {
    Now { mono_ms, wall_ms: WALL_MS + mono_ms }
}

fn level(percentage: f64) -> Observed {
    Observed {
        percentage,
        used_mb: percentage * 20.0,
        limit_mb: 2000.0,
        alert_threshold: 80.0,
        time_to_limit_ms: None,
        source: "config",
        growth_mb_per_s: None,
        projected: false,
    }
}

fn growing(percentage: f64, time_to_limit_ms: u64) -> Observed {
    Observed { time_to_limit_ms: Some(time_to_limit_ms), growth_mb_per_s: Some(120.0), ..level(percentage) }
}

/// What a series raised and resolved, one sample each half second.
fn run(alerts: &mut Alerts, from_ms: u64, series: impl IntoIterator<Item = f64>) -> Changes {
    let mut all = Changes::default();
    for (index, percentage) in series.into_iter().enumerate() {
        let changes = alerts.observe(at(from_ms + index as u64 * SAMPLE_MS), Some(&level(percentage)));
        all.raised.extend(changes.raised);
        all.resolved.extend(changes.resolved);
    }
    all
}

fn kinds(alerts: &[Alert]) -> Vec<AlertType> {
    alerts.iter().map(|alert| alert.kind).collect()
}

/// Uniform noise in -1 to 1, of a seed (splitmix).
fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}

#[test]
fn noise_around_the_threshold_raises_one_alert_in_an_hour() {
    for amplitude in [4.0, 8.0] {
        for seed in 0..5 {
            let samples = usize::try_from(HOUR_MS / SAMPLE_MS).unwrap();
            let series: Vec<f64> = noise(seed).take(samples).map(|noise| 80.0 + amplitude * noise).collect();
            let crossings = series.windows(2).filter(|pair| pair[0] <= 80.0 && pair[1] > 80.0).count();
            assert!(crossings > 1000, "{crossings}");
            let changes = run(&mut Alerts::default(), 0, series);
            assert_eq!(kinds(&changes.raised), [AlertType::Warning], "amplitude {amplitude}, seed {seed}");
            assert_eq!(changes.resolved, []);
        }
    }
}

#[test]
fn a_warning_begins_over_the_threshold_and_not_at_it() {
    let mut alerts = Alerts::default();
    assert_eq!(alerts.observe(at(0), Some(&level(80.0))), Changes::default());
    let raised = alerts.observe(at(500), Some(&level(80.1))).raised;
    assert_eq!(kinds(&raised), [AlertType::Warning]);
    assert_eq!(
        serde_json::to_value(&raised[0]).unwrap(),
        json!({
            "id": "memory-1",
            "type": "warning",
            "source": "config",
            "message": "the process uses 1602 MB, 80.1 % of maxMemoryUsage (2000 MB), over alertThreshold (80 %)",
            "memoryUsage": 1602.0,
            "threshold": 1600.0,
            "percentage": 80.1,
            "timestamp": WALL_MS + 500,
            "recommendations": [
                "drop what contextsToDrop() names: 102 MB less bring it under 75 % of 2000 MB",
                "raise maxMemoryUsage from 2000 to 2289 MB, if the machine has that much, or lower agentMemoryLimit",
            ],
            "resolved": false,
            "resolvedAt": null,
        })
    );
}

#[test]
fn an_episode_ends_after_ten_calm_seconds_without_a_break() {
    let mut alerts = Alerts::default();
    alerts.observe(at(0), Some(&level(85.0)));
    // 9.5 s of calm, one sample that is not, and 9.5 s again.
    let calm_twice = [[75.0; 20].as_slice(), &[75.1], &[75.0; 20]].concat();
    assert_eq!(run(&mut alerts, 500, calm_twice), Changes::default());
    let resolved = alerts.observe(at(21_000), Some(&level(75.0))).resolved;
    let expected = Resolved {
        id: "memory-1".to_owned(),
        kind: AlertType::Warning,
        at_ms: WALL_MS + 21_000,
        duration_ms: 21_000,
    };
    assert_eq!(resolved, [expected]);
    let kept = alerts.recent();
    assert_eq!((kept[0].resolved, kept[0].resolved_at), (true, Some(WALL_MS + 21_000)));
    assert_eq!(kinds(&run(&mut alerts, 21_500, [81.0]).raised), [AlertType::Warning]);
}

#[test]
fn a_worse_level_raises_its_own_alert_once() {
    let mut alerts = Alerts::default();
    let up_and_down = [85.0, 96.0, 94.0, 96.0, 91.0, 96.0];
    let raised = run(&mut alerts, 0, up_and_down).raised;
    assert_eq!(kinds(&raised), [AlertType::Warning, AlertType::Critical]);
    let changes = run(&mut alerts, 3000, [85.0; 21]);
    assert_eq!(changes.resolved.iter().map(|one| one.kind).collect::<Vec<_>>(), [AlertType::Critical]);
    assert_eq!(changes.raised, []);
}

#[test]
fn a_jump_to_critical_raises_one_alert_and_a_warning_when_that_much_is_left() {
    let mut alerts = Alerts::default();
    assert_eq!(kinds(&run(&mut alerts, 0, [60.0, 97.0, 85.0]).raised), [AlertType::Critical]);
    let changes = run(&mut alerts, 1500, [85.0; 21]);
    assert_eq!(changes.resolved.len(), 1);
    assert_eq!(kinds(&changes.raised), [AlertType::Warning]);
}

#[test]
fn one_spike_raises_one_alert_which_ends() {
    let mut alerts = Alerts::default();
    let spike = [[50.0; 20].as_slice(), &[99.0], &[50.0; 30]].concat();
    let changes = run(&mut alerts, 0, spike);
    assert_eq!(kinds(&changes.raised), [AlertType::Critical]);
    assert_eq!(changes.resolved.len(), 1);
}

#[test]
fn spikes_less_than_ten_seconds_apart_are_one_episode() {
    let mut alerts = Alerts::default();
    let spikes = (0..1000).map(|index| if index % 15 == 0 { 90.0 } else { 40.0 });
    let changes = run(&mut alerts, 0, spikes);
    assert_eq!((changes.raised.len(), changes.resolved.len()), (1, 0));
}

#[test]
fn growth_that_is_about_to_reach_the_limit_is_critical_and_says_so() {
    let mut alerts = Alerts::default();
    assert_eq!(alerts.observe(at(0), Some(&growing(50.0, 100))), Changes::default());
    assert_eq!(alerts.observe(at(500), Some(&growing(60.0, 5000))), Changes::default());
    let raised = alerts.observe(at(1000), Some(&growing(60.0, 3200))).raised;
    assert_eq!(kinds(&raised), [AlertType::Critical]);
    assert_eq!(
        raised[0].message,
        "the process uses 1200 MB, 60.0 % of maxMemoryUsage (2000 MB), and it grows by 120.0 MB/s, which reaches the \
         limit in 3.2 s"
    );
    assert_eq!(
        raised[0].recommendations,
        [
            "start no work for more agents until whenUnthrottled() resolves: it grows by 120.0 MB/s, which reaches the \
          limit in 3.2 s"
        ]
    );
    // While growth stays a danger it lasts, however low the percentage.
    for index in 0..40 {
        let now = at(1500 + index * SAMPLE_MS);
        assert_eq!(alerts.observe(now, Some(&growing(60.0, 3200))), Changes::default());
    }
    let changes = run(&mut alerts, 30_000, [60.0; 21]);
    assert_eq!((changes.raised.len(), changes.resolved.len()), (0, 1));
}

#[test]
fn what_is_foreseen_of_growth_counts_from_half_of_the_limit_on() {
    let foreseen = |percentage| Observed { projected: true, ..level(percentage) };
    let mut alerts = Alerts::default();
    assert_eq!(alerts.observe(at(0), Some(&foreseen(50.0))), Changes::default());
    let raised = alerts.observe(at(0), Some(&foreseen(51.0))).raised;
    assert!(raised[0].message.contains("and all agents wait"), "{}", raised[0].message);
}

#[test]
fn each_source_names_what_to_change() {
    for (source, words) in [
        ("config", "raise maxMemoryUsage from 2000 to 2743 MB"),
        ("cgroup", "(memory.max) from 2000 to 2743 MB"),
        ("cgroupHigh", "memory.high of the cgroup from 2000 to 2743 MB"),
        ("system", "of 2000 MB on this machine 80 MB are free"),
        ("heap", "--max-old-space-size=2743"),
    ] {
        let changes = Alerts::default().observe(at(0), Some(&Observed { source, ..level(96.0) }));
        let advice = changes.raised[0].recommendations.join("\n");
        assert!(advice.contains(words), "{advice}");
        assert_eq!(changes.raised[0].source, source);
    }
}

#[test]
fn without_figures_nothing_is_raised_and_nothing_ends() {
    let mut alerts = Alerts::default();
    alerts.observe(at(0), Some(&level(85.0)));
    assert_eq!(run(&mut alerts, 500, [60.0; 19]), Changes::default());
    assert_eq!(alerts.observe(at(10_000), None), Changes::default());
    assert_eq!(alerts.observe(at(60_000), Some(&level(f64::NAN))), Changes::default());
    assert_eq!(run(&mut alerts, 60_500, [60.0; 20]), Changes::default());
    assert_eq!(alerts.observe(at(70_500), Some(&level(60.0))).resolved.len(), 1);
}

#[test]
fn the_wall_clock_decides_nothing() {
    let mut alerts = Alerts::default();
    alerts.observe(at(0), Some(&level(85.0)));
    let day_ms = 24 * HOUR_MS;
    for (index, wall_ms) in [WALL_MS + day_ms, 0, WALL_MS + 9 * day_ms, WALL_MS].into_iter().enumerate() {
        let now = Now { mono_ms: 500 + index as u64 * SAMPLE_MS, wall_ms };
        assert_eq!(alerts.observe(now, Some(&level(60.0))), Changes::default());
    }
    assert_eq!(alerts.recent().len(), 1);
    let resolved = alerts.observe(Now { mono_ms: 10_500, wall_ms: 5 }, Some(&level(60.0))).resolved;
    assert_eq!((resolved[0].duration_ms, resolved[0].at_ms), (10_500, 5));
}

#[test]
fn a_small_threshold_can_still_end() {
    let small = |percentage| Observed { alert_threshold: 4.0, ..level(percentage) };
    let mut alerts = Alerts::default();
    assert_eq!(alerts.observe(at(0), Some(&small(5.0))).raised.len(), 1);
    alerts.observe(at(500), Some(&small(2.0)));
    assert_eq!(alerts.observe(at(10_500), Some(&small(2.0))).resolved.len(), 1);
}

#[test]
fn alerts_are_kept_for_two_days_and_at_most_a_hundred() {
    let mut alerts = Alerts::default();
    // Each minute an episode: one second of it, and calm.
    for index in 0..120 {
        let changes = run(&mut alerts, index * 60_000, [[85.0; 2].as_slice(), &[60.0; 21]].concat());
        assert_eq!((changes.raised.len(), changes.resolved.len()), (1, 1));
    }
    assert_eq!(alerts.all().count(), MAX_KEPT);
    let recent: Vec<String> = alerts.recent().into_iter().map(|alert| alert.id).collect();
    assert_eq!(recent, ["memory-116", "memory-117", "memory-118", "memory-119", "memory-120"]);
    alerts.observe(at(109 * 60_000 + KEPT_MS), None);
    assert_eq!(alerts.all().count(), 11);
    alerts.observe(at(109 * 60_000 + KEPT_MS + 1), None);
    assert_eq!(alerts.all().count(), 10);
}

#[test]
fn an_alert_that_is_not_kept_any_more_can_still_end() {
    let mut alerts = Alerts::default();
    let id = alerts.observe(at(7), Some(&level(96.0))).raised[0].id.clone();
    alerts.observe(at(8 + KEPT_MS), Some(&level(96.0)));
    assert_eq!(alerts.all().count(), 0);
    let resolved = run(&mut alerts, 9 + KEPT_MS, [60.0; 21]).resolved;
    assert_eq!((resolved.len(), &resolved[0].id), (1, &id));
    assert_eq!(kinds(&alerts.observe(at(KEPT_MS * 2), Some(&level(96.0))).raised), [AlertType::Critical]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_of_a_type_at_once(
        series in prop::collection::vec(
            (0.0..110.0_f64, prop::option::of(0..20_000_u64), 1..30_000_u64, any::<bool>(), any::<u32>()), 1..300,
        ),
    ) {
        let mut alerts = Alerts::default();
        let mut mono_ms = 0;
        let mut open: Vec<(AlertType, String)> = Vec::new();
        for (percentage, time_to_limit_ms, wait_ms, known, wall_ms) in series {
            mono_ms += wait_ms;
            let seen = Observed { time_to_limit_ms, ..level(percentage) };
            let now = Now { mono_ms, wall_ms: u64::from(wall_ms) };
            let changes = alerts.observe(now, known.then_some(&seen));
            prop_assert!(known || changes == Changes::default());
            for resolved in changes.resolved {
                let before = open.len();
                open.retain(|(kind, id)| (*kind, id) != (resolved.kind, &resolved.id));
                prop_assert_eq!(open.len() + 1, before);
            }
            for raised in changes.raised {
                prop_assert!(open.iter().all(|(kind, _)| *kind != raised.kind));
                open.push((raised.kind, raised.id));
            }
            // What is bad is never without an alert.
            prop_assert!(!known || percentage <= 80.0 || !open.is_empty());
            prop_assert!(!known || percentage <= 95.0 || open.iter().any(|(kind, _)| *kind == AlertType::Critical));
        }
    }
}
