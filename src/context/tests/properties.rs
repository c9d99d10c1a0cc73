//! What holds for any context, limits and agent.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::Value;

use super::super::test_support::{exact_tokens, filter_of, json_of, limited, text_of};
use super::super::*;
use crate::base::cancel::Cancel;
use crate::base::document::Kind;
use crate::base::document::tests::document;

/// Lines of code, prose and nonsense.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{2,9}( [a-zA-Z_]{1,9}){0,9}",
        2 => "(  ){0,3}(def|function|class|fn|export const) [a-z]{1,8}_?[a-zA-Z]{1,9}\\(\\) (\\{|:|= \\(\\) =>)",
        1 => "# [a-z ]{1,20}",
        1 => "\\PC{0,40}",
        1 => "[😀é\u{301}日本語\\\\\"\t]{0,20}",
        2 => Just(String::new()),
    ]
}

/// Texts of a few words and of many lines; the ends of lines differ.
fn text() -> impl Strategy<Value = String> {
    let lines = (0_usize..3, proptest::collection::vec(line(), 1..160), any::<bool>());
    let long = lines.prop_map(|(ending, lines, is_ended)| {
        let ending = ["\n", "\r\n", "\n\n"][ending];
        lines.join(ending) + if is_ended { ending } else { "" }
    });
    prop_oneof![2 => "\\PC{0,60}", 1 => "(login|form|fix) [a-z ]{0,30}", 3 => long, 1 => "[a-z,;]{1500,9000}"]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(src/|app/)?[a-z]{1,8}\\.(ts|tsx|py|md)",
        1 => "(currentTask|projectStructure|uiRequirements|recentChanges|task|node_modules|__proto__|constructor)",
        1 => "[a-z]{0,6}(\\.[a-z]{1,4}){0,3}",
        1 => "\\PC{0,12}",
        1 => "[\\x00-\\x1f\"\\\\]{0,9}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Into::into),
        1 => any::<i32>().prop_map(Into::into),
        1 => (-1e9..1e9_f64).prop_map(Into::into),
        6 => text().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::vec((key(), inner), 0..8).prop_map(object),
        ]
    })
}

fn object(entries: Vec<(String, Value)>) -> Value {
    Value::Object(entries.into_iter().collect())
}

/// Mostly objects with a task, as contexts are.
fn context() -> impl Strategy<Value = Value> {
    let task = "(Fix|Add|Change) the (login|form|[a-z]{3,8}) (of|in) [a-z]{1,8}\\.(ts|tsx|py)";
    let entries = proptest::collection::vec((key(), value()), 0..10);
    let whole = (proptest::option::weighted(0.8, task), entries).prop_map(|(task, entries)| {
        let task = task.map(|task| ("currentTask".to_owned(), Value::from(task)));
        object(task.into_iter().chain(entries).collect())
    });
    prop_oneof![9 => whole, 1 => value()]
}

fn limits() -> impl Strategy<Value = CallLimits> {
    (
        proptest::option::weighted(0.3, 0_u64..20_000),
        proptest::option::weighted(0.6, 0_u64..6_000),
        proptest::option::weighted(0.2, 0.0..1.0_f64),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(max_bytes, max_tokens, target_reduction, whole_texts)| CallLimits {
            max_bytes,
            max_tokens,
            target_reduction,
            whole_texts,
        })
}

fn agent() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["frontend-specialist", "backend-specialist-2", "poet", "ui-designer", ""])
}

fn filtered(filter: &ContextFilter, document: &Document, request: &FilterRequest) -> FilterOutcome {
    filter.filter(document, request, &Cancel::default()).expect("not cancelled")
}

/// Required top-level fields of the agents above that the contexts may have.
fn is_required(agent: &str, key: &str) -> bool {
    let of_frontend = ["frontend-specialist", "ui-designer"].contains(&agent) && key == "uiRequirements";
    ["currentTask", "projectStructure"].contains(&key) || of_frontend
}

/// Values whose fate is not that of something above them, with their fates.
fn fate_of(outcome: &FilterOutcome, index: usize) -> Fate {
    outcome.fates.as_ref().map_or(Fate::Whole, |fates| fates[index])
}

/// Whether `kept` is `whole` without some of its entries, in its order; texts that were cut are looked at elsewhere.
fn is_part(document: &Document, outcome: &FilterOutcome, index: usize, kept: &Value) -> bool {
    match fate_of(outcome, index) {
        Fate::Dropped => false,
        Fate::Whole => text_in_order(kept) == text_in_order(&value_of(document, index)),
        Fate::Cut => {
            outcome.cuts.get(&u32::try_from(index).expect("small")).map(String::as_str) == kept.as_str()
        }
        Fate::Part => {
            let stay: Vec<usize> =
                document.children(index).filter(|&child| fate_of(outcome, child) != Fate::Dropped).collect();
            match kept {
                Value::Object(entries) => {
                    stay.len() == entries.len()
                        && stay.iter().zip(entries).all(|(&child, (key, value))| {
                            document.key(child) == key && is_part(document, outcome, child, value)
                        })
                }
                Value::Array(items) => {
                    stay.len() == items.len()
                        && stay
                            .iter()
                            .zip(items)
                            .all(|(&child, item)| is_part(document, outcome, child, item))
                }
                _ => false,
            }
        }
    }
}

