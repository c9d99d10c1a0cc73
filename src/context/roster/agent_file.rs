//! From an agent's Markdown file to its specialization. What the front matter gives counts as it is; the rest comes from
//! the kind that the agent takes after and from the words and paths of its prompt.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::built_in;
use super::super::config::DEFAULT_MAX_CONTEXT_PER_AGENT_MB;
use super::super::specialization::{AgentSpecialization, Compiled};
use super::detect::{Index, Kind};
use super::words::{Words, is_telling};
use super::{Evidence, front_matter, patterns};

/// Longest name: it goes into ids, events and messages.
const MAX_NAME_BYTES: usize = 128;

/// Most entries of a list or object of the front matter; each costs every filter call of the agent.
const MAX_ENTRIES: usize = 200;

/// Longest entry of one.
const MAX_ENTRY_BYTES: usize = 256;

/// Bytes of a prompt that are looked at for words and paths, the first ones. Prompts are a tenth of it.
const MAX_PROMPT_BYTES: usize = 64 * 1024;

/// Most words of them.
const MAX_PROMPT_WORDS: usize = 10_000;

/// Most keywords taken from the prompt: about twice those of a built-in, which were chosen by hand.
const MAX_TELLING: usize = 40;

/// What one occurrence of a word counts in the agent's name, its description and its body.
const NAME_COUNT: f64 = 6.0;
const DESCRIPTION_COUNT: f64 = 3.0;
const BODY_COUNT: f64 = 1.0;
/// From here on a repeated word says nothing new.
const MAX_COUNT: f64 = 12.0;
/// A word of the field of a built-in kind counts this many times.
const FIELD_FACTOR: f64 = 2.0;
/// Under this a word is not telling: one mention in the body, of a word of no known field.
const MIN_COUNT: f64 = 2.0;

/// Priorities of the best keywords where nothing else gives any, best first.
const PRIORITIES: [f64; 8] = [9.0, 9.0, 8.0, 8.0, 7.0, 7.0, 6.0, 6.0];

/// The fields of a specialization that a front matter may give.
const FIELDS: [&str; 7] = [
    "keywords",
    "filePatterns",
    "contextPriorities",
    "maxContextSize",
    "requiredFields",
    "optionalFields",
    "excludePatterns",
];

/// Reads the file whose name without its ending is `stem`.
///
/// # Errors
/// A sentence for people that says what is wrong with the file.
pub(super) fn read(stem: &str, text: &str) -> Result<Kind, String> {
    let parts = front_matter::split(text)?;
    if parts.head.is_none() && parts.body.trim().is_empty() {
        return Err("it is empty".into());
    }
    let head = parts.head.map_or_else(|| Ok(Map::new()), front_matter::read)?;
    let name = checked_name(stem, &head)?;
    let description = match head.get("description") {
        // Editors of agents write line ends of a description as the two characters.
        Some(Value::String(text)) => text.replace("\\n", " "),
        Some(Value::Null) | None => String::new(),
        Some(_) => return Err("its description must be a text".into()),
    };
    let prompt = Prompt { name: &name, description: &description, body: first_bytes(parts.body) };
    let base = base_of(&prompt);
    let mut spec = given(&name, &head)?;
    let own = prompt.complete(&mut spec, &head, base.as_deref());
    let agent = Compiled::new(spec).map_err(|error| error.to_string())?;
    let agent = Arc::new(agent);
    Ok(match base {
        // It takes the place of what it takes after.
        Some(base) if base.spec.name == name => Kind::of(&agent),
        base => {
            let are_chosen = head.get("keywords").is_some_and(|given| !given.is_null());
            Kind { agent, base: base.map(|base| base.spec.name.clone()), words: own, are_chosen }
        }
    })
}

fn checked_name(stem: &str, head: &Map<String, Value>) -> Result<String, String> {
    let name = match head.get("name") {
        Some(Value::String(name)) => name.trim(),
        Some(Value::Null) => "",
        Some(_) => return Err("its name must be a text; put it in quotes".into()),
        None => stem,
    };
    let problem = if name.is_empty() {
        "must not be empty"
    } else if name.len() > MAX_NAME_BYTES {
        "must not be longer than 128 bytes"
    } else if name.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        "must not have slashes, line ends or control characters"
    } else {
        return Ok(name.to_owned());
    };
    Err(format!("its name {problem}"))
}

/// The specialization as far as the front matter gives it, checked as one that JavaScript passes.
fn given(name: &str, head: &Map<String, Value>) -> Result<AgentSpecialization, String> {
    let mut value = Map::new();
    value.insert("name".into(), name.into());
    value.insert("maxContextSize".into(), DEFAULT_MAX_CONTEXT_PER_AGENT_MB.into());
    for field in FIELDS {
        // A key without a value is one that was not filled in.
        let Some(given) = head.get(field).filter(|given| !given.is_null()) else { continue };
        let entries: Vec<&str> = match given {
            Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or_default()).collect(),
            Value::Object(keys) => keys.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        if entries.len() > MAX_ENTRIES {
            return Err(format!(
                "its {field} must not have more than {MAX_ENTRIES} entries, got {}",
                entries.len()
            ));
        }
        if entries.iter().any(|entry| entry.len() > MAX_ENTRY_BYTES) {
            return Err(format!("its {field} must not have entries over {MAX_ENTRY_BYTES} bytes"));
        }
        value.insert(field.into(), given.clone());
    }
    AgentSpecialization::from_json(&Value::Object(value)).map_err(|error| error.to_string())
}

