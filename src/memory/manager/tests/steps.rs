//! Steps against short memory: what each does, and that it is undone.

use super::*;
use crate::base::footprint::Relief;
use crate::memory::agents::ThrottleCode;

fn actions(it: &Setup) -> Vec<(String, u64)> {
    let rows = it.manager.stats(None).actions;
    rows.iter()
        .map(|row| (row["step"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap()))
        .collect()
}

fn action(it: &Setup, step: &str) -> Value {
    it.manager.stats(None).actions.into_iter().find(|row| row["step"] == step).unwrap()
}

#[test]
fn each_step_begins_at_its_threshold_and_is_undone_in_reverse() {
    let it = setup();
    it.listen_to_all();
    let up = [699, 700, 750, 800, 850, 950].map(|rss| {
        it.tick_at(rss);
        it.step()
    });
    assert_eq!(
        up,
        ["normal", "shrinkCaches", "dropCaches", "releaseMemory", "throttleLargest", "throttleAll"]
    );
    assert!(it.manager.is_dropping());
    let counts = [
        ("shrinkCaches", 1),
        ("dropCaches", 1),
        ("releaseMemory", 1),
        ("throttleLargest", 1),
        ("throttleAll", 1),
    ];
    assert_eq!(actions(&it), counts.map(|(step, count)| (step.to_owned(), count)));
    let last = action(&it, "throttleAll");
    assert_eq!(last["lastReason"], "950.00 of 1000.00 MB (95.0 % of the limit of maxMemoryUsage) are used");
    assert_eq!(last["lastAt"], it.clock.wall_ms());
    assert_eq!(it.manager.stats(None).pressure.since, Some(it.clock.wall_ms()));

    let told = it.told();
    let changed = told.iter().filter(|(name, _)| name == "pressureChanged").map(|(_, data)| data.clone());
    let changed: Vec<_> = changed.collect();
    assert_eq!(changed.len(), 5);
    assert_eq!(
        changed[4],
        json!({ "step": "throttleAll", "previous": "throttleLargest", "percentage": 95.0, "source": "config",
                "reason": last["lastReason"], "throttled": 0, "throttledBefore": 0, "timestamp": it.clock.wall_ms() })
    );
    assert_eq!(told.iter().filter(|(name, _)| name == "emergencyCleanup").count(), 1);

    let down = [100; 7].map(|rss| {
        it.tick_at(rss);
        it.step()
    });
    let expected = [
        "throttleLargest",
        "releaseMemory",
        "collectGarbage",
        "dropCaches",
        "shrinkCaches",
        "normal",
        "normal",
    ];
    assert_eq!(down, expected);
    assert_eq!(*it.part.0.lock(), [Relief::Shrink, Relief::Drop, Relief::Shrink, Relief::None]);
    assert_eq!(it.told_as("pressureChanged").len(), 6);
    assert!(!it.manager.is_dropping());
}

#[test]
fn a_jump_asks_at_once_for_the_most_and_comes_down_a_step_a_second() {
    let it = setup();
    it.tick_at(960);
    assert_eq!(*it.part.0.lock(), [Relief::Drop]);
    it.rss(100);
    it.ticks_for(5_999);
    assert_eq!((it.step(), it.part.0.lock().len()), ("shrinkCaches", 2));
    it.ticks_for(500);
    assert_eq!((it.step(), it.part.0.lock().last().copied()), ("normal", Some(Relief::None)));
}

/// Holds a gigabyte, reserved and never touched, until it is asked for less.
struct Holding(Mutex<Vec<u8>>);

impl Footprint for Holding {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("holding", self.0.lock().capacity() as u64);
    }

    fn relieve(&self, relief: Relief) {
        if relief > Relief::None {
            *self.0.lock() = Vec::new();
        }
    }
}

#[test]
fn what_an_action_freed_is_measured() {
    let it = setup();
    let part = Arc::new(Holding(Mutex::new(Vec::with_capacity(1 << 30))));
    it.manager.around.footprints.register(&(Arc::clone(&part) as Arc<dyn Footprint>));
    it.tick_at(700);
    let row = action(&it, "shrinkCaches");
    // Other tests allocate meanwhile; all together, far less.
    assert!(row["freedMemory"].as_f64().unwrap() > 500.0, "{row}");
    assert!(row["costMs"].as_f64() <= row["maxCostMs"].as_f64());
}

