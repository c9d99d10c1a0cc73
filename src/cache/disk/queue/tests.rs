//! Order, coalescing, bounds, and what is found of a key that waits, against a plain list.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::cache::key::Scope;
use crate::cache::record::{Kind, Uncompared};

fn key(number: u8) -> Key {
    Key::new(&Namespace::default(), &Scope::default(), &number.to_string())
}

fn put_of(bytes: usize, version: u64) -> Operation {
    let record = Record {
        text: "x".repeat(bytes).into(),
        kind: Kind::Text,
        created_ms: 0,
        ttl_ms: 1,
        stale_ms: 0,
        sliding: false,
        tags: Box::default(),
        counted: Uncompared::default(),
    };
    Operation::Put(Put { record: Arc::new(record), fresh_ms: 1, used_ms: 0, version, if_stamp: None })
}

fn put(version: u64) -> Operation {
    put_of(1, version)
}

fn touch(row: i64, life: Option<(u64, u64)>) -> Operation {
    Operation::Touch { row, used_ms: 0, life }
}

fn version(operation: Option<Operation>) -> Option<u64> {
    match operation {
        Some(Operation::Put(put)) => Some(put.version),
        _ => None,
    }
}

/// What the queue gives next, without waiting.
fn next(queue: &Queue) -> Work {
    queue.next(Duration::ZERO, BATCH_BYTES)
}

fn tasks(work: Work) -> Vec<Task> {
    match work {
        Work::Tasks(tasks) => tasks,
        _ => Vec::new(),
    }
}

#[test]
fn last_operation_of_a_key_is_written_at_its_own_place() {
    let queue = Queue::default();
    for (number, version) in [(1, 1), (2, 2), (1, 3), (3, 4)] {
        assert_eq!(queue.push(key(number), put(version)), Taken::Yes);
    }
    let versions: Vec<_> =
        tasks(next(&queue)).into_iter().map(|task| version(Some(task.operation))).collect();
    assert_eq!(versions, [Some(2), Some(3), Some(4)]);
    assert!(matches!(next(&queue), Work::Idle));
}

#[test]
fn command_comes_after_what_was_before_it_and_before_what_came_later() {
    let queue = Queue::default();
    queue.push(key(1), put(1));
    queue.push(key(2), put(2));
    let _flush = queue.order(Command::Flush { sync: false }).expect("open");
    queue.push(key(3), put(3));
    // What replaces an operation from before the command comes after it.
    queue.push(key(2), put(4));
    let _again = queue.order(Command::Maintain).expect("open");
    let written =
        |work| tasks(work).into_iter().map(|task| version(Some(task.operation))).collect::<Vec<_>>();
    assert_eq!(written(next(&queue)), [Some(1)]);
    assert!(matches!(next(&queue), Work::Command(Order { command: Command::Flush { .. }, .. })));
    assert_eq!(written(next(&queue)), [Some(3), Some(4)]);
    assert!(matches!(next(&queue), Work::Command(Order { command: Command::Maintain, .. })));
}

#[test]
fn what_waits_or_is_being_written_is_found_until_it_is_done() {
    let queue = Queue::default();
    queue.push(key(1), put(1));
    assert!(queue.is_waiting(&key(1), 1) && !queue.is_waiting(&key(1), 2));
    assert_eq!(tasks(next(&queue)).len(), 1);
    assert_eq!(version(queue.find(&key(1))), Some(1));
    assert!(!queue.is_waiting(&key(1), 1), "it is being written");
    queue.push(key(1), touch(1, None));
    assert_eq!(version(queue.find(&key(1))), Some(1), "a use says nothing of the value");
    queue.push(key(1), Operation::Delete);
    assert!(matches!(queue.find(&key(1)), Some(Operation::Delete)));
    queue.done();
    assert!(matches!(queue.find(&key(1)), Some(Operation::Delete)));
    assert_eq!(tasks(next(&queue)).len(), 1);
    queue.done();
    assert!(queue.find(&key(1)).is_none());
    assert_eq!(queue.len(), 0);
}

