//! Reads the figures that nobody else has: of requests, the event loop, garbage collection, the process and the machine.
//!
//! [`Readings`] has all that lies between two samples and fills in its rows of the metric table; [`operations`],
//! [`event_loop`] and [`gc`] are what others record into. What cannot be read is absent. Figures of the domains (cache,
//! filter, tokens, agents, this process's memory) come from them and not from here.

pub mod disk;
pub mod event_loop;
pub mod gc;
pub mod host;
mod machine;
pub mod operations;
pub mod process;
mod recent;
mod times;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::base::machine::GivenMachine;
use crate::base::units::BYTES_PER_MB;
use crate::monitor::host_cpu::CpuTimes;
use crate::monitor::sample::OperationRow;
use crate::telemetry::metric::{Figures, Metric};

use event_loop::LoopDelay;
use gc::GcPauses;
use machine::{Machine, ThisMachine};
use operations::Operations;

pub(in crate::monitor) use machine::given_times;
pub use times::Percentiles;

/// Limits, in seconds, below which requests are counted for Prometheus: from a lookup in memory to a call that is given up.
pub const LATENCY_BUCKETS_S: [f64; 19] = [
    1e-6, 1e-5, 1e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];

/// Processors are added to machines and quotas changed, which nobody expects to be seen at once; it takes reading of files.
const CORES_TTL_US: u64 = 60_000_000;

/// What one look gave.
#[derive(Debug)]
pub struct Reading {
    /// Time since the look before, ms.
    pub interval_ms: u64,
    /// The rows of the table that are read here.
    pub figures: Figures,
    /// Operations that had requests, by name.
    pub operations: Vec<OperationRow>,
}

struct Before {
    started_us: u64,
    at_us: u64,
    cpu_time_s: Option<f64>,
    cpu_times: Option<CpuTimes>,
    /// When they were read, and how many there were.
    cores: Option<(u64, Option<usize>)>,
}

/// All that lies between two samples.
pub struct Readings {
    operations: Arc<Operations>,
    event_loop: Arc<LoopDelay>,
    gc: Arc<GcPauses>,
    machine: Box<dyn Machine>,
    before: Mutex<Before>,
}

impl Readings {
    /// Begins the first interval. `now_us` is monotonic, in µs, as in [`Self::read`]; `disk_of` is the directory whose file
    /// system is looked at, which need not exist yet.
    pub fn new(now_us: u64, disk_of: PathBuf) -> Self {
        Self::of(Box::new(ThisMachine::new(disk_of)), now_us)
    }

    /// The same on a machine that somebody describes.
    pub fn given(machine: Arc<GivenMachine>, now_us: u64) -> Self {
        Self::of(Box::new(machine), now_us)
    }

    fn of(machine: Box<dyn Machine>, now_us: u64) -> Self {
        let before = Before {
            started_us: now_us,
            at_us: now_us,
            cpu_time_s: machine.cpu_time_s(),
            cpu_times: machine.cpu_times(),
            cores: None,
        };
        Self {
            operations: Arc::new(Operations::new(now_us / 1_000)),
            event_loop: Arc::default(),
            gc: Arc::default(),
            machine,
            before: Mutex::new(before),
        }
    }

    /// Where requests are recorded.
    pub fn operations(&self) -> &Arc<Operations> {
        &self.operations
    }

    /// Where delays of the event loop are; asked with the same clock as [`Self::read`].
    pub fn event_loop(&self) -> &Arc<LoopDelay> {
        &self.event_loop
    }

    /// Where collections are recorded.
    pub fn gc(&self) -> &Arc<GcPauses> {
        &self.gc
    }

