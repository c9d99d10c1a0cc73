//! Memory figures of this process, the limits that apply to it, and the
//! throttling of agents that hold too much context.
//!
//! What it does:
//! - reads process, system and cgroup memory through a [`Probe`];
//! - finds the *effective limit*: the lowest of the configured maximum, the
//!   cgroup limits and the machine's memory (see [`LimitSource`]);
//! - keeps a bounded registry of agents and says which of them are throttled,
//!   how much context one should ask for, and how healthy the process is.
//!
//! What it does not do:
//! - start threads or timers: everything happens inside a caller's call, so
//!   idle agents are forgotten lazily;
//! - read the V8 heap: only the JS thread may, so the caller passes [`V8Heap`];
//! - raise alerts, force garbage collections or log: `gc_interval`,
//!   `context_retention_time`, `alert_threshold` and `enable_detailed_logging`
//!   are carried for whoever schedules those, and `recentAlerts` stays empty;
//! - measure what an agent really holds: the figures are what the caller says.

mod agents;
#[cfg(target_os = "linux")]
mod cgroup;
pub mod config;
mod limits;
mod manager;
mod probe;
mod stats;
#[cfg(test)]
mod test_support;

pub use agents::{AgentChange, ThrottleReason};
pub use config::MemoryConfig;
pub use limits::{EffectiveLimit, LimitSource};
pub use manager::{MemoryManager, MemorySample};
pub use probe::{CgroupMemory, CgroupVersion, Probe, ProbeError, RawSample, SystemProbe};
pub use stats::{
    AgentStats, CgroupStats, ConfigStats, LimitStats, MemoryStats, ProcessStats, SystemStats, V8Heap,
};
