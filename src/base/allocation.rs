//! Bytes that Rust has allocated in this process: the allocator of the crate, which counts.
//!
//! Counted are the bytes that were asked for, not what the system's allocator rounds them up to, and only Rust's: `SQLite`,
//! zstd and V8 allocate by themselves. Each thread adds up its own changes and hands them over when they are more than 64 KiB
//! either way, and when it ends: the figure is off by at most 64 KiB for each thread that runs, mostly far less, and what
//! threads that are gone have done is exact (`tests/footprint/allocator.rs`). An allocation costs one look at thread-local memory more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

/// Change of a thread that is handed over: rare enough to cost nothing, little against what is worth measuring.
const MOST_PENDING: u64 = 64 << 10;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the threads have handed over. Below zero for moments: memory is freed by other threads than it was allocated by.
static ALLOCATED: AtomicI64 = AtomicI64::new(0);

/// What a thread has not handed over.
struct Pending {
    change: Cell<i64>,
    /// From which change on it is handed over: 0 before the thread's first allocation, and when it is about to end.
    limit: Cell<u64>,
    has_begun: Cell<bool>,
}

/// Hands over what is left when its thread ends.
struct AtEnd;

thread_local! {
    // Without a destructor, so that it is there as long as its thread allocates.
    static PENDING: Pending =
        const { Pending { change: Cell::new(0), limit: Cell::new(0), has_begun: Cell::new(false) } };
    static AT_END: AtEnd = const { AtEnd };
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // What other destructors do from here on is handed over at once.
        PENDING.with(|pending| pending.limit.set(0));
        settle();
    }
}

/// Bytes that Rust holds now in this process.
pub fn allocated() -> u64 {
    settle();
    u64::try_from(ALLOCATED.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Hands over what this thread has not.
fn settle() {
    let change = PENDING.with(|pending| pending.change.take());
    ALLOCATED.fetch_add(change, Ordering::Relaxed);
}

#[inline]
fn count(change: i64) {
    PENDING.with(|pending| {
        let sum = pending.change.get().wrapping_add(change);
        pending.change.set(sum);
        if sum.unsigned_abs() > pending.limit.get() {
            hand_over(pending);
        }
    });
}

#[cold]
#[inline(never)]
fn hand_over(pending: &Pending) {
    ALLOCATED.fetch_add(pending.change.take(), Ordering::Relaxed);
    if !pending.has_begun.replace(true) {
        pending.limit.set(MOST_PENDING);
        // May allocate in its turn, which finds that it has begun.
        let _ = AT_END.try_with(|_| ());
    }
}

/// The system's allocator, counted.
struct Counting;

/// No allocation has more than `isize::MAX` bytes.
#[expect(clippy::cast_possible_wrap, reason = "a layout has at most isize::MAX bytes")]
const fn signed(bytes: usize) -> i64 {
    bytes as i64
}

#[expect(unsafe_code, reason = "an allocator is implemented so")]
// SAFETY: everything is the system's allocator; counting neither allocates through it in a loop nor unwinds.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        let place = unsafe { System.alloc(layout) };
        if !place.is_null() {
            count(signed(layout.size()));
        }
        place
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        let place = unsafe { System.alloc_zeroed(layout) };
        if !place.is_null() {
            count(signed(layout.size()));
        }
        place
    }

    #[inline]
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` comes from `System` by one of the others, with this layout.
        unsafe { System.dealloc(place, layout) };
        count(-signed(layout.size()));
    }

    #[inline]
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: `place` comes from `System` by one of the others, with this layout; the caller keeps the rest.
        let moved = unsafe { System.realloc(place, layout, size) };
        if !moved.is_null() {
            count(signed(size) - signed(layout.size()));
        }
        moved
    }
}
