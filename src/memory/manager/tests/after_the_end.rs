//! A manager that was stopped holds nobody up and asks for nothing.

use super::*;
use crate::base::footprint::Relief;

/// Memory is so short that all wait, two of them with callers that wait; one is over its own limit.
fn in_need() -> (Setup, Vec<u64>) {
    let it = setup();
    it.hold(&[("a", 100), ("over", 300)]);
    it.tick_at(960);
    let numbers = ["a", "over"].map(|id| it.manager.wait(id).unwrap());
    assert_eq!((it.cell(THROTTLED), it.cell(FACTOR)), (json!(1.0), json!(0.5)));
    assert_eq!(*it.part.0.lock(), [Relief::Drop]);
    (it, numbers.to_vec())
}

#[test]
fn who_waits_is_released_and_the_parts_hold_what_they_may() {
    let (it, numbers) = in_need();
    it.manager.stop();
    assert!(it.manager.is_stopped());
    assert_eq!(it.manager.take_released(), numbers);
    assert_eq!((it.cell(THROTTLED), it.cell(FACTOR)), (json!(0.0), json!(1.0)));
    assert_eq!(*it.part.0.lock(), [Relief::Drop, Relief::None]);
    assert_eq!(it.throttled(&["a", "over", "unknown"]), [false; 3]);
    assert_eq!((it.manager.throttle_reason("over"), it.manager.wait("over")), (None, None));
    assert_eq!(it.manager.throttled_list(0), Some((false, Vec::new())));
    assert!(!it.manager.is_dropping());
}

#[test]
fn calls_after_the_end_are_harmless() {
    let (it, _) = in_need();
    it.manager.stop();
    it.listen_to_all();
    let manager = &it.manager;
    let samples = it.probe.calls();
    assert_eq!((manager.tick(), it.probe.calls()), (REST_MS, samples));
    it.hold(&[("new", 400)]);
    assert_eq!(manager.agent("new"), None);
    manager.stop();
    manager.set_config(MemoryConfig { max_memory_usage_mb: 10.0, ..MemoryConfig::default() });
    assert!(!manager.take_heap(heap(999, 1000)));
    assert_eq!(manager.collected(heap(9, 1000), heap(5, 1000), 3.0), 4 * MB);
    manager.hold_context("key", "a", 5, 1.0);
    manager.touch_context("key");
    assert!(manager.release_context("key"));
    manager.unthrottle("over");
    assert!(manager.forget("over"));
    manager.cancel_wait(1);
    assert_eq!(manager.stats(None).pressure.step, Step::Normal);
    assert!(manager.percentage().is_some() && manager.contexts_to_drop(None).is_empty());
    assert_eq!((it.cell(THROTTLED), it.cell(FACTOR)), (json!(0.0), json!(1.0)));
    assert_eq!(*it.part.0.lock(), [Relief::Drop, Relief::None]);
    let told: Vec<String> = it.told().into_iter().map(|(name, _)| name).collect();
    assert!(!told.iter().any(|name| name == "memoryAlert" || name == "pressureChanged"), "{told:?}");
}

#[test]
fn an_end_while_it_acts_leaves_no_relief_behind() {
    let it = setup();
    let (manager, before) = (Arc::downgrade(&it.manager), it.probe.clone());
    it.probe.at_each_sample(move || {
        if before.calls() == 1 {
            manager.upgrade().unwrap().stop();
        }
    });
    it.tick_at(760);
    assert!(it.manager.is_stopped());
    assert_eq!(it.part.0.lock().last().copied().unwrap_or_default(), Relief::None);
}

#[test]
fn one_that_is_gone_asks_for_nothing() {
    let (it, _) = in_need();
    let part = Arc::clone(&it.part);
    drop(it);
    assert_eq!(*part.0.lock(), [Relief::Drop, Relief::None]);
}
