//! The one thread of a process that watches over memory, for all managers there are.
//!
//! It is started with the first manager and ends with the last; it owns none of them. It reads figures and acts, so that both
//! go on while JavaScript is busy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::manager::MemoryManager;
use super::state::REST_MS;

/// As tools show it; the kernel keeps 15 bytes of it.
const NAME: &str = "agentwise-mem";

struct Watched {
    manager: Weak<MemoryManager>,
    /// The manager's own, so that nobody needs to hold it to ask.
    is_stopped: Arc<AtomicBool>,
    due: Instant,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    is_running: bool,
}

#[derive(Default)]
struct Sampler {
    state: Mutex<State>,
    changed: Condvar,
}

static SAMPLER: LazyLock<Arc<Sampler>> = LazyLock::new(Arc::default);

/// Samples for `manager` from now on, until it is gone or stopped.
pub(crate) fn watch(manager: &Arc<MemoryManager>) {
    if manager.around.clock.is_driven() {
        manager.due.ask();
        return;
    }
    SAMPLER.watch(manager);
}

/// Lets the thread look at `manager` now: there is work for it, or it has stopped.
pub(crate) fn nudge(manager: &MemoryManager) {
    if manager.around.clock.is_driven() {
        manager.due.ask();
        return;
    }
    SAMPLER.nudge(manager);
}

/// Looks at `manager` if that is due, here and now. Whether it did.
pub(crate) fn run_due(manager: &MemoryManager) -> bool {
    let now_ms = manager.around.clock.now_ms();
    manager.due.run(now_ms, || (!manager.is_stopped()).then(|| look(manager)))
}

/// A look at one manager; a defect in it must not end the watch over the others.
fn look(manager: &MemoryManager) -> u64 {
    catch_unwind(AssertUnwindSafe(|| manager.tick())).unwrap_or_else(|_| {
        tracing::error!("a look at memory failed; it goes on");
        REST_MS
    })
}

impl Sampler {
    fn watch(self: &Arc<Self>, manager: &Arc<MemoryManager>) {
        let mut state = self.state.lock();
        let is_own = |watched: &Watched| std::ptr::eq(watched.manager.as_ptr(), Arc::as_ptr(manager));
        if state.watched.iter().any(is_own) {
            return;
        }
        state.watched.push(Watched {
            manager: Arc::downgrade(manager),
            is_stopped: Arc::clone(&manager.is_stopped),
            due: Instant::now(),
        });
        if state.is_running {
            self.changed.notify_all();
            return;
        }
        let own = Arc::clone(self);
        match thread::Builder::new().name(NAME.into()).spawn(move || own.run()) {
            Ok(_) => state.is_running = true,
            Err(error) => {
                tracing::warn!(%error, "no thread to sample memory with; samples are taken when asked for");
            }
        }
    }

    fn nudge(&self, manager: &MemoryManager) {
        let mut state = self.state.lock();
        let own = state.watched.iter_mut().find(|watched| std::ptr::eq(watched.manager.as_ptr(), manager));
        if let Some(own) = own {
            own.due = Instant::now();
            self.changed.notify_all();
        }
    }

    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            // None is upgraded here: it might be the last, and end the manager under the lock.
            state.watched.retain(|watched| {
                watched.manager.strong_count() > 0 && !watched.is_stopped.load(Ordering::Acquire)
            });
            let Some(next) = state.watched.iter().map(|watched| watched.due).min() else {
                state.is_running = false;
                return;
            };
            if next > now {
                self.changed.wait_until(&mut state, next);
                continue;
            }
            let due = state.watched.iter_mut().find(|watched| watched.due <= now);
            let Some(due) = due else { continue };
            // Far ahead, so that a nudge while it is looked at counts.
            due.due = now + Duration::from_secs(3600);
            let weak = Weak::clone(&due.manager);
            drop(state);
            let wait_ms = weak.upgrade().map(|manager| look(&manager));
            state = self.state.lock();
            if let Some(wait_ms) = wait_ms
                && let Some(own) = state.watched.iter_mut().find(|watched| watched.manager.ptr_eq(&weak))
            {
                own.due = own.due.min(Instant::now() + Duration::from_millis(wait_ms));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::test_support::{Setup, setup};

    /// Until `condition` holds, for a minute at most: that long no thread is kept from running.
    fn wait_for(what: &str, condition: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < end, "{what}");
            thread::yield_now();
        }
    }

    fn is_running(sampler: &Sampler) -> bool {
        sampler.state.lock().is_running
    }

    fn shared() -> (Arc<MemoryManager>, Setup) {
        let it = setup();
        it.rss(100);
        (Arc::clone(&it.manager), it)
    }

    #[test]
    fn the_thread_starts_with_the_first_manager_and_ends_with_the_last() {
        let sampler = Arc::<Sampler>::default();
        assert!(!is_running(&sampler));
        let ((one, of_one), (two, of_two)) = (shared(), shared());
        for manager in [&one, &two] {
            sampler.watch(manager);
            assert!(is_running(&sampler));
        }
        wait_for("both are sampled", || of_one.probe.calls() > 1 && of_two.probe.calls() > 1);
        one.stop();
        sampler.nudge(&one);
        wait_for("one is watched", || sampler.state.lock().watched.len() == 1);
        assert!(is_running(&sampler));
        drop((two, of_two));
        wait_for("the thread has ended", || !is_running(&sampler));
        assert!(sampler.state.lock().watched.is_empty());

        let (three, of_three) = shared();
        sampler.watch(&three);
        wait_for("it started again", || of_three.probe.calls() > 0);
        three.stop();
        wait_for("the thread has ended again", || !is_running(&sampler));
    }

    #[test]
    fn a_nudge_lets_the_thread_look_at_once() {
        let sampler = Arc::<Sampler>::default();
        let (manager, it) = shared();
        sampler.watch(&manager);
        let due = || sampler.state.lock().watched[0].due;
        for _ in 0..20 {
            let calls = it.probe.calls();
            sampler.state.lock().watched[0].due = Instant::now() + Duration::from_secs(3600);
            sampler.changed.notify_all();
            sampler.nudge(&manager);
            wait_for("it looked", || it.probe.calls() > calls && due() > Instant::now());
        }
        manager.stop();
    }

    #[test]
    fn a_manager_is_watched_by_the_thread_of_the_process() {
        let (manager, it) = shared();
        manager.watch();
        wait_for("it is sampled", || it.probe.calls() > 1);
        assert!(is_running(&SAMPLER));
        let is_watched = || {
            let state = SAMPLER.state.lock();
            state.watched.iter().any(|watched| std::ptr::eq(watched.manager.as_ptr(), &raw const *manager))
        };
        assert!(is_watched());
        manager.stop();
        wait_for("it is let go", || !is_watched());
    }
}
