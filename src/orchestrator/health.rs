//! How well the system is off: a score for each part and one for all.
//!
//! Bands: 90–100 excellent, 70–89 good, 50–69 acceptable, 30–49 warning, 0–29 critical. No data is neutral: a part that
//! was not used yet has 100.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Components, Orchestrator};
use crate::base::units::round2;
use crate::cache::CacheStats;

/// A part at or over this is healthy: the lower end of the "good" band.
pub const HEALTHY_SCORE: f64 = 70.0;
/// Under this the system's state is `warning` (contract).
pub const WARNING_SCORE: f64 = 75.0;
/// Under this the system's state is `critical` (contract).
pub const CRITICAL_SCORE: f64 = 50.0;

/// Lookups before a hit rate says anything.
const MIN_LOOKUPS: u64 = 20;
/// A hit rate, in %, from which on the cache has full score: the default alert threshold.
const GOOD_HIT_RATE: f64 = 60.0;
/// What a cache scores at most that has lost its disk: it works, and forgets everything with the process.
const DEGRADED_CACHE_SCORE: f64 = 60.0;
/// What a cache without a hit still scores: it is of no use, but it does no harm.
const LEAST_CACHE_SCORE: f64 = 70.0;

/// State of the whole system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// 75 and over.
    Healthy,
    /// 50 to 75.
    Warning,
    /// Under 50.
    Critical,
}

/// Health of one part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PartHealth {
    /// Whether the score is 70 or more.
    pub healthy: bool,
    /// 0–100.
    pub score: f64,
}

impl PartHealth {
    fn of(score: f64) -> Self {
        Self { healthy: score >= HEALTHY_SCORE, score: round2(score) }
    }
}

/// Health of every part; `None` for one that is off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parts {
    /// Failed token stages.
    pub token_optimizer: Option<PartHealth>,
    /// See [`MemoryManager::health_score`](crate::memory::MemoryManager::health_score).
    pub memory_manager: Option<PartHealth>,
    /// Hit rate.
    pub cache_manager: Option<PartHealth>,
    /// Failed filter stages.
    pub context_filter: Option<PartHealth>,
}

/// Health of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// From the score.
    pub state: State,
    /// Mean of the parts' mean and the worst part, 0–100: one bad part is not hidden by good ones.
    pub score: f64,
    /// The parts.
    pub parts: Parts,
}

impl Health {
    /// Whether the system may serve production: not critical and a score over 70 (contract).
    pub fn is_production_ready(&self) -> bool {
        self.state != State::Critical && self.score > HEALTHY_SCORE
    }
}

impl Orchestrator {
    /// Health now.
    pub fn health(&self) -> Health {
        let Components { memory, cache, filter, .. } = self.components();
        let share = |failures: &std::sync::atomic::AtomicU64| {
            let operations = self.counters.operations.load(Ordering::Relaxed).max(1) as f64;
            100.0 * (1.0 - failures.load(Ordering::Relaxed) as f64 / operations).max(0.0)
        };
        let parts = Parts {
            token_optimizer: Some(PartHealth::of(share(&self.counters.token_failures))),
            memory_manager: memory.map(|memory| PartHealth::of(memory.health_score())),
            cache_manager: cache.map(|cache| PartHealth::of(cache_score(&cache.manager().stats()))),
            context_filter: filter.map(|_| PartHealth::of(share(&self.counters.filter_failures))),
        };
        let score = overall(&[
            parts.token_optimizer,
            parts.memory_manager,
            parts.cache_manager,
            parts.context_filter,
        ]);
        let state = if score < CRITICAL_SCORE {
            State::Critical
        } else if score < WARNING_SCORE {
            State::Warning
        } else {
            State::Healthy
        };
        Health { state, score, parts }
    }
}

/// The score of a cache with these figures: 100 from a hit rate of 60 % on, down to 70 without a hit, 100 before 20 lookups;
/// at most 60, acceptable, while the disk tiers are wanted and not used.
pub fn cache_score(stats: &CacheStats) -> f64 {
    let most = if stats.is_degraded() { DEGRADED_CACHE_SCORE } else { 100.0 };
    let Some(rate) = stats.hit_rate().filter(|_| stats.lookups() >= MIN_LOOKUPS) else {
        return most;
    };
    let share = (rate * 100.0 / GOOD_HIT_RATE).min(1.0);
    (LEAST_CACHE_SCORE + (100.0 - LEAST_CACHE_SCORE) * share).min(most)
}

fn overall(parts: &[Option<PartHealth>]) -> f64 {
    let scores: Vec<f64> = parts.iter().flatten().map(|part| part.score).collect();
    if scores.is_empty() {
        return 100.0;
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let worst = scores.iter().copied().fold(100.0, f64::min);
    round2(f64::midpoint(mean, worst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(hits: u64, misses: u64, state: &'static str) -> f64 {
        let mut figures = CacheStats::default();
        figures.overall.total_hits = hits;
        figures.overall.total_misses = misses;
        figures.overall.hit_rate = hits as f64 / (hits + misses).max(1) as f64;
        figures.disk.state = state;
        cache_score(&figures)
    }

    #[test]
    fn cache_without_data_is_neutral_and_a_useless_one_does_no_harm() {
        for (hits, misses, expected) in
            [(0, 0, 100.0), (0, 19, 100.0), (0, 20, 70.0), (30, 70, 85.0), (60, 40, 100.0)]
        {
            assert!((score(hits, misses, "ok") - expected).abs() < 1e-9, "{hits}/{misses}");
        }
    }

    #[test]
    fn cache_that_lost_its_disk_is_no_more_than_acceptable() {
        assert!((score(100, 0, "degraded") - 60.0).abs() < 1e-9);
        assert!((score(0, 0, "degraded") - 60.0).abs() < 1e-9);
        assert!((score(100, 0, "off") - 100.0).abs() < 1e-9);
    }

    #[test]
    fn one_bad_part_is_not_hidden_by_good_ones() {
        let part = |score| Some(PartHealth::of(score));
        assert!((overall(&[part(100.0), part(100.0), part(100.0), part(0.0)]) - 37.5).abs() < 1e-9);
        assert!((overall(&[part(100.0), None]) - 100.0).abs() < 1e-9);
        assert!((overall(&[]) - 100.0).abs() < 1e-9);
    }
}
