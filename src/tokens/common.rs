//! What the contexts of several agents have in common, found by content, and what saying it once saves.
//!
//! Works on keys, hashes and counts; it never sees a value. A value is common where two agents or more have it under the
//! same key; equal values under different keys are not. Every number is the sum of counts that the caller measured.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::Encoding;
use super::delta::{Hash, hex};
use super::raw;

/// Hexadecimal digits of a hash that tell two common values of one key apart: 48 bits.
const SHORT_HASH: usize = 12;

/// A top-level entry of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as JSON text, with its quotes.
    pub key: String,
    /// Hash of the value's canonical JSON.
    pub hash: Hash,
    /// Tokens of the entry.
    pub tokens: u64,
    /// Bytes of the entry's JSON.
    pub bytes: u64,
}

/// The entries of an agent's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Whose context it is.
    pub agent: String,
    /// Its top-level entries.
    pub entries: Vec<Entry>,
}

/// What a key is about: the four parts of a shared context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Group {
    /// What is to be done.
    Tasks,
    /// What the project builds on.
    Dependencies,
    /// What the project is, and everything else.
    ProjectInfo,
    /// What was done, and what came of it.
    CompletedWork,
}

/// A value that several agents have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shared {
    /// The key as JSON text, with its quotes.
    pub key: String,
    /// Hash of the value.
    #[serde(serialize_with = "as_hex")]
    pub hash: Hash,
    /// What agents refer to it by, as JSON text with its quotes: the key, with the start of the hash where agents share
    /// different values under it.
    pub name: String,
    /// What its key is about.
    pub group: Group,
    /// Positions of the agents that have it, ascending.
    pub agents: Vec<usize>,
    /// Whether all agents have it.
    pub is_everyones: bool,
    /// Position of its entry in the context of the first of them.
    pub entry: usize,
    /// Tokens of that entry: it is said once.
    pub tokens: u64,
    /// Bytes of that entry.
    pub bytes: u64,
}

/// What is left to one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Own {
    /// Positions of the entries that no other agent has.
    pub specific: Vec<usize>,
    /// Positions of the [`Shared`] values that it has, ascending.
    pub shared: Vec<usize>,
    /// How it refers to those: a JSON array of their names. Empty where there is nothing to refer to.
    pub reference: String,
}

/// Tokens, and what sharing saves of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Of all entries of all contexts.
    pub original: u64,
    /// Of the common values, each once.
    pub shared: u64,
    /// Of what only one agent has.
    pub specific: u64,
    /// Of the references.
    pub references: u64,
    /// Original less the other three; below zero where references cost more than they save.
    pub saved: i64,
    /// Bytes of all entries of all contexts.
    pub original_bytes: u64,
    /// Bytes of the common values, each once.
    pub shared_bytes: u64,
    /// Bytes of what only one agent has.
    pub specific_bytes: u64,
}

/// What contexts have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Common {
    /// Common values, in the order in which the contexts first have them.
    pub shared: Vec<Shared>,
    /// For each context what is its own.
    pub own: Vec<Own>,
    /// The sums.
    pub totals: Totals,
}

impl Common {
    /// Compares contexts by content. O(entries); references are counted in `encoding`.
    ///
    /// ```
    /// use agentwise_optimization::tokens::Encoding;
    /// use agentwise_optimization::tokens::common::{Common, Context, Entry};
    ///
    /// let entry = |key: &str, hash| Entry { key: key.into(), hash: [hash; 32], tokens: 100, bytes: 400 };
    /// let contexts = [("a", 1), ("b", 2)].map(|(agent, own)| Context {
    ///     agent: agent.into(),
    ///     entries: vec![entry("\"files\"", 0), entry("\"currentTask\"", own)],
    /// });
    /// let common = Common::of(&contexts, Encoding::O200kBase);
    /// assert_eq!(common.shared[0].agents, [0, 1]);
    /// assert_eq!(common.own[0].reference, r#"["files"]"#);
    /// assert_eq!(common.totals.saved, 400 - 100 - 200 - 2 * 3);
    /// ```
    pub fn of(contexts: &[Context], encoding: Encoding) -> Self {
        let mut seen: HashMap<(&str, &Hash), usize> = HashMap::new();
        let mut values: Vec<Shared> = Vec::new();
        // For each entry of each context its value.
        let mut value_of: Vec<Vec<usize>> = Vec::with_capacity(contexts.len());
        for (agent, context) in contexts.iter().enumerate() {
            let mut own = Vec::with_capacity(context.entries.len());
            for (at, entry) in context.entries.iter().enumerate() {
                let value = *seen.entry((&entry.key, &entry.hash)).or_insert_with(|| {
                    values.push(Shared::first_seen(entry, at));
                    values.len() - 1
                });
                let agents = &mut values[value].agents;
                if agents.last() != Some(&agent) {
                    agents.push(agent);
                }
                own.push(value);
            }
            value_of.push(own);
        }
        let (shared, place_of) = only_shared(values, contexts.len());
        let mut common = Self { shared, own: Vec::with_capacity(contexts.len()), totals: Totals::default() };
        for (context, values) in contexts.iter().zip(&value_of) {
            common.add(context, values.iter().map(|&value| place_of[value]), encoding);
        }
        let totals = &mut common.totals;
        totals.shared = common.shared.iter().map(|value| value.tokens).sum();
        totals.shared_bytes = common.shared.iter().map(|value| value.bytes).sum();
        let after = totals.shared + totals.specific + totals.references;
        totals.saved = totals.original.cast_signed() - after.cast_signed();
        common
    }

