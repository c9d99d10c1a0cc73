//! Figures that somebody says, see [`GivenMachine`].

use std::sync::Arc;

use super::{Detail, Probe, ProbeError, RawSample};
use crate::base::machine::GivenMachine;
use crate::memory::stats::V8Heap;

/// Reads a machine that somebody describes. It has no cgroup and no swap.
#[derive(Debug)]
pub struct GivenProbe(pub Arc<GivenMachine>);

impl Probe for GivenProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        let figures = self.0.figures();
        Ok(RawSample {
            rss: self.0.rss(),
            system_total: figures.total_memory,
            system_available: figures.available_memory.min(figures.total_memory),
            swap_total: 0,
            swap_free: 0,
            cgroup: None,
        })
    }

    fn detail(&self) -> Detail {
        Detail::default()
    }

    fn pss(&self) -> Option<u64> {
        None
    }
}

/// The heap that a machine's figures have.
pub fn heap_of(machine: &GivenMachine) -> V8Heap {
    let figures = machine.figures();
    V8Heap {
        heap_total: figures.heap_total,
        heap_used: figures.heap_used,
        external: figures.external,
        heap_limit: figures.heap_limit,
    }
}
