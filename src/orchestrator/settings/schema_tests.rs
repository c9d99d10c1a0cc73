//! The published JSON schema and the shipped files say the same as the structs.

use std::fs;
use std::path::PathBuf;

use serde_json::Map;

use super::*;
use crate::base::config::{Allowed, MAX_TEXT_CHARS, Number, Rule};

fn shipped(name: &str) -> (PathBuf, Value) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).join(name);
    let text = fs::read(&path).expect("a shipped file");
    let value = text::parse(&text, text::Format::Json).expect("JSON");
    (path, value)
}

fn keys(object: &Map<String, Value>) -> Vec<&str> {
    object.keys().map(String::as_str).collect()
}

/// Compares one object of the schema with the rules of its section and with the defaults as they are shown.
fn check_section(path: &str, schema: &Value, rules: &[Rule], defaults: &Value) {
    assert_eq!(schema["type"], "object", "{path}");
    assert_eq!(schema["additionalProperties"], false, "{path}");
    let properties = schema["properties"].as_object().expect("properties");
    assert_eq!(keys(properties), rules.iter().map(|rule| rule.key).collect::<Vec<_>>(), "keys of {path}");
    for key in defaults.as_object().expect("an object").keys() {
        assert!(rules.iter().any(|rule| rule.key == key), "{path}.{key} is shown but cannot be set");
    }
    for rule in rules {
        let at = format!("{path}.{}", rule.key);
        let property = &properties[rule.key];
        assert!(
            property["description"].as_str().is_some_and(|text| text.len() > 10),
            "{at} is not described"
        );
        match &rule.allowed {
            Allowed::Section(inner) => {
                check_section(&at, property, inner, &defaults[rule.key]);
                continue;
            }
            allowed => check_value(&at, property, allowed),
        }
        // The environment is what code says, the file's `$schema` and `configFile` have no effect, a namespace's default
        // is another setting, there is no model that is everybody's, and nothing is sent or served unasked.
        let has_default = !matches!(
            rule.key,
            "environment"
                | "$schema"
                | "configFile"
                | "namespace"
                | "model"
                | "alertEmailFrom"
                | "metricsPort"
                | "otlpEndpoint"
        );
        assert_eq!(property.get("default").is_some(), has_default, "default of {at}");
        if has_default {
            let (written, real) = (&property["default"], &defaults[rule.key]);
            assert!(
                written == real || (written.is_number() && written.as_f64() == real.as_f64()),
                "default of {at}"
            );
        }
    }
}

fn check_value(at: &str, property: &Value, allowed: &Allowed) {
    let kind = property["type"].as_str().expect("type");
    match allowed {
        Allowed::Number(Number { min, max, whole, unit }) => {
            assert_eq!(kind, if *whole { "integer" } else { "number" }, "{at}");
            assert_eq!(property["minimum"].as_f64(), Some(*min), "{at}");
            assert_eq!(property["maximum"].as_f64(), Some(*max), "{at}");
            assert!(property["description"].as_str().expect("text").contains(unit), "unit of {at}");
        }
        Allowed::Flag => assert_eq!(kind, "boolean", "{at}"),
        Allowed::Text(_) => {
            assert_eq!(kind, "string", "{at}");
            assert_eq!(property["minLength"], 1, "{at}");
            assert_eq!(property["maxLength"], MAX_TEXT_CHARS, "{at}");
        }
        Allowed::Choice(names) => {
            assert_eq!(kind, "string", "{at}");
            assert_eq!(property["enum"], Value::from(names.clone()), "{at}");
        }
        Allowed::Texts => {
            assert_eq!(kind, "array", "{at}");
            let items = &property["items"];
            assert_eq!(items["type"], "string", "{at}");
            assert_eq!(items["minLength"], 1, "{at}");
            assert_eq!(items["maxLength"], MAX_TEXT_CHARS, "{at}");
        }
        Allowed::Objects => {
            assert_eq!(kind, "array", "{at}");
            assert_eq!(property["items"]["type"], "object", "{at}");
        }
        Allowed::Table => {
            assert_eq!(kind, "object", "{at}");
            assert_eq!(property["additionalProperties"]["type"], "object", "{at}");
        }
        Allowed::Numbers(_) => unreachable!("no setting is a table of numbers"),
        Allowed::Section(_) => unreachable!("sections are compared by check_section"),
    }
}

#[test]
fn schema_has_the_keys_ranges_and_defaults_of_the_structs() {
    let (_, schema) = shipped("optimization.schema.json");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let defaults = Settings::defaults(Environment::Development);
    check_section("", &schema, &defaults.rules(), &defaults.to_json());
}

#[test]
fn shipped_files_load_and_name_their_environment_and_schema() {
    for (name, environment) in [
        ("optimization.json", Environment::Production),
        ("optimization.development.json", Environment::Development),
        ("optimization.staging.json", Environment::Staging),
    ] {
        let (path, value) = shipped(name);
        let mut settings = Settings::defaults(environment);
        settings.apply_json(&value, Origin::File(&path)).expect(name);
        assert_eq!(value["environment"], environment.name());
        assert_eq!(value["$schema"], "./optimization.schema.json");
    }
}
