//! What a step of the tuning works on: counts and gauges of the parts, time under memory pressure, and which sizes and policies are
//! rehearsed.

use super::State;
use crate::cache::{CacheManager, RehearsalPlan, other_policy};
use crate::engine::Engine;
use crate::memory::MemoryManager;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::tuning::knob::policy;
use crate::orchestrator::tuning::{Controller, Count, Counts, Gauges, Knob, Reading};
use crate::orchestrator::{Components, counter};

/// A gap between two looks at memory counts at most so long, ms: the machine may have slept.
const MOST_TICK_MS: u64 = 15_000;
/// Sizes of L1 that are rehearsed at most.
const MOST_SIZES: usize = 7;
/// What two sizes may differ by to be rehearsed as one.
const SAME_SIZE: f64 = 0.01;
/// Of a long answer only the beginning is counted, bytes.
const COUNTED_BYTES: usize = 1 << 16;
/// Memory is critical from here on, and half free up to here, %.
const CRITICAL_PERCENT: f64 = 95.0;
const IDLE_PERCENT: f64 = 50.0;

impl Engine {
    /// Everything now.
    pub(super) fn reading(&self) -> Reading {
        let Components { memory, cache, filter, .. } = self.orchestrator.components();
        let mut counts = Counts::default();
        let mut gauges = Gauges::default();
        let mut rehearsed = Vec::new();
        if let Some(cache) = cache {
            rehearsed = read_cache(cache.manager(), &mut counts, &mut gauges);
        }
        if let Some(filter) = filter {
            counts.set(Count::Contexts, filter.calls() as f64);
            counts.set(Count::FetchedBack, filter.resolved() as f64);
        }
        counts.set(Count::TokensSaved, self.orchestrator.tokens().ledger().transport_saved() as f64);
        if let Some(memory) = memory {
            let overview = memory.overview();
            gauges.is_pressed = memory.is_short();
            gauges.memory_percent = overview.percentage;
            gauges.memory_limit_mb = overview.limit.map(mb);
            gauges.agents_mb = mb(overview.held);
            gauges.throttled = overview.throttled as f64;
        }
        let (values, bases) = (self.values(), self.configured());
        Reading { wall_ms: self.orchestrator.wall_ms(), values, bases, counts, gauges, rehearsed }
    }
}

/// Sizes by powers of two between the bounds, and the bounds, under the configured policy and another one; in any case those in
/// force and those that are compared.
pub(super) fn plan(controller: &Controller, settings: &Settings) -> RehearsalPlan {
    let (bases, config) = (controller.bases(), &settings.tuning);
    let base = bases.get(Knob::L1Size).max(1.0);
    let (low, high) = Knob::L1Size.bounds(base, config);
    let mut factors = vec![1.0];
    if !config.is_fixed(Knob::L1Size) {
        let powers = (-4..=6).filter(|power| *power != 0).map(|power| 2.0_f64.powi(power));
        factors.extend(powers.filter(|factor| factor * base >= low && factor * base <= high));
        factors.extend([low / base, high / base]);
        factors.sort_by(f64::total_cmp);
        factors.dedup_by(|a, b| (*a - *b).abs() < 0.05 * *b);
        // Those far from the configured one go first.
        while factors.len() > MOST_SIZES {
            let is_low_farther = (1.0 / factors[0]) > factors[factors.len() - 1];
            factors.remove(if is_low_farther { 0 } else { factors.len() - 1 });
        }
    }
    let (from, to) = controller.compared(Knob::L1Size).unwrap_or((base, base));
    for needed in [base, controller.present(Knob::L1Size), from, to].map(|size| size / base) {
        if !factors.iter().any(|factor| (factor - needed).abs() <= needed * SAME_SIZE) {
            factors.push(needed);
        }
    }
    factors.sort_by(f64::total_cmp);
    let own = policy(bases.get(Knob::Policy)).0;
    let mut policies = vec![own];
    if !config.is_fixed(Knob::Policy) {
        policies.push(other_policy(own));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size within its limits")]
    let (entries, bytes) = (base as u64, (bases.l1_mb * crate::base::units::BYTES_PER_MB) as u64);
    RehearsalPlan { entries, bytes, policies, factors }
}

fn read_cache(
    cache: &CacheManager,
    counts: &mut Counts,
    gauges: &mut Gauges,
) -> Vec<crate::cache::Rehearsed> {
    let (stats, seen) = (cache.stats(), cache.observations());
    for (count, value) in [
        (Count::Lookups, stats.lookups()),
        (Count::L1Hits, stats.l1.hits),
        (Count::DiskHits, stats.l2.hits + stats.l3.tier.hits),
        (Count::Expired, seen.expired),
        (Count::RenewedSame, seen.renewed_same),
        (Count::RenewedChanged, seen.renewed_changed),
        (Count::SimilarServed, stats.overall.similarity_detections),
        (Count::SimilarRefuted, seen.similar_refuted),
        (Count::TimedMisses, seen.timed_misses),
        (Count::MissMs, seen.miss_ms),
        (Count::DiskReads, seen.disk_reads),
        (Count::DiskReadUs, seen.disk_read_us),
        (Count::Written, stats.disk.written),
        (Count::Batches, stats.disk.batches),
        (Count::WriteUs, seen.write_us),
        (Count::Held, stats.disk.delayed + stats.disk.dropped),
    ] {
        counts.set(count, value as f64);
    }
    gauges.l1_held_mb = stats.l1.size_mb;
    gauges.has_disk = matches!(stats.disk.state, "ok" | "idle" | "opening");
    gauges.sample_ratio = f64::from(seen.sample_ratio);
    let count = counter();
    let texts = cache.some_texts();
    let tokens = texts.iter().map(|record| {
        let text = &record.text;
        let end =
            (0..=text.len().min(COUNTED_BYTES)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let counted = &text[..end];
        count.count(counted) as f64 * text.len() as f64 / counted.len().max(1) as f64
    });
    gauges.tokens_per_answer = (!texts.is_empty()).then(|| tokens.sum::<f64>() / texts.len() as f64);
    seen.rehearsed
}

/// Adds how memory was since the last look.
pub(super) fn look_at_memory(state: &mut State, memory: Option<&MemoryManager>, now_ms: u64) {
    let since_ms = state.looked_ms.map_or(0, |looked_ms| now_ms.saturating_sub(looked_ms));
    state.looked_ms = Some(now_ms);
    let Some(memory) = memory else { return };
    let overview = memory.overview();
    let Some(percent) = overview.percentage else { return };
    let ms = since_ms.min(MOST_TICK_MS) as f64;
    if percent >= CRITICAL_PERCENT {
        state.counted.add(Count::CriticalMs, ms);
    }
    if percent >= memory.config().alert_threshold_percent {
        state.counted.add(Count::AlertMs, ms);
    }
    if percent < IDLE_PERCENT && overview.throttled > 0 {
        state.counted.add(Count::IdleThrottledMs, ms);
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / crate::base::units::BYTES_PER_MB
}
