//! Rules about memory.

use serde_json::{Value, json};

use super::facts::{Facts, MemoryFacts};
use crate::base::units::{round2, to_mb};
use crate::memory::LimitSource;
use crate::monitor::sources::{Advice, Area, Priority, Seen};

/// A share of the time in which agents had to wait from which on it is worth a setting: 1 %, 36 s an hour.
pub(super) const WAITING_SHARE: f64 = 0.01;
/// The monitor must have looked that long before it advises by what it saw, ms: shorter is a start or a burst.
pub(super) const MIN_SEEN_MS: u64 = 10 * 60_000;
/// Of the machine's memory that was never in use, so much is kept for others.
pub(super) const KEPT_FREE: f64 = 0.5;
/// Less than this is no change worth making.
pub(super) const LEAST_CHANGE: f64 = 1.1;
/// Memory in % of its limit over which it is short: the lowest step at which contexts are cut.
pub(super) const SHORT_PERCENT: f64 = 70.0;
/// Memory in % of its limit under which there is room for larger agents: full health (`memory/health.rs`).
pub(super) const ROOMY_PERCENT: f64 = 60.0;
/// An agent goes on under 80 % of its limit: a limit this much over what it holds lets it.
pub(super) const ABOVE_LARGEST: f64 = 1.5;
/// An agent with more than this share of what all hold takes it from the others.
pub(super) const GREEDY_SHARE: f64 = 0.5;

pub(super) fn rules(facts: &Facts) -> Vec<Advice> {
    let Some(memory) = &facts.memory else { return Vec::new() };
    let limit = waited(facts, memory).or_else(|| short(facts, memory)).or_else(|| unreachable(facts, memory));
    let agents = larger_agents(facts, memory).or_else(|| smaller_agents(facts, memory));
    limit.into_iter().chain(agents).collect()
}

fn advice(
    setting: &'static str,
    priority: Priority,
    current: f64,
    proposed: Value,
    reason: String,
) -> Advice {
    let (area, setting) = (Area::Memory, Some(setting));
    Advice { area, priority, setting, current: json!(current), proposed, reason, evidence: Value::Null }
}

/// The limit could be higher: agents waited for it while the machine had memory that nobody used.
fn waited(facts: &Facts, memory: &MemoryFacts) -> Option<Advice> {
    let seen: &Seen = &facts.seen;
    let share = seen.throttled_ms as f64 / seen.span_ms.max(1) as f64;
    if seen.span_ms < MIN_SEEN_MS || share < WAITING_SHARE {
        return None;
    }
    // Another limit that is lower is not the setting's to raise.
    if memory.overview.limit_source != Some(LimitSource::Config) {
        return None;
    }
    let current = facts.settings.memory.max_memory_usage_mb;
    let available = seen.least_available_mb?;
    let proposed = (current + available * KEPT_FREE).floor();
    if proposed < current * LEAST_CHANGE {
        return None;
    }
    let reason = format!(
        "raise memory.maxMemoryUsage from {current} to {proposed} MB: agents were throttled for {} % of the last {} minutes while the machine never had less than {} MB available",
        round2(share * 100.0),
        seen.span_ms / 60_000,
        available.floor(),
    );
    let evidence = json!({
        "throttledSeconds": seen.throttled_ms / 1000,
        "observedSeconds": seen.span_ms / 1000,
        "leastAvailableMB": round2(available),
        "mostProcessMB": seen.most_process_mb.map(round2),
    });
    let found = advice("memory.maxMemoryUsage", Priority::High, current, json!(proposed), reason);
    Some(Advice { evidence, ..found })
}

/// Memory is short now.
fn short(facts: &Facts, memory: &MemoryFacts) -> Option<Advice> {
    let overview = &memory.overview;
    let percentage = overview.percentage.filter(|percentage| *percentage > SHORT_PERCENT)?;
    let current = facts.settings.memory.max_memory_usage_mb;
    let available = overview.system_available.map(|bytes| to_mb(bytes as f64));
    let is_ours = overview.limit_source == Some(LimitSource::Config);
    let raised = available.map(|mb| (current + mb * KEPT_FREE).floor());
    let proposed = raised.filter(|raised| is_ours && *raised >= current * LEAST_CHANGE);
    let state = format!(
        "the process uses {percentage:.0} % of its limit, and over {SHORT_PERCENT} % contexts are cut"
    );
    let reason = match proposed {
        Some(proposed) => format!(
            "raise memory.maxMemoryUsage from {current} to {proposed} MB: {state}; the machine has {} MB available",
            available.unwrap_or_default().floor()
        ),
        None if is_ours => format!(
            "memory.maxMemoryUsage is {current} MB: {state}; the machine has no more to give, run fewer agents"
        ),
        None => format!(
            "memory.maxMemoryUsage is {current} MB, but a lower limit ({}) holds: {state}; raise that limit or run fewer agents",
            overview.limit_source.map_or("", source_name)
        ),
    };
    let evidence = json!({
        "percentage": round2(percentage),
        "limitMB": overview.limit.map(|bytes| to_mb(bytes as f64)),
        "limitSource": overview.limit_source,
        "availableMB": available,
        "agents": overview.agents,
        "throttled": overview.throttled,
    });
    let found = advice("memory.maxMemoryUsage", Priority::High, current, json!(proposed), reason);
    Some(Advice { evidence, ..found })
}

