//! What a system has around it: time, the machine, a disk. The real ones, or those of somebody's test.

use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::driven::DrivenClock;
use crate::base::footprint::{Footprints, of_process};
use crate::base::machine::GivenMachine;
use crate::context::{ContextFilter, ContextFilterConfig};
use crate::memory::{GivenProbe, Probe, SystemProbe};
use crate::monitor::HostCpu;
use crate::monitor::host_cpu::system_times;

/// See the module.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    driven: Option<Driven>,
    footprints: Arc<Footprints>,
}

/// A clock that is moved by hand, and a machine that somebody describes. There is no disk: no file is read, none written
/// that is not asked for by name.
#[derive(Debug, Clone)]
pub struct Driven {
    /// The clock.
    pub clock: Arc<DrivenClock>,
    /// The machine.
    pub machine: Arc<GivenMachine>,
}

impl World {
    /// The real one, on this clock.
    pub fn real(clock: Arc<dyn Clock>) -> Self {
        Self { clock, driven: None, footprints: Arc::clone(of_process()) }
    }

    /// One of a test.
    pub fn driven(driven: Driven) -> Self {
        let clock = Arc::clone(&driven.clock) as Arc<dyn Clock>;
        Self { clock, driven: Some(driven), footprints: Footprints::driven() }
    }

    /// Time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// What is moved and described by hand, if it is.
    pub fn by_hand(&self) -> Option<&Driven> {
        self.driven.as_ref()
    }

    /// Whether there is a disk.
    pub fn has_disk(&self) -> bool {
        self.driven.is_none()
    }

    /// The parts that hold memory which is watched together.
    pub(super) fn footprints(&self) -> &Arc<Footprints> {
        &self.footprints
    }

    pub(super) fn probe(&self) -> Box<dyn Probe> {
        match &self.driven {
            Some(driven) => Box::new(GivenProbe(Arc::clone(&driven.machine))),
            None => Box::new(SystemProbe::new(self.clock())),
        }
    }

    pub(super) fn host_cpu(&self) -> HostCpu {
        match &self.driven {
            Some(driven) => HostCpu::given(self.clock(), Arc::clone(&driven.machine)),
            None => HostCpu::new(self.clock(), Box::new(system_times)),
        }
    }

    /// A filter, with the files of agents under `cwd` where there is a disk.
    pub(super) fn filter(&self, config: ContextFilterConfig, cwd: &std::path::Path) -> ContextFilter {
        let tokens = super::counter();
        if self.has_disk() {
            ContextFilter::with_agents(config, cwd.to_owned(), self.clock(), tokens)
        } else {
            ContextFilter::new(config, tokens)
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("driven", &self.driven).finish_non_exhaustive()
    }
}
