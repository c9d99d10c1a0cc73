//! Text of others in the page: never a tag, never a letter that a page cannot hold or that turns the order of its neighbours.

use std::fmt;

/// Shown for a letter that a page cannot hold.
const UNFIT: char = char::REPLACEMENT_CHARACTER;

/// Writes a text so that it stands in an element or in a quoted attribute as nothing but text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        let mut plain_from = 0;
        for (at, letter) in self.0.char_indices() {
            let entity = match letter {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                _ if is_unfit(letter) => "",
                _ => continue,
            };
            f.write_str(&self.0[plain_from..at])?;
            if entity.is_empty() {
                f.write_char(UNFIT)?;
            } else {
                f.write_str(entity)?;
            }
            plain_from = at + letter.len_utf8();
        }
        f.write_str(&self.0[plain_from..])
    }
}

/// A user's text on its own: isolated, so that its writing direction does not reach beyond it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign<'a>(pub(crate) &'a str);

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bdi>{}</bdi>", Escaped(self.0))
    }
}

/// Control characters, noncharacters, and marks that show letters in another order than they are written in. Marks that
/// Arabic and Hebrew texts need stay.
fn is_unfit(letter: char) -> bool {
    let is_control = letter.is_control() && !matches!(letter, '\n' | '\t');
    let is_override = matches!(letter, '\u{202a}'..='\u{202e}');
    let is_no_character = matches!(letter, '\u{fdd0}'..='\u{fdef}') || u32::from(letter) & 0xfffe == 0xfffe;
    is_control || is_override || is_no_character
}

/// At most so many characters; what is cut ends in an ellipsis.
pub(crate) fn cut(text: &str, most: usize) -> std::borrow::Cow<'_, str> {
    if text.char_indices().nth(most).is_none() {
        return text.into();
    }
    let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_becomes_no_tag() {
        for (text, wanted) in [
            ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            ("\"a\" & b", "&quot;a&quot; &amp; b"),
            ("&amp;", "&amp;amp;"),
            ("a\u{0}b\u{1b}[31m\u{85}", "a\u{fffd}b\u{fffd}[31m\u{fffd}"),
            ("\u{202e}txt.exe", "\u{fffd}txt.exe"),
            ("\u{200f}שלום\n", "\u{200f}שלום\n"),
            ("\u{fdd0}\u{1ffff}\u{ffff}", "\u{fffd}\u{fffd}\u{fffd}"),
            ("👩‍💻 ok", "👩‍💻 ok"),
        ] {
            assert_eq!(Escaped(text).to_string(), wanted);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("four", 4), "four");
        assert_eq!(cut("fives", 4), "fiv…");
        assert_eq!(cut(&"é".repeat(4000), 500).chars().count(), 500);
        assert_eq!(cut("", 0), "");
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_place(text in ".{0,60}") {
            let escaped = Escaped(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(escaped.chars().all(|letter| !is_unfit(letter)));
        }
    }
}
