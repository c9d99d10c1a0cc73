//! Texts of configuration files: JSON with comments and trailing commas, and YAML.
//!
//! Both are read so that a hostile or broken file costs little and never panics: at most 1 MB comes in (`place`), nesting,
//! nodes and aliases are bounded, a key that stands twice is refused, errors say line and column and quote nothing of the
//! file but a repeated key.

use std::path::Path;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Number, Value};
use serde_saphyr::options::DuplicateKeyPolicy;

/// How deep sections, lists and tables may stand in each other. Settings need five.
const MAX_DEPTH: usize = 64;
/// Values and keys of a YAML file, those that aliases repeat included. A file of all settings has about 200; prices of a
/// thousand models have 13,000.
const MAX_NODES: usize = 100_000;
/// Anchors of a YAML file that are remembered.
const MAX_ANCHORS: usize = 1_000;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON; comments and commas after a last item are allowed.
    Json,
    /// YAML 1.2.
    Yaml,
}

impl Format {
    /// What the ending of a file's name says; what is not known is JSON.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml") {
            Self::Yaml
        } else {
            Self::Json
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }
}

/// What JSON allows here besides: comments and trailing commas, nothing else.
pub(super) const JSON_OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A text in UTF-8, with or without a byte order mark; else what is wrong and where.
///
/// # Errors
/// One sentence with line and column, counted from 1 in characters.
pub fn parse(bytes: &[u8], format: Format) -> Result<Value, String> {
    let text = decoded(bytes)?;
    let parsed = match format {
        Format::Json => json(text),
        Format::Yaml => yaml(text),
    };
    parsed.map_err(|what| format!("not {}: {what}", format.name()))
}

/// The text of a file, without its byte order mark.
pub(super) fn decoded(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        format!("not UTF-8 at {}; save it as UTF-8", place(&before, before.len()))
    })
}

fn json(text: &str) -> Result<Value, String> {
    if let Some(at) = foreign_space(text) {
        return Err(format!("white space that JSON does not know at {}", place(text, at)));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &JSON_OPTIONS);
    let parsed = parsed.map_err(|error| {
        format!("{} at line {} column {}", error.kind(), error.line_display(), error.column_display())
    })?;
    match parsed.value {
        Some(value) => converted(text, &value, MAX_DEPTH),
        None => Err(format!("there is no value at {}", place(text, text.len()))),
    }
}

/// Where white space stands that JSON does not have and the parser skips: outside of texts and comments.
fn foreign_space(text: &str) -> Option<usize> {
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match (c, rest.peek().map(|(_, next)| *next)) {
            ('"', _) => {
                while let Some((_, c)) = rest.next() {
                    match c {
                        '\\' => {
                            rest.next();
                        }
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => while rest.next().is_some_and(|(_, c)| c != '\n') {},
            ('/', Some('*')) => {
                rest.next();
                let mut before = ' ';
                while rest.next().is_some_and(|(_, c)| std::mem::replace(&mut before, c) != '*' || c != '/') {
                }
            }
            _ if c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r') => return Some(at),
            _ => {}
        }
    }
    None
}

fn converted(text: &str, value: &ast::Value<'_>, depth: usize) -> Result<Value, String> {
    let refused = |what: &str| Err(format!("{what} at {}", place(text, value.range().start)));
    if depth == 0 {
        return refused("nested too deeply");
    }
    Ok(match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(flag) => flag.value.into(),
        ast::Value::StringLit(string) => string.value.as_ref().into(),
        ast::Value::NumberLit(number) => match serde_json::from_str::<Number>(number.value) {
            Ok(number) => number.into(),
            Err(_) => return refused("a number that cannot be"),
        },
        ast::Value::Array(array) => {
            let items = array.elements.iter().map(|item| converted(text, item, depth - 1));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let mut entries = Map::with_capacity(object.properties.len());
            for property in &object.properties {
                let key = property.name.as_str();
                if entries.insert(key.to_owned(), converted(text, &property.value, depth - 1)?).is_some() {
                    let at = place(text, property.range().start);
                    return Err(format!("the key {} stands there twice, again at {at}", short(key)));
                }
            }
            Value::Object(entries)
        }
    })
}

/// A key of the file in quotes, cut, with what a terminal would obey escaped.
fn short(key: &str) -> String {
    let cut: String = key.chars().take(60).collect();
    format!("{cut:?}")
}

fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_aliases: MAX_ANCHORS,
            max_anchors: MAX_ANCHORS,
            max_recorded_anchor_events: MAX_NODES,
            max_merge_keys: MAX_ANCHORS,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    // A file in which everything is commented out says nothing, and that is sound.
    let read = serde_saphyr::from_str_with_options::<Option<Value>>(text, options);
    read.map(|value| value.filter(|value| !value.is_null()).unwrap_or_else(|| Value::Object(Map::new())))
        .map_err(|error| {
            let said = error.to_string();
            match error.location() {
                Some(at) => {
                    // The library ends with the place as well, in other words.
                    let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
                    format!("{what} at line {} column {}", at.line(), at.column())
                }
                None => said,
            }
        })
}

/// Where `offset`, which stands before a character, is.
fn place(text: &str, offset: usize) -> String {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    format!("line {line} column {column}")
}

#[cfg(test)]
mod tests;
