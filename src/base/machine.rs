//! A machine whose figures somebody says, for systems in other people's tests: what a process really takes, and how busy the
//! machine really is, must not decide whether a test passes.
//!
//! Where parts read the machine they read this one instead; each part has its own way to do so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use super::clock::Clock;
use super::error::{Error, ErrorKind, Result};

/// Figures of a machine and of the process on it; sizes in bytes, shares in percent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineFigures {
    /// Resident set of the process as a share of the configured limit. Counts before `rss`.
    pub memory_percentage: Option<f64>,
    /// Resident set of the process. Without it and the share above: [`CALM_BYTES`], or [`CALM_SHARE`] if that is less.
    pub rss: Option<u64>,
    /// Memory of the machine.
    pub total_memory: u64,
    /// What can be had of it.
    pub available_memory: u64,
    /// V8's heap.
    pub heap_total: u64,
    /// What it holds.
    pub heap_used: u64,
    /// What it holds outside.
    pub external: u64,
    /// What it may grow to.
    pub heap_limit: u64,
    /// How busy all processors are together.
    pub cpu: f64,
    /// What the process takes of one.
    pub process_cpu: f64,
    /// Processors.
    pub cores: usize,
    /// Load of the last 1, 5 and 15 minutes.
    pub load_average: [f64; 3],
    /// Room in use on the disk.
    pub disk_used: u64,
    /// Room left on it.
    pub disk_available: u64,
}

/// What a process takes that is of no concern: no more than Node.js with a program in it.
const CALM_BYTES: u64 = 128 << 20;
/// The same of a small limit, in percent of it.
const CALM_SHARE: f64 = 10.0;

struct State {
    figures: MachineFigures,
    /// Until when the times below are counted, µs.
    counted_us: u64,
    /// Time that the processors were busy and that there was, µs of one.
    busy_us: f64,
    all_us: f64,
    /// Of the process.
    process_us: f64,
}

/// See the module. Processor times grow with the clock, at the rates that were said meanwhile.
pub struct GivenMachine {
    clock: Arc<dyn Clock>,
    limit_bytes: AtomicU64,
    state: Mutex<State>,
}

impl GivenMachine {
    /// A machine with these figures from now on.
    pub fn new(clock: Arc<dyn Clock>, figures: MachineFigures) -> Self {
        let counted_us = clock.now_us();
        let state = State { figures, counted_us, busy_us: 0.0, all_us: 0.0, process_us: 0.0 };
        Self { clock, limit_bytes: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// Figures of JSON.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT`.
    pub fn figures_of(json: Value) -> Result<MachineFigures> {
        serde_json::from_value(json)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("figures of a machine: {error}")))
    }

    /// Other figures from now on.
    pub fn set(&self, figures: MachineFigures) {
        let mut state = self.state.lock();
        state.count(self.clock.now_us());
        state.figures = figures;
    }

    /// The limit that `memory_percentage` is a share of.
    pub fn set_limit(&self, bytes: u64) {
        self.limit_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn figures(&self) -> MachineFigures {
        self.state.lock().figures.clone()
    }

    /// Resident set of the process.
    pub fn rss(&self) -> u64 {
        let state = self.state.lock();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes")]
        let share = |percentage: f64| {
            (self.limit_bytes.load(Ordering::Relaxed) as f64 * percentage / 100.0).round() as u64
        };
        let calm = || share(CALM_SHARE).min(CALM_BYTES);
        state.figures.memory_percentage.map(share).or(state.figures.rss).unwrap_or_else(calm)
    }

    /// Time that all processors were busy, and all of it, since the start, in µs of one of them.
    pub fn cpu_us(&self) -> (u64, u64) {
        let state = &mut *self.state.lock();
        state.count(self.clock.now_us());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times that only grow")]
        let times = (state.busy_us.round() as u64, state.all_us.round() as u64);
        times
    }

    /// Processor time of the process since the start, s.
    pub fn process_cpu_s(&self) -> f64 {
        let state = &mut *self.state.lock();
        state.count(self.clock.now_us());
        state.process_us / 1e6
    }
}

impl State {
    fn count(&mut self, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.counted_us) as f64;
        let all_us = passed_us * self.figures.cores as f64;
        self.all_us += all_us;
        self.busy_us += all_us * self.figures.cpu / 100.0;
        self.process_us += passed_us * self.figures.process_cpu / 100.0;
        self.counted_us = now_us;
    }
}

impl std::fmt::Debug for GivenMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GivenMachine").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::driven::DrivenClock;

    pub(crate) fn calm() -> MachineFigures {
        MachineFigures {
            memory_percentage: None,
            rss: None,
            total_memory: 16 << 30,
            available_memory: 12 << 30,
            heap_total: 64 << 20,
            heap_used: 32 << 20,
            external: 2 << 20,
            heap_limit: 4 << 30,
            cpu: 10.0,
            process_cpu: 5.0,
            cores: 4,
            load_average: [0.4, 0.3, 0.2],
            disk_used: 40 << 30,
            disk_available: 60 << 30,
        }
    }

    #[test]
    fn processor_times_grow_at_the_rates_that_were_said() {
        let clock = Arc::new(DrivenClock::new(0, 0));
        let machine = GivenMachine::new(clock.clone(), calm());
        clock.move_to(1_000);
        assert_eq!(machine.cpu_us(), (400_000, 4_000_000));
        machine.set(MachineFigures { cpu: 50.0, process_cpu: 100.0, ..calm() });
        clock.move_to(2_000);
        assert_eq!(machine.cpu_us(), (2_400_000, 8_000_000));
        assert!((machine.process_cpu_s() - 1.05).abs() < 1e-9);
    }

    #[test]
    fn memory_may_be_a_share_of_the_limit() {
        let machine = GivenMachine::new(Arc::new(DrivenClock::new(0, 0)), calm());
        machine.set_limit(2_000);
        assert_eq!(machine.rss(), 200, "a calm one");
        machine.set(MachineFigures { memory_percentage: Some(97.0), ..calm() });
        assert_eq!(machine.rss(), 1_940);
        machine.set(MachineFigures { rss: Some(7), ..calm() });
        assert_eq!(machine.rss(), 7);
        machine.set(calm());
        machine.set_limit(1 << 40);
        assert_eq!(machine.rss(), CALM_BYTES);
    }
}