#[test]
fn garbage_is_to_be_collected_only_while_memory_is_short() {
    let it = setup();
    it.listen_to_all();
    it.tick_at(799);
    assert!(!it.manager.take_heap(heap(100, 4096)));
    it.tick_at(810);
    assert!(it.manager.take_heap(heap(100, 4096)));
    it.told();
    assert_eq!(it.manager.collected(heap(100, 4096), heap(50, 4096), 12.345), 50 * MB);
    let expected = json!({ "freedMemory": 50.0, "durationMs": 12.35, "timestamp": it.clock.wall_ms() });
    assert_eq!(it.told_as("garbageCollected"), [expected]);
    let row = action(&it, "collectGarbage");
    assert_eq!(
        (&row["count"], &row["freedMemory"], &row["costMs"]),
        (&json!(1), &json!(50.0), &json!(12.35))
    );
    assert!(row["lastReason"].as_str().unwrap().starts_with("810.00 of 1000.00 MB"));
    assert!(!it.manager.take_heap(heap(50, 4096)));
    it.clock.advance(499);
    assert!(!it.manager.take_heap(heap(50, 4096)));
    it.clock.advance(1);
    assert!(it.manager.take_heap(heap(50, 4096)));
    it.tick_at(749);
    assert!(!it.manager.take_heap(heap(50, 4096)));
}

#[test]
fn a_full_heap_makes_agents_wait_until_its_garbage_is_collected() {
    let it = setup();
    it.hold(&[("a", 100)]);
    it.rss(100);
    it.manager.tick();
    assert!(it.manager.take_heap(heap(990, 1000)));
    assert_eq!((it.step(), it.throttled(&["a", "new"])), ("throttleAll", vec![true; 2]));
    it.manager.collected(heap(990, 1000), heap(120, 1000), 20.0);
    it.ticks_for(2_500);
    assert_eq!((it.step(), it.throttled(&["a", "new"])), ("releaseMemory", vec![false; 2]));
}

#[test]
fn much_garbage_is_collected_before_memory_is_short() {
    // rss, heap, what agents hold; a limit of 1000 MB.
    for (rss, heap_mb, held, asks) in
        [(700, 200, 0, true), (700, 199, 0, false), (699, 500, 0, false), (700, 250, 51, false)]
    {
        let it = setup();
        it.hold(&[("a", held)]);
        it.tick_at(rss);
        assert_eq!(it.manager.take_heap(heap(heap_mb, 4096)), asks, "{rss} {heap_mb} {held}");
    }
}

/// So that it is known what agents hold before they are done.
fn one_was_done(it: &Setup, megabytes: u64) {
    it.hold(&[("done", megabytes)]);
    it.manager.forget("done");
}

#[test]
fn what_one_agent_needs_to_be_done_is_not_given_to_the_others() {
    let it = setup();
    one_was_done(&it, 100);
    it.hold(&[("a", 20), ("b", 20)]);
    it.tick_at(699);
    assert_eq!(it.step(), "normal");
    // Each needs 80 MB, and the process uses three bytes and more for each that agents hold: 240 MB are 95 % less 24.
    it.tick_at(709);
    assert_eq!(it.step(), "shrinkCaches");
    it.tick_at(710);
    assert_eq!((it.step(), it.throttled(&["a", "b", "new"])), ("throttleAll", vec![false, true, true]));
    let reason = it.manager.stats(None).pressure.reason;
    let expected = "710.00 of 1000.00 MB (71.0 % of the limit of maxMemoryUsage) are used, and an agent needs the rest to be done";
    assert_eq!(reason, expected);
}

#[test]
fn nothing_is_kept_for_a_single_agent_nor_where_no_agent_was_done() {
    let it = setup();
    one_was_done(&it, 100);
    it.hold(&[("a", 20)]);
    it.tick_at(749);
    assert_eq!(it.step(), "shrinkCaches");
    let it = setup();
    it.hold(&[("a", 20), ("b", 20)]);
    it.tick_at(749);
    assert_eq!(it.step(), "shrinkCaches");
}

#[test]
fn growth_that_was_seen_twice_counts_a_second_ahead() {
    let it = setup();
    it.tick_at(500);
    // 100 MB in 100 ms once is a step, twice is a burst.
    for (rss, step) in [(600, "normal"), (650, "throttleLargest"), (700, "throttleAll")] {
        it.rss(rss);
        it.clock.advance(100);
        it.manager.tick();
        assert_eq!(it.step(), step, "{rss}");
    }
    let reason = it.manager.stats(None).pressure.reason;
    assert!(reason.ends_with("are used, growing by 500.0 MB a second"), "{reason}");
}

