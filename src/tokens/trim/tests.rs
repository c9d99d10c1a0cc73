use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::tokens::optimizer::DEFAULT_ENCODING;

/// What a caller makes of the outcomes: its own values and references, in its own order.
fn assembled(context: &str, trimmed: &Trimmed) -> String {
    if !trimmed.is_object {
        return match &trimmed.elements[0].outcome {
            Outcome::Kept => context.to_owned(),
            Outcome::Reference(summary) => json_reference("context", summary).to_string(),
            Outcome::Omitted => "null".to_owned(),
        };
    }
    let value: Map<String, Value> = serde_json::from_str(context).expect("an object");
    assert_eq!(value.len(), trimmed.elements.len());
    let mut result = Map::new();
    for ((key, value), element) in value.into_iter().zip(&trimmed.elements) {
        assert_eq!(serde_json::to_string(&key).expect("JSON"), element.key);
        match &element.outcome {
            Outcome::Kept => result.insert(key, value),
            Outcome::Reference(summary) => {
                let reference = json_reference(&key, summary);
                result.insert(key, reference)
            }
            Outcome::Omitted => None,
        };
    }
    Value::Object(result).to_string()
}

fn json_reference(key: &str, summary: &str) -> Value {
    json!({ "type": "reference", "location": format!("shared:{key}"), "summary": summary })
}

/// Trims, checks what always holds, and gives the result.
#[track_caller]
fn checked(context: &str, max_tokens: usize, encoding: Encoding) -> Trimmed {
    let trimmed = trim(context, max_tokens, encoding).expect("JSON");
    let result = assembled(context, &trimmed);
    let count = |text: &str| encoding.tokenizer().count(text);
    assert_eq!(trimmed.original_tokens, count(context), "{context}");
    assert_eq!(trimmed.result_tokens, count(&result), "{max_tokens}: {context} -> {result}");
    assert!(trimmed.result_tokens <= max_tokens.max(1), "{max_tokens}: {context} -> {result}");
    assert_eq!(trim(context, max_tokens, encoding).expect("JSON"), trimmed, "the same again");
    trimmed
}

fn outcomes(trimmed: &Trimmed) -> String {
    let letter = |element: &Element| match element.outcome {
        Outcome::Kept => 'k',
        Outcome::Reference(_) => 'r',
        Outcome::Omitted => '-',
    };
    trimmed.elements.iter().map(letter).collect()
}

fn words(count: usize) -> String {
    "word ".repeat(count)
}

#[test]
fn elements_are_kept_by_priority_and_the_others_referred_to() {
    let context = json!({
        "zeta": words(100),
        "metadata": words(100),
        "history": words(1000),
        "recentChanges": words(100),
        "currentTask": words(100),
        "small": 1,
    })
    .to_string();
    let check = |max, expected| {
        assert_eq!(outcomes(&checked(&context, max, DEFAULT_ENCODING)), expected, "{max}");
    };
    check(10_000, "kkkkkk");
    // All but the history, which costs ten times as much as what has a lower priority.
    check(700, "kkrkkk");
    check(400, "rkrkkk");
    // References to the others take what is left by `currentTask`.
    check(250, "-rrrkk");
    check(110, "----kk");
    check(3, "------");
    check(0, "------");
}

#[test]
fn current_task_goes_before_references_to_others() {
    let mut context = Map::new();
    for at in 0..20 {
        context.insert(format!("key{at}"), words(50).into());
    }
    context.insert("currentTask".into(), words(200).into());
    let context = Value::Object(context).to_string();
    let alone = json!({ "currentTask": words(200) }).to_string();
    let alone = DEFAULT_ENCODING.tokenizer().count(&alone);
    let trimmed = checked(&context, alone, DEFAULT_ENCODING);
    assert_eq!(outcomes(&trimmed), "-".repeat(20) + "k");
    let trimmed = checked(&context, alone - 1, DEFAULT_ENCODING);
    assert!(outcomes(&trimmed).ends_with('r'));
}

