//! What is predicted beside what comes in a larger cache, and what must not be counted.

mod disk;
mod replays;
mod rules;

use std::path::PathBuf;
use std::sync::Arc;

use super::super::config::EvictionPolicy;
use super::*;
use crate::base::clock::ManualClock;
use crate::cache::{Kind, Namespace, Scope, Terms};

const POLICIES: [EvictionPolicy; 3] = [EvictionPolicy::Lru, EvictionPolicy::Lfu, EvictionPolicy::Adaptive];

/// More than anything here takes.
const AMPLE_MB: f64 = 1000.0;

fn in_memory(clock: &Arc<ManualClock>, change: impl FnOnce(&mut CacheConfig)) -> Arc<CacheManager> {
    let mut config = CacheConfig {
        l1_max_size_mb: AMPLE_MB,
        persist_to_disk: false,
        enable_similarity_detection: false,
        ..CacheConfig::default()
    };
    change(&mut config);
    CacheManager::new(config, PathBuf::new(), clock.clone())
}

fn lru(entries: u64) -> Arc<CacheManager> {
    in_memory(&Arc::default(), |config| config.l1_max_size = entries)
}

/// The keys of an agent's query.
fn keys(agent: u8, query: u64) -> Keys {
    let scope = Scope { agent_id: Some(agent.to_string()), ..Scope::default() };
    Keys::new(&Namespace::default(), &scope, &query.to_string())
}

fn store(cache: &CacheManager, keys: &Keys, bytes: usize, terms: Terms) {
    cache.set(keys.to_store(), "x".repeat(bytes).into(), Kind::Text, terms).expect("stored");
}

/// Asks for a query, and stores it where it is not there; whether it was.
fn ask(cache: &CacheManager, agent: u8, query: u64, bytes: usize) -> bool {
    let keys = keys(agent, query);
    let is_hit = cache.find(&keys, false).is_some();
    if !is_hit {
        store(cache, &keys, bytes, Terms::default());
    }
    is_hit
}

/// A loop over queries, `rounds` times.
fn turn(cache: &CacheManager, queries: u64, rounds: u64) {
    for at in 0..queries * rounds {
        ask(cache, 0, at % queries, 100);
    }
}

fn gained(cache: &CacheManager) -> Vec<u64> {
    cache.would_have().steps.iter().map(|step| step.hits_gained).collect()
}
