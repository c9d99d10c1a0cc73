//! Load of the machine's processors between two readings.
//!
//! A reading says how long all processors were busy and idle since the machine started; load is what happened between
//! two of them. Before a full interval has passed there is no load to speak of, and none is made up.

use std::sync::Arc;

use parking_lot::Mutex;

use super::measure::given_times;
use crate::base::clock::Clock;
use crate::base::machine::GivenMachine;

/// Least time between two readings: shorter ones mostly show the caller's own burst of work.
pub const INTERVAL_MS: u64 = 5_000;

/// Time that all processors together spent, in any unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    /// Doing something.
    pub busy: u64,
    /// Everything.
    pub total: u64,
}

/// Where readings come from; `None` when the system does not say.
pub type ReadTimes = Box<dyn Fn() -> Option<CpuTimes> + Send + Sync>;

/// The load of the machine.
pub struct HostCpu {
    clock: Arc<dyn Clock>,
    read: ReadTimes,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    at_ms: u64,
    times: Option<CpuTimes>,
    percentage: Option<f64>,
}

impl HostCpu {
    /// Takes the first reading.
    pub fn new(clock: Arc<dyn Clock>, read: ReadTimes) -> Self {
        let state = State { at_ms: clock.now_ms(), times: read(), percentage: None };
        Self { clock, read, state: Mutex::new(state) }
    }

    /// The same of a machine that somebody describes.
    pub fn given(clock: Arc<dyn Clock>, machine: Arc<GivenMachine>) -> Self {
        Self::new(clock, Box::new(move || Some(given_times(&machine))))
    }

    /// Load over the last interval of at least 5 s, 0–100 of all processors; `None` before the first has passed and
    /// where the system does not say. Costs a reading at most once an interval.
    pub fn percentage(&self) -> Option<f64> {
        let mut state = self.state.lock();
        let now_ms = self.clock.now_ms();
        if now_ms.saturating_sub(state.at_ms) >= INTERVAL_MS {
            let times = (self.read)();
            let percentage = state.times.zip(times).and_then(|(before, after)| {
                let total = after.total.checked_sub(before.total).filter(|total| *total > 0)?;
                let busy = after.busy.saturating_sub(before.busy).min(total);
                Some(busy as f64 / total as f64 * 100.0)
            });
            *state = State { at_ms: now_ms, times, percentage };
        }
        state.percentage
    }
}

impl std::fmt::Debug for HostCpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCpu").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The reading of this machine: the first line of `/proc/stat`.
#[cfg(target_os = "linux")]
pub fn system_times() -> Option<CpuTimes> {
    parse_proc_stat(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Other systems: not read in this version, so there is no load.
#[cfg(not(target_os = "linux"))]
pub fn system_times() -> Option<CpuTimes> {
    None
}

/// `cpu  user nice system idle iowait irq softirq steal guest guest_nice` (`proc_stat(5)`); guest times are already
/// in user and nice. Waiting for a disk is idle.
#[cfg(target_os = "linux")]
fn parse_proc_stat(text: &str) -> Option<CpuTimes> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let times = line.split_whitespace().take(8).map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    let idle = times.get(3)? + times.get(4)?;
    let total: u64 = times.iter().sum();
    Some(CpuTimes { busy: total.checked_sub(idle)?, total })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    fn host(readings: Vec<Option<CpuTimes>>) -> (HostCpu, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        let readings = Mutex::new(readings.into_iter());
        (HostCpu::new(clock.clone(), Box::new(move || readings.lock().next().flatten())), clock)
    }

    #[test]
    fn no_load_before_an_interval_has_passed() {
        let (host, clock) =
            host(vec![Some(CpuTimes { busy: 0, total: 0 }), Some(CpuTimes { busy: 30, total: 40 })]);
        clock.advance(INTERVAL_MS - 1);
        assert_eq!(host.percentage(), None);
        clock.advance(1);
        assert_eq!(host.percentage(), Some(75.0));
        clock.advance(INTERVAL_MS - 1);
        assert_eq!(host.percentage(), Some(75.0), "no new reading yet");
    }

    #[test]
    fn missing_or_backward_readings_give_no_load() {
        for second in [None, Some(CpuTimes { busy: 1, total: 3 }), Some(CpuTimes { busy: 5, total: 10 })] {
            let (host, clock) = host(vec![Some(CpuTimes { busy: 5, total: 10 }), second]);
            clock.advance(INTERVAL_MS);
            assert_eq!(host.percentage(), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn proc_stat_is_read_without_counting_guests_twice() {
        let text = "cpu  10 1 5 100 20 2 3 4 9 1\ncpu0 1 1 1 1\n";
        assert_eq!(parse_proc_stat(text), Some(CpuTimes { busy: 25, total: 145 }));
        for broken in ["", "cpu", "cpu  1 2", "cpu  a b c d e"] {
            assert_eq!(parse_proc_stat(broken), None, "{broken:?}");
        }
        assert!(system_times().is_some());
    }
}
