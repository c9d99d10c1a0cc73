//! What tasks say of themselves: who does them, what they depend on, and which known chains their descriptions name.

use std::borrow::Cow;

use super::super::raw::{self, Shape};

/// Agents that follow each other where a description has one of the words.
pub(super) struct Chain {
    words: [&'static str; 2],
    pub(super) agents: &'static [&'static str],
}

/// The chains that are known.
pub(super) const CHAINS: [Chain; 2] = [
    Chain { words: ["ui", "frontend"], agents: &["frontend-specialist", "testing-specialist"] },
    Chain {
        words: ["api", "backend"],
        agents: &["backend-specialist", "database-specialist", "testing-specialist"],
    },
];

/// One task.
#[derive(Debug, Default)]
pub(super) struct Task<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) name: Option<Cow<'a, str>>,
    /// Everybody who is named as doing it.
    pub(super) agents: Vec<Cow<'a, str>>,
    /// Whether it says what it depends on, be it nothing.
    pub(super) has_order: bool,
    pub(super) depends_on: Vec<Cow<'a, str>>,
    /// Which of [`CHAINS`] its description names.
    pub(super) chains: [bool; CHAINS.len()],
}

/// The tasks of an array; none if `json` is anything else.
pub(super) fn read(json: &str) -> Vec<Task<'_>> {
    if Shape::of(json) != Shape::Array {
        return Vec::new();
    }
    raw::items(json).filter_map(task).collect()
}

fn task(json: &str) -> Option<Task<'_>> {
    let mut task = Task::default();
    match Shape::of(json) {
        Shape::Text => task.chains = named(&raw::unescape(raw::inside(json))),
        Shape::Object => {
            for (key, value) in raw::entries(json) {
                match key {
                    "id" => task.id = name(value),
                    "name" => task.name = name(value),
                    "agent" | "assignedTo" | "agents" => names(value, &mut task.agents),
                    "dependsOn" | "dependencies" => {
                        task.has_order |= value != "null";
                        names(value, &mut task.depends_on);
                    }
                    "description" if Shape::of(value) == Shape::Text => {
                        task.chains = named(&raw::unescape(raw::inside(value)));
                    }
                    _ => {}
                }
            }
        }
        _ => return None,
    }
    Some(task)
}

/// A string or a number as a name.
fn name(json: &str) -> Option<Cow<'_, str>> {
    match Shape::of(json) {
        Shape::Text => Some(raw::unescape(raw::inside(json))),
        Shape::Scalar if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Some(json.into()),
        _ => None,
    }
}

/// One name, or an array of names.
fn names<'a>(json: &'a str, into: &mut Vec<Cow<'a, str>>) {
    if Shape::of(json) == Shape::Array {
        into.extend(raw::items(json).filter_map(name));
    } else {
        into.extend(name(json));
    }
}

/// The chains whose words are in a description.
fn named(description: &str) -> [bool; CHAINS.len()] {
    let mut found = [false; CHAINS.len()];
    for word in description.split(|c: char| !c.is_alphanumeric() && c != '_') {
        for (found, chain) in found.iter_mut().zip(&CHAINS) {
            *found |= chain.words.iter().any(|known| is_word(word, known));
        }
    }
    found
}

/// Whether `word` is `known` or its plural.
fn is_word(word: &str, known: &str) -> bool {
    let singular = match word.strip_suffix(['s', 'S']) {
        Some(singular) if word.len() == known.len() + 1 => singular,
        _ => word,
    };
    singular.eq_ignore_ascii_case(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_in_any_case_and_number() {
        let check = |text: &str, expected: [bool; 2]| assert_eq!(named(text), expected, "{text}");
        check("Build the UI", [true, false]);
        check("ui/api", [true, true]);
        check("Two APIs, one Backend.", [false, true]);
        check("frontends", [true, false]);
        check("build a guide to rapid capital; uis's apiary", [true, false]);
        check("build guide, rapid, api_client, uiss", [false, false]);
        check("", [false, false]);
    }

    #[test]
    fn tasks_are_read_whatever_else_they_hold() {
        let tasks = read(
            r#"[{"id":7,"name":"n\u00e9","agent":"a","agents":["b",null,"c"],"dependsOn":[1,"x",{}],"dependencies":"y","more":{"id":1}},"an api",3,null,[],{"dependsOn":null}]"#,
        );
        assert_eq!(tasks.len(), 3);
        assert_eq!(tasks[0].id.as_deref(), Some("7"));
        assert_eq!(tasks[0].name.as_deref(), Some("né"));
        assert_eq!(tasks[0].agents, ["a", "b", "c"]);
        assert_eq!(tasks[0].depends_on, ["1", "x", "y"]);
        assert!(tasks[0].has_order && tasks[1].chains[1] && !tasks[2].has_order);
        assert!(read("null").is_empty());
        assert!(read("{}").is_empty());
    }
}
