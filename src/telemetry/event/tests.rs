use std::sync::atomic::AtomicUsize;

use super::*;

#[test]
fn names_are_unique_and_fit_the_mask() {
    let mut names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventKind::ALL.len());
    assert!(names.len() <= 64);
}

#[test]
fn event_without_listener_is_not_even_built() {
    let sink = EventSink::new();
    sink.emit(EventKind::CacheHit, || -> u8 { unreachable!("nobody listens") });
    assert_eq!(sink.drain(), None);
}

#[test]
fn waker_runs_once_until_the_queue_is_drained() {
    let sink = EventSink::new();
    let wakes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&wakes);
    sink.on_first_event(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    sink.listen(&["cacheHit".into(), "notOurs".into()]);
    sink.emit(EventKind::CacheHit, || 1);
    sink.emit(EventKind::CacheHit, || 2);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    assert_eq!(sink.drain().as_deref(), Some(r#"[["cacheHit",1],["cacheHit",2]]"#));
    sink.emit(EventKind::CacheHit, || 3);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn full_queue_gives_up_the_oldest_and_counts_it() {
    let sink = EventSink::new();
    sink.listen(&["cacheMiss".into()]);
    for number in 0..QUEUE_CAPACITY + 3 {
        sink.emit(EventKind::CacheMiss, || number);
    }
    assert_eq!(sink.dropped(), 3);
    assert!(sink.drain().expect("events").starts_with(r#"[["cacheMiss",3],"#));
}

#[test]
fn large_events_wait_up_to_a_number_of_bytes_and_one_whatever_it_has() {
    let sink = EventSink::new();
    sink.listen(&["*".into()]);
    for _ in 0..4 {
        sink.emit(EventKind::CacheSet, || "x".repeat(QUEUE_BYTES / 3));
    }
    assert!((1..=2).contains(&sink.dropped()));
    let dropped = sink.dropped();
    sink.emit(EventKind::CacheMiss, || "x".repeat(QUEUE_BYTES + 1));
    assert_eq!(sink.dropped(), 4);
    assert!(dropped < 4 && sink.drain().expect("the last").starts_with(r#"[["cacheMiss","#));
}

#[test]
fn hub_sends_to_each_sink_that_listens_and_forgets_those_that_are_gone() {
    let hub = Arc::new(EventHub::default());
    let (one, two) = (Arc::new(EventSink::new()), Arc::new(EventSink::new()));
    hub.attach(&one);
    hub.attach(&two);
    hub.emit(EventKind::CacheHit, || -> u8 { unreachable!("nobody listens") });
    one.listen(&["cacheHit".into()]);
    two.listen(&["cacheMiss".into()]);
    hub.emit(EventKind::CacheHit, || 1);
    assert_eq!(one.drain().as_deref(), Some(r#"[["cacheHit",1]]"#));
    assert_eq!(two.drain(), None);
    drop(one);
    two.listen(&[]);
    assert!(!hub.has_listener(EventKind::CacheHit) && !hub.has_listener(EventKind::CacheMiss));
}
