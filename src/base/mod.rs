//! What every other module may use and that uses none of them: errors, time, cancelling, units, configuration checks, the
//! column form of a context, names, files, what is allocated, and what the parts hold of it.

pub mod allocation;
pub mod cancel;
pub mod clock;
pub mod columns;
pub mod config;
pub mod document;
pub mod driven;
pub mod error;
pub mod file;
pub mod footprint;
pub mod held;
pub mod json;
pub mod locked;
pub mod machine;
#[cfg(all(test, unix))]
pub(crate) mod mounted;
pub mod name;
pub mod redact;
pub mod threads;
pub mod units;
