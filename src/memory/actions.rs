//! What was done about short memory, what it freed and what it cost. Keeps the record; the manager acts.

use serde_json::{Value, json};

use super::pressure::Step;
use super::stats::megabytes;
use crate::base::units::round2;

/// What one kind of action did so far.
#[derive(Debug, Clone, Default)]
struct Record {
    count: u64,
    last_wall_ms: u64,
    last_reason: String,
    freed_bytes: u64,
    total_freed_bytes: u64,
    cost_ms: f64,
    most_cost_ms: f64,
}

/// The record of all actions, by the step they belong to.
#[derive(Debug, Default)]
pub(crate) struct ActionLog([Record; Step::ALL.len()]);

impl ActionLog {
    /// Notes an action: bytes that were free afterwards and not before, as measured, and ms.
    pub(crate) fn note(&mut self, step: Step, wall_ms: u64, reason: &str, freed_bytes: u64, cost_ms: f64) {
        let record = &mut self.0[step as usize];
        record.count += 1;
        record.last_wall_ms = wall_ms;
        reason.clone_into(&mut record.last_reason);
        record.freed_bytes = freed_bytes;
        record.total_freed_bytes = record.total_freed_bytes.saturating_add(freed_bytes);
        record.cost_ms = cost_ms;
        record.most_cost_ms = record.most_cost_ms.max(cost_ms);
    }

    /// Rows for those that took place.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let taken = Step::ALL.iter().zip(&self.0).filter(|(_, record)| record.count > 0);
        taken
            .map(|(step, record)| {
                json!({
                    "step": step.name(),
                    "count": record.count,
                    "lastAt": record.last_wall_ms,
                    "lastReason": record.last_reason,
                    "freedMemory": megabytes(record.freed_bytes),
                    "totalFreed": megabytes(record.total_freed_bytes),
                    "costMs": round2(record.cost_ms),
                    "maxCostMs": round2(record.most_cost_ms),
                })
            })
            .collect()
    }
}

/// Gives memory that was freed back to the system. False where the allocator has no such function.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc's own function, which the standard library does not offer")]
pub(crate) fn release_freed_memory() -> bool {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> i32;
    }
    // SAFETY: it may be called at any time from any thread, and takes no pointer.
    unsafe { malloc_trim(0) };
    true
}

/// Gives memory that was freed back to the system. False where the allocator has no such function.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn release_freed_memory() -> bool {
    false
}
