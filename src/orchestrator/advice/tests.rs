mod cases;
mod short;

use serde_json::{Value, json};

use super::facts::{CacheFacts, Facts, MemoryFacts, MonitorFacts, PolicyWouldHave, Renewed, SimilarFate};
use super::*;
use crate::cache::config::EvictionPolicy;
use crate::cache::{Change, SizeAdvice};
use crate::context::Reason;
use crate::memory::{LimitSource, Overview};
use crate::orchestrator::repeated::Counts;
use crate::orchestrator::settings::Environment;
use crate::tokens::DeltaEncoding;
use crate::tokens::ledger::{Cost, Ledger, Summed};

use cases::cases;

const MB: u64 = 1_048_576;

/// Nothing was measured.
fn nothing() -> Facts {
    Facts {
        settings: Settings::defaults(Environment::Production),
        seen: Seen::default(),
        memory: None,
        cache: None,
        filter: None,
        tokens: Ledger::default().totals(),
        by_model: Ledger::default().by_model(),
        repeated: Counts::default(),
        monitor: None,
        operations: 0,
        failures: 0,
        dropped_events: 0,
    }
}

/// A lot was measured, and all is well.
fn well() -> Facts {
    let mut facts = nothing();
    facts.seen = Seen {
        span_ms: 3_600_000,
        throttled_ms: 0,
        least_available_mb: Some(8000.0),
        most_process_mb: Some(900.0),
    };
    facts.memory = Some(MemoryFacts {
        overview: Overview {
            percentage: Some(45.0),
            limit: Some(2048 * MB),
            limit_source: Some(LimitSource::Config),
            system_available: Some(8000 * MB),
            agents: 10,
            held: 400 * MB,
            ..Overview::default()
        },
        over_limit: (0, 0),
        largest: 60 * MB,
    });
    let mut cache = CacheFacts::default();
    let stats = &mut cache.stats;
    stats.overall.total_hits = 8000;
    stats.overall.total_misses = 2000;
    stats.overall.hit_rate = 0.8;
    stats.l1.hits = 6000;
    stats.l1.size_mb = 60.0;
    stats.l3.tier.raw_bytes = 100 * MB;
    stats.l3.tier.stored_bytes = 30 * MB;
    stats.l3.compression_ratio = 0.3;
    stats.disk.state = "ok";
    stats.disk.written = 9000;
    facts.cache = Some(cache);
    let mut filter = tally::Tallied { contexts: 5000, ..tally::Tallied::default() };
    filter.left_out = [1000; 6];
    filter.fetched = [10; 6];
    facts.filter = Some(filter);
    facts.tokens = Summed { messages: 5000, cost: Some(cost(10.0, 4.0)), ..facts.tokens };
    facts.by_model.rows.insert("gpt-5".into(), facts.tokens.clone());
    facts.monitor =
        Some(MonitorFacts { working: 1, critical: 3, is_kept: Some(true), ..MonitorFacts::default() });
    facts.repeated = Counts { messages: 5000, bytes: 1 << 24, repeated: 1 << 20 };
    facts.operations = 5000;
    facts
}

fn cost(baseline_usd: f64, usd: f64) -> Cost {
    Cost {
        baseline_usd,
        usd,
        saved_usd: baseline_usd - usd,
        saved_percent: Some((baseline_usd - usd) / baseline_usd * 100.0),
        unpriced_messages: 0,
        unpriced_fetched_tokens: 0,
        prices_as_of: "2026-01-31".into(),
    }
}

fn larger(setting: &'static str) -> SizeAdvice {
    SizeAdvice {
        change: Change { setting, current: 1000.0, proposed: 2000.0 },
        also: None,
        misses: 4000,
        hits_gained: 1500,
        of_misses: 900,
        lookups: 10_000,
        since_ms: 1,
        more_bytes: 10 * MB,
    }
}

fn policy(policy: EvictionPolicy, hits_gained: i64) -> PolicyWouldHave {
    PolicyWouldHave { policy, hits_gained, lookups: 10_000 }
}

fn memory(facts: &mut Facts) -> &mut MemoryFacts {
    facts.memory.as_mut().expect("on")
}

fn overview(facts: &mut Facts) -> &mut Overview {
    &mut memory(facts).overview
}

fn cache(facts: &mut Facts) -> &mut CacheFacts {
    facts.cache.as_mut().expect("on")
}

fn monitor(facts: &mut Facts) -> &mut MonitorFacts {
    facts.monitor.as_mut().expect("on")
}

fn fetched(facts: &mut Facts, reason: Reason, count: u64) {
    facts.filter.as_mut().expect("on").fetched[reason as usize] = count;
}