    /// Time since the start, µs.
    pub fn uptime_us(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.before.lock().started_us)
    }

    /// Looks at everything and ends the interval. May wait half a second for a disk that hangs: never on a JavaScript thread.
    pub fn read(&self, now_us: u64) -> Reading {
        let disk = self.machine.disk();
        let mut before = self.before.lock();
        let interval_us = now_us.saturating_sub(before.at_us);
        before.at_us = now_us;
        let mut figures = Figures::default();
        self.machine_figures(&mut figures, &mut before, now_us, interval_us as f64 / 1e6);
        if let Some(disk) = disk {
            figures.set(Metric::DiskUsage, disk.used as f64 / BYTES_PER_MB);
            figures.set(Metric::DiskAvailable, disk.available as f64 / BYTES_PER_MB);
            figures.set(Metric::DiskPercentage, disk.percentage());
        }
        self.javascript_figures(&mut figures, now_us);
        let operations = self.request_figures(&mut figures, now_us, interval_us as f64 / 1e6);
        figures.set(Metric::Uptime, now_us.saturating_sub(before.started_us) as f64 / 1e6);
        Reading { interval_ms: interval_us / 1_000, figures, operations }
    }

    fn machine_figures(&self, figures: &mut Figures, before: &mut Before, now_us: u64, interval_s: f64) {
        let cpu_time_s = self.machine.cpu_time_s();
        let used_s = before.cpu_time_s.zip(cpu_time_s).map(|(before, now)| now - before);
        before.cpu_time_s = cpu_time_s;
        figures.set(Metric::CpuTime, cpu_time_s);
        // An interval without length gives no figure: those are NaN or infinite, which `set` leaves absent.
        figures.set(Metric::CpuProcess, used_s.map(|used_s| used_s.max(0.0) / interval_s * 100.0));

        let times = self.machine.cpu_times();
        let busy = before.cpu_times.zip(times).and_then(|(before, now)| host::busy_percent(before, now));
        before.cpu_times = times;
        figures.set(Metric::CpuUsage, busy);

        let cores = match before.cores {
            Some((at_us, cores)) if now_us.saturating_sub(at_us) < CORES_TTL_US => cores,
            _ => {
                let cores = self.machine.cores();
                before.cores = Some((now_us, cores));
                cores
            }
        };
        figures.set(Metric::CpuCores, cores.map(|cores| cores as f64));

        let resident = self.machine.resident_bytes().map(|bytes| bytes as f64 / BYTES_PER_MB);
        figures.set(Metric::MemoryProcess, resident);
        if let Some(loads) = self.machine.load_averages() {
            for (metric, load) in [Metric::Load1, Metric::Load5, Metric::Load15].into_iter().zip(loads) {
                figures.set(metric, load);
            }
        }
        if let Some(memory) = self.machine.memory() {
            figures.set(Metric::MemorySystem, memory.used() as f64 / BYTES_PER_MB);
            figures.set(Metric::MemoryAvailable, memory.available as f64 / BYTES_PER_MB);
            // Until a memory manager says what is nearer.
            let (used, total) = (memory.used() as f64, (memory.used() + memory.available) as f64);
            figures.set(Metric::MemoryPercentage, used / total * 100.0);
            figures.set(Metric::MemoryLimit, total / BYTES_PER_MB);
        }
    }

    fn javascript_figures(&self, figures: &mut Figures, now_us: u64) {
        if let Some(delays) = self.event_loop.take(now_us) {
            figures.set(Metric::LoopP50, delays.p50_ms);
            figures.set(Metric::LoopP99, delays.p99_ms);
            figures.set(Metric::LoopMax, delays.max_ms);
        }
        if let Some(pauses) = self.gc.take() {
            figures.set(Metric::GcCount, pauses.count as f64);
            figures.set(Metric::GcTime, pauses.time_ms);
            figures.set(Metric::GcMax, pauses.max_ms);
        }
    }

    fn request_figures(&self, figures: &mut Figures, now_us: u64, interval_s: f64) -> Vec<OperationRow> {
        let interval = self.operations.take(now_us / 1_000);
        if let Some(all) = interval.all {
            figures.set(Metric::ResponseTime, all.p95_ms);
            figures.set(Metric::ResponseP50, all.p50_ms);
            figures.set(Metric::ResponseP99, all.p99_ms);
            figures.set(Metric::ResponseMax, all.max_ms);
        }
        figures.set(Metric::Throughput, interval.count as f64 / interval_s);
        // Without a request there is no share of them.
        figures.set(Metric::ErrorRate, interval.errors as f64 / interval.count as f64 * 100.0);
        figures.set(Metric::SlowestP95, interval.slowest_p95_ms);
        figures.set(Metric::RecentErrorRate, interval.recent_error_percent);
        let (requests, errors) = self.operations.counts();
        figures.set(Metric::Requests, requests as f64);
        figures.set(Metric::Errors, errors as f64);
        interval.operations
    }
}

