//! What a reference says about the value it stands for: what it is, how large, and how it begins.
//!
//! Of objects and arrays only keys and counts, of texts the first words, until one that looks like a secret or that
//! announces one. Deterministic, one line, and never longer than a sentence.

use std::fmt::Write as _;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::super::raw::{self, Shape};

/// Most characters of a text, or of a list of keys, that a summary repeats.
pub(super) const MAX_PREVIEW: usize = 80;

/// Most keys that are named.
const MAX_KEYS: usize = 8;

/// Bytes of a text that are looked at: enough for the preview, whatever the escapes.
const LOOKED_AT: usize = 8 * MAX_PREVIEW;

/// Stands for what is not shown.
const ELLIPSIS: char = '…';

/// Letters and digits mixed that are at least this long are no word: 16 are 64 bits in hexadecimal.
const MIN_OPAQUE: usize = 16;

/// Longer than any word, with or without digits: base64 of 24 bytes.
const MIN_LONG: usize = 32;

/// Parts of words that say that what follows is not for everybody, in any case.
const SECRET_NAMES: [&str; 19] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "credential",
    "bearer",
    "authorization",
    "cookie",
];

/// Between the name of a secret and the secret.
const LINKS: [&str; 8] = ["is", "are", "was", "=", ":", ":=", "->", "=>"];

/// How well-known kinds of credentials begin.
const SECRET_STARTS: [&str; 20] = [
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "-----",
];

/// The summary of `value`, which has `tokens` tokens and stands under `key` (as it stands between quotes).
///
/// O(entries or items at the top of the value).
pub(super) fn summary(key: &str, value: &str, tokens: usize) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match Shape::of(value) {
        Shape::Object => write!(out, "object, {tokens} tokens, "),
        Shape::Array => write!(out, "array, {tokens} tokens, "),
        Shape::Text => write!(out, "text, {tokens} tokens"),
        Shape::Scalar => write!(out, "value, {tokens} tokens"),
    };
    match Shape::of(value) {
        Shape::Object => {
            counted(&mut out, raw::entries(value).count(), "key");
            named(&mut out, value);
        }
        Shape::Array => {
            counted(&mut out, raw::items(value).count(), "item");
            if let Some(first) = raw::items(value).next().filter(|first| Shape::of(first) == Shape::Object) {
                out.push_str(", first");
                named(&mut out, first);
            }
        }
        Shape::Text => {
            let preview = if names_secret(&raw::unescape(key)) { String::new() } else { first_words(value) };
            if !preview.is_empty() {
                out.push_str(": ");
                out.push_str(&preview);
            }
        }
        Shape::Scalar => {}
    }
    out
}

fn counted(out: &mut String, count: usize, noun: &str) {
    let plural = if count == 1 { "" } else { "s" };
    let _ = write!(out, "{count} {noun}{plural}");
}

/// Appends the first keys of an object.
fn named(out: &mut String, object: &str) {
    let mut room = MAX_PREVIEW;
    for (position, (key, _)) in raw::entries(object).enumerate() {
        let key = one_line(start_of(key, LOOKED_AT));
        let length = key.chars().count() + 2;
        if position == MAX_KEYS || length > room {
            out.push_str(if position == 0 { ":" } else { "," });
            out.push(' ');
            out.push(ELLIPSIS);
            return;
        }
        room -= length;
        out.push_str(if position == 0 { ": " } else { ", " });
        if key.split(' ').any(is_secret) {
            out.push(ELLIPSIS);
        } else {
            out.push_str(&key);
        }
    }
}

/// The first words of a JSON string, with an ellipsis where more follows.
fn first_words(string: &str) -> String {
    let escaped = raw::inside(string);
    let looked_at = start_of(escaped, LOOKED_AT);
    let text = one_line(looked_at);
    let mut whole = looked_at.len() == escaped.len();
    let mut shown = String::new();
    let mut length = 0;
    let mut announced = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(length > 0);
        let word_length = word.chars().count();
        let after_secret_name = announced && (LINKS.contains(&word) || is_mixed(word));
        if after_secret_name || is_secret(word) {
            whole = false;
            break;
        }
        announced = names_secret(word);
        // One place is for the ellipsis.
        let room = (MAX_PREVIEW - 1).saturating_sub(length + gap);
        if gap == 1 && room > 0 {
            shown.push(' ');
        }
        if word_length > room {
            // A word that is cut is only shown if nothing else is.
            if length == 0 {
                shown.extend(word.chars().take(room));
            }
            whole = false;
            break;
        }
        shown.push_str(word);
        length += gap + word_length;
    }
    shown.truncate(shown.trim_end().len());
    if !whole {
        shown.push(ELLIPSIS);
    }
    shown
}

/// At most `limit` bytes, cut at the start of a character.
fn start_of(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Text with every run of white space and control characters as one space.
fn one_line(escaped: &str) -> String {
    let text = raw::unescape(escaped);
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if !(character.is_whitespace() || character.is_control()) {
            line.push(character);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Whether a word, or the name of a value, announces a secret.
fn names_secret(word: &str) -> bool {
    static FINDER: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(SECRET_NAMES).ok());
    FINDER.as_ref().is_none_or(|finder| finder.is_match(word))
}

/// Whether a word looks like a secret, or like a secret with its name.
fn is_secret(word: &str) -> bool {
    let bare = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
    if SECRET_STARTS.iter().any(|start| bare.starts_with(start)) && bare.len() > 4 {
        return true;
    }
    if word == "Bearer" {
        return true;
    }
    if let Some((name, _)) = word.split_once([':', '='])
        && names_secret(name)
    {
        return true;
    }
    // A user with a password in a URL.
    if let Some((_, rest)) = word.split_once("://")
        && rest.split('/').next().is_some_and(|host| host.contains('@'))
    {
        return true;
    }
    word.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '='))).any(is_opaque)
}

