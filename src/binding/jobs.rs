//! Long calls that JavaScript can follow and cancel while they run on Node's pool, by a number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use crate::cache::transfer::Watch;

static JOBS: LazyLock<Mutex<HashMap<u32, Arc<State>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

#[derive(Default)]
struct State {
    is_cancelled: AtomicBool,
    progress: AtomicU64,
}

/// The running calls of the process.
pub(super) struct Jobs;

impl Jobs {
    /// A number for a call that is about to be made.
    pub(super) fn register() -> u32 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        JOBS.lock().insert(number, Arc::default());
        number
    }

    /// The job of a call that begins.
    pub(super) fn begin(number: u32) -> Job {
        let state = JOBS.lock().get(&number).cloned().unwrap_or_default();
        Job { number, state }
    }

    /// Asks a call to end.
    pub(super) fn cancel(number: u32) {
        if let Some(state) = JOBS.lock().get(&number) {
            state.is_cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Entries that a call has dealt with; 0 when it is over.
    pub(super) fn progress(number: u32) -> u64 {
        JOBS.lock().get(&number).map_or(0, |state| state.progress.load(Ordering::Relaxed))
    }
}

/// A running call.
pub(super) struct Job {
    number: u32,
    state: Arc<State>,
}

impl Job {
    /// Whether it was asked to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.is_cancelled.load(Ordering::Relaxed)
    }

    /// For work that is followed.
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { is_cancelled: &self.state.is_cancelled, progress: &self.state.progress }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        JOBS.lock().remove(&self.number);
    }
}
