use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn refusal(text: &str, format: Format) -> String {
    parse(text.as_bytes(), format).expect_err(text)
}

#[test]
fn json_may_have_comments_and_trailing_commas() {
    let text = "\u{FEFF}// why\n{ /* a */ \"a\": [1, 2.5e3,], \"b\": \"// no comment\", }\n// end";
    assert_eq!(parse(text.as_bytes(), Format::Json), Ok(json!({ "a": [1, 2500.0], "b": "// no comment" })));
}

#[test]
fn json_has_no_other_liberties() {
    for text in [
        "{ a: 1 }",
        "{ 'a': 1 }",
        "{ \"a\": 0x1 }",
        "{ \"a\": +1 }",
        "{ \"a\": .5 }",
        "{ \"a\": NaN }",
        "{ \"a\": 1 \"b\": 2 }",
        "[1 2]",
        "[1 [2]]",
        "[1 {}]",
        "{ \"a\": [] \"b\": 2 }",
        "{ \"a\": 01 }",
        "{,}",
        "[,]",
        "{} {}",
        "{ \"a\": }",
        "",
        "// nothing",
        "{ \"a\": \"\\x41\" }",
        "{ \"a\": 1e999 }",
        "/* open",
        "{ \"a\" 1 }",
        "\"open",
        "{ \"a\": 1",
        "nul",
    ] {
        let says = refusal(text, Format::Json);
        assert!(says.starts_with("not JSON: ") && says.contains(" at line 1 column "), "{text}: {says}");
    }
}

#[test]
fn errors_say_line_and_column_and_quote_nothing() {
    for (text, format, place) in [
        ("{\n  \"cache\": {,\n", Format::Json, "line 2 column 13"),
        ("{\"a\": 1,\n\"ä\": hunter2}", Format::Json, "line 2 column 6"),
        ("{\n\"a\": 1,\n  \"a\": 2}", Format::Json, "again at line 3 column 3"),
        ("cache:\n  ttlSeconds: [1\n", Format::Yaml, "line "),
        ("a: 1\nb: 2\na: 3\n", Format::Yaml, "line 3 column 1"),
        ("a: \"hunter2\n", Format::Yaml, "line "),
    ] {
        let says = refusal(text, format);
        assert!(says.contains(place), "{text}: {says}");
        assert!(!says.contains("hunter2"), "{says}");
    }
    assert_eq!(
        parse(b"{\n\"a\xFF", Format::Json),
        Err("not UTF-8 at line 2 column 3; save it as UTF-8".into())
    );
}

#[test]
fn keys_of_javascript_are_just_keys() {
    for (text, format) in
        [(r#"{"__proto__": {"a": 1}}"#, Format::Json), ("__proto__: { a: 1 }", Format::Yaml)]
    {
        assert_eq!(parse(text.as_bytes(), format), Ok(json!({ "__proto__": { "a": 1 } })));
    }
}

#[test]
fn yaml_is_read_as_yaml_1_2() {
    let text = "# why\ncache: &c\n  ttlSeconds: 60 # s\n  cacheDir: no\nautoTuning: false\nlist: [a, 'b: c']\ncopy: *c\n";
    let cache = json!({ "ttlSeconds": 60, "cacheDir": "no" });
    let value = json!({ "cache": cache, "autoTuning": false, "list": ["a", "b: c"], "copy": cache });
    assert_eq!(parse(text.as_bytes(), Format::Yaml), Ok(value));
    for empty in ["", "# nothing\n", "---\n", "{}"] {
        assert_eq!(parse(empty.as_bytes(), Format::Yaml), Ok(json!({})), "{empty}");
    }
}

#[test]
fn bombs_are_refused_at_once() {
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='j').zip('a'..) {
        let items = vec![format!("*{before}"); 9].join(", ");
        writeln!(laughs, "{name}: &{name} [{items}]").expect("a text");
    }
    let started = std::time::Instant::now();
    for (text, format) in [
        (laughs, Format::Yaml),
        ("[".repeat(500_000), Format::Yaml),
        ("{a: ".repeat(200_000), Format::Yaml),
        ("- ".repeat(500_000), Format::Yaml),
        ("[".repeat(1_000_000), Format::Json),
        ("{\"a\":".repeat(200_000), Format::Json),
        ("[".repeat(100) + &"]".repeat(100), Format::Json),
        ("a: *a".to_owned(), Format::Yaml),
        ("a: &a [*a]".to_owned(), Format::Yaml),
        ("---\na: 1\n---\nb: 2\n".to_owned(), Format::Yaml),
    ] {
        assert!(parse(text.as_bytes(), format).is_err(), "{}", &text[..20.min(text.len())]);
    }
    // Generous: a machine under load must not fail it, and a bomb would take minutes.
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn endings_say_the_format() {
    for (name, format) in [
        ("a.yaml", Format::Yaml),
        ("a.YML", Format::Yaml),
        ("a.json", Format::Json),
        ("a.jsonc", Format::Json),
        ("a", Format::Json),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
}

/// Pieces of which broken and sound files are made.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "1",
            "-2.5e3",
            "true",
            "null",
            " ",
            "\n",
            "// x\n",
            "/* y */",
            "- ",
            "a: ",
            "&a ",
            "*a",
            "<<: ",
            "|\n",
            "'",
            "\"",
            "!!str ",
            "? ",
            "---\n",
            "\t",
            "#",
            "\\",
            "\u{FEFF}",
            "é",
            "\u{0}",
            "%YAML 1.2\n",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn white_space_that_json_does_not_know_is_refused_outside_of_texts_and_comments() {
    for text in ["{\u{b}}", "\"a\"\u{b}", "{\u{a0}\"autoTuning\": true}", "\u{2028}{}"] {
        let says = parse(text.as_bytes(), Format::Json).expect_err(text);
        assert!(says.contains("white space"), "{text:?}: {says}");
    }
    for text in ["{\"a\u{a0}\": \"\\\"\u{2028}\"}", "{} // \u{a0}", "/* \u{a0} **/ {}"] {
        assert!(parse(text.as_bytes(), Format::Json).is_ok(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in pieces(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for format in [Format::Json, Format::Yaml] {
            for bytes in [text.as_bytes(), &bytes] {
                if let Err(says) = parse(bytes, format) {
                    prop_assert!(!says.is_empty());
                }
            }
        }
    }

    #[test]
    fn what_is_json_is_read_as_json_reads_it(value in any_value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("JSON");
        prop_assert_eq!(parse(text.as_bytes(), Format::Json), Ok(value));
    }

    #[test]
    fn what_is_read_without_comments_and_trailing_commas_is_json(text in pieces()) {
        // Without those two every text that is read is JSON, and has the same value there.
        let plain = !text.contains('/') && !text.replace([' ', '\n', '\t'], "").contains(",}")
            && !text.replace([' ', '\n', '\t'], "").contains(",]");
        if let (true, Ok(value)) = (plain, parse(text.as_bytes(), Format::Json)) {
            let bare = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
            match serde_json::from_str::<Value>(bare) {
                Ok(same) => prop_assert_eq!(value, same),
                // Raw control characters in texts are no danger, and the parser lets them be.
                Err(error) => prop_assert!(error.to_string().contains("control character"), "{text:?}: {error}"),
            }
        }
    }
}
