//! Answers that were given before, found again.
//!
//! This version has the first tier: [`l1`], in native memory, bound by entries and bytes, with a time to live for each
//! entry. [`scope`] says whose an entry is. Disk tiers and similar queries are not here.

pub mod config;
pub mod l1;
pub mod scope;

pub use config::CacheConfig;
pub use l1::{L1, L1Stats};
pub use scope::Scope;
