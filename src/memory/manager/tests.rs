//! What a manager says and does, with time, figures and parts of a test. The sampling thread is another's: here `tick` is called.

use serde_json::{Value, json};

use super::*;
use crate::base::clock::ManualClock;
use crate::memory::V8Heap;
use crate::memory::agents::AGENT_IDLE_MS;
use crate::memory::board::THROTTLED_FACTOR;
use crate::memory::probe::{CgroupEvents, CgroupMemory, CgroupVersion, Detail, Psi, RawSample};
use crate::memory::state::REST_MS;
use crate::memory::test_support::{MB, Setup, heap, raw, setup, setup_with};

mod after_the_end;
mod simulated;
mod steps;
mod told;

fn group(max: Option<u64>, high: Option<u64>, current: Option<u64>) -> CgroupMemory {
    CgroupMemory { version: CgroupVersion::V2, max, high, current, reclaimable: None }
}

fn stats(it: &Setup) -> Value {
    json!(it.manager.stats(None))
}

#[test]
fn the_manager_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&*setup().manager);
}

#[test]
fn stats_have_the_agreed_shape() {
    let it = setup();
    let cgroup = CgroupMemory { reclaimable: Some(100 * MB), ..group(Some(2000 * MB), None, Some(600 * MB)) };
    let of_process = RawSample { rss: 123 * MB + MB / 3, cgroup: Some(cgroup), ..raw(0) };
    it.probe.set(Some(RawSample { swap_total: 1000 * MB, swap_free: 400 * MB, ..of_process }));
    it.probe.set_detail(Detail {
        psi: Some(Psi { some_avg10: 1.5, full_avg10: 0.5 }),
        cgroup_events: Some(CgroupEvents { max: Some(1), ..CgroupEvents::default() }),
    });
    it.probe.set_pss(100 * MB);
    it.manager.tick();
    it.manager.register_agent("light", 10, 5);
    it.hold(&[("heavy", 300)]);
    let wall = it.clock.wall_ms();
    let of_heap = V8Heap { heap_total: 64 * MB, external: MB, ..heap(32, 4096) };
    let mut stats = json!(it.manager.stats(Some(of_heap)));
    for (part, name) in [("native", "allocated"), ("sampling", "costMs"), ("sampling", "share")] {
        let figure = stats[part].as_object_mut().and_then(|part| part.remove(name));
        assert!(
            figure.and_then(|figure| figure.as_f64()).is_some_and(|figure| figure >= 0.0),
            "{part}.{name}"
        );
    }
    let row = |source: &str, limit: f64, used: f64, percentage: f64| {
        json!({ "source": source, "limit": limit, "used": used, "percentage": percentage, "growth": null,
                "timeToLimit": null })
    };
    let expected = json!({
        "process": { "rss": 123.33, "pss": 100.0, "heapTotal": 64.0, "heapUsed": 32.0, "external": 1.0 },
        "system": { "total": 8000.0, "free": 6000.0, "used": 2000.0, "percentage": 25.0, "swapTotal": 1000.0,
                    "swapUsed": 600.0 },
        "config": { "maxMemory": 1000.0, "alertThreshold": 80.0, "agentLimit": 256.0 },
        "agents": [
            { "agentId": "light", "contextSize": 10, "cacheSize": 5, "totalMemory": 15, "lastAccessed": wall,
              "isThrottled": false },
            { "agentId": "heavy", "contextSize": 300 * MB, "cacheSize": 0, "totalMemory": 300 * MB,
              "lastAccessed": wall, "isThrottled": true },
        ],
        "throttledAgents": ["heavy"],
        "recentAlerts": [],
        "limits": {
            "cgroup": { "version": 2, "max": 2000.0, "high": null, "current": 600.0, "workingSet": 500.0,
                        "events": { "low": null, "high": null, "max": 1, "oom": null, "oomKill": null } },
            "heapLimit": 4096.0, "effective": 1000.0, "effectiveSource": "config",
            "all": [row("config", 1000.0, 123.33, 12.33), row("cgroup", 2000.0, 500.0, 25.0),
                    row("system", 6123.33, 123.33, 2.01), row("heap", 4096.0, 32.0, 0.78)],
        },
        "pressure": {
            "percentage": 25.0, "source": "cgroup", "step": "normal", "since": null, "reason": "",
            "psi": { "some": 1.5, "full": 0.5 }, "waiting": 0,
            "thresholds": { "shrinkCaches": 70.0, "dropCaches": 75.0, "collectGarbage": 80.0, "releaseMemory": 80.0,
                            "throttleLargest": 85.0, "throttleAll": 95.0 },
        },
        "timeToLimit": null,
        "percentage": 25.0,
        "native": {
                "sqlite": 2.0, "zstd": 0.0, "accounted": 5.0,
                "parts": { "agents and their contexts": 0.0, "recording": 3.0 },
            },
        "actions": [],
        "sampling": { "intervalMs": 250, "samples": 2 },
    });
    assert_eq!(stats, expected);
}