#[test]
fn use_does_not_take_the_place_of_a_change_and_keeps_what_is_known_of_the_life() {
    let queue = Queue::default();
    for minor in [touch(1, None), Operation::Discard(1)] {
        for major in [put(1), Operation::Delete] {
            queue.push(key(1), major);
            assert_eq!(queue.push(key(1), minor.clone()), Taken::Yes);
            let written = tasks(next(&queue));
            assert!(matches!(written[..], [Task { operation: Operation::Put(_) | Operation::Delete, .. }]));
            queue.done();
        }
    }
    let life = |queue: &Queue| match queue.find(&key(2)) {
        Some(Operation::Touch { row, life, .. }) => Some((row, life)),
        _ => None,
    };
    queue.push(key(2), touch(7, Some((10, 20))));
    queue.push(key(2), touch(7, None));
    assert_eq!(life(&queue), Some((7, Some((10, 20)))));
    queue.push(key(2), touch(7, Some((30, 40))));
    assert_eq!(life(&queue), Some((7, Some((30, 40)))));
}

#[test]
fn too_much_is_refused_except_for_removals_and_taken_again_when_there_is_room() {
    let queue = Queue::default();
    let large = || put_of(1 << 20, 1);
    let most = HIGH_WATER_BYTES / (1 << 20);
    let mut taken = Vec::new();
    for number in 0..u8::try_from(HARD_FACTOR * most + 1).expect("few") {
        taken.push(queue.push(key(number), large()));
    }
    let count = |wanted| taken.iter().filter(|&&taken| taken == wanted).count();
    assert!(count(Taken::Yes) >= most - 1 && count(Taken::Crowded) >= most - 1 && count(Taken::No) >= 1);
    assert_eq!(queue.push(key(250), Operation::Delete), Taken::Crowded);
    assert!(!queue.wait_for_room(Duration::ZERO));
    while let Work::Tasks(_) = next(&queue) {
        queue.done();
    }
    assert!(queue.wait_for_room(Duration::ZERO));
    assert_eq!(queue.push(key(0), large()), Taken::Yes);
}

#[test]
fn keys_are_counted_while_they_wait_or_are_written() {
    let queue = Queue::default();
    let bytes = |queue: &Queue| {
        let state = queue.state.lock();
        let sum = |tasks: &hashbrown::HashMap<u128, Task>| {
            tasks.values().map(|task| task.key.bytes.len()).sum::<usize>()
        };
        assert_eq!(state.key_bytes, sum(&state.waiting));
        assert_eq!(state.in_flight_bytes[0], sum(&state.in_flight));
        (state.key_bytes > 0, state.in_flight_bytes[0] > 0)
    };
    for number in [1, 2, 1] {
        queue.push(key(number), put(1));
    }
    assert_eq!(bytes(&queue), (true, false));
    next(&queue);
    queue.push(key(3), put(2));
    assert_eq!(bytes(&queue), (true, true));
    queue.give_up();
    assert_eq!(bytes(&queue), (false, true));
    queue.done();
    assert_eq!(bytes(&queue), (false, false));
}

#[test]
fn closed_queue_takes_nothing_and_gives_what_waits() {
    let queue = Queue::default();
    queue.push(key(1), put(1));
    let _flush = queue.order(Command::Flush { sync: false }).expect("open");
    queue.close();
    assert_eq!(queue.push(key(2), put(2)), Taken::No);
    assert!(queue.order(Command::Maintain).is_none());
    assert_eq!(tasks(next(&queue)).len(), 1);
    assert!(matches!(next(&queue), Work::Command(_)));
    assert!(matches!(next(&queue), Work::Closed));
}

#[test]
fn what_is_given_up_is_found_until_it_is_known_to_be_newer_than_the_database() {
    let queue = Queue::default();
    queue.push(key(1), put(1));
    queue.push(key(2), put(2));
    assert_eq!(tasks(next(&queue)).len(), 2);
    queue.push(key(2), put(3));
    let mut given_up: Vec<_> =
        queue.give_up().into_iter().map(|task| version(Some(task.operation))).collect();
    given_up.sort_unstable();
    assert_eq!(given_up, [Some(1), Some(3)]);
    assert_eq!([1, 2].map(|number| version(queue.find(&key(number)))), [Some(1), Some(3)]);
    assert!(matches!(next(&queue), Work::Idle));
    queue.done();
    assert!([1, 2].iter().all(|&number| queue.find(&key(number)).is_none()));
    // Its bytes do not count any more.
    assert_eq!(queue.push(key(1), put_of(HIGH_WATER_BYTES - 1000, 4)), Taken::Yes);
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Delete(u8),
    Touch(u8),
    Order,
    Take,
    Done,
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..100_u8).prop_map(Step::Put),
        2 => (0..100_u8).prop_map(Step::Delete),
        2 => (0..100_u8).prop_map(Step::Touch),
        1 => Just(Step::Order),
        2 => Just(Step::Take),
        2 => Just(Step::Done),
        1 => Just(Step::GiveUp),
    ]
}

