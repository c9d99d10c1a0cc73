//! What a model's name says: its encoding, whether the counts are the model's own, its context window.
//!
//! One table ([`MODELS`]), one row a family; adding a model is one row. Encodings are those of tiktoken's own model
//! table; windows are the ones that the providers document. Vendors whose encoding is not here get a stand-in, which
//! [`calibration`](super::calibration) corrects. Prices are another table ([`prices`](super::prices)), found by the
//! same names.

mod table;

use super::Encoding;

pub use table::{MODELS, Row};

/// Longest name that is looked at, in bytes; the rest of a longer one is cut off. Real names stay below 100.
pub const MAX_NAME_BYTES: usize = 200;

/// What is known about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name in lower case, without provider, deployment or fine-tuning marks: `gpt-4o-2024-08-06` for
    /// `openai/gpt-4o-2024-08-06`. What figures about the model are kept under.
    pub name: String,
    /// The encoding to count with.
    pub encoding: Encoding,
    /// Whether the encoding is the model's own, so that counts of text are exact; else it stands in for another.
    pub is_exact: bool,
    /// Context window in tokens, where the provider documents one.
    pub context_window: Option<u64>,
}

/// What the name of a model says. Case, a provider in front (`openai/…`, `us.anthropic.…`), a fine-tuning
/// (`ft:…:organization`) and marks behind (`@…`, `:…`) do not count. O(rows), about a microsecond.
///
/// A name that nobody knows gets `o200k_base` as a stand-in and no window: never an error.
///
/// ```
/// use agentwise_optimization::tokens::{Encoding, models};
///
/// let model = models::find("openai/gpt-4o-2024-08-06");
/// assert_eq!((model.encoding, model.is_exact), (Encoding::O200kBase, true));
/// assert_eq!(model.context_window, Some(128_000));
/// assert!(!models::find("claude-sonnet-4-5").is_exact);
/// ```
pub fn find(name: &str) -> Model {
    let name = normalized(name);
    let row = longest(MODELS.iter().map(|row| (row.pattern, row)), |pattern| matches(pattern, &name));
    Model {
        encoding: row.map_or(Encoding::O200kBase, |row| row.encoding),
        is_exact: row.is_some_and(|row| row.is_exact),
        context_window: row.and_then(|row| row.context_window),
        name,
    }
}

/// The name that a model goes by in the tables: see [`Model::name`].
pub fn normalized(name: &str) -> String {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let lower = name[..end].trim().to_ascii_lowercase();
    let path = lower.strip_prefix("ft:").unwrap_or(&lower);
    // Some gateways write their own name before a colon; a version or a tag stands behind one.
    let last = path.rsplit('/').next().unwrap_or(path);
    let last = last.strip_prefix("ft:").unwrap_or(last);
    let bare = last.split(['@', ':']).next().unwrap_or(last);
    let bare = VENDORS.iter().find_map(|vendor| after_vendor(bare, vendor)).unwrap_or(bare);
    // A name of marks alone stays what it is, so that different names stay different.
    if bare.is_empty() { lower } else { bare.to_owned() }
}

/// Vendors that Amazon Bedrock writes before a dot, itself behind an optional region.
const VENDORS: [&str; 10] = [
    "amazon.",
    "anthropic.",
    "cohere.",
    "deepseek.",
    "google.",
    "meta.",
    "mistral.",
    "moonshot.",
    "openai.",
    "qwen.",
];

/// What stands behind `vendor` at the start of the name, or behind one short word and a dot (`us.anthropic.`).
fn after_vendor<'n>(name: &'n str, vendor: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(vendor).or_else(|| name.split_once('.')?.1.strip_prefix(vendor));
    rest.filter(|rest| !rest.is_empty())
}

/// Whether a normalized name belongs to the family of `pattern`: the pattern itself, or it and then `-` and anything;
/// with `*` at the end, anything that begins so.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
    }
}

/// Of the rows whose pattern fits the one with the longest pattern: the most particular.
pub(super) fn longest<'t, T>(
    rows: impl Iterator<Item = (&'t str, T)>,
    fits: impl Fn(&str) -> bool,
) -> Option<T> {
    let particular = |pattern: &str| pattern.trim_end_matches('*').len();
    rows.filter(|(pattern, _)| fits(pattern))
        .max_by_key(|(pattern, _)| particular(pattern))
        .map(|(_, row)| row)
}

/// Whether `name` is the model `pattern` itself or a dated or numbered release of it, such as `gpt-4o-2024-08-06`,
/// `claude-opus-4-20250514-v1`, `gemini-2.5-pro-preview-05-06` or `…-latest`. Stricter than a family, because a
/// relative of a model (`gpt-4o-audio-preview`, `claude-opus-4-1`) has prices of its own.
pub(super) fn is_release_of(pattern: &str, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(pattern) else { return false };
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix('-') else { return false };
    let mut parts = rest.split('-');
    while let Some(part) = parts.next() {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let sound = match part {
            "latest" | "preview" | "exp" => true,
            // A month has a day behind it; a lone short number is the version of another model.
            _ if is_number && part.len() == 2 => parts
                .next()
                .is_some_and(|day| day.len() == 2 && day.bytes().all(|byte| byte.is_ascii_digit())),
            // A release number (001), a month and day (0613), a date (20241022), a year.
            _ if is_number => matches!(part.len(), 3 | 4 | 8),
            _ => part.strip_prefix('v').is_some_and(|digits| {
                !digits.is_empty() && digits.len() < 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
            }),
        };
        if !sound {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
