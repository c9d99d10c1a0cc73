//! Texts from outside that go to people by terminals, mail, chat and headers: bounded, and free of what those would obey.

/// Most characters of a text that a message shows.
const SHOWN_CHARS: usize = 60;

/// What a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Most characters; at least one is needed.
    pub max_chars: usize,
    /// Whether it may have several lines.
    pub has_lines: bool,
}

/// A title: it is a mail's subject and the head of a chat message.
pub const TITLE: Limit = Limit { max_chars: 200, has_lines: false };
/// A message. What Slack shows of a text block ends at 3,000 characters, what `PagerDuty` shows of a summary at 1,024; channels cut.
pub const MESSAGE: Limit = Limit { max_chars: 4_000, has_lines: true };
/// The comment of a silence.
pub const COMMENT: Limit = Limit { max_chars: 500, has_lines: true };

impl Limit {
    /// What is wrong with `text`, in words that follow its name; `None` if nothing is.
    ///
    /// A line break in a title would be a header of its own in a mail, an escape character recolours a terminal, and
    /// characters that turn the direction of writing make a text read as another one.
    pub fn flaw(self, text: &str) -> Option<String> {
        let chars = text.chars().take(self.max_chars + 1).count();
        if chars > self.max_chars {
            return Some(format!("must have at most {} characters", self.max_chars));
        }
        if text.trim().is_empty() {
            return Some("must not be blank".to_owned());
        }
        let obeyed = text.chars().find(|&c| is_obeyed(c) && !(self.has_lines && c == '\n'))?;
        let allowed = if self.has_lines { " other than line feeds" } else { "" };
        Some(format!("must not hold control characters{allowed}, got U+{:04X}", obeyed as u32))
    }
}

/// Controls of C0 and C1, separators of lines and paragraphs, and those that turn the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// At most 60 characters of `text` in quotes, escaped. An address is not shown: it may be a secret in the wrong place.
pub fn quoted(text: &str) -> String {
    if text.contains("://") {
        return "(hidden)".to_owned();
    }
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if text.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
    format!("{shown:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_obey_nobody() {
        for (limit, text, flaw) in [
            (TITLE, "Memory high", None),
            (TITLE, "Größe: 日本 👩‍💻", None),
            (TITLE, "", Some("must not be blank")),
            (TITLE, " \u{a0}", Some("must not be blank")),
            (TITLE, "a\r\nBcc: x@y", Some("must not hold control characters, got U+000D")),
            (TITLE, "\u{1b}[31m", Some("must not hold control characters, got U+001B")),
            (TITLE, "a\u{202e}b", Some("must not hold control characters, got U+202E")),
            (MESSAGE, "a\nb", None),
            (MESSAGE, "a\rb", Some("must not hold control characters other than line feeds, got U+000D")),
        ] {
            assert_eq!(limit.flaw(text).as_deref(), flaw, "{text:?}");
        }
        assert_eq!(TITLE.flaw(&"ä".repeat(200)), None);
        assert_eq!(TITLE.flaw(&"ä".repeat(201)).unwrap(), "must have at most 200 characters");
    }

    #[test]
    fn quoted_texts_are_short_and_no_addresses() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert_eq!(quoted("https://hooks.example/T/B/x"), "(hidden)");
        assert_eq!(quoted(&"x".repeat(61)), format!("\"{}\"…", "x".repeat(60)));
    }
}
