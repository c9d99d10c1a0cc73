//! The thread of a monitor, `agentwise-mon`. It does not hold the monitor between two looks, so that a forgotten one ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::production_monitor::Monitor;
use crate::base::driven::Due;

/// As tools show it.
const NAME: &str = "agentwise-mon";
/// After a look that failed.
const AFTER_FAILURE_MS: u64 = 10_000;

/// Wakes the thread before it is due.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    is_nudged: Mutex<bool>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// When to look where there is no thread.
    due: Due,
}

impl Nudge {
    pub(super) fn nudge(&self) {
        *self.is_nudged.lock() = true;
        self.changed.notify_all();
        self.due.ask();
    }

    /// Until it is nudged, `ms` at most.
    fn wait(&self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        let mut is_nudged = self.is_nudged.lock();
        while !*is_nudged && !self.changed.wait_until(&mut is_nudged, end).timed_out() {}
        *is_nudged = false;
    }
}

/// Lets the thread look now.
pub(super) fn nudge(monitor: &Monitor) {
    monitor.nudged.nudge();
}

/// The monitors of this process.
static WATCHED: Mutex<Vec<Weak<Monitor>>> = Mutex::new(Vec::new());

/// Writes down what waits in every monitor of the process, which is about to end. What the disk is busy with is left to it.
pub fn flush_all() {
    let watched = std::mem::take(&mut *WATCHED.lock());
    for monitor in watched.iter().filter_map(Weak::upgrade) {
        monitor.write_down_now();
    }
    WATCHED.lock().extend(watched);
}

/// Starts the thread.
pub(super) fn start(monitor: &Arc<Monitor>) {
    if monitor.clock.is_driven() {
        monitor.nudged.due.ask();
        return;
    }
    let mut thread = monitor.nudged.thread.lock();
    if thread.is_some() || monitor.is_stopped() {
        return;
    }
    let (weak, nudged) = (Arc::downgrade(monitor), Arc::clone(&monitor.nudged));
    let is_stopped = Arc::clone(&monitor.is_stopped);
    let work = move || {
        while !is_stopped.load(Ordering::Acquire) {
            let Some(wait_ms) = look(&weak) else { return };
            nudged.wait(wait_ms);
        }
    };
    match thread::Builder::new().name(NAME.into()).spawn(work) {
        Ok(started) => {
            *thread = Some(started);
            let mut watched = WATCHED.lock();
            watched.retain(|watched| watched.strong_count() > 0);
            watched.push(Arc::downgrade(monitor));
        }
        Err(error) => {
            tracing::error!(%error, "no thread to monitor with");
            monitor.warn("monitoring", "there is no thread to monitor with");
        }
    }
}

/// Monotonic ms at which the monitor is to be looked at where there is no thread.
pub(super) fn due_ms(monitor: &Monitor) -> u64 {
    monitor.nudged.due.at_ms(monitor.clock.now_ms())
}

/// Looks if that is due, here and now. Whether it did.
pub(super) fn run_due(monitor: &Arc<Monitor>) -> bool {
    monitor.nudged.due.run(monitor.clock.now_ms(), || (!monitor.is_stopped()).then(|| tick(monitor)))
}

/// Ends the thread and waits for the look that it is in.
pub(super) fn end(monitor: &Monitor) {
    monitor.nudged.nudge();
    let thread = monitor.nudged.thread.lock().take();
    if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
        // A panic was told when it happened.
        let _ = thread.join();
    }
}

/// A look; a defect in it must not end the watch. `None` when the monitor is gone.
fn look(weak: &Weak<Monitor>) -> Option<u64> {
    Some(tick(&weak.upgrade()?))
}

fn tick(monitor: &Arc<Monitor>) -> u64 {
    catch_unwind(AssertUnwindSafe(|| monitor.tick())).unwrap_or_else(|_| {
        tracing::error!("a look of the monitor failed; it goes on");
        AFTER_FAILURE_MS
    })
}