    /// Adds what is one context's own; `places` says of each entry which common value it is, if any.
    fn add(&mut self, context: &Context, places: impl Iterator<Item = Option<usize>>, encoding: Encoding) {
        let mut own = Own { specific: Vec::new(), shared: Vec::new(), reference: String::new() };
        for (at, (entry, place)) in context.entries.iter().zip(places).enumerate() {
            self.totals.original += entry.tokens;
            self.totals.original_bytes += entry.bytes;
            if let Some(place) = place {
                own.shared.push(place);
            } else {
                own.specific.push(at);
                self.totals.specific += entry.tokens;
                self.totals.specific_bytes += entry.bytes;
            }
        }
        own.shared.sort_unstable();
        own.shared.dedup();
        if !own.shared.is_empty() {
            let names: Vec<&str> = own.shared.iter().map(|&place| self.shared[place].name.as_str()).collect();
            own.reference = format!("[{}]", names.join(","));
            self.totals.references += encoding.tokenizer().count(&own.reference) as u64;
        }
        self.own.push(own);
    }
}

impl Shared {
    fn first_seen(entry: &Entry, at: usize) -> Self {
        Self {
            key: entry.key.clone(),
            hash: entry.hash,
            name: String::new(),
            group: Group::ProjectInfo,
            agents: Vec::new(),
            is_everyones: false,
            entry: at,
            tokens: entry.tokens,
            bytes: entry.bytes,
        }
    }
}

/// The values that several agents have, complete, and for each value its place among them.
fn only_shared(values: Vec<Shared>, agents: usize) -> (Vec<Shared>, Vec<Option<usize>>) {
    let mut shared: Vec<Shared> = Vec::new();
    let mut same_key: HashMap<String, usize> = HashMap::new();
    let mut place_of = Vec::with_capacity(values.len());
    for mut value in values {
        if value.agents.len() < 2 {
            place_of.push(None);
            continue;
        }
        *same_key.entry(value.key.clone()).or_default() += 1;
        value.is_everyones = value.agents.len() == agents;
        value.group = Group::of(&raw::unescape(raw::inside(&value.key)));
        place_of.push(Some(shared.len()));
        shared.push(value);
    }
    for value in &mut shared {
        let key = raw::inside(&value.key);
        value.name = if same_key[&value.key] == 1 {
            format!("\"{key}\"")
        } else {
            format!("\"{key}@{}\"", &hex(&value.hash)[..SHORT_HASH])
        };
    }
    (shared, place_of)
}

fn as_hex<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(hash))
}

/// Done, whatever it is.
const DONE: [&str; 14] = [
    "completed",
    "complete",
    "done",
    "finished",
    "closed",
    "resolved",
    "merged",
    "previous",
    "past",
    "recent",
    "last",
    "history",
    "changelog",
    "archive",
];

/// To be done, whatever it is.
const PENDING: [&str; 5] = ["pending", "upcoming", "remaining", "planned", "unfinished"];

/// Nouns, and what they are about. Everything else is about the project.
const NOUNS: [(Group, &[&str]); 3] = [
    (
        Group::Tasks,
        &[
            "task",
            "todo",
            "goal",
            "objective",
            "assignment",
            "backlog",
            "milestone",
            "plan",
            "step",
            "issue",
            "ticket",
            "story",
            "job",
            "subtask",
        ],
    ),
    (
        Group::Dependencies,
        &[
            "dependency",
            "dependencie",
            "package",
            "import",
            "library",
            "librarie",
            "dep",
            "lockfile",
            "vendor",
            "crate",
            "peer",
        ],
    ),
    (
        Group::CompletedWork,
        &[
            "result",
            "change",
            "commit",
            "diff",
            "outcome",
            "output",
            "progress",
            "log",
            "patch",
            "achievement",
        ],
    ),
];

impl Group {
    /// What `key` is about, by its words (`camelCase`, `snake_case` and the like, singular or plural).
    ///
    /// A word that says that something is done, or is to be done, decides; else the last noun that is known, because it
    /// is the one that the others describe; else it is about the project.
    ///
    /// ```
    /// use agentwise_optimization::tokens::common::Group;
    ///
    /// assert_eq!(Group::of("currentTask"), Group::Tasks);
    /// assert_eq!(Group::of("completedTasks"), Group::CompletedWork);
    /// assert_eq!(Group::of("dev_dependencies"), Group::Dependencies);
    /// assert_eq!(Group::of("projectStructure"), Group::ProjectInfo);
    /// ```
    pub fn of(key: &str) -> Self {
        let words = words(key);
        let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
        if has(&PENDING) {
            return Self::Tasks;
        }
        if has(&DONE) {
            return Self::CompletedWork;
        }
        let noun = |word: &String| {
            let singular = word.strip_suffix('s').unwrap_or(word);
            NOUNS.iter().find(|(_, nouns)| nouns.contains(&singular)).map(|(group, _)| *group)
        };
        words.iter().rev().find_map(noun).unwrap_or(Self::ProjectInfo)
    }
}

/// The words of a key in lower case: split where case rises, before the last capital of several, and at what is no letter.
fn words(key: &str) -> Vec<String> {
    let characters: Vec<char> = key.chars().collect();
    let mut words = vec![String::new()];
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1);
        // `TODOs` is one word.
        let is_plural =
            after == Some(&'s') && !characters.get(at + 2).is_some_and(|next| next.is_lowercase());
        let starts = character.is_uppercase()
            && (before.is_some_and(char::is_lowercase)
                || after.is_some_and(|after| after.is_lowercase() && !is_plural));
        if starts || !character.is_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && character.is_alphabetic()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests;
