//! What is remembered: across restarts, and how much.

use super::*;

#[test]
fn a_restart_changes_nothing() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.silence(0, 10 * MIN);
    desk.see(0, 90.0);
    desk.create(S, "a");
    let before = desk.book.recent(0);
    let (mut new, changes) = desk.restarted(MIN);
    assert_eq!((new.book.recent(0), changes), (before.clone(), vec![]));
    assert!(new.create(2 * MIN, "a").is_none());
    assert_eq!(new.see(2 * MIN, 91.0), [""; 0]);
    assert_eq!(new.book.release(&new.silences, START + 2 * MIN), []);
    assert_eq!(new.book.release(&new.silences, START + 10 * MIN).len(), 1);
    assert_eq!(new.see(11 * MIN, 10.0), ["-cpu condition"]);
    let over = new.book.recent(0).into_iter().find(|alert| alert.rule().is_some()).unwrap();
    assert_eq!(over.id, before[1].id);
    assert!(new.create(12 * MIN, "b").is_some_and(|alert| before.iter().all(|old| old.id != alert.id)));
}

#[test]
fn after_a_restart_the_five_minutes_go_on() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.see(0, 90.0);
    desk.see(MIN, 10.0);
    let (mut new, _) = desk.restarted(2 * MIN);
    assert_eq!(new.see(3 * MIN, 90.0), [""; 0]);
    assert_eq!(new.see(5 * MIN, 90.0), ["+cpu"]);
    let id = new.book.active()[0].id.clone();
    new.book.resolve(&id, START + 20 * MIN);
    let (mut new, _) = new.restarted(21 * MIN);
    assert_eq!(new.see(22 * MIN, 90.0), [""; 0]);
    assert_eq!(new.see(25 * MIN, 90.0), ["+cpu"]);
}

#[test]
fn after_a_restart_what_cannot_go_on_is_over() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.see(0, 90.0);
    let alert = Alert::clone(&desk.book.active()[0]);
    let named = |id: &str, timestamp: u64| Alert { id: id.into(), timestamp, ..alert.clone() };
    let mut unknown = named("rule-x", START);
    unknown.metadata.remove("metric");
    let mut book = Book::new(1);
    let kept = vec![unknown, named("rule-b", START + 5), named("rule-a", START), named("rule-a", START)];
    assert_eq!(short(&book.restore(kept, &desk.rules, START + MIN)), ["-cpu rule", "-cpu rule"]);
    assert_eq!(book.active().iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>(), ["rule-b"]);
    // The rule was switched off meanwhile.
    assert_eq!(short(&book.keep_rules(&[], START + MIN)), ["-cpu rule"]);
    // The clock was set back.
    let mut book = Book::new(1);
    book.restore(vec![alert], &desk.rules, START - 60 * MIN);
    assert_eq!(book.active()[0].timestamp, START - 60 * MIN);
}

#[test]
fn a_storm_is_remembered_in_order_and_bounded() {
    let mut desk = Desk::new([rule("cpu", 80.0, Level::Warning)]);
    desk.see(0, 90.0);
    for n in 0..1_000 {
        assert!(desk.create(n, &format!("storm {n}")).is_some());
    }
    let all = desk.book.recent(START);
    assert_eq!(all.len(), 1_001);
    assert!(all.is_sorted_by(|a, b| a.timestamp >= b.timestamp));
    assert_eq!(desk.book.recent(START + 990).len(), 10);
    desk.book.resolve(&all[0].id, START + S).unwrap();
    for n in 0..MAX_ALERTS as u64 {
        desk.create(S + n, &format!("more {n}"));
    }
    let kept = desk.book.recent(0);
    assert_eq!(kept.len(), MAX_ALERTS);
    // What is over went first, then the oldest of the application, never what a rule raised.
    assert_eq!(kept.last().unwrap().title, "cpu");
    assert_eq!(kept[MAX_ALERTS - 2].title, "more 1");
    assert_eq!(desk.book.forgotten(), 1_000);
    let bytes = desk.book.held_bytes();
    for n in 0..MAX_ALERTS as u64 {
        desk.create(60 * MIN + n, &format!("more {n}"));
    }
    assert_eq!(desk.book.held_bytes().cmp(&(bytes + bytes / 10)), std::cmp::Ordering::Less);
}

#[test]
fn large_alerts_are_bounded_by_bytes() {
    let mut desk = Desk::new([]);
    let text = "x".repeat(MAX_METADATA_BYTES - 8);
    let metadata = json!({ "a": text }).as_object().unwrap().clone();
    for n in 0..3_000 {
        let new = NewAlert { metadata: metadata.clone(), ..new_alert(&n.to_string()) };
        desk.book.create(new, START).unwrap();
    }
    assert!(desk.book.held_bytes() < MAX_BYTES + 2 * 1024 * 1024, "{}", desk.book.held_bytes());
    assert!(desk.book.recent(0).len() > 1_000);
}