#[test]
fn what_is_not_known_is_null_and_not_zero() {
    let it = setup();
    it.probe.set_pss(MB);
    let stats = stats(&it);
    for part in ["process", "system"] {
        let figures = stats[part].as_object().unwrap();
        assert!(figures.len() > 4 && figures.values().all(Value::is_null), "{part}: {figures:?}");
    }
    for path in [
        "/limits/cgroup",
        "/limits/heapLimit",
        "/pressure/percentage",
        "/pressure/source",
        "/pressure/since",
        "/pressure/psi",
        "/percentage",
        "/timeToLimit",
    ] {
        assert_eq!(stats.pointer(path), Some(&Value::Null), "{path}");
    }
    let limits = &stats["limits"];
    assert_eq!((&limits["effective"], &limits["effectiveSource"]), (&json!(1000.0), &json!("config")));
    assert_eq!(limits["all"], json!([]));
}

#[test]
fn the_board_cuts_contexts_the_more_the_fuller_memory_is() {
    let it = setup();
    let factors = || [it.cell(FACTOR), it.cell(THROTTLED_FACTOR)];
    assert_eq!(factors(), [1.0, 0.6]);
    for (rss, expected) in
        [(700, 1.0), (701, 0.85), (800, 0.85), (801, 0.7), (900, 0.7), (901, 0.5), (2000, 0.5), (100, 1.0)]
    {
        it.tick_at(rss);
        assert_eq!(it.cell(FACTOR), expected, "{rss} MB");
    }
    it.tick_at(950);
    it.probe.set(None);
    it.manager.tick();
    assert_eq!(factors(), [1.0, 0.6]);
}

#[test]
fn the_board_says_whether_anybody_is_throttled_and_that_this_changed() {
    let it = setup();
    let seen = || (it.cell(THROTTLED), it.cell(VERSION));
    it.hold(&[("a", 256)]);
    let (none, before) = seen();
    it.hold(&[("a", 257)]);
    let (some, after) = seen();
    assert_eq!((none, some), (json!(0.0), json!(1.0)));
    assert_ne!(after, before);
    it.manager.forget("a");
    assert_eq!(seen().0, 0.0);
    assert_ne!(seen().1, after);
}

#[test]
fn agents_not_known_are_no_error() {
    let it = setup();
    it.tick_at(100);
    let manager = &it.manager;
    assert!(!manager.should_throttle("x") && !manager.unthrottle("x") && !manager.forget("x"));
    assert_eq!((manager.throttle_reason("x"), manager.wait("x"), manager.agent("x")), (None, None, None));
    manager.use_agents(&["x".to_owned()]);
    manager.cancel_wait(9);
    assert!(!manager.release_context("x") && manager.contexts_to_drop(Some("x")).is_empty());
    assert_eq!((stats(&it)["agents"].clone(), manager.held_bytes()), (json!([]), 0));
}

#[test]
fn an_agent_is_let_go_by_request_only_below_80_percent_of_its_limit_and_of_memory() {
    let it = setup();
    it.hold(&[("large", 205), ("small", 204)]);
    it.tick_at(860);
    it.ticks_for(250);
    assert_eq!(it.throttled(&["large", "small"]), [true, true]);
    it.rss(800);
    it.ticks_for(250);
    assert!(!it.manager.unthrottle("small"), "memory is at 80 %");
    it.rss(799);
    it.ticks_for(250);
    assert_eq!(it.step(), "throttleLargest");
    assert!(!it.manager.unthrottle("large") && it.manager.unthrottle("small"));
    assert_eq!(it.throttled(&["large", "small"]), [true, false]);
    assert!(!it.manager.unthrottle("small"));
}

