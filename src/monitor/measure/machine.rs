//! Where figures of process and machine come from: this machine, or one that somebody describes.

use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Disk, DiskProbe};
use super::host::{self, SystemMemory};
use super::process;
use crate::base::machine::GivenMachine;
use crate::monitor::host_cpu::{CpuTimes, system_times};

/// What is read of a machine and of the process on it. What cannot be read is `None`.
pub(super) trait Machine: Send + Sync {
    /// Processor time of the process, s.
    fn cpu_time_s(&self) -> Option<f64>;
    /// Processor times of the machine.
    fn cpu_times(&self) -> Option<CpuTimes>;
    /// Processors that the process may use.
    fn cores(&self) -> Option<usize>;
    /// Load of the last 1, 5 and 15 minutes.
    fn load_averages(&self) -> Option<[f64; 3]>;
    /// Memory of the machine.
    fn memory(&self) -> Option<SystemMemory>;
    /// Resident set of the process, bytes.
    fn resident_bytes(&self) -> Option<u64>;
    /// Room on the disk. May take half a second.
    fn disk(&self) -> Option<Disk>;
}

/// The machine that this process runs on.
pub(super) struct ThisMachine(DiskProbe);

impl ThisMachine {
    /// `disk_of` is the directory whose file system is looked at.
    pub(super) fn new(disk_of: PathBuf) -> Self {
        Self(DiskProbe::new(disk_of))
    }
}

impl Machine for ThisMachine {
    fn cpu_time_s(&self) -> Option<f64> {
        process::cpu_time_s()
    }

    fn cpu_times(&self) -> Option<CpuTimes> {
        system_times()
    }

    fn cores(&self) -> Option<usize> {
        host::cores()
    }

    fn load_averages(&self) -> Option<[f64; 3]> {
        host::load_averages()
    }

    fn memory(&self) -> Option<SystemMemory> {
        host::memory()
    }

    fn resident_bytes(&self) -> Option<u64> {
        process::resident_bytes()
    }

    fn disk(&self) -> Option<Disk> {
        self.0.read()
    }
}

impl Machine for Arc<GivenMachine> {
    fn cpu_time_s(&self) -> Option<f64> {
        Some(self.process_cpu_s())
    }

    fn cpu_times(&self) -> Option<CpuTimes> {
        Some(given_times(self))
    }

    fn cores(&self) -> Option<usize> {
        Some(self.figures().cores)
    }

    fn load_averages(&self) -> Option<[f64; 3]> {
        Some(self.figures().load_average)
    }

    fn memory(&self) -> Option<SystemMemory> {
        let figures = self.figures();
        let total = figures.total_memory;
        Some(SystemMemory { total, available: figures.available_memory.min(total) })
    }

    fn resident_bytes(&self) -> Option<u64> {
        Some(self.rss())
    }

    fn disk(&self) -> Option<Disk> {
        let figures = self.figures();
        Some(Disk { used: figures.disk_used, available: figures.disk_available })
    }
}

/// Processor times of a machine that somebody describes.
pub(in crate::monitor) fn given_times(machine: &GivenMachine) -> CpuTimes {
    let (busy, total) = machine.cpu_us();
    CpuTimes { busy, total }
}
