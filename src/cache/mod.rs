//! Answers that were given before, found again.
//!
//! Map, in reading order: [`config`]; [`key`] whose an entry is; [`record`] what is stored; [`l1`] memory; [`disk`] L2 and L3;
//! [`manager`] stores, [`lookup`] finds, `quick` what must be fast, [`removal`] removes, [`transfer`] moves many, `dump` is a file of many, [`flight`] lets one compute for all;
//! [`inspect`] looks without using, [`inspect_upkeep`] checks and compacts;
//! `below` stands for the disk where there is none; `reconcile` keeps memory and disk in step, `reconfigure` changes settings, [`footprint`] says what is held and holds less; [`registry`] shares caches within a process, `patience` waits;
//! [`stats`], [`events`]; [`hindsight`] says what larger tiers would have answered, [`observe`] what other policies and sizes would have, for who tunes; [`similar`] serves the answer to a question in other words, which
//! `questions` finds, or [`vectors`]; `follow` keeps both in step with what is stored.

mod absences;
mod below;
pub mod config;
mod disk;
mod dump;
mod events;
pub mod flight;
mod follow;
pub mod footprint;
mod hindsight;
pub mod inspect;
pub mod inspect_upkeep;
pub mod key;
mod l1;
pub mod lookup;
pub mod manager;
mod observe;
mod patience;
mod questions;
mod quick;
mod reconcile;
mod reconfigure;
pub mod record;
pub mod registry;
mod removal;
pub mod similar;
mod stats;
pub mod transfer;
mod transfer_files;
pub mod vectors;
mod writes;

pub use config::{CacheConfig, Purpose};
pub use disk::location::directory_beside;
pub use footprint::sqlite_bytes;
pub use hindsight::{Bound, Change, DiskWouldHave, SizeAdvice, Step, WouldHave};
pub use key::{Key, Keys, Namespace, Scope};
pub use l1::map::SlotId;
pub use lookup::{Hit, Layer, Peek};
pub use manager::CacheManager;
pub use observe::{Observations, RehearsalPlan, Rehearsed, other_policy};
pub use questions::Similar;
pub use record::{Kind, Record, Terms};
pub use registry::OpenCache;
pub use similar::{Answer, Close, Lookup, Seek};
pub use stats::CacheStats;

#[cfg(test)]
mod tests;
