//! What the domains say about their work: typed events and the sink they go into, and the table of all metrics.
//!
//! It does not decide what is shown to whom; the engine and the binding do.

pub mod event;
pub mod metric;
