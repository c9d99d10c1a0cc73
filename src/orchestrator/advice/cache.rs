//! Rules about the cache.

use serde_json::{Value, json};

use super::facts::{CacheFacts, Facts, Renewed, SimilarFate};
use super::memory::SHORT_PERCENT;
use crate::base::units::{round2, to_mb};
use crate::cache::config::EvictionPolicy;
use crate::cache::{Change, SizeAdvice};
use crate::monitor::sources::{Advice, Area, Priority};

/// Lookups before a share of them says anything about a size.
pub(super) const MIN_LOOKUPS: u64 = 1000;
/// An L1 that answers less than this share of the lookups does next to nothing.
pub(super) const USELESS_HIT_SHARE: f64 = 0.02;
/// Less memory than this is not worth a setting, MB.
pub(super) const LEAST_L1_MB: f64 = 16.0;
/// Bytes in L3 before its ratio says anything: 10 MB.
pub(super) const MIN_COMPRESSED_BYTES: u64 = 10 * 1024 * 1024;
/// Compression that leaves more than this share costs time for nothing.
pub(super) const POOR_RATIO: f64 = 0.95;
/// A tier that is fuller than this is full: eviction keeps it at 95 % of a payload budget of 85 %.
pub(super) const FULL_SHARE: f64 = 0.8;
/// Of the lookups, what another policy must gain: less is near what a sample is off by.
pub(super) const POLICY_SHARE: f64 = 0.02;
/// Of the lookups, those that must find an expired entry.
pub(super) const EXPIRED_SHARE: f64 = 0.02;
/// Values that must have been stored again: of 200 that are all the same, fewer than 2 % of all change (95 %).
pub(super) const MIN_RENEWED: u64 = 200;
/// Of these, those that may have changed.
pub(super) const CHANGED_SHARE: f64 = 0.02;
/// By what a life is made longer at once.
pub(super) const LIFE_FACTOR: f64 = 2.0;
/// Answers to other questions that must have been replaced, and their share: fewer are chance.
pub(super) const MIN_REFUTED: u64 = 20;
pub(super) const REFUTED_SHARE: f64 = 0.05;
/// By what the similarity threshold is raised at once.
pub(super) const THRESHOLD_STEP: f64 = 0.05;

pub(super) fn rules(facts: &Facts) -> Vec<Advice> {
    let Some(cache) = &facts.cache else { return Vec::new() };
    let mut found: Vec<Advice> = cache.larger.iter().map(size_advice).collect();
    let l1 = smaller_l1(facts, cache).or_else(|| other_policy(facts, cache));
    found.extend(l1);
    found.extend([life(facts, cache), similarity(facts, cache)].into_iter().flatten());
    found.extend(
        [degraded(cache), lost_writes(facts, cache), compression(facts, cache)].into_iter().flatten(),
    );
    found
}

fn advice(
    setting: Option<&'static str>,
    priority: Priority,
    change: (Value, Value),
    reason: String,
) -> Advice {
    let (current, proposed) = change;
    Advice { area: Area::Cache, priority, setting, current, proposed, reason, evidence: Value::Null }
}

/// A larger tier, where that would have answered more.
pub fn size_advice(size: &SizeAdvice) -> Advice {
    let raise =
        |change: &Change| format!("{} from {} to {}", change.setting, change.current, change.proposed);
    let also = size.also.as_ref().map_or(String::new(), |also| format!(" and {}", raise(also)));
    let reason = format!(
        "raise {}{also}: would have turned {} of {} misses of that layer into hits, {} of which no layer answered (of {} lookups), for up to {} MB more",
        raise(&size.change),
        size.hits_gained,
        size.misses,
        size.of_misses,
        size.lookups,
        to_mb(size.more_bytes as f64).ceil(),
    );
    let change = (json!(size.change.current), json!(size.change.proposed));
    Advice { evidence: json!(size), ..advice(Some(size.change.setting), Priority::Medium, change, reason) }
}

