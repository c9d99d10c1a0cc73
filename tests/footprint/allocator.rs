//! What is allocated is counted. Here, because nobody else allocates in this process.

use std::thread;

use agentwise_optimization::base::allocation::allocated;

/// What this thread, and that of the test's harness, have not handed over.
const SLACK: u64 = 256 << 10;

pub(crate) fn check() {
    what_is_allocated_grown_and_freed_is_counted();
    what_a_thread_did_is_exact_when_it_has_ended();
}

fn is_about(bytes: u64, expected: u64) -> bool {
    bytes.abs_diff(expected) <= SLACK
}

fn what_is_allocated_grown_and_freed_is_counted() {
    const LARGE: usize = 64 << 20;
    let before = allocated();
    // Reserved and never touched.
    let mut large: Vec<u8> = Vec::with_capacity(LARGE);
    assert!(is_about(allocated(), before + LARGE as u64));
    large.reserve_exact(2 * LARGE);
    assert!(is_about(allocated(), before + 2 * LARGE as u64));
    drop(large);
    assert!(is_about(allocated(), before));
}

fn what_a_thread_did_is_exact_when_it_has_ended() {
    // Less than is handed over at once; by the number of threads it shows.
    const EACH: usize = 60 << 10;
    const THREADS: usize = 64;
    let before = allocated();
    let kept: Vec<Vec<Vec<u8>>> = (0..THREADS)
        .map(|_| {
            let threads: Vec<_> =
                (0..THREADS).map(|_| thread::spawn(|| Vec::<u8>::with_capacity(EACH))).collect();
            threads.into_iter().map(|thread| thread.join().expect("ended")).collect()
        })
        .collect();
    let held = allocated() - before;
    assert!(is_about(held, (THREADS * THREADS * EACH) as u64), "{held}");
    drop(kept);
    assert!(is_about(allocated(), before));
}
