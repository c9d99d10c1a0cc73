use serde_json::{Value, json};

use super::*;
use crate::base::config::{Origin, Problems};

fn read(values: &Value) -> (Vec<RuleSetting>, Vec<(String, String)>) {
    let mut problems = Problems::new(Origin::Code);
    let rules = read_rules("alertRules", values.as_array().unwrap(), &mut problems);
    (rules, problems.into_vec().into_iter().map(|problem| (problem.path, problem.message)).collect())
}

fn sound(values: &Value) -> Vec<RuleSetting> {
    let (rules, problems) = read(values);
    assert_eq!(problems, []);
    rules
}

fn named<'r>(rules: &'r [Rule], id: &str) -> &'r Rule {
    rules.iter().find(|rule| rule.id == id).unwrap()
}

#[test]
fn built_in_rules_are_unique_and_can_begin_and_end() {
    for percent in [0.0, 3.0, 50.0, 100.0] {
        let rules = built_in(&AlertThresholds {
            memory_warning: percent,
            memory_critical: percent,
            cache_hit_rate_warning: percent,
            cpu_warning: percent,
            cpu_critical: percent,
            disk_usage_warning: percent,
        });
        let ids: std::collections::HashSet<_> = rules.iter().map(|rule| &rule.id).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in &rules {
            let best = if rule.comparison == Comparison::Above { 0.0 } else { 100.0 };
            assert!(rule.ends(best), "{} at {percent} %", rule.id);
            assert!(!rule.begins(rule.threshold), "{}: at the threshold is well", rule.id);
            assert!(rule.hysteresis >= 0.0);
            assert!(!rule.words(rule.threshold).contains('{'));
        }
    }
}

#[test]
fn hysteresis_lies_between_begin_and_end() {
    let rules = built_in(&AlertThresholds::default());
    for (id, begins, stays, ends) in [
        ("memoryWarning", 80.1, 75.1, 75.0),
        ("cpuCritical", 95.1, 90.1, 90.0),
        ("cacheHitRateWarning", 59.9, 64.9, 65.0),
        ("diskUsageWarning", 85.1, 83.1, 83.0),
        ("throttledAgents", 1.0, 0.5, 0.0),
        ("errorRate", 10.1, 5.1, 5.0),
        ("responseTime", 5000.1, 4500.1, 4500.0),
        ("eventLoopDelay", 5000.1, 4500.1, 4500.0),
    ] {
        let rule = named(&rules, id);
        assert!(rule.begins(begins) && !rule.ends(begins), "{id}");
        assert!(!rule.ends(stays) && rule.ends(ends) && !rule.begins(ends), "{id}");
    }
    assert_eq!(
        named(&rules, "memoryWarning").words(81.256),
        "81.26 % of the memory limit that is nearest is in use, over memoryWarning (80 %)"
    );
}

#[test]
fn rules_of_the_settings_replace_join_and_switch_off() {
    let given = json!([
        { "id": "cpuWarning", "metric": "cpu.usage", "above": 70, "level": "warning", "for": 60000, "hysteresis": 3 },
        { "id": "errorRate", "enabled": false },
        { "id": "budget", "metric": "tokens.used", "above": 1e6, "level": "info", "component": "agents",
          "title": "Budget", "message": "{value} of {threshold}" },
        { "id": "later", "metric": "cpu.usage", "below": 1, "level": "info", "enabled": false },
    ]);
    let settings = sound(&given);
    let thresholds = AlertThresholds::default();
    let rules = effective(&thresholds, &settings);
    assert_eq!(of_config(&thresholds, given.as_array().unwrap()), rules);
    assert_eq!(rules.len(), built_in(&thresholds).len());
    let cpu = named(&rules, "cpuWarning");
    assert_eq!(
        (cpu.threshold, cpu.for_ms, cpu.hysteresis, cpu.component),
        (70.0, 60_000, 3.0, Component::Cpu)
    );
    assert_eq!(cpu.title, "cpu.usage over 70 %");
    assert_eq!(
        cpu.words(71.0),
        "Share of the machine's processor time in use since the last sample (cpu.usage): 71 %, over 70 %"
    );
    let budget = named(&rules, "budget");
    assert_eq!((budget.component, budget.words(2e6).as_str()), (Component::Agents, "2000000 of 1000000"));
    assert!(rules.iter().all(|rule| rule.id != "errorRate" && rule.id != "later"));
}

