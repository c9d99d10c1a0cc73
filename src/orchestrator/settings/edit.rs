//! Changes settings in the text of a JSON file: comments, order and the rest of the text stay.

use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value};

use super::paths::merge;
use super::text::{Format, JSON_OPTIONS, decoded, parse};
use crate::base::config::{Allowed, Rule};

/// What a file begins with that is made for the first settings that are saved.
pub const EMPTY: &[u8] = b"{}\n";

/// The bytes of a file with the settings of `change` in it.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn edited(bytes: &[u8], change: &Value, rules: &[Rule]) -> Result<Vec<u8>, String> {
    let mut expected = parse(bytes, Format::Json)?;
    let root = CstRootNode::parse(decoded(bytes)?, &JSON_OPTIONS).map_err(|error| error.to_string())?;
    let Some(object) = root.object_value() else { return Err("it holds no object".to_owned()) };
    if let Some(change) = change.as_object() {
        set(&object, change, rules);
    }
    let mark: &[u8] = if bytes.starts_with(b"\xEF\xBB\xBF") { b"\xEF\xBB\xBF" } else { b"" };
    let written = [mark, root.to_string().as_bytes()].concat();
    // The text is only as good as what is read of it.
    merge(&mut expected, change, rules);
    match parse(&written, Format::Json) {
        Ok(read) if is_same(&read, &expected) => Ok(written),
        _ => Err("the change cannot be put into its text; make it by hand".to_owned()),
    }
}

fn set(object: &CstObject, change: &Map<String, Value>, rules: &[Rule]) {
    for (key, value) in change {
        let inner = rules.iter().find(|rule| rule.key == key).map(|rule| &rule.allowed);
        let property = object.get(key);
        match (inner, value, property) {
            (Some(Allowed::Section(inner)), Value::Object(entries), Some(property))
                if property.object_value().is_some() =>
            {
                set(&property.object_value_or_set(), entries, inner);
            }
            (_, value, Some(property)) => property.set_value(input(value)),
            (_, value, None) => {
                object.append(key, input(value));
            }
        }
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(entries) => {
            CstInputValue::Object(entries.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

/// The same whatever the order of keys; `1.0` is `1`.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::base::config::{Configure, Environment};
    use crate::orchestrator::settings::Settings;

    fn with(text: &str, change: Value) -> String {
        let rules = Settings::defaults(Environment::Staging).rules();
        String::from_utf8(edited(text.as_bytes(), &change, &rules).expect("edited")).expect("UTF-8")
    }

    #[test]
    fn only_what_is_set_changes_in_the_text() {
        let text = "\u{FEFF}// Why it is so.\n{\n  \"$schema\": \"x\",\n  \"cache\": {\n    // An hour.\n    \"ttlSeconds\": 3600, // s\n    \"l1MaxSize\": 10\n  },\n  \"autoTuning\": true, /* on */\n}\n";
        let after = with(text, json!({ "cache": { "ttlSeconds": 60 }, "autoTuning": false }));
        assert_eq!(after, text.replace("3600", "60").replace("true", "false"));
    }

    #[test]
    fn new_settings_come_behind_the_others_with_their_indentation() {
        let after = with(
            "{\n  \"cache\": {\n    \"ttlSeconds\": 1\n  }\n}\n",
            json!({ "cache": { "l1MaxSize": 2 }, "memory": { "gcInterval": 1000 } }),
        );
        let wanted = "{\n  \"cache\": {\n    \"ttlSeconds\": 1,\n    \"l1MaxSize\": 2\n  },\n  \"memory\": {\n    \"gcInterval\": 1000\n  }\n}\n";
        assert_eq!(after, wanted);
    }

    #[test]
    fn first_settings_make_a_file() {
        let after =
            with("{}\n", json!({ "autoTuning": true, "contextFilter": { "taskFields": ["a", "b"] } }));
        let wanted = "{\n  \"autoTuning\": true,\n  \"contextFilter\": {\n    \"taskFields\": [\"a\", \"b\"]\n  }\n}\n";
        assert_eq!(after, wanted);
    }

    #[test]
    fn what_holds_no_object_is_not_edited() {
        let rules = Settings::defaults(Environment::Staging).rules();
        for text in ["[1]", "{", ""] {
            assert!(edited(text.as_bytes(), &json!({ "autoTuning": true }), &rules).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn edited_files_say_what_was_set(
            ttl in 1_u32..1000, size in 1_u32..1000, gap in "[ \n\t]{0,5}", comment in "[a-z* ]{0,9}", fields in prop::collection::vec(any::<String>(), 0..3),
            first in any::<bool>(), second in any::<bool>(),
        ) {
            let mut change = json!({ "cache": { "ttlSeconds": ttl } });
            if first { change["cache"]["l1MaxSize"] = size.into(); }
            if second { change["contextFilter"] = json!({ "taskFields": fields }); }
            let comment = comment.replace('*', "");
            for text in [
                format!("{{{gap}}}"),
                format!("{gap}// {comment}\n{{{gap}\"cache\"{gap}:{gap}{{{gap}}}{gap}}}{gap}"),
                format!("{{ /*{comment}*/ \"cache\": {{ \"ttlSeconds\": 5{gap},{gap}// {comment}\n }}, }}"),
                format!("{{\"contextFilter\":{{\"taskFields\":[1,{gap}2]}},\"cache\":{gap}{{\"l1MaxSize\":1}}}}"),
                format!("{{\r\n  \"cache\": 7,{gap}\r\n}}"),
            ] {
                // Verified inside.
                with(&text, change.clone());
            }
        }
    }
}