impl std::fmt::Debug for Readings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readings").field("operations", &self.operations).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    use super::disk::Disk;
    use super::host::SystemMemory;

    const S: u64 = 1_000_000;

    thread_local! {
        /// Processor time of the process, s; busy and all time of the machine.
        static CPU: Cell<(Option<f64>, Option<CpuTimes>)> = const { Cell::new((None, None)) };
    }

    /// This machine, with the processor times of above.
    struct TestMachine(ThisMachine);

    impl Machine for TestMachine {
        fn cpu_time_s(&self) -> Option<f64> {
            CPU.get().0
        }
        fn cpu_times(&self) -> Option<CpuTimes> {
            CPU.get().1
        }
        fn cores(&self) -> Option<usize> {
            self.0.cores()
        }
        fn load_averages(&self) -> Option<[f64; 3]> {
            self.0.load_averages()
        }
        fn memory(&self) -> Option<SystemMemory> {
            self.0.memory()
        }
        fn resident_bytes(&self) -> Option<u64> {
            self.0.resident_bytes()
        }
        fn disk(&self) -> Option<Disk> {
            self.0.disk()
        }
    }

    fn spent(process_s: f64, busy: u64, total: u64) {
        CPU.set((Some(process_s), Some(CpuTimes { busy, total })));
    }

    fn readings() -> Readings {
        Readings::of(Box::new(TestMachine(ThisMachine::new(PathBuf::from(".")))), 0)
    }

    #[test]
    fn processor_time_is_that_between_two_looks() {
        spent(100.0, 0, 0);
        let readings = readings();
        spent(115.0, 300, 400);
        let first = readings.read(10 * S);
        assert_eq!(first.interval_ms, 10_000);
        assert_eq!(first.figures.get(Metric::CpuProcess), Some(150.0));
        assert_eq!(first.figures.get(Metric::CpuUsage), Some(75.0));
        assert_eq!(first.figures.get(Metric::CpuTime), Some(115.0));
        spent(115.0, 300, 800);
        let second = readings.read(12 * S).figures;
        assert_eq!((second.get(Metric::CpuProcess), second.get(Metric::CpuUsage)), (Some(0.0), Some(0.0)));
        CPU.set((None, None));
        let unreadable = readings.read(22 * S).figures;
        for metric in [Metric::CpuProcess, Metric::CpuUsage, Metric::CpuTime] {
            assert_eq!(unreadable.get(metric), None, "{metric:?}");
        }
    }

    #[test]
    fn an_interval_without_length_has_no_rates() {
        spent(1.0, 1, 1);
        let figures = readings().read(0).figures;
        for metric in [Metric::CpuProcess, Metric::CpuUsage, Metric::Throughput, Metric::ErrorRate] {
            assert_eq!(figures.get(metric), None, "{metric:?}");
        }
    }

    #[test]
    fn requests_pauses_and_delays_are_in_the_figures() {
        let readings = readings();
        for _ in 0..19 {
            readings.operations().record("get", 2.0, false);
        }
        readings.operations().record("set", 8.0, true);
        readings.gc().record(1, 3.0);
        assert!(readings.event_loop().ask(S));
        readings.event_loop().answered(S + 250);
        let reading = readings.read(10 * S);
        let figures = &reading.figures;
        for (metric, expected) in [
            (Metric::Throughput, 2.0),
            (Metric::ErrorRate, 5.0),
            (Metric::RecentErrorRate, 5.0),
            (Metric::Requests, 20.0),
            (Metric::Errors, 1.0),
            (Metric::ResponseMax, 8.0),
            (Metric::SlowestP95, 8.0),
            (Metric::ResponseP50, 2.0),
            (Metric::GcCount, 1.0),
            (Metric::GcMax, 3.0),
            (Metric::LoopMax, 0.25),
            (Metric::Uptime, 10.0),
        ] {
            let value = figures.get(metric).unwrap_or(f64::NAN);
            assert!((value / expected - 1.0).abs() < 0.015, "{metric:?}: {value}");
        }
        assert_eq!(reading.operations.len(), 2);

        let quiet = readings.read(20 * S).figures;
        assert_eq!(quiet.get(Metric::Throughput), Some(0.0));
        for metric in [Metric::ErrorRate, Metric::ResponseTime, Metric::GcMax, Metric::LoopMax] {
            assert_eq!(quiet.get(metric), None, "{metric:?}");
        }
        assert_eq!(quiet.get(Metric::Requests), Some(20.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_fills_every_row_that_is_read_of_it() {
        let readings = Readings::new(0, PathBuf::from("."));
        let figures = readings.read(10 * S).figures;
        for metric in [
            Metric::CpuTime,
            Metric::CpuProcess,
            Metric::CpuCores,
            Metric::Load1,
            Metric::Load15,
            Metric::MemorySystem,
            Metric::MemoryAvailable,
            Metric::DiskUsage,
            Metric::DiskAvailable,
            Metric::DiskPercentage,
        ] {
            assert!(figures.get(metric).is_some(), "{metric:?}");
        }
    }
}
