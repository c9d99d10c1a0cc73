//! What listeners hear, and what is kept to be asked for: alerts, contexts, history.

use super::*;
use crate::memory::config::DEFAULT_CONTEXT_RETENTION_TIME_MS as RETENTION_MS;

/// Uniform noise in -1 to 1 (splitmix).
fn noise() -> impl FnMut() -> f64 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

#[test]
fn a_noisy_figure_raises_one_alert_which_ends_once() {
    let it = setup();
    it.listen_to_all();
    let (mut noise, mut last_mb, mut crossings) = (noise(), 0.0, 0);
    let mut raised = Vec::new();
    for _ in 0..2_400 {
        let megabytes = 800.0 + 20.0 * noise();
        crossings += usize::from(last_mb <= 800.0 && megabytes > 800.0);
        last_mb = megabytes;
        it.probe.set(Some(RawSample { rss: crate::base::units::mb_to_bytes(megabytes), ..raw(0) }));
        it.ticks_for(250);
        raised.extend(it.told_as("memoryAlert"));
    }
    assert!(crossings > 500, "{crossings}");
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!((&raised[0]["type"], &raised[0]["source"]), (&json!("warning"), &json!("config")));
    it.rss(700);
    it.ticks_for(30_000);
    let resolved = it.told_as("memoryAlertResolved");
    assert_eq!((resolved.len(), &resolved[0]["id"]), (1, &raised[0]["id"]));
    let recent = it.manager.stats(None).recent_alerts;
    assert_eq!((recent.len(), &recent[0]["resolved"]), (1, &json!(true)));
}

#[test]
fn nothing_is_told_without_listeners_and_agents_only_to_those_who_listen() {
    let it = setup();
    it.hold(&[("a", 300)]);
    it.tick_at(960);
    assert_eq!(it.told(), []);
    it.events.listen(&["agentMemoryUpdate".to_owned()]);
    it.manager.register_agent("a", 5, 7);
    let expected = json!({ "agentId": "a", "contextSize": 5, "cacheSize": 7, "totalMemory": 12,
                           "lastAccessed": it.clock.wall_ms(), "isThrottled": true });
    assert_eq!(it.told(), [("agentMemoryUpdate".to_owned(), expected)]);
    it.listen_to_all();
    it.rss(100);
    it.ticks_for(3_000);
    assert_eq!(it.told_as("agentUnthrottled"), [json!({ "agentId": "a" })]);
    it.hold(&[("b", 512)]);
    let reason = "agent \"b\" holds 512.00 MB, more than its limit of 256.00 MB";
    assert_eq!(it.told_as("agentThrottled"), [json!({ "agentId": "b", "reason": reason })]);
}

