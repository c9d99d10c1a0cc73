//! What every other module may use and that uses none of them: errors, time, cancelling, units, configuration checks, the
//! column form of a context, names, and files.

pub mod cancel;
pub mod clock;
pub mod columns;
pub mod config;
pub mod document;
pub mod error;
pub mod file;
pub mod json;
pub mod name;
pub mod units;
