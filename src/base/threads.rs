//! How many threads of ours are at work on long calculations, so that calls which run side by side do not start more of them
//! than there are processors.

use std::sync::atomic::{AtomicIsize, Ordering};

/// Threads at work: those of calls that said so, and those that they started.
static AT_WORK: AtomicIsize = AtomicIsize::new(0);

/// Threads that count as being at work until this is dropped.
#[derive(Debug)]
pub struct AtWork(usize);

impl AtWork {
    /// The calling thread begins a long calculation.
    pub fn enter() -> Self {
        AT_WORK.fetch_add(1, Ordering::Relaxed);
        Self(1)
    }

    /// Room for at most `wanted` threads more: as many as there are processors that none of ours is at work on.
    pub fn extra(wanted: usize) -> Self {
        static CORES: std::sync::LazyLock<usize> = std::sync::LazyLock::new(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        let mut at_work = AT_WORK.load(Ordering::Relaxed);
        loop {
            // Whoever asks is at work, whether it said so or not.
            let busy = usize::try_from(at_work).unwrap_or(0).max(1);
            let count = wanted.min(CORES.saturating_sub(busy));
            match AT_WORK.compare_exchange_weak(
                at_work,
                at_work + signed(count),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Self(count),
                Err(now) => at_work = now,
            }
        }
    }

    /// How many threads these are.
    pub fn count(&self) -> usize {
        self.0
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(signed(self.0), Ordering::Relaxed);
    }
}

/// What `wait` gives; while the calling thread, which has entered, waits for another one, it is not at work.
pub fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    AT_WORK.fetch_sub(1, Ordering::Relaxed);
    let found = wait();
    AT_WORK.fetch_add(1, Ordering::Relaxed);
    found
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_threads_than_there_are_processors() {
        // Other tests of the process take some, too: only bounds can be looked at.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let own = AtWork::enter();
        let all: Vec<AtWork> = (0..4).map(|_| AtWork::extra(usize::MAX)).collect();
        assert!(all.iter().map(AtWork::count).sum::<usize>() < cores.max(1));
        assert_eq!(AtWork::extra(0).count(), 0);
        drop((own, all));
    }
}
