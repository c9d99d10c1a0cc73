use super::*;
use crate::base::clock::ManualClock;
use crate::memory::agents::AGENT_IDLE_MS;
use crate::memory::limits::LimitSource;
use crate::memory::probe::{CgroupMemory, CgroupVersion};
use crate::memory::test_support::{FakeProbe, manual_clock};

const MB: u64 = 1 << 20;

struct Setup {
    manager: MemoryManager,
    probe: FakeProbe,
    clock: Arc<ManualClock>,
}

/// A manager with a limit of 1000 MB, so that MB are tenths of a percent.
fn setup() -> Setup {
    let probe = FakeProbe::default();
    let clock = manual_clock();
    let config = MemoryConfig { max_memory_usage_mb: 1000.0, ..MemoryConfig::default() };
    let manager = MemoryManager::new(config, clock.clone(), Box::new(probe.clone()));
    Setup { manager, probe, clock }
}

impl Setup {
    fn rss(&self, megabytes: u64) {
        self.probe.set(Some(raw(megabytes)));
        self.clock.advance(SAMPLE_MAX_AGE_MS + 1);
    }

    fn throttle(&self, count: usize) {
        for index in 0..count {
            let change = self.manager.register_agent(&format!("heavy{index}"), 300 * MB, 0);
            assert!(change.throttled.is_some());
        }
    }
}

fn raw(rss_mb: u64) -> RawSample {
    RawSample { rss: rss_mb * MB, system_total: 8000 * MB, system_available: 6000 * MB, cgroup: None }
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

#[test]
fn the_manager_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&setup().manager);
}

#[test]
fn context_is_cut_the_more_the_fuller_the_memory() {
    let it = setup();
    for (rss, expected) in
        [(700, 1001.0), (701, 850.0), (800, 850.0), (801, 700.0), (900, 700.0), (901, 500.0), (2000, 500.0)]
    {
        it.rss(rss);
        let size = it.manager.recommended_context_size("a", 1001.0);
        assert!(close(size, expected), "{rss} MB: {size}");
    }
}

#[test]
fn a_throttled_agent_is_cut_to_six_tenths_unless_memory_is_short() {
    let it = setup();
    it.throttle(1);
    it.rss(100);
    assert!(close(it.manager.recommended_context_size("heavy0", 99.9), 59.0));
    assert!(close(it.manager.recommended_context_size("other", 99.9), 99.9));
    it.rss(750);
    assert!(close(it.manager.recommended_context_size("heavy0", 100.0), 85.0));
}

#[test]
fn without_figures_only_throttling_cuts_context() {
    let it = setup();
    it.throttle(1);
    assert!(close(it.manager.recommended_context_size("other", 10.5), 10.5));
    assert!(close(it.manager.recommended_context_size("heavy0", 10.0), 6.0));
}

#[test]
fn requests_that_are_no_numbers_come_back() {
    let it = setup();
    it.rss(950);
    assert!(it.manager.recommended_context_size("a", f64::NAN).is_nan());
    assert!(close(it.manager.recommended_context_size("a", 0.0), 0.0));
    assert!(it.manager.recommended_context_size("a", f64::INFINITY).is_infinite());
}

#[test]
fn the_probe_is_asked_again_only_after_half_a_second() {
    let it = setup();
    it.probe.set(Some(raw(100)));
    for _ in 0..100 {
        let _ = it.manager.recommended_context_size("a", 1.0);
        let _ = it.manager.health_score();
    }
    assert_eq!(it.probe.calls(), 1);
    it.clock.advance(SAMPLE_MAX_AGE_MS);
    let _ = it.manager.health_score();
    assert_eq!(it.probe.calls(), 1);
    it.clock.advance(1);
    let _ = it.manager.health_score();
    assert_eq!(it.probe.calls(), 2);
}

#[test]
fn a_failing_probe_is_not_asked_more_often() {
    let it = setup();
    for _ in 0..10 {
        let _ = it.manager.health_score();
    }
    assert_eq!(it.probe.calls(), 1);
}

#[test]
fn a_sample_is_always_fresh_and_tells_of_failure() {
    let it = setup();
    it.probe.set(Some(raw(500)));
    let sample = it.manager.sample();
    assert_eq!(sample.figures, Ok(raw(500)));
    assert!(close(sample.percentage.unwrap(), 50.0));

    it.probe.set(None);
    let sample = it.manager.sample();
    assert_eq!(sample.figures.unwrap_err(), "the fake figure is not available on this system");
    assert_eq!(sample.percentage, None);
    assert_eq!(sample.limit.unwrap().source, LimitSource::Config);
}

#[test]
fn health_is_full_to_sixty_percent_and_nothing_at_the_limit() {
    let it = setup();
    for (rss, expected) in
        [(1, 100.0), (600, 100.0), (700, 75.0), (800, 50.0), (990, 2.5), (1000, 0.0), (5000, 0.0)]
    {
        it.rss(rss);
        let score = it.manager.health_score();
        assert!(close(score, expected), "{rss} MB: {score}");
    }
}

