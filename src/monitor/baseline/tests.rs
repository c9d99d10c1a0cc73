use super::*;
use crate::telemetry::metric::Figures;

const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_767_225_600_000;

fn times(name: &str, count: u64, ms: f64) -> OperationRow {
    OperationRow {
        name: name.into(),
        count,
        errors: 0,
        mean_ms: ms,
        p50_ms: ms,
        p95_ms: ms * 2.0,
        p99_ms: ms * 3.0,
        max_ms: ms * 4.0,
    }
}

/// A monitor that samples each minute.
#[derive(Default)]
struct Monitor {
    baselines: Baselines,
    minute: u64,
    hits: f64,
    misses: f64,
}

impl Monitor {
    fn at_ms(&self) -> u64 {
        START_MS + self.minute * MINUTE_MS
    }

    fn run(&mut self, minutes: u64, operations: &[OperationRow], hits: f64, misses: f64) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..minutes {
            self.minute += 1;
            self.hits += hits;
            self.misses += misses;
            let mut figures = Figures::default();
            figures.set(Metric::CacheHits, self.hits);
            figures.set(Metric::CacheMisses, self.misses);
            if let Some(slowest) = operations.iter().max_by(|one, other| one.p95_ms.total_cmp(&other.p95_ms))
            {
                figures.set(Metric::ResponseP50, slowest.p50_ms);
                figures.set(Metric::ResponseTime, slowest.p95_ms);
                figures.set(Metric::ResponseP99, slowest.p99_ms);
                figures.set(Metric::ResponseMax, slowest.max_ms);
            }
            let row = SampleRow {
                at_ms: self.at_ms(),
                interval_ms: MINUTE_MS,
                figures,
                operations: operations.to_vec(),
            };
            changes.extend(self.baselines.observe(&row));
        }
        changes
    }
}

fn what(changes: &[Change]) -> Vec<(&str, bool)> {
    let of = |change: &Change| match change {
        Change::Began(degradation) => (degradation.metric.clone(), true),
        Change::Ended(degradation, _) => (degradation.metric.clone(), false),
    };
    changes
        .iter()
        .map(of)
        .map(|(metric, began)| {
            let known = [
                "operations.get.p95",
                "operations.set.p95",
                "performance.responseTime",
                "cache.recentHitRate",
            ];
            (*known.iter().find(|known| **known == metric).expect("a known one"), began)
        })
        .collect()
}

#[test]
fn operations_all_requests_and_the_hit_rate_have_their_own_baselines() {
    let mut monitor = Monitor::default();
    let usual = [times("get", 100, 10.0), times("set", 100, 20.0)];
    assert_eq!(monitor.run(120, &usual, 90.0, 10.0), []);

    let slow_get = [times("get", 100, 15.0), times("set", 100, 20.0)];
    let began = monitor.run(20, &slow_get, 90.0, 10.0);
    assert_eq!(what(&began), [("operations.get.p95", true)]);
    let Change::Began(degradation) = &began[0] else { panic!("{began:?}") };
    assert_eq!(
        (degradation.component, degradation.operation.as_deref()),
        (Component::Performance, Some("get"))
    );
    assert!((degradation.baseline - 20.0).abs() < 0.01 && (degradation.current - 30.0).abs() < 0.01);
    assert_eq!(monitor.baselines.degradations(), std::slice::from_ref(degradation));

    let slow_set = [times("get", 100, 10.0), times("set", 100, 60.0)];
    let changes = monitor.run(20, &slow_set, 60.0, 40.0);
    let mut expected = vec![
        ("operations.get.p95", false),
        ("operations.set.p95", true),
        ("performance.responseTime", true),
        ("cache.recentHitRate", true),
    ];
    let mut seen = what(&changes);
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert_eq!(monitor.baselines.degradations().len(), 3);

    let ended = monitor.run(120, &[], 0.0, 0.0);
    assert!(ended.iter().all(|change| matches!(change, Change::Ended(_, End::Quiet))), "{ended:?}");
    assert_eq!((ended.len(), monitor.baselines.degradations()), (3, vec![]));
}