#[test]
fn settings_are_written_as_they_were_given() {
    let given = json!([
        { "id": "a", "metric": "cpu.usage", "above": 70.5, "level": "warning", "component": "cpu", "for": 60000,
          "hysteresis": 3.5, "title": "T", "message": "M", "enabled": true },
        { "id": "errorRate", "enabled": false },
    ]);
    assert_eq!(serde_json::to_value(sound(&given)).unwrap(), given);
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    let whole = |key: &str, value: Value| {
        let mut rule = json!({ "id": "a", "metric": "cpu.usage", "above": 70, "level": "warning" });
        rule[key] = value;
        rule
    };
    for (rule, path, message) in [
        (json!(5), "alertRules.0", "must be an object, got 5"),
        (
            whole("id", json!("a b")),
            "alertRules.0.id",
            "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', got \"a b\"",
        ),
        (whole("id", json!("x".repeat(65))), "alertRules.0.id", "must be 1 to 64 of"),
        (whole("id", json!("a\r\nb")), "alertRules.0.id", "got \"a\\r\\nb\""),
        (
            whole("metric", json!("cpu.usge")),
            "alertRules.0.metric",
            "there is no figure \"cpu.usge\"; did you mean \"cpu.usage\"?",
        ),
        (
            whole("metric", json!("slowestP95")),
            "alertRules.0.metric",
            "did you mean \"performance.slowestP95\"?",
        ),
        (whole("metric", json!("qqq")), "alertRules.0.metric", "docs/metrics.md has all of them"),
        (whole("metric", json!(3)), "alertRules.0.metric", "must be a non-empty string"),
        (whole("above", json!("70")), "alertRules.0.above", "must be a number"),
        (whole("above", json!({ "$invalid": "NaN" })), "alertRules.0.above", "got NaN"),
        (whole("above", json!(1e300)), "alertRules.0.above", "must be a number from -9007199254740992"),
        (whole("above", json!(-1)), "alertRules.0.above", "the alert would never end"),
        (whole("hysteresis", json!(71)), "alertRules.0.hysteresis", "the alert would never end"),
        (whole("hysteresis", json!(-1)), "alertRules.0.hysteresis", "must be a number from 0"),
        (whole("below", json!(3)), "alertRules.0.below", "must not be there beside above"),
        (whole("level", json!("warn")), "alertRules.0.level", "did you mean \"warning\"?"),
        (whole("component", json!("CPU")), "alertRules.0.component", "did you mean \"cpu\"?"),
        (whole("for", json!(1.5)), "alertRules.0.for", "must be a whole number from 0 to 86400000 (ms)"),
        (whole("title", json!("a\nb")), "alertRules.0.title", "must not hold control characters, got U+000A"),
        (whole("title", json!("x".repeat(201))), "alertRules.0.title", "must have at most 200 characters"),
        (
            whole("message", json!("{valeu}")),
            "alertRules.0.message",
            "must not hold \"{valeu}\"; figures are {value}, {threshold}, {metric}, {unit}",
        ),
        (whole("thresold", json!(1)), "alertRules.0.thresold", "unknown setting"),
        (whole("enabled", json!(1)), "alertRules.0.enabled", "must be true or false"),
        (
            json!({ "id": "a", "metric": "cpu.usage", "level": "info" }),
            "alertRules.0",
            "needs a threshold: above or below",
        ),
        (
            json!({ "id": "a", "metric": "cpu.usage", "level": "info", "below": 0 }),
            "alertRules.0.below",
            "must be over 0",
        ),
        (json!({ "id": "a", "above": 1, "level": "info" }), "alertRules.0.metric", "is required"),
        (json!({ "id": "a", "above": 1, "metric": "cpu.usage" }), "alertRules.0.level", "is required"),
        (json!({ "enabled": false }), "alertRules.0.id", "is required"),
        (
            json!({ "id": "cpuwarn", "enabled": false }),
            "alertRules.0.id",
            "there is no built-in rule \"cpuwarn\" to switch off; did you mean \"cpuWarning\"?",
        ),
    ] {
        let (_, problems) = read(&json!([rule]));
        assert_eq!(problems.len(), 1, "{rule}: {problems:?}");
        assert_eq!(problems[0].0, path);
        assert!(problems[0].1.contains(message), "{rule}: {}", problems[0].1);
    }
}

#[test]
fn every_problem_of_every_rule_is_said_at_once() {
    let rule = json!({ "id": "a", "metric": "cpu.usage", "above": 1, "level": "info" });
    let (rules, problems) = read(&json!([
        rule,
        { "id": "b", "metric": "nope", "above": "x", "below": 1, "level": "bad", "extra": 1 },
        rule,
    ]));
    let paths: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "alertRules.1.above",
            "alertRules.1.level",
            "alertRules.1.extra",
            "alertRules.1.metric",
            "alertRules.1.below",
            "alertRules.2.id",
        ]
    );
    assert_eq!(rules[0].id, "a");
    let (_, problems) = read(&Value::Array(vec![rule; 101]));
    assert_eq!(problems, [("alertRules".to_owned(), "must have at most 100 rules, got 101".to_owned())]);
}
