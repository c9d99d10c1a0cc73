//! Looks into JSON text without building values: the entries of an object, the items of an array, a string's text.
//!
//! For text as `JSON.stringify` writes it: no white space between the parts, any depth, lone surrogates as escapes.
//! [`check`] refuses everything else; all other functions rely on it and are meaningless, though safe, without.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

use crate::base::error::{Error, ErrorKind, Result};

/// What a JSON text is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
    Text,
    /// A number, `true`, `false` or `null`.
    Scalar,
}

impl Shape {
    pub(super) fn of(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            _ => Self::Scalar,
        }
    }
}

/// Refuses what is not JSON, and JSON with white space between its parts. O(text), on the stack whatever the depth.
pub(super) fn check(json: &str, what: &str) -> Result<()> {
    let refused = |why: &str| {
        let message = format!("{what}: {why}; give the text that JSON.stringify writes without indentation");
        Error::new(ErrorKind::InvalidArgument, message)
    };
    serde_json::from_str::<&RawValue>(json).map_err(|e| refused("not JSON").with_source(e))?;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            byte if byte.is_ascii_whitespace() => return Err(refused("white space between the parts")),
            _ => at += 1,
        }
    }
    Ok(())
}

/// The entries of an object, in order: each key as it stands between its quotes, and each value's text.
pub(super) fn entries(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = Parts { json: object, at: 1 };
    std::iter::from_fn(move || {
        let key = parts.next()?;
        let value = parts.next()?;
        Some((inside(key), value))
    })
}

/// The items of an array, in order.
pub(super) fn items(array: &str) -> impl Iterator<Item = &str> {
    Parts { json: array, at: 1 }
}

/// What stands between the quotes of a string.
pub(super) fn inside(string: &str) -> &str {
    string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(string)
}

/// The text of what stands between the quotes of a string; lone surrogates become U+FFFD.
///
/// An escape that was cut off at the end is left out.
pub(super) fn unescape(escaped: &str) -> Cow<'_, str> {
    if !escaped.contains('\\') {
        return Cow::Borrowed(escaped);
    }
    let mut units: Vec<u16> = Vec::new();
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('\\') {
        if at > 0 {
            flush(&mut units, &mut text);
            text.push_str(&rest[..at]);
        }
        let Some(&escape) = rest.as_bytes().get(at + 1) else {
            rest = "";
            break;
        };
        let plain = match escape {
            b'u' => None,
            b'b' => Some('\u{8}'),
            b'f' => Some('\u{c}'),
            b'n' => Some('\n'),
            b'r' => Some('\r'),
            b't' => Some('\t'),
            other => Some(char::from(other)),
        };
        let (used, unit) = if let Some(plain) = plain {
            flush(&mut units, &mut text);
            text.push(plain);
            (2, None)
        } else {
            let digits = rest.get(at + 2..at + 6);
            (6, digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()))
        };
        units.extend(unit);
        rest = rest.get(at + used..).unwrap_or("");
    }
    flush(&mut units, &mut text);
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends escaped code units that followed each other: a pair of them may be one character.
fn flush(units: &mut Vec<u16>, text: &mut String) {
    text.extend(char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

/// The parts of a container between commas and colons.
struct Parts<'a> {
    json: &'a str,
    /// Where the next part starts.
    at: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.json.as_bytes();
        let start = self.at;
        if matches!(bytes.get(start), None | Some(b'}' | b']')) {
            return None;
        }
        let end = value_end(bytes, start);
        self.at = end + 1;
        self.json.get(start..end)
    }
}

/// The end of the value that starts at `start`.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of the string whose opening quote is at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Any JSON value, not too deep.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}|[\"\\\\\n\u{1}{}\\[\\],:]{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec(("\\PC{0,5}|[\"\\\\{}:,]{0,3}", inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn only_compact_json_is_taken() {
        for json in
            [r#"{"a":[1,"x y"],"b":{}}"#, "[]", "{}", "\"\"", "-1.5e3", "null", r#"{"\ud800":"\udc00"}"#]
        {
            assert!(check(json, "context").is_ok(), "{json}");
        }
        for json in ["", "{", "{\"a\": 1}", "[1,\n2]", " 1", "1 ", "[1,]", "nul", "{\"a\"}", "\"\\x\""] {
            let error = check(json, "context").expect_err(json);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{json}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(check(&deep, "context").is_ok());
        assert_eq!(items(&deep).count(), 1);
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        for (escaped, expected) in [
            (r"a\ud800b", "a\u{fffd}b"),
            (r"\ud83d\ude00", "😀"),
            (r"\udc00\ud800", "\u{fffd}\u{fffd}"),
            (r"\ud83d-\ude00", "\u{fffd}-\u{fffd}"),
            (r#"\"\\\/\b\f\n\r\t\u0041é"#, "\"\\/\u{8}\u{c}\n\r\tAé"),
            (r"cut\", "cut"),
            (r"cut\u00", "cut"),
        ] {
            assert_eq!(unescape(escaped), expected, "{escaped}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_those_of_the_parser(value in any_value()) {
            let json = value.to_string();
            prop_assert!(check(&json, "value").is_ok());
            match &value {
                Value::Object(map) => {
                    prop_assert_eq!(Shape::of(&json), Shape::Object);
                    let found: Vec<(String, String)> =
                        entries(&json).map(|(key, value)| (unescape(key).into(), value.into())).collect();
                    let expected: Vec<(String, String)> =
                        map.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
                    prop_assert_eq!(found, expected);
                }
                Value::Array(list) => {
                    prop_assert_eq!(Shape::of(&json), Shape::Array);
                    let found: Vec<&str> = items(&json).collect();
                    let expected: Vec<String> = list.iter().map(Value::to_string).collect();
                    prop_assert_eq!(found, expected);
                }
                Value::String(text) => {
                    prop_assert_eq!(Shape::of(&json), Shape::Text);
                    let found = unescape(inside(&json));
                    prop_assert_eq!(&*found, text);
                }
                _ => prop_assert_eq!(Shape::of(&json), Shape::Scalar),
            }
        }

        #[test]
        fn any_text_is_safe(text in "\\PC{0,20}|[\"\\\\{}\\[\\],:u0d8]{0,20}") {
            let _ = check(&text, "text");
            prop_assert!(entries(&text).count() <= text.len());
            prop_assert!(items(&text).count() <= text.len());
            let _ = (unescape(&text), inside(&text), Shape::of(&text));
        }
    }
}
