//! Settings that follow the load: each change is tried, measured, kept or undone.
//!
//! [`config`] settings of the tuning itself; [`knob`] what is tuned, within which bounds; [`reading`] what it is told; [`objective`]
//! what is better; [`rules`] when a setting should change and whether that was right, one file each; [`controller`] the trials;
//! [`history`] what was done; [`track`] when a setting may change again. A pure machine: it knows no cache, no clock and no thread; the engine feeds it and does what it says.
//! See `docs/auto-tuning.md` and `docs/decisions/0022-auto-tuning.md`.

pub mod config;
pub mod controller;
pub mod history;
pub mod knob;
pub mod objective;
pub mod reading;
mod rules;
#[cfg(test)]
mod tests;
mod track;

pub use config::TuningConfig;
pub use controller::{Controller, Decision};
pub use history::{Adjustment, History, Outcome};
pub use knob::{Knob, Values};
pub use reading::{Count, Counts, Gauges, Reading};