/// L1 holds a lot and answers next to nothing; a larger one would not either.
fn smaller_l1(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let stats = &cache.stats;
    let lookups = stats.lookups();
    let share = stats.l1.hits as f64 / lookups.max(1) as f64;
    let is_useless = lookups >= MIN_LOOKUPS && share < USELESS_HIT_SHARE;
    if !is_useless || !cache.larger.is_empty() || stats.l1.size_mb < LEAST_L1_MB {
        return None;
    }
    let current = facts.settings.cache.l1_max_size_mb;
    let proposed = round2(stats.l1.size_mb / 2.0);
    let reason = format!(
        "lower cache.l1MaxSizeMB from {current} to {proposed}: L1 holds {} MB and answered {} of {lookups} lookups, and a larger one would not have answered more",
        stats.l1.size_mb, stats.l1.hits
    );
    let found = advice(Some("cache.l1MaxSizeMB"), Priority::Low, (json!(current), json!(proposed)), reason);
    let evidence = json!({ "sizeMB": stats.l1.size_mb, "hits": stats.l1.hits, "lookups": lookups });
    Some(Advice { evidence, ..found })
}

/// Another policy would have answered more with the same memory; or a larger L1 would help and there is no memory for it.
fn other_policy(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let policy = facts.settings.cache.eviction_policy;
    let name = |policy: EvictionPolicy| match policy {
        EvictionPolicy::Lru => "lru",
        EvictionPolicy::Lfu => "lfu",
        EvictionPolicy::Adaptive => "adaptive",
    };
    let others = cache.policies.iter().filter(|other| other.policy != policy);
    let best = others.max_by_key(|other| other.hits_gained).filter(|best| {
        let gained = best.hits_gained as f64;
        best.lookups >= MIN_LOOKUPS && gained >= best.lookups as f64 * POLICY_SHARE
    });
    let (proposed, why, evidence) = if let Some(best) = best {
        let why = format!("it would have answered {} more of {} lookups", best.hits_gained, best.lookups);
        (best.policy, why, json!({ "hitsGained": best.hits_gained, "lookups": best.lookups }))
    } else {
        let size = cache.larger.iter().find(|size| size.change.setting.starts_with("cache.l1"))?;
        let overview = &facts.memory.as_ref()?.overview;
        let percentage = overview.percentage.filter(|percent| *percent > SHORT_PERCENT)?;
        if policy == EvictionPolicy::Adaptive {
            return None;
        }
        let why = format!(
            "L1 gives up entries that are asked for again ({} of {} misses), and memory for a larger one is short ({percentage:.0} % of the limit)",
            size.hits_gained, size.misses
        );
        let evidence = json!({
            "hitsGained": size.hits_gained,
            "misses": size.misses,
            "evictions": cache.stats.overall.evictions,
            "percentage": round2(percentage),
        });
        (EvictionPolicy::Adaptive, why, evidence)
    };
    let reason = format!("set cache.evictionPolicy from {} to {}: {why}", name(policy), name(proposed));
    let change = (json!(policy), json!(proposed));
    Some(Advice { evidence, ..advice(Some("cache.evictionPolicy"), Priority::Medium, change, reason) })
}

/// Entries expire and come back as they were. Never shorter: an answer that a model writes anew differs each time, which says
/// nothing of the old one.
fn life(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let Renewed { expired, same, changed } = cache.renewed?;
    let (lookups, renewed) = (cache.stats.lookups(), same + changed);
    let is_often = expired as f64 >= lookups as f64 * EXPIRED_SHARE;
    if renewed < MIN_RENEWED || !is_often || changed as f64 > renewed as f64 * CHANGED_SHARE {
        return None;
    }
    let current = facts.settings.cache.ttl_seconds;
    let proposed = round2(current * LIFE_FACTOR);
    let reason = format!(
        "raise cache.ttlSeconds from {current} to {proposed}: {expired} of {lookups} lookups found an expired entry, and {same} of {renewed} values that were stored again were the same"
    );
    let evidence = json!({ "expired": expired, "lookups": lookups, "storedAgainTheSame": same, "storedAgainChanged": changed });
    let change = (json!(current), json!(proposed));
    Some(Advice { evidence, ..advice(Some("cache.ttlSeconds"), Priority::Medium, change, reason) })
}

