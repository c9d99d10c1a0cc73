//! Relief against the allocator, and against what callers rely on.

use agentwise_optimization::base::allocation::allocated;
use agentwise_optimization::base::footprint::{Relief, new_watcher, of_process};

use super::rows::World;

pub(crate) fn check(_world: &World) {
    let watcher = new_watcher();
    let before = allocated();
    of_process().ask(watcher, Relief::Shrink);
    println!("shrink: {} -> {}", before, allocated());
    of_process().ask(watcher, Relief::None);
}
