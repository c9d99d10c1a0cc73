use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::error::Problem;

#[derive(Debug, Clone, PartialEq, Default)]
struct Inner {
    ttl_seconds: f64,
    api_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Outer {
    entries: u64,
    enabled: bool,
    environment: Environment,
    cache: Inner,
}

impl Configure for Inner {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.number("ttlSeconds", Number::real(1.0, 100.0, "seconds"), &mut self.ttl_seconds);
        section.text("apiKey", Text::Any, &mut self.api_key);
    }
}

impl Configure for Outer {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.whole("entries", Number::whole(1.0, 10.0, "entries"), &mut self.entries);
        section.flag("enabled", &mut self.enabled);
        section.choice("environment", &mut self.environment);
        section.section("cache", |inner| self.cache.apply(inner));
    }
}

fn outer() -> Outer {
    let environment = Environment::Staging;
    Outer { entries: 1, enabled: false, environment, cache: Inner::default() }
}

fn problems(value: &Value) -> Vec<Problem> {
    outer().updated("", value).expect_err("must be refused").problems().to_vec()
}

fn only_message(value: &Value) -> String {
    let found = problems(value);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].message.clone()
}

#[test]
fn settings_that_are_there_are_taken_over() {
    let value = json!({ "entries": 3.0, "environment": "production", "cache": { "ttlSeconds": 2 } });
    let expected = Outer {
        entries: 3,
        environment: Environment::Production,
        cache: Inner { ttl_seconds: 2.0, api_key: None },
        ..outer()
    };
    assert_eq!(outer().updated("", &value).expect("sound"), expected);
    assert_eq!(outer().updated("", &json!({})).expect("nothing to do"), outer());
}

#[test]
fn all_problems_are_reported_at_once_with_dotted_paths() {
    let value = json!({
        "entries": 1.5, "enabled": "yes", "environment": "prodution",
        "cache": { "ttlSeconds": { "$invalid": "NaN" }, "apiKey": 7, "ttlSecs": 1 }, "chache": {},
    });
    let found: Vec<String> = problems(&value).iter().map(|p| format!("{}: {}", p.path, p.message)).collect();
    assert_eq!(
        found,
        [
            "entries: must be a whole number from 1 to 10 (entries), got 1.5",
            r#"enabled: must be true or false, got "yes""#,
            "environment: must be one of \"development\", \"staging\", \"production\", got \"prodution\"; \
             did you mean \"production\"?",
            "cache.ttlSeconds: must be a number from 1 to 100 (seconds), got NaN",
            "cache.apiKey: must be a non-empty string of at most 4096 characters, got (hidden)",
            "cache.ttlSecs: unknown setting; did you mean \"ttlSeconds\"?",
            "chache: unknown setting; did you mean \"cache\"?",
        ]
    );
}

#[test]
fn null_is_a_wrong_type() {
    assert!(only_message(&json!({ "enabled": null })).ends_with("got null"));
    assert_eq!(only_message(&json!({ "cache": null })), "must be an object, got null");
}

#[test]
fn section_that_is_no_object_is_refused_once() {
    assert_eq!(only_message(&json!({ "cache": [1] })), "must be an object, got an array");
    assert_eq!(
        only_message(&json!({ "cache": { "$invalid": "function" } })),
        "must be an object, got a function"
    );
    let root = &problems(&json!("text"))[0];
    assert_eq!(
        (root.path.as_str(), root.message.as_str()),
        ("configuration", "must be an object, got \"text\"")
    );
}

#[test]
fn unknown_name_is_answered_with_the_nearest_right_one() {
    for (wrong, hint) in [
        ("Entries", "did you mean \"entries\"?"),
        ("entires", "did you mean \"entries\"?"),
        ("ent", "did you mean \"entries\"?"),
        ("ENABLED", "did you mean \"enabled\"?"),
        ("apiKey", "did you mean \"cache.apiKey\"?"),
        ("zzz", "known here: entries, enabled, environment, cache"),
    ] {
        assert_eq!(only_message(&json!({ wrong: 1 })), format!("unknown setting; {hint}"));
    }
    assert!(
        only_message(&json!({ "cache": { "ttl_seconds": 1 } })).ends_with("did you mean \"ttlSeconds\"?")
    );
}

#[test]
fn long_unknown_names_are_cut_and_made_harmless() {
    let found = problems(&json!({ format!("\u{1b}[31m{}", "x".repeat(1_000_000)): 1 }));
    assert_eq!(found[0].path.chars().count(), 60);
    assert!(found[0].path.starts_with("\\u{1b}[31mxxx"));
}

#[test]
fn thousands_of_unknown_names_give_a_short_answer() {
    let value: Map<String, Value> = (0..50_000).map(|n| (format!("name{n}"), json!(1))).collect();
    let found = problems(&Value::Object(value));
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].message, "49900 more problems are not listed");
}

#[test]
fn required_setting_must_be_there() {
    let mut problems = Problems::new(Origin::Code);
    Section::read("", &json!({}), &mut problems, |section| {
        outer().apply(section);
        section.require("enabled");
    });
    let found = problems.into_vec();
    assert_eq!(found[0].message, "is required; must be true or false");
}

#[test]
fn rules_are_what_apply_reads() {
    let rules = outer().rules();
    let keys: Vec<_> = rules.iter().map(|rule| rule.key).collect();
    assert_eq!(keys, ["entries", "enabled", "environment", "cache"]);
    let Allowed::Section(inner) = &rules[3].allowed else { unreachable!("cache is a section") };
    assert_eq!(inner[1], Rule { key: "apiKey", allowed: Allowed::Text(Text::Any) });
}

#[test]
fn environment_names_agree_everywhere() {
    for (name, environment) in Environment::CHOICES {
        assert_eq!(environment.name(), *name);
        assert_eq!(serde_json::to_value(environment).expect("serializable"), *name);
    }
}

#[test]
fn negative_zero_becomes_zero() {
    let mut number = 1.0;
    let mut problems = Problems::new(Origin::Code);
    Section::read("", &json!({ "n": -0.0 }), &mut problems, |section| {
        section.number("n", Number::FRACTION, &mut number);
    });
    assert!(problems.is_empty() && number == 0.0 && number.is_sign_positive());
}

proptest! {
    #[test]
    fn number_is_taken_exactly_when_the_rule_accepts_it(number in any::<f64>()) {
        let rule = Number::real(-5.0, 1e9, "");
        let mut target = f64::MAX;
        let mut problems = Problems::new(Origin::Code);
        Section::read("", &json!({ "n": number }), &mut problems, |section| {
            section.number("n", rule, &mut target);
        });
        prop_assert_eq!(problems.is_empty(), rule.accepts(number));
        let expected = if rule.accepts(number) { number } else { f64::MAX };
        prop_assert!(target.total_cmp(&expected).is_eq() || (target, expected) == (0.0, -0.0));
    }
}