/// Answers to other questions are replaced by the caller. Never lower: that an answer was not replaced does not say that it was
/// right.
fn similarity(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let SimilarFate { served, refuted } = cache.similar?;
    if refuted < MIN_REFUTED || (refuted as f64) < served as f64 * REFUTED_SHARE {
        return None;
    }
    let current = facts.settings.cache.similarity_threshold;
    let proposed = round2((current + THRESHOLD_STEP).min(1.0));
    if proposed <= current {
        return None;
    }
    let reason = format!(
        "raise cache.similarityThreshold from {current} to {proposed}: of {served} answers served to questions in other words, callers replaced {refuted} by another answer"
    );
    let change = (json!(current), json!(proposed));
    let found = advice(Some("cache.similarityThreshold"), Priority::Medium, change, reason);
    Some(Advice { evidence: json!({ "served": served, "replaced": refuted }), ..found })
}

/// The disk tiers are wanted and not used.
fn degraded(cache: &CacheFacts) -> Option<Advice> {
    let disk = &cache.stats.disk;
    let why = disk.reason.filter(|_| cache.stats.is_degraded())?;
    let place = disk.path.as_deref().unwrap_or_default();
    let reason = format!(
        "cache.cacheDir is {place}: the disk tiers there are not used ({why}); make it usable or set another directory"
    );
    let found = advice(Some("cache.cacheDir"), Priority::High, (json!(disk.path), Value::Null), reason);
    Some(Advice { evidence: json!({ "reason": why, "failures": disk.failures }), ..found })
}

/// Entries were not written: the disk is too slow or full.
fn lost_writes(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let disk = &cache.stats.disk;
    if disk.dropped == 0 || cache.stats.is_degraded() {
        return None;
    }
    let place = facts.settings.cache.dir();
    let reason = format!(
        "cache.cacheDir is {place}: {} entries could not be written there and {} were, because the disk is too slow or full; make room or set another directory",
        disk.dropped, disk.written
    );
    let found = advice(Some("cache.cacheDir"), Priority::Medium, (json!(place), Value::Null), reason);
    let evidence = json!({ "dropped": disk.dropped, "written": disk.written, "delayed": disk.delayed });
    Some(Advice { evidence, ..found })
}

/// Compression gains nothing, or is off where room is short.
fn compression(facts: &Facts, cache: &CacheFacts) -> Option<Advice> {
    let (l2, l3) = (&cache.stats.l2, &cache.stats.l3);
    let is_on = facts.settings.cache.enable_compression;
    let evicted = cache.stats.disk.evicted;
    let (proposed, reason, evidence) = if is_on {
        let ratio = l3.compression_ratio;
        if l3.tier.raw_bytes < MIN_COMPRESSED_BYTES || ratio < POOR_RATIO {
            return None;
        }
        let percent = round2(ratio * 100.0);
        (
            false,
            format!(
                "set cache.enableCompression from true to false: L3 keeps {percent} % of the bytes it compresses"
            ),
            json!({ "compressionRatio": round2(ratio), "rawBytes": l3.tier.raw_bytes, "storedBytes": l3.tier.stored_bytes }),
        )
    } else {
        let is_full =
            l2.size_mb > l2.max_size_mb * FULL_SHARE || l3.tier.size_mb > l3.tier.max_size_mb * FULL_SHARE;
        if evicted == 0 || !is_full {
            return None;
        }
        (
            true,
            format!(
                "set cache.enableCompression from false to true: the disk tiers are full and gave up {evicted} entries for lack of room"
            ),
            json!({ "evicted": evicted, "l2SizeMB": l2.size_mb, "l3SizeMB": l3.tier.size_mb }),
        )
    };
    let change = (json!(is_on), json!(proposed));
    Some(Advice { evidence, ..advice(Some("cache.enableCompression"), Priority::Low, change, reason) })
}
