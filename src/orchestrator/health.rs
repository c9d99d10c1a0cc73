//! How well the system is off: a score for each part and one for all.
//!
//! Bands: 90–100 excellent, 70–89 good, 50–69 acceptable, 30–49 warning, 0–29 critical. No data is neutral: a part that
//! was not used yet has 100. The formulas with their constants: `docs/scores.md`, which a test compares with this file.
//!
//! Memory and cache are judged by the same functions for the system and for its monitor, so that both agree.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Components, Orchestrator};
use crate::base::units::round2;
use crate::cache::CacheStats;
use crate::memory::MemoryManager;
use crate::monitor::sources::Answer;

/// A part at or over this is healthy: the lower end of the "good" band.
pub const HEALTHY_SCORE: f64 = 70.0;
/// Under this the system's state is `warning` (contract).
pub const WARNING_SCORE: f64 = 75.0;
/// Under this the system's state is `critical` (contract).
pub const CRITICAL_SCORE: f64 = 50.0;

/// Lookups before a hit rate says anything.
pub const MIN_LOOKUPS: u64 = 20;
/// A hit rate, in %, from which on the cache has full score: the default alert threshold.
pub const GOOD_HIT_RATE: f64 = 60.0;
/// What a cache scores at most that has lost its disk: it works, and forgets everything with the process.
pub const DEGRADED_CACHE_SCORE: f64 = 60.0;
/// What a cache without a hit still scores: it is of no use, but it does no harm.
pub const LEAST_CACHE_SCORE: f64 = 70.0;

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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartHealth {
    /// Whether the score is 70 or more.
    pub healthy: bool,
    /// 0–100.
    pub score: f64,
    /// Why, with figures.
    pub explanation: String,
}

impl PartHealth {
    fn of(answer: Answer) -> Self {
        let Answer { score, message } = answer;
        Self { healthy: score >= HEALTHY_SCORE, score: round2(score), explanation: message }
    }
}

/// Health of every part; `None` for one that is off.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq)]
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
        let of_stage = |name: &str, failures: &std::sync::atomic::AtomicU64| {
            let operations = self.counters.operations.load(Ordering::Relaxed);
            PartHealth::of(stage_answer(name, failures.load(Ordering::Relaxed), operations))
        };
        let parts = Parts {
            token_optimizer: Some(of_stage("token", &self.counters.token_failures)),
            memory_manager: memory.map(|memory| PartHealth::of(memory_answer(&memory))),
            cache_manager: cache.map(|cache| PartHealth::of(cache_answer(&cache.manager().stats()))),
            context_filter: filter.map(|_| of_stage("filter", &self.counters.filter_failures)),
        };
        let score = overall(&[
            parts.token_optimizer.as_ref(),
            parts.memory_manager.as_ref(),
            parts.cache_manager.as_ref(),
            parts.context_filter.as_ref(),
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

/// How a stage of the pipeline is: the share of the optimizations in which it did not fail.
pub fn stage_answer(name: &str, failures: u64, operations: u64) -> Answer {
    let share = failures as f64 / operations.max(1) as f64;
    let message = match (failures, operations) {
        (0, 0) => "nothing was optimized yet".to_owned(),
        (0, _) => format!("no {name} stage failed in {operations} optimizations"),
        _ => format!("{failures} {name} stages failed in {operations} optimizations"),
    };
    Answer { score: 100.0 * (1.0 - share).max(0.0), message }
}

/// How memory is; see [`crate::memory::health::Health::of`].
pub fn memory_answer(memory: &MemoryManager) -> Answer {
    let health = memory.health();
    let worst = health.parts.iter().filter(|part| part.lost > 0.0).map(|part| part.explanation.as_str());
    let message = worst.collect::<Vec<_>>().join("; ");
    Answer {
        score: health.score,
        message: if message.is_empty() { "enough memory".to_owned() } else { message },
    }
}

/// How the cache is.
pub fn cache_answer(stats: &CacheStats) -> Answer {
    let rate = stats.hit_rate().map_or_else(
        || "no lookups yet".to_owned(),
        |rate| format!("{} % hits of {} lookups", round2(rate * 100.0), stats.lookups()),
    );
    let message = match stats.disk.reason {
        Some(reason) => format!("{rate}; the disk tiers are not used ({reason})"),
        None => rate,
    };
    Answer { score: cache_score(stats), message }
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

fn overall(parts: &[Option<&PartHealth>]) -> f64 {
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
    fn the_guide_has_these_constants() {
        let guide = include_str!("../../docs/scores.md");
        let constants = [
            ("healthy score", HEALTHY_SCORE),
            ("warning score", WARNING_SCORE),
            ("critical score", CRITICAL_SCORE),
            ("lookups", MIN_LOOKUPS as f64),
            ("good hit rate", GOOD_HIT_RATE),
            ("least cache score", LEAST_CACHE_SCORE),
            ("degraded cache score", DEGRADED_CACHE_SCORE),
        ];
        let rows = guide.lines().filter_map(|line| {
            let [_, _, name, value, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                return None;
            };
            Some((name.strip_prefix('`')?.strip_suffix('`')?, value.parse::<f64>().ok()?))
        });
        assert_eq!(rows.collect::<Vec<_>>(), constants);
    }

    #[test]
    fn a_stage_is_as_good_as_the_share_that_did_not_fail() {
        for (failures, operations, score, message) in [
            (0, 0, 100.0, "nothing was optimized yet"),
            (0, 8, 100.0, "no token stage failed in 8 optimizations"),
            (2, 8, 75.0, "2 token stages failed in 8 optimizations"),
            (9, 8, 0.0, "9 token stages failed in 8 optimizations"),
        ] {
            assert_eq!(
                stage_answer("token", failures, operations),
                Answer { score, message: message.into() }
            );
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
        let part = |score| PartHealth::of(Answer { score, message: String::new() });
        let (good, bad) = (part(100.0), part(0.0));
        let good = Some(&good);
        assert!((overall(&[good, good, good, Some(&bad)]) - 37.5).abs() < 1e-9);
        assert!((overall(&[good, None]) - 100.0).abs() < 1e-9);
        assert!((overall(&[]) - 100.0).abs() < 1e-9);
    }
}
