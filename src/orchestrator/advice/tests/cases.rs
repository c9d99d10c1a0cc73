//! One case for each rule: what is so, and what it says.

use super::*;

/// What has to be so for a rule to fire, and what it then says: setting, value, proposal, urgency.
pub(super) type Case = (&'static str, fn(&mut Facts), Option<&'static str>, Value, Value, Priority);

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn cases() -> Vec<Case> {
    use Priority::{High, Low, Medium};
    vec![
        (
            "agents waited while the machine had room",
            |facts| facts.seen.throttled_ms = 120_000,
            Some("memory.maxMemoryUsage"),
            json!(2048.0),
            json!(6048.0),
            High,
        ),
        (
            "memory is short and the machine has more",
            |facts| overview(facts).percentage = Some(88.0),
            Some("memory.maxMemoryUsage"),
            json!(2048.0),
            json!(6048.0),
            High,
        ),
        (
            "memory is short and the machine has no more",
            |facts| {
                overview(facts).percentage = Some(88.0);
                overview(facts).system_available = Some(50 * MB);
            },
            Some("memory.maxMemoryUsage"),
            json!(2048.0),
            Value::Null,
            High,
        ),
        (
            "memory is short by another limit",
            |facts| {
                overview(facts).percentage = Some(88.0);
                overview(facts).limit_source = Some(LimitSource::Heap);
            },
            Some("memory.maxMemoryUsage"),
            json!(2048.0),
            Value::Null,
            High,
        ),
        (
            "the limit is over that of the control group",
            |facts| {
                overview(facts).limit_source = Some(LimitSource::Cgroup);
                overview(facts).limit = Some(512 * MB);
            },
            Some("memory.maxMemoryUsage"),
            json!(2048.0),
            json!(512.0),
            Low,
        ),
        (
            "agents are over their limit while there is room",
            |facts| memory(facts).over_limit = (2, 260 * MB),
            Some("memory.agentMemoryLimit"),
            json!(256.0),
            json!(390.0),
            Medium,
        ),
        (
            "a larger tier would have answered more",
            |facts| cache(facts).larger = vec![larger("cache.l1MaxSize")],
            Some("cache.l1MaxSize"),
            json!(1000.0),
            json!(2000.0),
            Medium,
        ),
        (
            "L1 answers next to nothing",
            |facts| cache(facts).stats.l1.hits = 100,
            Some("cache.l1MaxSizeMB"),
            json!(64.0),
            json!(30.0),
            Low,
        ),
        (
            "what expired came back as it was",
            |facts| cache(facts).renewed = Some(Renewed { expired: 900, same: 795, changed: 5 }),
            Some("cache.ttlSeconds"),
            json!(3600.0),
            json!(7200.0),
            Medium,
        ),
        (
            "answers to other questions are replaced",
            |facts| cache(facts).similar = Some(SimilarFate { served: 200, refuted: 20 }),
            Some("cache.similarityThreshold"),
            json!(0.8),
            json!(0.85),
            Medium,
        ),
        (
            "another policy would have answered more",
            |facts| {
                cache(facts).policies =
                    vec![policy(EvictionPolicy::Lru, 900), policy(EvictionPolicy::Lfu, 300)];
            },
            Some("cache.evictionPolicy"),
            json!("lru"),
            json!("lfu"),
            Medium,
        ),
        (
            "compression gains nothing",
            |facts| cache(facts).stats.l3.compression_ratio = 0.97,
            Some("cache.enableCompression"),
            json!(true),
            json!(false),
            Low,
        ),
        (
            "the disk is full of uncompressed entries",
            |facts| {
                facts.settings.cache.enable_compression = false;
                let stats = &mut cache(facts).stats;
                stats.disk.evicted = 300;
                (stats.l2.size_mb, stats.l2.max_size_mb) = (430.0, 500.0);
            },
            Some("cache.enableCompression"),
            json!(false),
            json!(true),
            Low,
        ),
        (
            "the disk tiers are not used",
            |facts| {
                let disk = &mut cache(facts).stats.disk;
                (disk.state, disk.reason, disk.path) = ("degraded", Some("full"), Some("/cache".into()));
            },
            Some("cache.cacheDir"),
            json!("/cache"),
            Value::Null,
            High,
        ),
        (
            "entries were not written",
            |facts| cache(facts).stats.disk.dropped = 7,
            Some("cache.cacheDir"),
            json!(".cache"),
            Value::Null,
            Medium,
        ),
        (
            "what had a low score is fetched again",
            |facts| fetched(facts, Reason::Score, 80),
            Some("contextFilter.contextImportanceThreshold"),
            json!(0.3),
            json!(0.2),
            Medium,
        ),
        (
            "what was over a limit is fetched again",
            |facts| fetched(facts, Reason::Limit, 80),
            Some("contextFilter.maxContextPerAgent"),
            json!(50.0),
            json!(75.0),
            Medium,
        ),
        (
            "what was left out for pressure is fetched again",
            |facts| {
                fetched(facts, Reason::Pressure, 80);
                overview(facts).held = 400 * MB;
            },
            Some("contextFilter.globalMaxContext"),
            json!(500.0),
            json!(750.0),
            Medium,
        ),
        (
            "blocks cost more than whole contexts",
            |facts| {
                facts.settings.tokens.encoding = DeltaEncoding::Blocks;
                facts.tokens.cost = Some(cost(4.0, 5.0));
            },
            Some("tokens.encoding"),
            json!("blocks"),
            json!("keys"),
            Medium,
        ),
        (
            "deltas cost more than whole contexts",
            |facts| facts.tokens.cost = Some(cost(4.0, 5.0)),
            Some("tokens.encoding"),
            json!("keys"),
            Value::Null,
            Medium,
        ),
        (
            "most text had been sent before",
            |facts| facts.repeated.repeated = 6 << 20,
            Some("tokens.encoding"),
            json!("keys"),
            json!("blocks"),
            Low,
        ),
        (
            "models have no price",
            |facts| {
                let summed = Summed { messages: 60, cost: None, ..Ledger::default().totals() };
                facts.by_model.rows.insert("house-model".into(), summed);
            },
            Some("tokens.prices"),
            json!(0),
            Value::Null,
            Low,
        ),
        ("stages failed", |facts| facts.failures = 2, None, Value::Null, Value::Null, High),
        ("events were dropped", |facts| facts.dropped_events = 9, None, Value::Null, Value::Null, Medium),
        (
            "nobody watches production",
            |facts| facts.monitor = None,
            Some("enableProductionMonitoring"),
            json!(false),
            json!(true),
            Medium,
        ),
        (
            "a channel lacks its address",
            |facts| monitor(facts).unconfigured = vec!["slack"],
            Some("monitoring.enableSlackAlerts"),
            json!(true),
            json!(false),
            High,
        ),
        (
            "critical alerts reach nobody",
            |facts| monitor(facts).working = 0,
            Some("monitoring.enableSlackAlerts"),
            json!(false),
            json!(true),
            Medium,
        ),
        (
            "alerts were given up",
            |facts| monitor(facts).undelivered = 4,
            None,
            Value::Null,
            Value::Null,
            High,
        ),
        (
            "figures are not kept as the cache has no disk",
            |facts| {
                facts.settings.cache.persist_to_disk = false;
                monitor(facts).is_kept = Some(false);
            },
            Some("cache.persistToDisk"),
            json!(false),
            json!(true),
            Low,
        ),
        (
            "figures are not kept as the disk fails",
            |facts| monitor(facts).is_kept = Some(false),
            Some("cache.cacheDir"),
            json!(".cache"),
            Value::Null,
            Low,
        ),
    ]
}