/// Values are equal whatever the order of their entries; texts are not.
fn text_in_order(value: &Value) -> String {
    value.to_string()
}

fn value_of(document: &Document, index: usize) -> Value {
    serde_json::from_str(&json_of(document, index)).expect("JSON")
}

/// Kept pieces and resolved gaps of each cut text are the text again.
fn check_cuts(filter: &ContextFilter, document: &Document, outcome: &FilterOutcome) {
    for cut in &outcome.texts {
        let text = document.text(cut.value as usize);
        let units: Vec<u16> = text.encode_utf16().collect();
        let mut gaps = outcome.dropped.iter().filter(|part| part.value == cut.value && part.lines.is_some());
        let (mut whole, mut left) = (Vec::new(), Vec::new());
        for piece in &cut.pieces {
            match piece {
                Piece::Kept(from, to) => {
                    whole.extend_from_slice(&units[*from..*to]);
                    left.extend_from_slice(&units[*from..*to]);
                }
                Piece::Marker(marker) => {
                    left.extend(marker.encode_utf16());
                    let gap = gaps.next().expect("a marker stands for a part");
                    assert!(marker.contains(&gap.reference.to_string()), "{marker}");
                    let json = filter.resolve(gap.reference).expect("remembered");
                    let missing: String = serde_json::from_str(&json).expect("a string");
                    assert_eq!(missing.len() as u64, gap.bytes);
                    whole.extend(missing.encode_utf16());
                }
            }
        }
        assert!(gaps.next().is_none(), "every gap has a marker");
        assert_eq!(String::from_utf16(&whole).expect("UTF-16"), text);
        assert_eq!(String::from_utf16(&left).expect("UTF-16"), outcome.cuts[&cut.value]);
    }
}

/// What was left out comes back as it was; nothing is missing that is not said to be.
fn check_dropped(filter: &ContextFilter, document: &Document, outcome: &FilterOutcome) {
    let mut said = HashSet::new();
    for part in outcome.dropped.iter().filter(|part| part.lines.is_none()) {
        let json = filter.resolve(part.reference).expect("remembered");
        assert_eq!(&*json, json_of(document, part.value as usize));
        assert_eq!(json.len() as u64, part.bytes);
        said.extend(part.value as usize..document.end(part.value as usize));
    }
    for index in (0..document.len()).filter(|&index| fate_of(outcome, index) == Fate::Dropped) {
        assert!(said.contains(&index), "value {index} is missing and nothing is said of it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_stays_and_what_was_left_out_are_the_context(
        value in context(), other in context(), limits in limits(), agent in agent(),
    ) {
        let document = document(&value.to_string());
        let request = limited(agent, limits);
        let filter = filter_of(ContextFilterConfig::default());
        let outcome = filtered(&filter, &document, &request);
        let text = text_of(&outcome, &document);
        let kept: Value = serde_json::from_str(&text).expect("valid JSON");
        prop_assert!(is_part(&document, &outcome, 0, &kept), "{}", text);
        check_cuts(&filter, &document, &outcome);
        check_dropped(&filter, &document, &outcome);
        if let (Some(before), Some(after)) = (value.as_object(), kept.as_object()) {
            for (key, value) in before.iter().filter(|(key, _)| is_required(agent, key)) {
                prop_assert_eq!(after.get(key), Some(value));
            }
            let is_over = limits.max_bytes.is_some_and(|bytes| outcome.filtered_bytes > bytes.max(2));
            let only_required = after.keys().all(|key| is_required(agent, key));
            prop_assert!(!is_over || only_required, "{} bytes, {:?}", outcome.filtered_bytes, limits);
            if let Some(max_tokens) = limits.max_tokens {
                let tokens = exact_tokens(&text);
                prop_assert!(tokens <= max_tokens || only_required, "{tokens} of {max_tokens} tokens");
            }
        }
        // The same again, by the same filter and by one that has seen something else.
        let seen = filter_of(ContextFilterConfig::default());
        filtered(&seen, &super::document(&other.to_string()), &request);
        for filter in [&filter, &seen] {
            let again = filtered(filter, &document, &request);
            prop_assert_eq!(text_of(&again, &document), text.as_str());
            prop_assert_eq!(&again.scores, &outcome.scores);
            prop_assert_eq!(&again.adaptations, &outcome.adaptations);
        }
    }
}

#[test]
fn kinds_of_values_that_json_has_occur() {
    // The strategies above are of no use if they never cut a text.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let filter = filter_of(ContextFilterConfig::default());
    let (mut cut, mut limited_ones) = (0, 0);
    for _ in 0..40 {
        let value = context().new_tree(&mut runner).expect("a value").current();
        let limits = limits().new_tree(&mut runner).expect("limits").current();
        let document = document(&value.to_string());
        let outcome = filtered(&filter, &document, &limited("frontend-specialist", limits));
        cut += outcome.texts.len();
        limited_ones += usize::from(outcome.adaptations.iter().any(|line| line.contains("for the limit")));
        assert_ne!(document.kind(0), Kind::Omitted);
    }
    assert!(cut > 5 && limited_ones > 2, "{cut} texts cut, {limited_ones} limits reached");
}
