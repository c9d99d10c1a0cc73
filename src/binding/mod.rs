//! The only code that knows Node-API. It converts and delegates; it decides nothing.
//!
//! [`call`] is how every export is made: panics are caught, errors keep their code, long work goes to Node's thread pool.
//! [`columns`] reads a context, [`system`], [`filter`], [`cache`], [`cache_inspect`], [`cache_similar`], [`cache_upkeep`], [`memory`], [`token_optimizer`], [`token_ledger`], [`token_plans`] and [`tokens`] mirror the core, [`hot`] has
//! what every read calls, [`text`] hands values over, [`jobs`] follows long calls, [`log`] installs the log output.
//!
//! A handle is a plain object of functions made from closures over an `Arc`: cheaper to call than methods of a native
//! class, and it needs no prototype, which the `EventEmitter` classes of `js/` have already.

#![expect(unreachable_pub, reason = "exports are `pub` for the derive macro, whatever the module")]

mod cache;
mod cache_inspect;
mod cache_similar;
mod cache_upkeep;
mod call;
mod columns;
mod filter;
mod hot;
mod jobs;
mod log;
mod memory;
mod monitor;
mod system;
mod text;
mod token_ledger;
mod token_optimizer;
mod token_plans;
mod tokens;