proptest! {
    #[test]
    fn every_last_change_is_given_once_and_in_order(steps in proptest::collection::vec(step(), 0..400)) {
        let queue = Queue::default();
        // The value that each key has for a reader who looks here first, and what the writer has been given.
        let (mut newest, mut given): (HashMap<u8, Option<u64>>, HashMap<u8, Option<u64>>) = Default::default();
        let (mut versions, mut last_seq, mut ordered, mut under_way) = (0, 0, 0, Vec::new());
        let number = |task: &Task| -> u8 {
            crate::cache::key::Parts::read(&task.key.bytes).expect("own").query.parse().expect("a number")
        };
        for step in steps.into_iter().chain([Step::Done, Step::Take, Step::Done]) {
            match step {
                Step::Put(of) => {
                    versions += 1;
                    queue.push(key(of), put(versions));
                    newest.insert(of, Some(versions));
                }
                Step::Delete(of) => {
                    queue.push(key(of), Operation::Delete);
                    newest.insert(of, None);
                }
                Step::Touch(of) => drop(queue.push(key(of), touch(1, None))),
                Step::Order => {
                    ordered += 1;
                    drop(queue.order(Command::Flush { sync: false }));
                }
                // The writer finishes a batch before it takes the next.
                Step::Take if under_way.is_empty() => match next(&queue) {
                    Work::Tasks(batch) => {
                        prop_assert!(batch.len() <= BATCH);
                        for task in &batch {
                            prop_assert!(task.seq > last_seq, "out of order");
                            last_seq = task.seq;
                        }
                        under_way = batch;
                    }
                    Work::Command(order) => {
                        prop_assert!(order.seq > last_seq);
                        last_seq = order.seq;
                        ordered -= 1;
                    }
                    Work::Idle => prop_assert_eq!(ordered, 0),
                    Work::Closed => prop_assert!(false, "nobody closed it"),
                },
                Step::Take => {}
                Step::Done => {
                    for task in under_way.drain(..) {
                        match &task.operation {
                            Operation::Put(put) => drop(given.insert(number(&task), Some(put.version))),
                            Operation::Delete => drop(given.insert(number(&task), None)),
                            _ => {}
                        }
                    }
                    queue.done();
                }
                Step::GiveUp => {
                    queue.give_up();
                    queue.done();
                    under_way.clear();
                    newest.clone_from(&given);
                }
            }
            for (of, newest) in &newest {
                let found = match queue.find(&key(*of)) {
                    Some(Operation::Put(put)) => Some(put.version),
                    Some(Operation::Delete) => None,
                    _ => given.get(of).copied().flatten(),
                };
                prop_assert_eq!(found, *newest, "key {}", of);
            }
        }
    }
}

#[test]
fn operations_wait_for_others_but_not_while_somebody_waits_for_them() {
    let queue = Queue::default();
    // Longer than any machine is busy with the few steps below.
    let linger = Duration::from_secs(60);
    queue.set_linger(60_000);
    let begun = std::time::Instant::now();
    queue.push(key(1), put(1));
    let answer = queue.order(Command::Flush { sync: false });
    assert_eq!(tasks(next(&queue)).len(), 1);
    queue.done();
    assert!(answer.is_some() && matches!(next(&queue), Work::Command(_)));
    for number in 0..=u8::MAX {
        queue.push(key(number), put(1));
    }
    assert_eq!(tasks(next(&queue)).len(), BATCH);
    queue.done();
    queue.push(key(1), put(2));
    queue.close();
    assert_eq!(tasks(next(&queue)).len(), 1);
    assert!(begun.elapsed() < linger, "nothing of it waits");
}

#[test]
fn lone_operation_is_written_after_its_wait() {
    let queue = Queue::default();
    queue.set_linger(5);
    queue.push(key(1), put(1));
    let begun = std::time::Instant::now();
    assert_eq!(tasks(next(&queue)).len(), 1);
    assert!(begun.elapsed() >= Duration::from_millis(5));
}
