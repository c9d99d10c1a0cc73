//! Systems other than Linux: the crate `sysinfo`.
//!
//! No cgroups here. Even for a single process `sysinfo` lets the system list
//! all of them (Windows: a process snapshot, macOS: the pid list), so a sample
//! costs more than on Linux; callers should go through the manager's cached
//! sample where they call often.

use std::sync::Arc;

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{Detail, Probe, ProbeError, RawSample};
use crate::base::clock::Clock;

const RSS: &str = "the resident set size";
const MACHINE: &str = "the machine's memory";

/// Reads the figures of this process and machine.
pub struct SystemProbe {
    pid: Pid,
}

impl SystemProbe {
    /// A probe for this process. Reads nothing yet and cannot fail; the clock
    /// is taken for the sake of one signature on all platforms.
    #[must_use]
    pub fn new(_clock: Arc<dyn Clock>) -> Self {
        Self { pid: Pid::from_u32(std::process::id()) }
    }
}

impl Probe for SystemProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        // A new one each time: a kept `System` holds a process handle open on
        // Windows, and would still show its last figures after a failed read.
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram().with_swap());
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[self.pid]),
            true,
            ProcessRefreshKind::nothing().with_memory(),
        );
        // `sysinfo` says zero for what it cannot read.
        let rss = system
            .process(self.pid)
            .map(sysinfo::Process::memory)
            .filter(|rss| *rss > 0)
            .ok_or(ProbeError::Unavailable { what: RSS })?;
        let system_total = Some(system.total_memory())
            .filter(|total| *total > 0)
            .ok_or(ProbeError::Unavailable { what: MACHINE })?;
        Ok(RawSample {
            rss,
            system_total,
            system_available: system.available_memory().min(system_total),
            swap_total: system.total_swap(),
            swap_free: system.free_swap().min(system.total_swap()),
            cgroup: None,
        })
    }

    /// Nothing of it exists here.
    fn pss(&self) -> Option<u64> {
        None
    }

    fn detail(&self) -> Detail {
        Detail::default()
    }
}