#[test]
fn a_heap_counts_less_far_ahead() {
    let it = setup();
    it.rss(100);
    it.manager.tick();
    // 500 MB a second: 150 in 300 ms, and 500 in a second.
    for (used, step) in [(500, "normal"), (550, "normal"), (600, "dropCaches")] {
        it.manager.take_heap(heap(used, 1000));
        assert_eq!(it.step(), step, "{used}");
        it.clock.advance(100);
    }
}

#[test]
fn samples_come_closer_together_the_nearer_a_limit_is() {
    let it = setup();
    for (rss, expected) in [(549, 250), (550, 100), (699, 100), (700, 50), (100, 250)] {
        it.rss(rss);
        it.clock.advance(30_000);
        assert_eq!(it.manager.tick(), expected, "{rss}");
    }
    // 100 MB in 250 ms: 800 MB more in 2 s.
    it.rss(200);
    it.clock.advance(250);
    assert_eq!(it.manager.tick(), 100);
    it.rss(300);
    it.clock.advance(100);
    assert_eq!(it.manager.tick(), 50);
}

#[test]
fn the_largest_agents_wait_first_and_then_all() {
    let it = setup();
    it.listen_to_all();
    let agents = ["a", "b", "c", "d"];
    it.hold(&[("a", 200), ("b", 100), ("c", 50), ("d", 50)]);
    it.tick_at(849);
    assert_eq!(it.throttled(&agents), [false; 4]);
    it.tick_at(860);
    let mut seen = vec![it.throttled(&agents).into_iter().filter(|is| *is).count()];
    assert!(it.manager.should_throttle("a"));
    for _ in 0..3 {
        it.ticks_for(250);
        seen.push(it.throttled(&agents).into_iter().filter(|is| *is).count());
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    assert!(!it.manager.should_throttle("new"));
    assert_eq!(it.manager.throttle_reason("a").unwrap().code, ThrottleCode::LargestAgents);
    let number = it.manager.wait("d").unwrap();
    assert!(it.manager.should_throttle("new"));

    it.tick_at(960);
    let reason = it.manager.throttle_reason("new").unwrap();
    assert_eq!(reason.code, ThrottleCode::AllAgents);
    assert!(reason.message.starts_with("960.00 of 1000.00 MB"), "{}", reason.message);
    let stats = it.manager.stats(None);
    assert_eq!((stats.pressure.waiting, it.cell(THROTTLED)), (1, json!(1.0)));

    it.rss(100);
    it.ticks_for(3_000);
    assert_eq!((it.throttled(&agents), it.manager.should_throttle("new")), (vec![false; 4], false));
    assert_eq!(it.manager.take_released(), [number]);
    let told = it.told();
    let count = |name: &str| told.iter().filter(|(told, _)| told == name).count();
    assert!(count("agentThrottled") >= 4);
    assert_eq!(count("agentThrottled"), count("agentUnthrottled"));
}

#[test]
fn without_figures_nothing_changes_and_nothing_is_raised() {
    let it = setup();
    it.hold(&[("a", 100), ("b", 100)]);
    it.manager.take_heap(heap(10, 1000));
    it.tick_at(860);
    it.listen_to_all();
    it.probe.set(None);
    it.ticks_for(60_000);
    assert_eq!((it.step(), it.throttled(&["a", "b"])), ("throttleLargest", vec![true, false]));
    assert_eq!(it.part.0.lock().len(), 1);
    let told: Vec<_> = it.told().into_iter().map(|(name, _)| name).collect();
    assert!(told.iter().all(|name| name == "memoryUpdate"), "{told:?}");
    assert_eq!(stats(&it)["process"]["rss"], json!(null));
    it.rss(100);
    it.ticks_for(7_000);
    assert_eq!(it.step(), "normal");
}

#[test]
fn a_heap_is_judged_alone_where_no_other_figure_was_ever_had() {
    let it = setup();
    it.manager.take_heap(heap(900, 1000));
    assert_eq!(it.step(), "normal");
    it.manager.tick();
    assert_eq!(it.step(), "throttleLargest");
    it.manager.take_heap(heap(10, 1000));
    it.ticks_for(7_000);
    assert_eq!(it.step(), "normal");
}
