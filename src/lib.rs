//! Core of `agentwise-optimization`. In reading order:
//!
//! - [`base`]: errors, clock, units, configuration checks, the column form of a context, JSON, files
//! - [`telemetry`]: event types and the sink they go into
//! - [`memory`], [`cache`], [`context`], [`tokens`]: the domains; they do not know each other
//! - [`similarity`]: what two texts have in common beyond their letters
//! - [`monitor`]: figures of the machine
//! - [`orchestrator`]: settings, the pipeline over the domains, health, reports
//! - [`engine`]: builds and wires everything, starts and stops it
//! - `binding`: the only code that knows Node-API (feature `binding`)

pub mod base;
pub mod cache;
pub mod context;
pub mod engine;
pub mod memory;
pub mod monitor;
pub mod orchestrator;
pub mod similarity;
pub mod telemetry;
pub mod tokens;

#[cfg(feature = "binding")]
mod binding;
