//! Memory: of this process, of its agents, and of the limits that apply to it; and what is done before one is met.
//!
//! Map, in reading order: [`config`]; [`probe`] reads figures, `cgroup` those of a control group; `limits` says which limit
//! counts and how full it is, `slope` how fast it fills; `pressure` makes steps of that, `alerts` episodes, `health` a score;
//! `agents` knows who holds what and who waits, `contexts` which contexts are kept; `collect` decides on collections of
//! garbage, `actions` keeps what was done; `state` puts all of it together, [`manager`] puts it behind a lock, `watch` looks
//! and acts, `sampler` is the thread that makes it, [`board`] what JavaScript reads without a call; [`stats`], `history`,
//! `overview`, `report` and `summary` tell.
//!
//! What it does not do: it reads nothing of V8, which only the JavaScript thread may ([`V8Heap`] is given), it collects no
//! garbage itself, and it does not measure what an agent holds: callers say so.

mod actions;
mod agents;
mod alerts;
pub mod board;
#[cfg(target_os = "linux")]
mod cgroup;
mod collect;
pub mod config;
mod contexts;
mod health;
mod history;
#[cfg(target_os = "linux")]
mod kernel_text;
mod limits;
pub mod manager;
pub mod overview;
mod pressure;
pub mod probe;
mod report;
mod sampler;
mod slope;
mod state;
pub mod stats;
mod summary;
#[cfg(test)]
mod test_support;
mod watch;

pub use agents::{ThrottleCode, ThrottleReason};
pub use config::MemoryConfig;
pub use contexts::Marked;
pub use health::{Health, HealthFigures, Part};
pub use history::{HistoryPoint, MemoryUsage};
pub use limits::LimitSource;
pub use manager::{MemoryManager, Surroundings};
pub use overview::Overview;
pub use pressure::{Step, Thresholds};
pub use probe::{GivenProbe, Probe, SystemProbe, heap_of};
pub use stats::{AgentStats, MemoryStats, V8Heap};
