//! What an operator wants to know: figures, health, alerts, and how they get out of the process.
//!
//! In reading order: [`config`]; [`measure`] reads figures, [`sources`] are the parts that have some; [`sample`] is one look at
//! everything, `history` and [`store`] keep them; [`health`] makes scores, [`baseline`] knows what is usual; [`alerts`] say when
//! somebody is to be told, [`channel`] tells them; [`export`] shows all of it to other programs, [`report`] to people; [`net`] is
//! the thread for what goes over the network, `http` serves on it; [`live`] answers on a socket beside the cache, with or without a monitor. `production_monitor` puts it together: `state` is what it knows, `look` what it does when, `watch` the
//! thread that makes it, `keep` what it writes down, `exports` what it starts, `told` what it tells.
//!
//! It knows no domain: what they say comes in by a trait. Everything goes on while JavaScript is busy.

pub mod alerts;
pub mod baseline;
pub mod channel;
pub mod config;
pub mod export;
pub(crate) mod exports;
pub mod health;
mod history;
pub mod host_cpu;
mod http;
mod keep;
pub mod live;
mod look;
pub mod measure;
pub mod net;
pub mod production_monitor;
pub mod report;
pub mod sample;
pub mod sources;
mod state;
pub mod store;
mod told;
mod watch;

pub use config::MonitoringConfig;
pub use host_cpu::HostCpu;
pub use production_monitor::{Monitor, Surroundings};
pub use told::ReportForm;
pub use watch::flush_all;
