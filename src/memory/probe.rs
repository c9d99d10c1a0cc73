//! Reading the memory of this process and machine.
//!
//! [`Probe`] is the seam for tests; [`SystemProbe`] is the real thing, one per
//! platform family. A probe holds no file handle between samples, starts no
//! thread and never makes a figure up: what it cannot read is an error, or
//! `None` where absence is a normal answer (cgroups).

use std::{error, fmt, io};

use serde::Serialize;

mod given;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

pub use given::{GivenProbe, heap_of};
#[cfg(target_os = "linux")]
pub use linux::SystemProbe;
#[cfg(not(target_os = "linux"))]
pub use other::SystemProbe;

/// A source of memory figures.
pub trait Probe: Send + Sync {
    /// Reads the figures as they are now.
    ///
    /// # Errors
    /// [`ProbeError`] when a figure that always exists cannot be had.
    fn sample(&self) -> Result<RawSample, ProbeError>;

    /// Reads what is dearer, see [`Detail`]: to be asked every 10 s or so, and
    /// not where someone waits.
    fn detail(&self) -> Detail;

    /// Proportional resident set: pages shared with others count in parts, in bytes; Linux only. The kernel walks all
    /// pages for it, some 35 ms for each GB (measured on one machine): never where someone waits.
    fn pss(&self) -> Option<u64>;
}

/// Figures as the operating system gives them, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawSample {
    /// Resident set of this process.
    pub rss: u64,
    /// Memory of the machine (in a container: of its host).
    pub system_total: u64,
    /// Memory that can be had without swapping; at most `system_total`.
    pub system_available: u64,
    /// Swap space of the machine; 0 where there is none.
    pub swap_total: u64,
    /// Swap space not in use; at most `swap_total`.
    pub swap_free: u64,
    /// Memory cgroup of this process; `None` where there is none to see.
    pub cgroup: Option<CgroupMemory>,
}

/// Which cgroup interface a figure was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    /// The legacy hierarchy with a memory controller of its own.
    V1,
    /// The unified hierarchy.
    V2,
}

impl CgroupVersion {
    /// 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// Memory cgroup figures in bytes; `None` is "no limit" or "not readable".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CgroupMemory {
    /// Interface the figures come from.
    pub version: CgroupVersion,
    /// Smallest hard limit of the group and its visible ancestors.
    pub max: Option<u64>,
    /// Smallest `memory.high` (v1: soft limit) of the same groups.
    pub high: Option<u64>,
    /// What the group is charged with now: all its processes and page cache.
    pub current: Option<u64>,
    /// The part of `current` that is page cache nobody has used lately
    /// (`inactive_file`), at most `current`: the kernel drops it before it
    /// kills for want of memory.
    pub reclaimable: Option<u64>,
}

impl CgroupMemory {
    /// What counts against the limits: `current` less `reclaimable`, which is
    /// also how the kubelet of Kubernetes counts (`workingSetBytes`). All of
    /// `current` if `reclaimable` is not known.
    #[must_use]
    pub fn working_set(&self) -> Option<u64> {
        self.current.map(|current| current.saturating_sub(self.reclaimable.unwrap_or(0)))
    }
}

/// Figures that are dear or change slowly. `None`: not known here.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Detail {
    /// Waiting for memory: of the process' cgroup, else of the machine.
    pub psi: Option<Psi>,
    /// What has happened to the process' cgroup.
    pub cgroup_events: Option<CgroupEvents>,
}

/// Pressure stall information: time spent waiting for memory, in percent of
/// the last 10 s, 0–100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Psi {
    /// While some task waited.
    #[serde(rename = "some")]
    pub some_avg10: f64,
    /// While all tasks that were not idle waited.
    #[serde(rename = "full")]
    pub full_avg10: f64,
}

/// How often each has happened to a cgroup since it was made. Of v1 only `max`
/// and `oom_kill` are known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CgroupEvents {
    /// Reclaimed from although under its protection (`memory.low`).
    pub low: Option<u64>,
    /// Slowed down for being over `memory.high`.
    pub high: Option<u64>,
    /// About to go over its hard limit (v1: `memory.failcnt`).
    pub max: Option<u64>,
    /// At its limit with nothing left to reclaim.
    pub oom: Option<u64>,
    /// Processes in it that the kernel killed for want of memory.
    pub oom_kill: Option<u64>,
}

/// Why a sample could not be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProbeError {
    /// The operating system refused the read.
    Read {
        /// What was to be read.
        what: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// The figures were there but not in the known format.
    Malformed {
        /// What was read.
        what: &'static str,
    },
    /// The figure does not exist on this platform.
    Unavailable {
        /// What was asked for.
        what: &'static str,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { what, source } => write!(f, "cannot read {what}: {source}"),
            Self::Malformed { what } => write!(f, "{what} has an unknown format"),
            Self::Unavailable { what } => write!(f, "{what} is not available on this system"),
        }
    }
}

impl error::Error for ProbeError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Malformed { .. } | Self::Unavailable { .. } => None,
        }
    }
}