/// The limit is over what the process can ever get, so that alerts by it come too late.
fn unreachable(facts: &Facts, memory: &MemoryFacts) -> Option<Advice> {
    let overview = &memory.overview;
    let is_hard = matches!(overview.limit_source, Some(LimitSource::Cgroup | LimitSource::CgroupHigh));
    let limit = to_mb(overview.limit? as f64).floor();
    let current = facts.settings.memory.max_memory_usage_mb;
    if !is_hard || facts.seen.span_ms < MIN_SEEN_MS || current < limit * LEAST_CHANGE {
        return None;
    }
    let reason = format!(
        "lower memory.maxMemoryUsage from {current} to {limit} MB: the process's control group allows no more, so the setting has no effect"
    );
    let found = advice("memory.maxMemoryUsage", Priority::Low, current, json!(limit), reason);
    Some(Advice { evidence: json!({ "limitMB": limit, "limitSource": overview.limit_source }), ..found })
}

/// Agents are over their own limit while the process has room.
fn larger_agents(facts: &Facts, memory: &MemoryFacts) -> Option<Advice> {
    let (agents, bytes) = memory.over_limit;
    let overview = &memory.overview;
    let percentage = overview.percentage.filter(|percentage| *percentage < ROOMY_PERCENT)?;
    let (largest, limit) = (to_mb(bytes as f64), to_mb(overview.limit? as f64));
    let current = facts.settings.memory.agent_memory_limit_mb;
    let proposed = round2(largest * ABOVE_LARGEST).max(round2(current * LEAST_CHANGE));
    // The room that the process has, not more.
    let room = limit * (ROOMY_PERCENT - percentage) / 100.0;
    if agents == 0 || proposed - current > room {
        return None;
    }
    let reason = format!(
        "raise memory.agentMemoryLimit from {current} to {proposed} MB: {agents} throttled for holding up to {largest} MB each while the process uses only {percentage:.0} % of its limit",
        agents = if agents == 1 { "1 agent is".to_owned() } else { format!("{agents} agents are") },
    );
    let evidence = json!({ "agentsOverLimit": agents, "largestMB": largest, "percentage": round2(percentage), "limitMB": limit });
    let found = advice("memory.agentMemoryLimit", Priority::Medium, current, json!(proposed), reason);
    Some(Advice { evidence, ..found })
}

/// Memory is short, and one agent holds most of what agents hold.
fn smaller_agents(facts: &Facts, memory: &MemoryFacts) -> Option<Advice> {
    let overview = &memory.overview;
    let percentage = overview.percentage.filter(|percentage| *percentage > SHORT_PERCENT)?;
    let (largest, held) = (memory.largest as f64, overview.held as f64);
    let agents = overview.agents;
    let current = facts.settings.memory.agent_memory_limit_mb;
    let proposed = round2(to_mb(held) / agents.max(1) as f64);
    // What agents hold must matter, else the memory is somebody else's.
    let matters = held > overview.limit? as f64 * (100.0 - SHORT_PERCENT) / 100.0;
    if agents < 2 || largest < held * GREEDY_SHARE || !matters || proposed * LEAST_CHANGE > current {
        return None;
    }
    let reason = format!(
        "lower memory.agentMemoryLimit from {current} to {proposed} MB, what {agents} agents hold on average: one holds {} of {} MB and the process uses {percentage:.0} % of its limit",
        to_mb(largest),
        to_mb(held)
    );
    let evidence = json!({ "agents": agents, "largestMB": to_mb(largest), "heldMB": to_mb(held), "percentage": round2(percentage) });
    let found = advice("memory.agentMemoryLimit", Priority::Medium, current, json!(proposed), reason);
    Some(Advice { evidence, ..found })
}

fn source_name(source: LimitSource) -> &'static str {
    match source {
        LimitSource::Config => "the setting",
        LimitSource::Cgroup => "of the control group",
        LimitSource::CgroupHigh => "memory.high of the control group",
        LimitSource::System => "of the machine",
        LimitSource::Heap => "of V8's heap",
    }
}