#[test]
fn reference_says_where_and_what() {
    let context = format!(r#"{{"history":"{}"}}"#, "Once upon a time. ".repeat(50));
    let trimmed = checked(&context, 60, DEFAULT_ENCODING);
    let expected =
        "text, 252 tokens: Once upon a time. Once upon a time. Once upon a time. Once upon a time. Once…";
    assert_eq!(trimmed.elements[0].outcome, Outcome::Reference(expected.into()));
    let json = serde_json::to_value(&trimmed).expect("JSON");
    assert_eq!(
        json["elements"][0],
        json!({ "key": "\"history\"", "outcome": "reference", "summary": expected })
    );
}

#[test]
fn context_that_is_no_object_is_kept_or_one_reference() {
    let context = json!(vec![words(10); 20]).to_string();
    let check = |max, expected| {
        assert_eq!(outcomes(&checked(&context, max, DEFAULT_ENCODING)), expected, "{max}");
    };
    check(10_000, "k");
    check(50, "r");
    check(5, "-");
    for context in ["null", "1", "true", "\"\"", "[]"] {
        assert_eq!(outcomes(&checked(context, 5, DEFAULT_ENCODING)), "k");
    }
}

#[test]
fn lone_surrogates_and_odd_keys_are_counted_as_javascript_writes_them() {
    let long = words(60);
    let context = format!(r#"{{"\ud800":"{long}","":"{long}","\"\\":"{long}\udfff"}}"#);
    for max in [70, 130, 180] {
        let trimmed = trim(&context, max, DEFAULT_ENCODING).expect("JSON");
        let mut result = String::from("{");
        for ((key, value), element) in raw::entries(&context).zip(&trimmed.elements) {
            let text = match &element.outcome {
                Outcome::Kept => value.to_owned(),
                Outcome::Reference(summary) => reference(key, summary),
                Outcome::Omitted => continue,
            };
            result.push_str(if result.len() > 1 { "," } else { "" });
            result.extend([&*element.key, ":", &*text]);
        }
        result.push('}');
        assert_eq!(trimmed.result_tokens, DEFAULT_ENCODING.tokenizer().count(&result), "{result}");
    }
}

#[test]
fn other_text_is_refused() {
    for text in ["", "{", "{ }", "{\"a\":1}\n"] {
        assert!(trim(text, 10, DEFAULT_ENCODING).is_err(), "{text}");
    }
}

#[test]
fn work_is_bounded_where_nothing_but_symbols_is_one_piece() {
    let mut context = Map::new();
    for at in 0..3000_usize {
        let symbols: String =
            (0..4).map(|digit| ['!', '#', '$', '%', '&', '*', '+', '-'][(at >> (3 * digit)) & 7]).collect();
        context.insert(symbols, json!([]));
    }
    let context = Value::Object(context).to_string();
    let all = DEFAULT_ENCODING.tokenizer().count(&context);
    let trimmed = checked(&context, all / 2, DEFAULT_ENCODING);
    assert!(outcomes(&trimmed).contains('k'));
}

/// A text of the kinds that tokens reach over: symbols, spaces, marks, digits, letters.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c!\"/\\\\ ,{}\\[\\]:'1\u{301}é日\n]{0,12}",
        "[!-/:-@ ]{0,6}",
        "\\PC{0,30}",
        (0..80_usize).prop_map(words),
    ]
}

fn any_element() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any_text().prop_map(Value::String),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn any_context() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        any_text(),
        prop::sample::select(PRIORITY.to_vec()).prop_map(str::to_owned),
        "[a-z]{1,8}"
    ];
    prop::collection::vec((key, any_element()), 0..12)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn result_is_within_the_limit_and_counted_exactly(
        context in prop_oneof![9 => any_context(), 1 => any_element()],
        percent in 0..110_usize,
    ) {
        let json = context.to_string();
        for encoding in Encoding::ALL {
            let max_tokens = encoding.tokenizer().count(&json) * percent / 100;
            checked(&json, max_tokens, encoding);
        }
    }

    #[test]
    fn current_task_is_kept_if_it_fits_alone(context in any_context(), task in any_element(), more in 0..60_usize) {
        let alone = json!({ "currentTask": task });
        let limit = DEFAULT_ENCODING.tokenizer().count(&alone.to_string()) + more;
        let mut context = context;
        context["currentTask"] = task;
        let trimmed = checked(&context.to_string(), limit, DEFAULT_ENCODING);
        let element = trimmed.elements.iter().find(|element| element.key == "\"currentTask\"").expect("there");
        prop_assert_eq!(&element.outcome, &Outcome::Kept);
    }

    #[test]
    fn nothing_more_would_have_fitted(context in any_context(), percent in 0..100_usize) {
        let json = context.to_string();
        let count = |text: &str| DEFAULT_ENCODING.tokenizer().count(text);
        let limit = count(&json) * percent / 100;
        let trimmed = checked(&json, limit, DEFAULT_ENCODING);
        for at in 0..trimmed.elements.len() {
            let mut more = trimmed.clone();
            if matches!(more.elements[at].outcome, Outcome::Reference(_)) {
                more.elements[at].outcome = Outcome::Kept;
                prop_assert!(count(&assembled(&json, &more)) > limit);
            }
        }
    }
}