/// Whether letters and digits are mixed.
fn is_mixed(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic)
}

/// Whether a run of letters and digits is no word that a person would write.
fn is_opaque(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let letters = run.bytes().filter(u8::is_ascii_alphabetic).count();
    let joints = run.bytes().filter(|byte| matches!(byte, b'_' | b'-')).count();
    // `a-date-like-2026-01-01` and `snake_case_names_2` are words with joints; a secret has few or none.
    let mixed = digits >= 3 && letters >= 3 && run.len() >= MIN_OPAQUE && joints * 8 <= run.len();
    mixed || digits >= MIN_OPAQUE || (run.len() >= MIN_LONG && joints * 8 <= run.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(key: &str, value: &serde_json::Value) -> String {
        summary(key, &value.to_string(), 7)
    }

    #[test]
    fn summary_says_what_it_is_and_how_it_begins() {
        let check = |json: &str, expected: &str| assert_eq!(summary("key", json, 7), expected);
        check(r#""Fix the login.\nThen  test it.""#, "text, 7 tokens: Fix the login. Then test it.");
        check(r#""""#, "text, 7 tokens");
        check(r#"{"a":1,"b":{"c":"hidden"}}"#, "object, 7 tokens, 2 keys: a, b");
        check("{}", "object, 7 tokens, 0 keys");
        check(r#"[{"id":1,"title":"hidden"},{"id":2}]"#, "array, 7 tokens, 2 items, first: id, title");
        check(r#"["hidden"]"#, "array, 7 tokens, 1 item");
        check("12", "value, 7 tokens");
        check(
            r#"{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0}"#,
            "object, 7 tokens, 9 keys: a, b, c, d, e, f, g, h, …",
        );
    }

    #[test]
    fn long_text_ends_between_words_and_a_long_word_between_characters() {
        let long = of("key", &"日本語 ".repeat(50).into());
        assert_eq!(long, format!("text, 7 tokens: {}…", ["日本語"; 19].join(" ") + " 日本語"));
        let word = of("key", &"é".repeat(200).into());
        assert_eq!(word, format!("text, 7 tokens: {}…", "é".repeat(79)));
    }

    #[test]
    fn secrets_are_not_repeated() {
        for text in [
            "use sk-abcdef123456 to log in",
            "use ghp_0123456789abcdef",
            "use key AKIAIOSFODNN7EXAMPLE now",
            "password: hunter2",
            "use db_password=hunter2 there",
            "use the password is hunter2",
            "use the password hunter2",
            "send Authorization: Bearer abc",
            "send Bearer hunter2",
            "use postgres://me:hunter2@host/db",
            "-----BEGIN RSA PRIVATE KEY----- hunter2",
            "use 0123456789abcdef0123456789abcdef",
            "use c29tZSBzZWNyZXQgdGV4dCB0aGF0IGlzIGxvbmc=",
            "use (eyJhbGciOiJIUzI1NiJ9.e30.hunter2)",
        ] {
            let found = of("note", &text.into());
            let allowed = ["text, 7 tokens: use…", "text, 7 tokens: send…", "text, 7 tokens: …"];
            let ok = allowed.contains(&found.as_str())
                || found == "text, 7 tokens: use key…"
                || found == "text, 7 tokens: use the password…";
            assert!(ok, "{text}: {found}");
        }
        assert_eq!(of("apiKey", &"hunter2".into()), "text, 7 tokens");
        assert_eq!(of("auth_token", &"hunter2".into()), "text, 7 tokens");
        let map = serde_json::json!({"sk-abcdef123456": 1, "name": 2});
        assert_eq!(of("keys", &map), "object, 7 tokens, 2 keys: …, name");
    }

    #[test]
    fn ordinary_text_is_shown() {
        for text in [
            "Refresh the token before it expires",
            "see src/components/UserProfileSettings2.tsx",
            "released on 2026-01-01 as v1.2.3",
            "call render_user_profile_settings_page_2 first",
            "https://example.org/a/b",
        ] {
            assert_eq!(of("note", &text.into()), format!("text, 7 tokens: {text}"));
        }
    }

    proptest! {
        #[test]
        fn preview_is_short_and_on_one_line(text in "\\PC{0,200}|[ \n\t\u{2028}\"\\\\a]{0,200}") {
            let value = serde_json::Value::from(text.as_str());
            let found = of("key", &value);
            let preview = found.strip_prefix("text, 7 tokens").expect("a text");
            prop_assert!(preview.chars().count() <= MAX_PREVIEW + 2);
            let breaks = found.chars().any(|c| c.is_control() || c == '\u{2028}');
            prop_assert!(!breaks);
            let list = serde_json::json!({ text.clone(): 1, "b": 2 });
            prop_assert!(of("key", &list).chars().count() < 2 * MAX_PREVIEW);
        }
    }
}