#[test]
fn listeners_are_woken_while_no_lock_is_held() {
    let it = setup();
    it.listen_to_all();
    let manager = Arc::downgrade(&it.manager);
    let wakes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&wakes);
    it.events.on_first_event(move || {
        let manager = manager.upgrade().unwrap();
        assert!(manager.state.try_lock().is_some() && manager.config.try_write().is_some());
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let calls: [&dyn Fn(); 4] = [
        &|| it.hold(&[("a", 300)]),
        &|| it.tick_at(960),
        &|| assert!(it.manager.collected(heap(9, 100), heap(5, 100), 1.0) > 0),
        &|| drop(it.manager.stats(Some(heap(99, 100)))),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        call();
        it.told();
        assert!(wakes.load(Ordering::SeqCst) > index);
    }
}

#[test]
fn contexts_that_were_not_used_for_long_are_forgotten_and_told() {
    let it = setup();
    it.listen_to_all();
    it.rss(100);
    it.manager.touch_context("touched");
    it.manager.hold_context("held", "a", 5, 0.5);
    it.manager.touch_context("used");
    it.clock.advance(RETENTION_MS);
    it.manager.tick();
    assert_eq!(it.told_as("contextExpired"), [json!(null); 0]);
    it.manager.touch_context("used");
    it.clock.advance(1);
    let marked: Vec<_> = it.manager.contexts_to_drop(None).into_iter().map(|marked| json!(marked)).collect();
    let expected = json!({ "key": "held", "agentId": "a", "bytes": 5, "importance": 0.5,
                           "lastAccessed": ManualClock::WALL_START_MS, "reason": "retention" });
    assert_eq!((marked.len(), &marked[1]), (2, &expected));
    it.manager.tick();
    assert_eq!(it.told_as("contextExpired"), [json!({ "keys": ["touched", "held"] })]);
    assert!(!it.manager.release_context("held") && it.manager.release_context("used"));
    it.ticks_for(5_000);
    assert_eq!(it.told_as("contextExpired"), [json!(null); 0]);
}

#[test]
fn an_agent_hears_once_of_each_context_that_it_should_drop() {
    let it = setup();
    it.listen_to_all();
    for (key, importance) in [("best", 1.0), ("worst", 0.1), ("bad", 0.2)] {
        it.manager.hold_context(key, "a", 100 * MB, importance);
    }
    let keys = |told: &Value| -> Vec<String> {
        let contexts = told["contexts"].as_array().unwrap();
        contexts.iter().map(|context| context["key"].as_str().unwrap().to_owned()).collect()
    };
    it.tick_at(790);
    assert_eq!((it.told_as("contextsToDrop").len(), it.manager.contexts_to_drop(None).len()), (0, 0));
    it.tick_at(800);
    let told = it.told_as("contextsToDrop");
    assert_eq!((told.len(), &told[0]["agentId"], keys(&told[0])), (1, &json!("a"), vec!["worst".to_owned()]));
    assert!(told[0]["reason"].as_str().unwrap().starts_with("800.00 of 1000.00 MB"));
    it.rss(840);
    it.ticks_for(5_000);
    let told = it.told_as("contextsToDrop");
    assert_eq!((told.len(), keys(&told[0])), (1, vec!["bad".to_owned()]));
    it.ticks_for(10_000);
    assert_eq!(it.told_as("contextsToDrop").len(), 0);
    // Once memory was not short, it is told anew.
    it.rss(100);
    it.ticks_for(7_000);
    it.tick_at(840);
    assert_eq!(keys(&it.told_as("contextsToDrop")[0]), ["worst", "bad"]);
}

#[test]
fn history_and_what_is_dear_are_read_every_ten_seconds_by_the_sampler_only() {
    for is_known in [true, false] {
        let it = setup();
        it.events.listen(&["memoryUpdate".to_owned()]);
        it.probe.set(is_known.then(|| raw(100)));
        let dear = || (it.probe.detail_calls(), it.probe.pss_calls());
        for _ in 0..10 {
            drop(it.manager.stats(Some(heap(10, 100))));
            it.manager.take_heap(heap(10, 100));
            it.manager.set_config(it.manager.config());
            let _ = (it.manager.percentage(), it.manager.health());
        }
        assert_eq!((dear(), it.manager.history().len()), ((0, 0), 0));
        it.ticks_for(60_000);
        assert_eq!((dear(), it.told().len()), ((6, 6), 6), "figures: {is_known}");
        let history = it.manager.history();
        // V8's heap is a figure too, and has no point of its own.
        assert_eq!(history.len(), if is_known { 6 } else { 0 });
        assert!(history.windows(2).all(|two| {
            let at = |index: usize| two[index]["timestamp"].as_u64().unwrap();
            at(1) - at(0) == 10_000
        }));
    }
}

#[test]
fn the_proportional_set_that_was_read_last_stays() {
    let it = setup();
    it.rss(100);
    it.probe.set_pss(70 * MB);
    it.manager.tick();
    it.manager.pss_from_ms.store(60_000, Ordering::SeqCst);
    it.probe.set_pss(80 * MB);
    it.ticks_for(30_000);
    assert_eq!((it.probe.pss_calls(), it.manager.stats(None).process.pss), (1, Some(70.0)));
    it.ticks_for(40_000);
    assert_eq!(it.manager.stats(None).process.pss, Some(80.0));
}

/// Everything that the wall clock must not decide, of ten minutes with one shortage.
fn ten_minutes(jump: impl Fn(&ManualClock, u64)) -> Vec<Value> {
    let it = setup_with(MemoryConfig {
        max_memory_usage_mb: 1000.0,
        context_retention_time_ms: 60_000,
        ..MemoryConfig::default()
    });
    it.listen_to_all();
    it.hold(&[("idle", 1)]);
    it.manager.touch_context("key");
    let mut seen = Vec::new();
    for second in 0..601 {
        jump(&it.clock, second);
        it.hold(&[("a", 200), ("b", 100)]);
        it.rss(if (100..130).contains(&second) { 870 } else { 300 });
        let before = it.clock.now_ms();
        it.ticks_for(1_000);
        assert_eq!(it.clock.now_ms() - before, 1_000);
        let names: Vec<_> = it.told().into_iter().map(|(name, _)| name).collect();
        seen.push(json!([it.step(), names, it.throttled(&["a", "b"]), it.manager.history().len()]));
    }
    seen.push(json!([it.manager.stats(None).agents.len(), it.manager.health_score()]));
    seen
}

#[test]
fn a_wall_clock_that_jumps_decides_nothing() {
    const YEAR_MS: u64 = 365 * 86_400_000;
    let straight = ten_minutes(|_, _| {});
    let jumping = ten_minutes(|clock, second| match second {
        50 | 110 => clock.set_back(YEAR_MS),
        120 | 400 => clock.set_ahead(3 * YEAR_MS),
        _ => {}
    });
    assert_eq!(straight, jumping);
    let told = json!(straight).to_string();
    for name in ["memoryAlert", "memoryAlertResolved", "contextExpired", "agentThrottled", "pressureChanged"]
    {
        assert!(told.contains(&format!("\"{name}\"")), "{name}");
    }
    assert_eq!(straight.last().unwrap()[0], 2, "the idle one is forgotten");
}
