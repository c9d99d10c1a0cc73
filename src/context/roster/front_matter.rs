//! The head of an agent's Markdown file: finds it and reads its YAML. What the keys mean is not decided here.

use serde_json::{Map, Value};

use serde_saphyr::options::DuplicateKeyPolicy;

/// Deepest nesting of YAML. A head is one level of keys with lists or one object in them.
const MAX_DEPTH: usize = 8;

/// Most values of a head, aliases expanded: over a hundred times what heads have, and nothing to build in memory.
const MAX_NODES: usize = 5_000;

/// Keys that hold prose. Their value is often written on one line without quotes though it has `: ` in it, which is no
/// YAML; agents' own editors write it and read it so.
const PROSE_KEYS: [&str; 2] = ["description", "name"];

/// A file in its two parts.
#[derive(Debug, PartialEq)]
pub(super) struct Parts<'a> {
    /// Between the two `---`; `None` if the file does not begin with one.
    pub(super) head: Option<&'a str>,
    /// What follows.
    pub(super) body: &'a str,
}

/// Cuts `text` at its front matter: a first line `---` up to the next line `---` or `...`. Line ends may be CRLF, and a
/// byte order mark may stand first.
///
/// # Errors
/// A sentence for people if the front matter does not end.
pub(super) fn split(text: &str) -> Result<Parts<'_>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    let is_mark = |line: &str, mark: &str| line.trim_end() == mark;
    let Some(first) = lines.next().filter(|line| is_mark(line, "---")) else {
        return Ok(Parts { head: None, body: text });
    };
    let start = first.len();
    let mut at = start;
    for line in lines {
        let end = at + line.len();
        if is_mark(line, "---") || is_mark(line, "...") {
            return Ok(Parts { head: Some(&text[start..at]), body: &text[end..] });
        }
        at = end;
    }
    Err("its front matter begins with --- and has no closing ---".into())
}

/// Reads a head as YAML 1.2. An empty one has no keys.
///
/// # Errors
/// A sentence for people with line and column in the file: broken YAML, a key given twice, nested too deeply, too many
/// aliases, or no keys at all.
pub(super) fn read(head: &str) -> Result<Map<String, Value>, String> {
    let value = parse(head).or_else(|error| {
        let repaired = with_prose_quoted(head);
        parse(&repaired).map_err(|_| error)
    })?;
    match value {
        Value::Object(keys) => Ok(keys),
        Value::Null => Ok(Map::new()),
        _ => Err("its front matter must be keys with values".into()),
    }
}

fn parse(head: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_aliases: MAX_NODES,
            max_anchors: MAX_NODES,
            max_recorded_anchor_events: MAX_NODES,
            max_merge_keys: MAX_DEPTH,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        // The message is shown to people who may not be those who may read the file.
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Option<Value>>(head, options)
        .map(Option::unwrap_or_default)
        .map_err(|error| sentence(&error))
}

/// What is wrong and where, counted from the file's first line, which is the `---`.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    match error.location() {
        Some(place) => {
            // The library ends with the place as well, counted from the head's first line.
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            format!("broken YAML at line {}, column {}: {what}", place.line() + 1, place.column())
        }
        None => format!("broken YAML: {text}"),
    }
}