#[test]
fn nothing_measured_recommends_nothing() {
    for environment in [Environment::Development, Environment::Staging, Environment::Production] {
        let mut facts = nothing();
        facts.settings = Settings::defaults(environment);
        assert_eq!(rules(&facts), []);
        // Parts that are on and have done nothing.
        facts.memory = Some(MemoryFacts::default());
        facts.cache = Some(CacheFacts::default());
        facts.filter = Some(tally::Tallied::default());
        facts.monitor = Some(MonitorFacts { is_kept: Some(false), ..MonitorFacts::default() });
        assert_eq!(rules(&facts), []);
    }
}

#[test]
fn all_well_recommends_nothing() {
    assert_eq!(rules(&well()), []);
}

#[test]
fn each_rule_fires_alone_with_its_figures() {
    for (name, make, setting, current, proposed, priority) in cases() {
        let mut facts = well();
        make(&mut facts);
        let found = rules(&facts);
        let [advice] = &found[..] else { panic!("{name}: {found:#?}") };
        assert_eq!(advice.setting, setting, "{name}");
        assert_eq!((&advice.current, &advice.proposed), (&current, &proposed), "{name}: {}", advice.reason);
        assert_eq!(advice.priority, priority, "{name}");
        let evidence = advice.evidence.as_object().unwrap_or_else(|| panic!("{name}: no evidence"));
        assert!(!evidence.is_empty(), "{name}");
        // The sentence has the setting and both values.
        for said in [setting.map(str::to_owned), shown(&current), shown(&proposed)].into_iter().flatten() {
            assert!(advice.reason.contains(&said), "{name}: {said} is not in {}", advice.reason);
        }
    }
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        other => Some(other.to_string()),
    }
}

#[test]
fn what_depends_on_short_memory_comes_with_it() {
    let mut facts = well();
    overview(&mut facts).percentage = Some(90.0);
    cache(&mut facts).larger = vec![larger("cache.l1MaxSize")];
    facts.memory.as_mut().expect("on").largest = 300 * MB;
    overview(&mut facts).held = 650 * MB;
    let settings: Vec<_> =
        rules(&facts).iter().map(|advice| (advice.setting, advice.proposed.clone())).collect();
    assert_eq!(
        settings,
        [
            (Some("memory.maxMemoryUsage"), json!(6048.0)),
            (Some("cache.l1MaxSize"), json!(2000.0)),
            (Some("cache.evictionPolicy"), json!("adaptive")),
        ],
        "one agent has less than half of what all hold"
    );
    facts.memory.as_mut().expect("on").largest = 400 * MB;
    let found = rules(&facts);
    let agents = found.iter().find(|advice| advice.setting == Some("memory.agentMemoryLimit")).expect("one");
    assert_eq!((&agents.current, &agents.proposed), (&json!(256.0), &json!(65.0)));
}

#[test]
fn texts_are_the_details_and_the_most_urgent_comes_first() {
    let mut facts = well();
    facts.dropped_events = 1;
    facts.failures = 1;
    cache(&mut facts).stats.l3.compression_ratio = 1.0;
    let found = Recommendations::of(rules(&facts));
    assert_eq!(found.priority, Priority::High);
    assert_eq!(found.general.len(), 2);
    assert_eq!(found.cache.len(), 1);
    let order: Vec<_> = found.details.iter().map(|advice| advice.priority).collect();
    assert_eq!(order, [Priority::High, Priority::Medium, Priority::Low]);
    let shown = json!(found);
    assert_eq!(shown["details"][0]["area"], "general");
    assert_eq!(shown["details"][0]["priority"], "high");
    assert_eq!(Recommendations::of(Vec::new()).priority, Priority::Low);
}

#[test]
fn every_rule_is_in_the_guide() {
    let guide = include_str!("../../../docs/recommendations.md");
    for (name, _, setting, ..) in cases() {
        let said = setting.map_or_else(|| "none".to_owned(), |setting| format!("`{setting}`"));
        assert!(guide.contains(&said), "{name}: {said}");
    }
    for threshold in [
        format!("{} %", memory::WAITING_SHARE * 100.0),
        format!("{} %", memory::SHORT_PERCENT),
        format!("{} %", memory::ROOMY_PERCENT),
        format!("{} lookups", cache::MIN_LOOKUPS),
        format!("{} %", cache::USELESS_HIT_SHARE * 100.0),
        format!("{} MB", cache::LEAST_L1_MB),
        format!("{} %", cache::POOR_RATIO * 100.0),
        format!("{} % of the lookups", cache::POLICY_SHARE * 100.0),
        format!("{} values", cache::MIN_RENEWED),
        format!("{} answers", cache::MIN_REFUTED),
        format!("{} parts", context::MIN_FETCHED),
        format!("{} %", context::FETCHED_SHARE * 100.0),
        format!("{} messages", context::MIN_MESSAGES),
        format!("{} % or more", context::REPEATED_SHARE * 100.0),
        format!("{} contexts", general::MIN_OPERATIONS),
    ] {
        assert!(guide.contains(&threshold), "{threshold}");
    }
}
