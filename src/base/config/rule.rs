//! What a setting may be, as data: the reader checks by it, messages say it, and tests compare the published JSON
//! schema with it.

use std::fmt;

/// 2^53: beyond it JavaScript cannot tell neighbouring whole numbers apart.
pub const MAX_SAFE: f64 = 9_007_199_254_740_992.0;

/// Longest text setting in characters: the longest path on Linux.
pub const MAX_TEXT_CHARS: usize = 4096;

/// Longest interval of a repeating task in ms: what a JavaScript timer can wait (2^31 − 1, almost 25 days).
const MAX_INTERVAL_MS: f64 = 2_147_483_647.0;

/// A number with an inclusive range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// Smallest value allowed.
    pub min: f64,
    /// Largest value allowed.
    pub max: f64,
    /// Whether fractions are refused. `1000.0` counts as whole, as in JavaScript.
    pub whole: bool,
    /// The unit for messages; empty for none.
    pub unit: &'static str,
}

impl Number {
    /// A share from 0 to 1.
    pub const FRACTION: Self = Self::real(0.0, 1.0, "");
    /// 0 to 100 %.
    pub const PERCENT: Self = Self::real(0.0, 100.0, "%");
    /// A size in MB, from about 1 KB, so that tests can have small ones, to about 10 TB, more than any machine
    /// this runs on and still exact in bytes.
    pub const MEGABYTES: Self = Self::real(0.001, 10_000_000.0, "MB");
    /// How often a repeating task runs, in ms. Below 10 ms the task would be all the process does.
    pub const INTERVAL_MS: Self = Self::whole(10.0, MAX_INTERVAL_MS, "ms");

    /// Any number from `min` to `max`. For constants, so that a wrong range does not compile.
    ///
    /// # Panics
    /// If the range is empty or goes beyond ±2^53.
    pub const fn real(min: f64, max: f64, unit: &'static str) -> Self {
        assert!(min <= max && -MAX_SAFE <= min && max <= MAX_SAFE, "invariant: a range within ±2^53");
        Self { min, max, whole: false, unit }
    }

    /// A whole number from `min` to `max`. For constants, as [`Number::real`].
    ///
    /// # Panics
    /// If the range is empty, negative or goes beyond 2^53.
    pub const fn whole(min: f64, max: f64, unit: &'static str) -> Self {
        assert!(min >= 0.0, "invariant: whole settings are counts");
        Self { whole: true, ..Self::real(min, max, unit) }
    }

    /// Whether `value` is allowed: finite, in range, whole if it has to be. The one check of numbers from outside.
    pub fn accepts(&self, value: f64) -> bool {
        // NaN fails the range, infinities too.
        (self.min..=self.max).contains(&value) && (!self.whole || value.fract() == 0.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.whole { "whole number" } else { "number" };
        write!(f, "a {noun} from {} to {}", self.min, self.max)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " ({})", self.unit) }
    }
}

/// A text setting: never empty, at most [`MAX_TEXT_CHARS`] long, without NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Any such text.
    Any,
    /// An `http://` or `https://` address with a host.
    HttpAddress,
}

impl Text {
    /// Whether `text` is allowed.
    pub fn accepts(self, text: &str) -> bool {
        let sound = !text.trim().is_empty() && !text.contains('\0') && text.chars().count() <= MAX_TEXT_CHARS;
        sound
            && match self {
                Self::Any => true,
                Self::HttpAddress => is_http_address(text),
            }
    }
}

/// Only what tells an address from a slip; the HTTP client parses the rest.
fn is_http_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_alphanumeric() || c == '[')
            && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "a non-empty string of at most {MAX_TEXT_CHARS} characters"),
            Self::HttpAddress => f.write_str("an http:// or https:// address"),
        }
    }
}

/// A setting with a fixed set of names.
pub trait Choice: Copy + 'static {
    /// Every name with what it stands for; names are unique.
    const CHOICES: &'static [(&'static str, Self)];

    /// What `name` stands for, exactly as written.
    fn from_name(name: &str) -> Option<Self> {
        Self::CHOICES.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
    }
}

/// What the value of a setting may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Allowed {
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Flag,
    /// A text.
    Text(Text),
    /// One of these names.
    Choice(Vec<&'static str>),
    /// A list of texts.
    Texts,
    /// An object of such numbers under any names.
    Numbers(Number),
    /// An object of objects under any names.
    Table,
    /// A list of objects.
    Objects,
    /// An object with these settings.
    Section(Vec<Rule>),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag => f.write_str("true or false"),
            Self::Text(text) => text.fmt(f),
            Self::Choice(names) => write!(f, "one of \"{}\"", names.join("\", \"")),
            Self::Table => f.write_str("an object of objects"),
            Self::Texts => f.write_str("an array of non-empty strings"),
            Self::Objects => f.write_str("an array of objects"),
            Self::Numbers(_) | Self::Section(_) => f.write_str("an object"),
        }
    }
}

/// One setting of a section and what it may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The setting's name in JavaScript and JSON.
    pub key: &'static str,
    /// What its value may be.
    pub allowed: Allowed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_refuse_what_is_not_a_number() {
        let rule = Number::whole(1.0, 10.0, "entries");
        for (value, accepted) in [
            (1.0, true),
            (10.0, true),
            (0.0, false),
            (11.0, false),
            (1.5, false),
            (-1.0, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
            (f64::NEG_INFINITY, false),
        ] {
            assert_eq!(rule.accepts(value), accepted, "{value}");
        }
        assert!(Number::FRACTION.accepts(0.5) && Number::FRACTION.accepts(-0.0));
    }

    #[test]
    fn rules_say_what_is_allowed() {
        let plain = Number::real(1.0, 10_000_000.0, "MB");
        assert_eq!(plain.to_string(), "a number from 1 to 10000000 (MB)");
        assert_eq!(Number::whole(0.0, 5.0, "").to_string(), "a whole number from 0 to 5");
        assert_eq!(Allowed::Choice(vec!["a", "b"]).to_string(), r#"one of "a", "b""#);
    }

    #[test]
    fn texts_are_never_blank_endless_or_with_nul() {
        for (text, accepted) in
            [(".cache".to_owned(), true), (String::new(), false), (" ".into(), false), ("a\0".into(), false)]
        {
            assert_eq!(Text::Any.accepts(&text), accepted);
        }
        assert!(Text::Any.accepts(&"x".repeat(MAX_TEXT_CHARS)));
        assert!(!Text::Any.accepts(&"x".repeat(MAX_TEXT_CHARS + 1)));
    }

    #[test]
    fn addresses_need_scheme_and_host() {
        for (text, accepted) in [
            ("http://localhost:3003", true),
            ("HTTPS://[::1]:1/a", true),
            ("localhost:3003", false),
            ("http://", false),
            ("http:///x", false),
            ("file:///x", false),
            ("http://a b", false),
        ] {
            assert_eq!(Text::HttpAddress.accepts(text), accepted, "{text}");
        }
    }
}
