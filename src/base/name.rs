//! Names that callers choose: agents, queries.
//!
//! UTF-8 cannot hold every JavaScript string. The facade gives one that has a lone surrogate, or that begins with the mark
//! itself, as JSON behind [`EXACT`], so that different names stay different (`js/arguments.js`).

/// Stands before a name that is given as JSON.
pub const EXACT: char = '\u{1}';

/// A name in quotes, for messages.
pub fn quoted(name: &str) -> String {
    name.strip_prefix(EXACT).map_or_else(|| format!("{name:?}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_once() {
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
        assert_eq!(quoted("\u{1}\"\\ud800\""), r#""\ud800""#);
    }
}