#[test]
fn throttled_agents_cost_ten_points_each_and_thirty_at_most() {
    for (count, expected) in [(0, 100.0), (1, 90.0), (3, 70.0), (4, 70.0), (300, 70.0)] {
        let it = setup();
        it.rss(10);
        it.throttle(count);
        assert!(close(it.manager.health_score(), expected), "{count}");
        it.rss(900);
        assert!(close(it.manager.health_score(), (25.0 - (100.0 - expected)).max(0.0)), "{count}");
    }
}

#[test]
fn health_without_figures_is_neutral() {
    let it = setup();
    assert!(close(it.manager.health_score(), 100.0));
    it.throttle(2);
    assert!(close(it.manager.health_score(), 80.0));
}

#[test]
fn throttling_ends_by_request_only_below_the_release_mark() {
    let it = setup();
    it.throttle(1);
    assert!(it.manager.should_throttle("heavy0"));
    assert!(!it.manager.unthrottle("heavy0"));
    assert!(it.manager.register_agent("heavy0", 204 * MB, 0).unthrottled);
    assert!(!it.manager.unthrottle("heavy0"));
    assert!(it.manager.forget("heavy0"));
    assert!(!it.manager.should_throttle("heavy0"));
}

#[test]
fn idle_agents_are_forgotten_by_every_call() {
    type Call = fn(&MemoryManager);
    let calls: [(&str, Call); 6] = [
        ("register", |manager| {
            drop(manager.register_agent("other", 1, 1));
        }),
        ("ask", |manager| assert!(!manager.should_throttle("heavy0"))),
        ("unthrottle", |manager| {
            assert!(!manager.unthrottle("heavy0"));
        }),
        ("context", |manager| {
            assert!(close(manager.recommended_context_size("heavy0", 9.5), 9.5));
        }),
        ("sample", |manager| drop(manager.sample())),
        ("health", |manager| {
            assert!(close(manager.health_score(), 100.0));
        }),
    ];
    for (name, call) in calls {
        let it = setup();
        it.throttle(1);
        it.clock.advance(AGENT_IDLE_MS);
        call(&it.manager);
        assert_eq!(it.manager.agents.lock().throttled_count(), 0, "{name}");
        assert!(!it.manager.forget("heavy0"), "{name}");
    }
}

#[test]
fn the_lowest_limit_is_what_counts() {
    let it = setup();
    let cgroup =
        CgroupMemory { version: CgroupVersion::V2, max: Some(400 * MB), high: None, current: Some(390 * MB) };
    it.probe.set(Some(RawSample { cgroup: Some(cgroup), ..raw(200) }));
    let sample = it.manager.sample();
    let expected = EffectiveLimit { bytes: 400 * MB, source: LimitSource::Cgroup };
    assert_eq!(sample.limit, Some(expected));
    assert!(close(sample.percentage.unwrap(), 50.0));
}

#[test]
fn stats_have_the_agreed_shape() {
    let it = setup();
    let cgroup =
        CgroupMemory { version: CgroupVersion::V1, max: None, high: Some(512 * MB), current: Some(MB / 2) };
    let rss = 123 * MB + MB / 3;
    it.probe.set(Some(RawSample { rss, cgroup: Some(cgroup), ..raw(0) }));
    it.manager.register_agent("light", 10, 5);
    it.throttle(1);
    let heap = V8Heap { heap_total: 64 * MB, heap_used: 32 * MB, external: MB, heap_limit: 4096 * MB };
    let wall = it.clock.wall_ms();
    assert_eq!(
        serde_json::to_value(it.manager.stats(Some(heap))).unwrap(),
        serde_json::json!({
            "process": { "rss": 123.33, "heapTotal": 64.0, "heapUsed": 32.0, "external": 1.0 },
            "system": { "total": 8000.0, "free": 6000.0, "used": 2000.0, "percentage": 25.0 },
            "config": { "maxMemory": 1000.0, "alertThreshold": 80.0, "agentLimit": 256.0 },
            "agents": [
                { "agentId": "light", "contextSize": 10, "cacheSize": 5, "totalMemory": 15,
                  "lastAccessed": wall, "isThrottled": false },
                { "agentId": "heavy0", "contextSize": 300 * MB, "cacheSize": 0,
                  "totalMemory": 300 * MB, "lastAccessed": wall, "isThrottled": true },
            ],
            "throttledAgents": ["heavy0"],
            "recentAlerts": [],
            "limits": {
                "cgroup": { "version": 1, "max": null, "high": 512.0, "current": 0.5 },
                "heapLimit": 4096.0, "effective": 1000.0, "effectiveSource": "config"
            },
            "percentage": 12.33
        })
    );
}

#[test]
fn stats_without_figures_are_null_and_not_zero() {
    let it = setup();
    let stats = serde_json::to_value(it.manager.stats(None)).unwrap();
    let null = serde_json::Value::Null;
    assert_eq!(
        stats["process"],
        serde_json::json!({ "rss": null, "heapTotal": null, "heapUsed": null, "external": null })
    );
    assert_eq!(
        stats["system"],
        serde_json::json!({ "total": null, "free": null, "used": null, "percentage": null })
    );
    assert_eq!(stats["limits"]["cgroup"], null);
    assert_eq!(stats["limits"]["heapLimit"], null);
    assert_eq!(stats["limits"]["effective"], 1000.0);
    assert_eq!(stats["percentage"], null);
}
