//! Long calls that JavaScript can follow and cancel while they run on Node's pool, by a number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use napi::Env;
use napi::bindgen_prelude::Object;
use parking_lot::Mutex;

use super::call::method;
use crate::base::cancel::Cancel;
use crate::cache::transfer::Watch;

static JOBS: LazyLock<Mutex<HashMap<u32, Arc<State>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

#[derive(Default)]
struct State {
    cancel: Cancel,
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

    /// Forgets a call, also one that never began.
    pub(super) fn end(number: u32) {
        JOBS.lock().remove(&number);
    }

    /// Asks a call to end.
    pub(super) fn cancel(number: u32) {
        if let Some(state) = JOBS.lock().get(&number) {
            state.cancel.cancel();
        }
    }

    /// Entries that a call has dealt with; 0 when it is over.
    pub(super) fn progress(number: u32) -> u64 {
        JOBS.lock().get(&number).map_or(0, |state| state.progress.load(Ordering::Relaxed))
    }
}

/// Adds to a handle what follows and cancels its long calls.
pub(super) fn add(env: &Env, handle: &mut Object) -> napi::Result<()> {
    method(env, handle, "newJob", move |_| Ok(Jobs::register()))?;
    method(env, handle, "cancelJob", move |args| {
        Jobs::cancel(args.get(0)?);
        Ok(())
    })?;
    method(env, handle, "endJob", move |args| {
        Jobs::end(args.get(0)?);
        Ok(())
    })?;
    method(env, handle, "jobProgress", move |args| Ok(Jobs::progress(args.get(0)?) as f64))
}

/// A running call.
pub(super) struct Job {
    number: u32,
    state: Arc<State>,
}

impl Job {
    /// Whether it was asked to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.cancel.is_cancelled()
    }

    /// What calls it off.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.state.cancel
    }

    /// For work that is followed.
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { is_cancelled: self.state.cancel.flag(), progress: &self.state.progress }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        Jobs::end(self.number);
    }
}