#[test]
fn a_restart_changes_nothing() {
    let usual = [times("get", 100, 10.0)];
    let slow = [times("get", 100, 30.0)];
    let mut on = Monitor::default();
    on.run(1_500, &usual, 90.0, 10.0);
    on.run(20, &slow, 90.0, 10.0);
    let json = serde_json::to_string(&on.baselines.state()).expect("it is JSON");
    let state: BaselineState = serde_json::from_str(&json).expect("it is ours");
    let baselines = Baselines::restored(&state, on.at_ms());
    let mut again = Monitor { baselines, minute: on.minute, hits: 0.0, misses: 0.0 };
    assert_eq!(again.baselines.degradations(), on.baselines.degradations());
    assert_eq!(again.baselines.state(), on.baselines.state());
    let (one, other) = (on.run(30, &usual, 50.0, 50.0), again.run(30, &usual, 50.0, 50.0));
    // The counters of the new process begin anew: its first reading is one to compare with.
    let ends =
        [("operations.get.p95", false), ("performance.responseTime", false), ("cache.recentHitRate", true)];
    assert_eq!((what(&one), what(&other)), (ends.to_vec(), ends.to_vec()));
}

#[test]
fn what_was_kept_and_cannot_be_is_left_out() {
    let mut monitor = Monitor::default();
    monitor.run(100, &[times("get", 100, 10.0)], 90.0, 10.0);
    let kept = serde_json::to_value(monitor.baselines.state()).expect("it is JSON");
    let changed = |at: &str, value: serde_json::Value| {
        let mut kept = kept.clone();
        *kept.pointer_mut(at).expect("there") = value;
        kept
    };
    for (kept, now_ms) in [
        (serde_json::json!({}), monitor.at_ms()),
        (changed("/version", 99.into()), monitor.at_ms()),
        (changed("/all/values", "not Base64!".into()), monitor.at_ms()),
        (changed("/all/values", "//////////8AAAAA".into()), monitor.at_ms()),
        (kept.clone(), START_MS),
        (kept.clone(), monitor.at_ms() + 90_000_000),
    ] {
        let state: BaselineState = serde_json::from_value(kept).expect("of that form");
        let baselines = Baselines::restored(&state, now_ms);
        assert!(baselines.all.series.values().len() <= 1, "{:?}", baselines.all.series.values());
    }
}

#[test]
fn operations_are_bounded_and_those_of_yesterday_make_room() {
    let mut monitor = Monitor::default();
    let many = |prefix: &str| -> Vec<_> {
        (0..100).map(|number| times(&format!("{prefix}{number}"), 100, 10.0)).collect()
    };
    monitor.run(1_500, &many("a"), 0.0, 0.0);
    assert_eq!(monitor.baselines.operations.len(), MAX_OPERATIONS);
    let held = monitor.baselines.held_bytes();
    assert!((500_000..1_100_000).contains(&held), "{held}");
    let json = serde_json::to_string(&monitor.baselines.state()).expect("it is JSON");
    assert!(json.len() < 1_300_000, "{}", json.len());
    monitor.minute += 1_440;
    monitor.run(10, &many("b"), 0.0, 0.0);
    assert_eq!(monitor.baselines.operations.len(), MAX_OPERATIONS);
    assert!(monitor.baselines.operations.keys().all(|name| name.starts_with('b')));
}

#[test]
fn a_degradation_is_shown_as_documented() {
    let episode =
        Episode { usual: series::Usual { center: 20.0, distance: 1.0 }, since_ms: 5, current: 40.0 };
    let of = |degradation| serde_json::to_value(degradation).expect("it is JSON");
    assert_eq!(
        of(of_operation(&"get".into(), episode)),
        serde_json::json!({ "component": "performance", "metric": "operations.get.p95", "operation": "get",
            "baseline": 20.0, "current": 40.0, "since": 5 })
    );
    assert_eq!(of(of_hit_rate(episode))["component"], "cache");
    assert_eq!(of(of_all(episode)).get("operation"), None);
}
