//! Collects everything that is wrong with a configuration, and puts values into words without telling secrets.
//!
//! Does not decide what is wrong: `Section` does.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::base::error::{Error, Problem, Result};

/// Longest text of a value or of an unknown name in a message, in characters.
const SHOWN_CHARS: usize = 60;

/// Problems kept; more are only counted. People fix the first few and run again, and a generated or hostile
/// configuration must not become a message of megabytes.
const KEPT_PROBLEMS: usize = 100;

/// The path of a problem with the whole configuration, which has no name of its own.
const ROOT_NAME: &str = "configuration";

/// Words in a setting's name that say that its value is nobody else's business.
const SECRET_WORDS: [&str; 6] = ["webhook", "password", "token", "key", "secret", "url"];

/// Key of the object that stands for a value JavaScript could not put into JSON, such as `{"$invalid": "NaN"}`.
const INVALID_MARK: &str = "$invalid";

/// Where the values that are being read came from, so that a problem can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Passed by the program: a constructor or an update. Not named in messages.
    Code,
    /// Read from this file.
    File(&'a Path),
    /// Read from the environment variable of this name.
    Variable(&'a str),
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => Ok(()),
            Self::File(path) => write!(f, " (in {})", path.display()),
            Self::Variable(name) => write!(f, " (from {name})"),
        }
    }
}

/// Every problem found so far in one configuration, from whatever origins it is made of.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The current origin in words.
    origin: String,
    found: Vec<Problem>,
    uncounted: usize,
}

impl Problems {
    /// No problem yet; what is added next comes from `origin`.
    pub fn new(origin: Origin<'_>) -> Self {
        Self { origin: origin.to_string(), found: Vec::new(), uncounted: 0 }
    }

    /// What is added from now on comes from `origin`.
    pub fn set_origin(&mut self, origin: Origin<'_>) {
        self.origin = origin.to_string();
    }

    /// Adds a problem with the setting at `path` (empty: the whole configuration).
    pub fn add(&mut self, path: &str, message: impl fmt::Display) {
        if self.is_full() {
            self.uncounted += 1;
            return;
        }
        let path = if path.is_empty() { ROOT_NAME } else { path };
        self.found.push(Problem { path: path.to_owned(), message: format!("{message}{}", self.origin) });
    }

    /// Whether `path` already has a problem.
    pub fn mentions(&self, path: &str) -> bool {
        self.found.iter().any(|problem| problem.path == path)
    }

    /// Whether further problems are only counted, so that their messages need not be made.
    pub fn is_full(&self) -> bool {
        self.found.len() >= KEPT_PROBLEMS
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Those that are kept, in the order found.
    pub fn found(&self) -> &[Problem] {
        &self.found
    }

    /// All problems in the order found; a last one counts those beyond the first hundred.
    pub fn into_vec(mut self) -> Vec<Problem> {
        if self.uncounted > 0 {
            let message = format!("{} more problems are not listed", self.uncounted);
            self.found.push(Problem { path: ROOT_NAME.to_owned(), message });
        }
        self.found
    }

    /// `Ok` when nothing is wrong.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::config(self.into_vec())) }
    }

    /// Requires `lower.1 <= upper.1` of two settings of the section at `path`. Says nothing if one of the two is
    /// already refused, because then the number at hand is not the one that was meant.
    pub fn require_not_above(&mut self, path: &str, lower: (&str, f64), upper: (&str, f64)) {
        let (lower_path, upper_path) = (join(path, lower.0), join(path, upper.0));
        if lower.1 > upper.1 && !self.mentions(&lower_path) && !self.mentions(&upper_path) {
            self.add(
                &lower_path,
                format_args!("must not be above {} ({}), got {}", upper.0, upper.1, lower.1),
            );
        }
    }
}

/// The dotted path of `key` in the section at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What stands in place of a value that JavaScript could not put into JSON.
pub(super) fn invalid_mark(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(INVALID_MARK)?.as_str()
}