/// The built-in kind of the same name, else the one that the prompt clearly speaks for.
fn base_of(prompt: &Prompt<'_>) -> Option<Arc<Compiled>> {
    let same = built_in::built_in().iter().find(|kind| kind.spec.name == prompt.name);
    same.cloned().or_else(|| {
        let evidence = Evidence {
            agent_id: prompt.name,
            description: prompt.description,
            task: prompt.body,
            paths: &[],
        };
        Index::built_in().detect(&evidence).map(|detected| detected.agent)
    })
}

fn first_bytes(text: &str) -> &str {
    let end = (0..=MAX_PROMPT_BYTES.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

struct Prompt<'a> {
    name: &'a str,
    description: &'a str,
    body: &'a str,
}

impl Prompt<'_> {
    /// Fills in what `head` does not give. The words by which the agent's kind is known: what was given, else what its
    /// name and description say. What only the body says is for scoring, and too much for telling kinds apart.
    fn complete(
        &self,
        spec: &mut AgentSpecialization,
        head: &Map<String, Value>,
        base: Option<&Compiled>,
    ) -> Vec<String> {
        let is_given = |field: &str| head.get(field).is_some_and(|value| !value.is_null());
        let of_base = |list: fn(&AgentSpecialization) -> &Vec<String>| {
            base.map(|base| list(&base.spec).clone()).unwrap_or_default()
        };
        let mut own = Vec::new();
        let mut best = Vec::new();
        if is_given("keywords") {
            own.clone_from(&spec.keywords);
            best.clone_from(&spec.keywords);
        } else {
            spec.keywords = of_base(|base| &base.keywords);
            for (word, is_body_only) in self.telling() {
                if !is_body_only {
                    own.push(word.clone());
                }
                best.push(word.clone());
                if !spec.keywords.contains(&word) {
                    spec.keywords.push(word);
                }
            }
        }
        if !is_given("filePatterns") {
            spec.file_patterns = of_base(|base| &base.file_patterns);
            for pattern in patterns::patterns(&format!("{}\n{}", self.description, self.body)) {
                if !spec.file_patterns.contains(&pattern) {
                    spec.file_patterns.push(pattern);
                }
            }
        }
        if !is_given("contextPriorities") {
            spec.context_priorities = match base {
                Some(base) => base.spec.context_priorities.clone(),
                None => best.into_iter().zip(PRIORITIES).collect::<BTreeMap<_, _>>(),
            };
        }
        if let Some(base) = base.filter(|_| !is_given("maxContextSize")) {
            spec.max_context_size = base.spec.max_context_size;
        }
        if !is_given("requiredFields") {
            spec.required_fields = of_base(|base| &base.required_fields);
        }
        if !is_given("optionalFields") {
            spec.optional_fields = of_base(|base| &base.optional_fields);
        }
        // Besides what no agent needs: a file that leaves out one folder more does not want installed packages back.
        for common in &built_in::generic().spec.exclude_patterns {
            if !spec.exclude_patterns.contains(common) {
                spec.exclude_patterns.push(common.clone());
            }
        }
        own
    }

    /// The most telling words, best first, and whether only the body has them.
    fn telling(&self) -> Vec<(String, bool)> {
        struct Count {
            worth: f64,
            first: usize,
            is_body_only: bool,
        }
        let mut counts: HashMap<String, Count> = HashMap::new();
        let fields = Index::built_in();
        for (text, weight) in
            [(self.name, NAME_COUNT), (self.description, DESCRIPTION_COUNT), (self.body, BODY_COUNT)]
        {
            let words = Words::of(text, MAX_PROMPT_WORDS, MAX_PROMPT_BYTES, |word| fields.has(word));
            for word in words.iter().filter(|word| is_telling(word)) {
                if !counts.contains_key(word) {
                    let count = Count { worth: 0.0, first: counts.len(), is_body_only: weight <= BODY_COUNT };
                    counts.insert(word.to_owned(), count);
                }
                if let Some(count) = counts.get_mut(word) {
                    count.worth += weight;
                }
            }
        }
        let mut telling: Vec<_> = counts
            .into_iter()
            .map(|(word, mut count)| {
                count.worth = count.worth.min(MAX_COUNT) * if fields.has(&word) { FIELD_FACTOR } else { 1.0 };
                (word, count)
            })
            .filter(|(_, count)| count.worth >= MIN_COUNT)
            .collect();
        telling.sort_by(|(_, a), (_, b)| b.worth.total_cmp(&a.worth).then(a.first.cmp(&b.first)));
        telling.truncate(MAX_TELLING);
        telling.into_iter().map(|(word, count)| (word, count.is_body_only)).collect()
    }
}

#[cfg(test)]
mod tests;
