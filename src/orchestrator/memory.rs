//! What a memory manager is built on in this package.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::settings::Settings;
use super::{Components, Orchestrator, World};
use crate::base::clock::SystemClock;
use crate::base::units::mb_to_bytes;
use crate::cache::sqlite_bytes;
use crate::memory::board::Board;
use crate::memory::{MemoryConfig, MemoryManager, Surroundings};
use crate::telemetry::event::EventSink;

/// A manager by itself, with figures; nobody watches over it yet.
pub fn new_memory_manager(
    config: MemoryConfig,
    events: Arc<EventSink>,
    board: Arc<Board>,
) -> Arc<MemoryManager> {
    let manager =
        MemoryManager::new(config, surroundings(&World::real(Arc::new(SystemClock::new())), events, board));
    manager.prepare();
    Arc::new(manager)
}

impl Orchestrator {
    /// The manager that `settings` ask for: the old one with other settings, a new one, or none. Ends nothing.
    pub(super) fn memory(
        &self,
        settings: &Settings,
        old: Option<Arc<MemoryManager>>,
    ) -> Option<Arc<MemoryManager>> {
        if let Some(driven) = self.world.by_hand() {
            driven.machine.set_limit(mb_to_bytes(settings.memory.max_memory_usage_mb));
        }
        match (settings.enable_memory_management, old) {
            (true, Some(memory)) => {
                memory.set_config(settings.memory.clone());
                Some(memory)
            }
            (true, None) => Some(self.new_memory(settings.memory.clone())),
            (false, _) => None,
        }
    }

    fn new_memory(&self, config: MemoryConfig) -> Arc<MemoryManager> {
        let around = surroundings(&self.world, Arc::clone(&self.events), Arc::clone(&self.board));
        let memory = Arc::new(MemoryManager::new(config, around));
        memory.prepare();
        if self.is_watching.load(Ordering::Relaxed) {
            memory.watch();
        }
        memory
    }

    /// Begins to watch over memory and everything else, now that there can be listeners.
    pub fn watch(&self) {
        self.is_watching.store(true, Ordering::Relaxed);
        let Components { memory, monitor, .. } = self.components();
        if let Some(memory) = memory {
            memory.watch();
        }
        if let Some(monitor) = monitor {
            monitor.start(true);
        }
    }

    /// What JavaScript reads of the memory manager without a call.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }
}

fn surroundings(world: &World, events: Arc<EventSink>, board: Arc<Board>) -> Surroundings {
    Surroundings {
        probe: world.probe(),
        clock: world.clock(),
        events,
        footprints: Arc::clone(world.footprints()),
        sqlite_bytes,
        board,
    }
}