/// The value in words for a message about the setting at `path`. Shows nothing from inside objects and arrays, no
/// value of a setting that names a secret, and no address: a webhook pasted into the wrong setting is still one.
pub(super) fn shown(path: &str, value: &Value) -> String {
    let path = path.to_lowercase();
    if SECRET_WORDS.iter().any(|word| path.contains(word)) {
        return "(hidden)".to_owned();
    }
    match invalid_mark(value) {
        Some("function") => return "a function".to_owned(),
        Some("symbol") => return "a symbol".to_owned(),
        Some("circular") => return "a circular reference".to_owned(),
        Some(other) => return shortened(other),
        None => {}
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains("://") => "(hidden)".to_owned(),
        Value::String(text) => format!("\"{}\"", shortened_to(text, SHOWN_CHARS - 2)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// At most 60 characters of `text`, with what a terminal would obey escaped.
pub(super) fn shortened(text: &str) -> String {
    shortened_to(text, SHOWN_CHARS)
}

fn shortened_to(text: &str, limit: usize) -> String {
    // Escapes never shorten, so no more than `limit` + 1 characters of the text can matter.
    let escaped: String = text.chars().take(limit + 1).flat_map(char::escape_debug).collect();
    if escaped.chars().count() <= limit {
        return escaped;
    }
    escaped.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_put_into_words() {
        for (value, words) in [
            (json!(null), "null"),
            (json!(1.5), "1.5"),
            (json!("a\nb"), r#""a\nb""#),
            (json!("\u{1b}[31m"), r#""\u{1b}[31m""#),
            (json!([1]), "an array"),
            (json!({"a": 1}), "an object"),
            (json!({"$invalid": "NaN"}), "NaN"),
            (json!({"$invalid": "Infinity"}), "Infinity"),
            (json!({"$invalid": "BigInt 10"}), "BigInt 10"),
            (json!({"$invalid": "function"}), "a function"),
            (json!({"$invalid": "symbol"}), "a symbol"),
            (json!({"$invalid": "circular"}), "a circular reference"),
            (json!({"$invalid": "NaN", "more": 1}), "an object"),
        ] {
            assert_eq!(shown("cache.ttlSeconds", &value), words);
        }
    }

    #[test]
    fn long_values_are_cut_to_sixty_characters() {
        for text in ["x".repeat(59), "ä".repeat(1000), "\n".repeat(1000)] {
            let words = shown("cache.cacheDir", &json!(text));
            assert_eq!(words.chars().count(), 60, "{words}");
            assert!(words.ends_with("…\""));
        }
        assert_eq!(shown("cache.cacheDir", &json!("x".repeat(58))).chars().count(), 60);
        assert_eq!(shown("cache.ttlSeconds", &json!({"$invalid": "9".repeat(99)})).chars().count(), 60);
    }

    #[test]
    fn secrets_are_hidden_by_name_and_by_look() {
        for path in ["sharedContextUrl", "slackWebhook", "a.PASSWORD", "apiKey", "x.secret", "tokens"] {
            assert_eq!(shown(path, &json!("s3cr3t")), "(hidden)");
            assert_eq!(shown(path, &json!({"$invalid": "BigInt 10"})), "(hidden)");
        }
        assert_eq!(shown("monitoring.enableSlackAlerts", &json!("https://hooks.example/T/B/x")), "(hidden)");
    }

    #[test]
    fn problems_name_their_origin() {
        let path = Path::new("/app/config/optimization.json");
        let mut problems = Problems::new(Origin::File(path));
        problems.add("a", "is wrong");
        problems.set_origin(Origin::Variable("CACHE_DIR"));
        problems.add("b", "is wrong");
        problems.set_origin(Origin::Code);
        problems.add("", "is wrong");
        let found = problems.into_vec();
        assert_eq!(found[0].message, "is wrong (in /app/config/optimization.json)");
        assert_eq!(found[1].message, "is wrong (from CACHE_DIR)");
        assert_eq!((found[2].path.as_str(), found[2].message.as_str()), ("configuration", "is wrong"));
    }

    #[test]
    fn problems_beyond_the_hundredth_are_counted() {
        let mut problems = Problems::new(Origin::Code);
        (0..150).for_each(|n| problems.add(&n.to_string(), "is wrong"));
        let found = problems.into_vec();
        assert_eq!(found.len(), 101);
        assert_eq!(found[100].message, "50 more problems are not listed");
    }
}
