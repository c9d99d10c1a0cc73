//! Alerts of the application, checked before they are raised.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::base::config::{Origin, Problems, Section, Text};
use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::alerts::text::{MESSAGE, TITLE, quoted};
use crate::monitor::alerts::{Component, Level};

/// Most bytes of an alert's metadata as JSON: a channel sends all of it.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Most levels of objects and arrays in them: deeper ones nobody reads, and readers of JSON give up on them.
pub const MAX_METADATA_DEPTH: usize = 16;
/// What the monitor itself writes there.
const RESERVED: [&str; 2] = ["silenced", "resolvedBy"];

/// A sound alert that is to be raised.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlert {
    pub(super) level: Level,
    pub(super) component: Component,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) metadata: Map<String, Value>,
}

impl NewAlert {
    /// From its parts.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem: a title of not 1 to 200 characters, a message of not 1 to 4,000, control
    /// characters other than line feeds of the message, metadata of over 16 KB as JSON or over 16 levels, or with a name that
    /// the monitor writes (`silenced`, `resolvedBy`).
    pub fn new(
        level: Level,
        component: Component,
        title: impl Into<String>,
        message: impl Into<String>,
        metadata: Map<String, Value>,
    ) -> Result<Self> {
        let new = Self { level, component, title: title.into(), message: message.into(), metadata };
        let mut problems = Problems::new(Origin::Code);
        new.check(&mut problems);
        new.if_sound(problems)
    }

    /// From `{ type, component, title, message, metadata? }`.
    ///
    /// # Errors
    /// As [`NewAlert::new`], and what is no such object.
    pub fn parse(value: &Value) -> Result<Self> {
        let mut problems = Problems::new(Origin::Code);
        let (mut level, mut component) = (Level::Info, Component::Performance);
        let (mut title, mut message, mut metadata) = (None, None, Map::new());
        // Sections know tables of objects, which this is not; they take any object for one.
        let mut value = Cow::Borrowed(value);
        if value.get("metadata").is_some_and(|metadata| !is_object(metadata)) {
            problems.add("metadata", "must be an object");
            value.to_mut()["metadata"] = Value::Object(Map::new());
        }
        Section::read("", &value, &mut problems, |section| {
            section.choice("type", &mut level);
            section.choice("component", &mut component);
            section.text("title", Text::Any, &mut title);
            section.text("message", Text::Any, &mut message);
            section.table("metadata", &mut metadata, |_, _, _| {});
            for key in ["type", "component", "title", "message"] {
                section.require(key);
            }
        });
        // Texts that are absent or refused have been told; these stand for them and are sound.
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let new = Self { level, component, title: text(title), message: text(message), metadata };
        new.check(&mut problems);
        new.if_sound(problems)
    }

    fn check(&self, problems: &mut Problems) {
        for (name, text, limit) in [("title", &self.title, TITLE), ("message", &self.message, MESSAGE)] {
            if let Some(flaw) = limit.flaw(text) {
                problems.add(name, flaw);
            }
        }
        for name in RESERVED.iter().filter(|name| self.metadata.contains_key(**name)) {
            problems.add(
                "metadata",
                format_args!("must not have the name {}, which the monitor writes", quoted(name)),
            );
        }
        // The depth first: writing recurses.
        if self.metadata.values().any(|value| is_deeper(value, MAX_METADATA_DEPTH - 1)) {
            problems.add("metadata", format_args!("must have at most {MAX_METADATA_DEPTH} levels"));
        } else if json_bytes(&self.metadata) > MAX_METADATA_BYTES {
            problems.add("metadata", format_args!("must have at most {MAX_METADATA_BYTES} bytes as JSON"));
        }
    }

    fn if_sound(self, problems: Problems) -> Result<Self> {
        if problems.is_empty() {
            return Ok(self);
        }
        Err(Error::refused(ErrorKind::InvalidArgument, "alert", problems.into_vec()))
    }
}

/// Whether it is an object of the caller's: what JSON cannot hold (NaN, functions) comes as one too.
fn is_object(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !(object.len() == 1 && object.contains_key("$invalid")))
}

/// Whether there are objects or arrays on more than `levels` levels. Looks no deeper than that.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let inner = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(inner),
        Value::Object(map) => levels == 0 || map.values().any(inner),
        _ => false,
    }
}

/// Bytes as JSON, counted without writing it anywhere.
fn json_bytes(map: &Map<String, Value>) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    if map.is_empty() {
        return 2;
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, map)
        .expect("invariant: a JSON value with string keys, and counting does not fail");
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_an_alert_of_the_application_is_said() {
        let whole = |key: &str, value: Value| {
            let mut alert = json!({ "type": "info", "component": "cpu", "title": "t", "message": "m" });
            alert[key] = value;
            alert
        };
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        for (value, path, message) in [
            (json!([]), "configuration", "must be an object"),
            (whole("type", json!("warn")), "type", "did you mean \"warning\"?"),
            (whole("component", json!(1)), "component", "must be one of"),
            (whole("title", json!("x".repeat(201))), "title", "at most 200 characters"),
            (whole("title", json!("a\r\nBcc: b")), "title", "control characters, got U+000D"),
            (whole("title", json!("")), "title", "must be a non-empty string"),
            (whole("message", json!("x".repeat(4_001))), "message", "at most 4000 characters"),
            (whole("message", json!("a\u{7}")), "message", "other than line feeds, got U+0007"),
            (whole("metadata", json!([])), "metadata", "must be an object"),
            (whole("metadata", json!({ "$invalid": "function" })), "metadata", "must be an object"),
            (whole("metadata", json!({ "a": "x".repeat(16 * 1024) })), "metadata", "at most 16384 bytes"),
            (whole("metadata", json!({ "a": nested(16) })), "metadata", "at most 16 levels"),
            (whole("metadata", json!({ "silenced": true })), "metadata", "the name \"silenced\""),
            (whole("mesage", json!("m")), "mesage", "did you mean \"message\"?"),
        ] {
            let error = NewAlert::parse(&value).expect_err("unsound");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert_eq!(error.problems().len(), 1, "{value}: {error}");
            assert_eq!(error.problems()[0].path, path);
            assert!(error.problems()[0].message.contains(message), "{error}");
        }
        assert_eq!(NewAlert::parse(&json!({})).expect_err("empty").problems().len(), 4);
        let sound = whole("metadata", json!({ "a": nested(15), "b": "x".repeat(16_000) }));
        let sound = NewAlert::parse(&sound).unwrap();
        assert_eq!((sound.level, sound.metadata.len()), (Level::Info, 2));
    }
}