/// The head with plain one-line prose in quotes.
fn with_prose_quoted(head: &str) -> String {
    let mut repaired = String::with_capacity(head.len() + 16);
    for line in head.split_inclusive('\n') {
        let prose =
            line.split_once(": ").filter(|(key, _)| PROSE_KEYS.contains(key)).and_then(|(key, value)| {
                let value = value.trim();
                let plain = value.starts_with(|c: char| c.is_alphanumeric() || c == '<' || c == '(');
                plain.then(|| (key, Value::from(value)))
            });
        match prose {
            // JSON's texts are YAML's.
            Some((key, value)) => repaired.extend([key, ": ", &value.to_string(), "\n"]),
            None => repaired.push_str(line),
        }
    }
    repaired
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn file_is_cut_at_its_front_matter() {
        for (text, head, body) in [
            ("---\nname: a\n---\nbody", Some("name: a\n"), "body"),
            ("---\r\nname: a\r\n---\r\nbody", Some("name: a\r\n"), "body"),
            ("\u{feff}---\nname: a\n--- \nbody\n---\n", Some("name: a\n"), "body\n---\n"),
            ("---\n---", Some(""), ""),
            ("---\na: 1\n...\nbody", Some("a: 1\n"), "body"),
            ("body\n---\nname: a\n---\n", None, "body\n---\nname: a\n---\n"),
            ("----\nx", None, "----\nx"),
            ("", None, ""),
        ] {
            assert_eq!(split(text), Ok(Parts { head, body }), "{text:?}");
        }
        for text in ["---", "---\n", "---\nname: a\nbody", "---\nname: a\n ---x\n"] {
            assert!(split(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn head_is_read_as_yaml() {
        for (head, expected) in [
            ("name: a\ntools: Read, Write\n", json!({ "name": "a", "tools": "Read, Write" })),
            ("name: a\r\ntools:\r\n  - Read\r\n", json!({ "name": "a", "tools": ["Read"] })),
            ("name: no\nn: 1\n", json!({ "name": "no", "n": 1 })),
            ("description: |\n  two\n  lines\n", json!({ "description": "two\nlines\n" })),
            ("", json!({})),
            ("# nothing\n", json!({})),
        ] {
            assert_eq!(read(head).map(Value::Object), Ok(expected), "{head:?}");
        }
    }

    #[test]
    fn prose_with_colons_on_one_line_is_read_as_it_is_meant() {
        let head = "name: a\ndescription: Use it. Examples: <example>user: \"hi\" # no comment</example>\nmodel: b\n";
        let keys = read(head).expect("read");
        assert_eq!(keys["description"], "Use it. Examples: <example>user: \"hi\" # no comment</example>");
        assert_eq!((&keys["name"], &keys["model"]), (&json!("a"), &json!("b")));
    }

    #[test]
    fn broken_heads_are_named_with_their_place() {
        for (head, place) in [
            ("name: a\nkeywords: [x\n", ""),
            ("name: a\n\tb: c\n", "line 2, column 7"),
            ("name: a\nname: b\n", "line 3, column 1"),
            ("a: b: c\n", "line 2, column 5"),
            ("maxContextSize: .nan\n", "line 2"),
        ] {
            let message = read(head).expect_err(head);
            assert!(
                message.starts_with("broken YAML at line ") && message.contains(place),
                "{head:?}: {message}"
            );
        }
        for head in ["just text\n", "- a\n- b\n", "42\n"] {
            assert!(read(head).expect_err(head).contains("keys with values"), "{head:?}");
        }
    }

    #[test]
    fn bombs_are_refused_by_the_budget() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for at in 1..10 {
            let above = vec![format!("*a{}", at - 1); 10].join(", ");
            laughs.extend([format!("a{at}: &a{at} [{above}]\n")]);
        }
        let deep = format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
        let mut nested = String::new();
        for level in 0..100 {
            nested.extend([" ".repeat(level).as_str(), "a:\n"]);
        }
        let many = (0..20_000).map(|at| format!("k{at}: 1")).collect::<Vec<_>>().join("\n");
        for (name, head) in [("laughs", laughs), ("deep", deep), ("nested", nested), ("many", many)] {
            let message = read(&head).expect_err(name);
            assert!(message.starts_with("broken YAML") && message.len() < 300, "{name}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_and_read_without_a_panic(
            text in "\\PC*|(---|\\.\\.\\.|\r\n|\n|\u{feff}|[a-z]+: |[&*\\[\\]{}\"'|>#-]|\t| |\\PC){0,40}",
        ) {
            if let Ok(parts) = split(&text) {
                let whole = text.strip_prefix('\u{feff}').unwrap_or(&text);
                prop_assert!(whole.ends_with(parts.body));
                let cut = whole.len() - parts.body.len();
                prop_assert!(parts.head.map_or(cut == 0, |head| whole[..cut].starts_with("---") && whole[..cut].contains(head)));
            }
            let _ = read(&text);
        }
    }
}