#[test]
fn idle_agents_are_forgotten_by_every_call() {
    type Call = fn(&MemoryManager);
    let calls: [(&str, Call); 7] = [
        ("register", |manager| manager.register_agent("other", 1, 1)),
        ("ask", |manager| assert!(!manager.should_throttle("heavy"))),
        ("reason", |manager| assert_eq!(manager.throttle_reason("heavy"), None)),
        ("unthrottle", |manager| assert!(!manager.unthrottle("heavy"))),
        ("context", |manager| manager.hold_context("key", "heavy", 1, 1.0)),
        ("stats", |manager| assert!(manager.stats(None).throttled_agents.is_empty())),
        ("tick", |manager| assert!(manager.tick() > 0)),
    ];
    for (name, call) in calls {
        let it = setup();
        it.hold(&[("heavy", 300)]);
        it.clock.advance(AGENT_IDLE_MS - 1);
        assert!(it.manager.agent("heavy").is_some());
        it.clock.advance(1);
        call(&it.manager);
        assert_eq!(it.cell(THROTTLED), 0.0, "{name}");
        assert!(!it.manager.forget("heavy"), "{name}");
    }
}

#[test]
fn an_agent_that_is_used_is_kept() {
    let it = setup();
    it.hold(&[("asked", 300), ("held", 1), ("told", 1)]);
    for _ in 0..3 {
        it.clock.advance(AGENT_IDLE_MS - 1);
        assert!(it.manager.should_throttle("asked"));
        it.manager.hold_context("key", "held", 1, 1.0);
        it.manager.use_agents(&["told".to_owned()]);
    }
    assert_eq!(it.manager.stats(None).agents.len(), 3);
}

#[test]
fn forgetting_an_agent_releases_what_it_held() {
    let it = setup();
    it.hold(&[("a", 300)]);
    it.manager.hold_context("key", "a", 5, 1.0);
    let number = it.manager.wait("a").unwrap();
    assert!(it.manager.forget("a") && !it.manager.release_context("key"));
    assert_eq!((it.manager.take_released(), it.manager.held_bytes()), (vec![number], 0));
}

#[test]
fn limits_of_zero_in_a_group_are_none() {
    let it = setup();
    it.probe.set(Some(RawSample { cgroup: Some(group(Some(0), Some(0), Some(5 * MB))), ..raw(100) }));
    it.manager.tick();
    let limits = stats(&it)["limits"].clone();
    let sources: Vec<_> = limits["all"].as_array().unwrap().iter().map(|row| row["source"].clone()).collect();
    assert_eq!(sources, ["config", "system"]);
    assert_eq!((&limits["effective"], it.step()), (&json!(1000.0), "normal"));
}

#[test]
fn the_machine_is_full_when_others_leave_little() {
    let it = setup();
    it.probe.set(Some(RawSample { system_available: 20 * MB, ..raw(100) }));
    it.manager.tick();
    let stats = stats(&it);
    assert_eq!(stats["pressure"]["source"], "system");
    assert_eq!(stats["limits"]["all"][1]["limit"], 120.0);
    assert_eq!((&stats["percentage"], it.step()), (&json!(83.33), "releaseMemory"));
}

#[test]
fn settings_are_replaced_while_agents_stay() {
    let it = setup();
    it.rss(600);
    it.hold(&[("a", 200)]);
    it.manager.set_config(MemoryConfig {
        max_memory_usage_mb: 800.0,
        agent_memory_limit_mb: 100.0,
        alert_threshold_percent: 70.0,
        ..MemoryConfig::default()
    });
    assert_eq!((it.step(), it.manager.should_throttle("a")), ("releaseMemory", false));
    it.hold(&[("a", 200)]);
    assert!(it.manager.should_throttle("a"));
}
