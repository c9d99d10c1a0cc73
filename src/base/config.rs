//! Reads settings from JSON so that everything wrong with a whole configuration is reported at once.
//!
//! A configuration is a plain struct that implements [`Configure`]: `apply` has one line per setting and changes
//! only what is there, which serves merging file and code as well as updates. The settings a section knows are those
//! that `apply` reads; there is no second list. This module does not know any setting except `environment`, which
//! every section may carry, and does no I/O.

mod problems;
mod rule;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

pub use problems::{Origin, Problems};
pub use rule::{Allowed, Choice, MAX_SAFE, MAX_TEXT_CHARS, Number, Rule, Text};

use super::error::Result;
use problems::{invalid_mark, join, shortened, shown};

/// Names at least this similar (1 is equal) are offered for an unknown one. Chosen by trial: single slips in short
/// names pass (`ttlSecs`), unrelated names that only share `enable` do not.
const SIMILAR_ENOUGH: f64 = 0.6;

/// Where the system runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A programmer's machine.
    Development,
    /// A rehearsal of production.
    Staging,
    /// The real thing: monitoring and auto-tuning are on by default.
    Production,
}

impl Choice for Environment {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("development", Self::Development), ("staging", Self::Staging), ("production", Self::Production)];
}

impl Environment {
    /// The name in JavaScript, in JSON and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// A struct of settings that can be read from JSON, whole or in part.
pub trait Configure: Clone {
    /// Takes over the settings that are there and sound; the others stay, and what is not sound becomes a problem.
    /// Reads the same settings whatever is there, because that is how the section knows their names.
    fn apply(&mut self, section: &mut Section<'_>);

    /// Adds problems between settings that are each sound by themselves. Called once, after everything was applied,
    /// because file and code may each give one of the two.
    fn check(&self, _path: &str, _problems: &mut Problems) {}

    /// This configuration with the settings of `value` in place of its own: what `updateConfig` does. `path` is
    /// where the section stands for messages (`cache`), empty for a configuration by itself.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem; then nothing is changed anywhere.
    fn updated(&self, path: &str, value: &Value) -> Result<Self> {
        let mut problems = Problems::new(Origin::Code);
        let mut changed = self.clone();
        Section::read(path, value, &mut problems, |section| changed.apply(section));
        changed.check(path, &mut problems);
        problems.into_result().map(|()| changed)
    }

    /// The settings that `apply` reads and what each may be, in order.
    fn rules(&self) -> Vec<Rule> {
        let mut problems = Problems::new(Origin::Code);
        let mut section = Section::new(String::new(), None, &mut problems);
        self.clone().apply(&mut section);
        section.rules
    }
}

/// One object of a configuration while it is being read.
#[derive(Debug)]
pub struct Section<'a> {
    path: String,
    /// `None` where the section is absent or no object; then every setting counts as absent.
    object: Option<&'a Map<String, Value>>,
    rules: Vec<Rule>,
    problems: &'a mut Problems,
}

impl<'a> Section<'a> {
    fn new(path: String, object: Option<&'a Map<String, Value>>, problems: &'a mut Problems) -> Self {
        Self { path, object, rules: Vec::new(), problems }
    }

    /// Reads `value`, which stands at `path` (empty: the root), by `apply`; then every setting that `apply` did not
    /// ask for is a problem, and so is a `value` that is no object.
    pub fn read(path: &str, value: &Value, problems: &mut Problems, apply: impl FnOnce(&mut Section<'_>)) {
        let mut section = Section::new(path.to_owned(), as_section(value), problems);
        if section.object.is_none() {
            section.refuse_value(path, value, &Allowed::Section(Vec::new()));
        }
        apply(&mut section);
        section.refuse_unknown();
    }

    /// The dotted path of `key` in the section at `path`, for [`Configure::check`].
    pub fn path_of(path: &str, key: &str) -> String {
        join(path, key)
    }

    /// Whether the setting is there, sound or not.
    pub fn has(&self, key: &str) -> bool {
        self.object.is_some_and(|object| object.contains_key(key))
    }

    /// A number.
    pub fn number(&mut self, key: &'static str, rule: Number, target: &mut f64) {
        // Adding 0 turns -0 into 0, which would otherwise be shown as "-0".
        self.setting(key, Allowed::Number(rule), |value| {
            *target = value.as_f64().filter(|number| rule.accepts(*number))? + 0.0;
            Some(())
        });
    }

    /// A whole number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the rule is whole and in range"
    )]
    pub fn whole(&mut self, key: &'static str, rule: Number, target: &mut u64) {
        debug_assert!(rule.whole, "invariant: {key} has a rule for whole numbers");
        self.setting(key, Allowed::Number(rule), |value| {
            *target = value.as_f64().filter(|number| rule.accepts(*number))? as u64;
            Some(())
        });
    }

    /// A whole number that may be absent; `null` takes it away.
    pub fn optional_whole(&mut self, key: &'static str, rule: Number, target: &mut Option<u64>) {
        let mut number = 0;
        if self.object.and_then(|object| object.get(key)).is_some_and(Value::is_null) {
            *target = None;
            self.rules.push(Rule { key, allowed: Allowed::Number(rule) });
            return;
        }
        self.whole(key, rule, &mut number);
        if self.has(key) && !self.problems.mentions(&join(&self.path, key)) {
            *target = Some(number);
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, target: &mut bool) {
        self.setting(key, Allowed::Flag, |value| {
            *target = value.as_bool()?;
            Some(())
        });
    }

    /// A text that has no value of its own when absent.
    pub fn text(&mut self, key: &'static str, rule: Text, target: &mut Option<String>) {
        self.setting(key, Allowed::Text(rule), |value| {
            *target = Some(value.as_str().filter(|text| rule.accepts(text))?.to_owned());
            Some(())
        });
    }

    /// A list of texts; one that is not sound is a problem of its own.
    pub fn texts(&mut self, key: &'static str, target: &mut Vec<String>) {
        let value = self.object.and_then(|object| object.get(key));
        if let Some(items) = value.and_then(Value::as_array) {
            target.clear();
            for (index, item) in items.iter().enumerate() {
                match item.as_str().filter(|text| Text::Any.accepts(text)) {
                    Some(text) => target.push(text.to_owned()),
                    None => self.refuse_value(
                        &format!("{}.{index}", join(&self.path, key)),
                        item,
                        &Allowed::Text(Text::Any),
                    ),
                }
            }
        }
        self.setting(key, Allowed::Texts, |value| value.is_array().then_some(()));
    }

    /// An object of numbers under names of the caller's; one that is not sound is a problem of its own.
    pub fn numbers(&mut self, key: &'static str, rule: Number, target: &mut BTreeMap<String, f64>) {
        let value = self.object.and_then(|object| object.get(key));
        if let Some(entries) = value.and_then(as_section) {
            target.clear();
            for (name, item) in entries {
                if let Some(number) = item.as_f64().filter(|number| rule.accepts(*number)) {
                    target.insert(name.clone(), number);
                } else {
                    let path = join(&join(&self.path, key), &shortened(name));
                    self.refuse_value(&path, item, &Allowed::Number(rule));
                }
            }
        }
        self.setting(key, Allowed::Numbers(rule), |value| as_section(value).map(|_| ()));
    }

    /// An object of objects under names of the caller's, checked by `check`.
    pub fn table(
        &mut self,
        key: &'static str,
        target: &mut Map<String, Value>,
        check: impl FnOnce(&str, &Map<String, Value>, &mut Problems),
    ) {
        let value = self.object.and_then(|object| object.get(key));
        if let Some(entries) = value.and_then(as_section) {
            check(&join(&self.path, key), entries, self.problems);
            target.clone_from(entries);
        }
        self.setting(key, Allowed::Table, |value| as_section(value).map(|_| ()));
    }

    /// A list of objects, checked by `check`.
    pub fn objects(
        &mut self,
        key: &'static str,
        target: &mut Vec<Value>,
        check: impl FnOnce(&str, &[Value], &mut Problems),
    ) {
        let value = self.object.and_then(|object| object.get(key));
        if let Some(items) = value.and_then(Value::as_array) {
            check(&join(&self.path, key), items, self.problems);
            target.clone_from(items);
        }
        self.setting(key, Allowed::Objects, |value| value.is_array().then_some(()));
    }

    /// One of a set of names.
    pub fn choice<C: Choice>(&mut self, key: &'static str, target: &mut C) {
        let names = C::CHOICES.iter().map(|(name, _)| *name).collect();
        self.setting(key, Allowed::Choice(names), |value| {
            *target = C::from_name(value.as_str()?)?;
            Some(())
        });
    }

    /// Accepts and checks `environment`, and does nothing with it: the partial configurations of the replaced
    /// package carry it, but only the one of the whole system counts.
    pub fn ignored_environment(&mut self) {
        self.choice("environment", &mut Environment::Development);
    }

    /// A section within this one, read by `apply`, which may change part of it.
    pub fn section(&mut self, key: &'static str, apply: impl FnOnce(&mut Section<'_>)) {
        let value = self.object.and_then(|object| object.get(key));
        let path = join(&self.path, key);
        let mut inner = Section::new(path, value.and_then(as_section), &mut *self.problems);
        apply(&mut inner);
        inner.refuse_unknown();
        let (rules, is_object) = (inner.rules, inner.object.is_some());
        let allowed = Allowed::Section(rules);
        if let Some(value) = value.filter(|_| !is_object) {
            self.refuse_value(&join(&self.path, key), value, &allowed);
        }
        self.rules.push(Rule { key, allowed });
    }

    /// Makes it a problem that the setting, which has been read, is absent.
    pub fn require(&mut self, key: &'static str) {
        let rule = self.rules.iter().find(|rule| rule.key == key);
        if let Some(rule) = rule.filter(|_| self.object.is_some() && !self.has(key)) {
            let message = format!("is required; must be {}", rule.allowed);
            self.problems.add(&join(&self.path, key), message);
        }
    }

    /// Remembers the rule and, where the setting is there, has `take` take it over or refuse it with `None`.
    fn setting(&mut self, key: &'static str, allowed: Allowed, take: impl FnOnce(&Value) -> Option<()>) {
        if let Some(value) = self.object.and_then(|object| object.get(key))
            && take(value).is_none()
        {
            self.refuse_value(&join(&self.path, key), value, &allowed);
        }
        self.rules.push(Rule { key, allowed });
    }

    fn refuse_value(&mut self, path: &str, value: &Value, allowed: &Allowed) {
        let hint = match (allowed, value) {
            (Allowed::Choice(names), Value::String(text)) => nearest(text, names.iter().copied()),
            _ => None,
        };
        let hint = hint.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
        self.problems.add(path, format!("must be {allowed}, got {}{hint}", shown(path, value)));
    }

    fn refuse_unknown(&mut self) {
        let Some(object) = self.object else { return };
        for key in object.keys().filter(|key| self.rules.iter().all(|rule| rule.key != key.as_str())) {
            // The similarity of ten thousand names is not worth computing for a message nobody will see.
            let message = if self.problems.is_full() { String::new() } else { self.unknown(key) };
            self.problems.add(&join(&self.path, &shortened(key)), message);
        }
    }

    fn unknown(&self, key: &str) -> String {
        if let Some(name) = nearest(key, self.rules.iter().map(|rule| rule.key)) {
            return format!("unknown setting; did you mean \"{name}\"?");
        }
        // Right name, wrong level: `ttlSeconds` beside `cache` instead of in it.
        let inside = self.rules.iter().find_map(|rule| match &rule.allowed {
            Allowed::Section(inner) if inner.iter().any(|inner| inner.key == key) => {
                Some(join(rule.key, key))
            }
            _ => None,
        });
        if let Some(name) = inside {
            return format!("unknown setting; did you mean \"{name}\"?");
        }
        let known: Vec<_> =
            self.rules.iter().map(|rule| rule.key).filter(|key| !key.starts_with('$')).collect();
        format!("unknown setting; known here: {}", known.join(", "))
    }
}

/// The object of a section; a marked invalid value is an object only in how it travels.
fn as_section(value: &Value) -> Option<&Map<String, Value>> {
    if invalid_mark(value).is_some() { None } else { value.as_object() }
}

/// The most similar of the known names, if it is similar enough. Case and separators do not count (`ttl_seconds`),
/// and a beginning of at least three letters is a near miss (`ttl`).
pub fn nearest<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| -> String {
        // Longer than any setting's name; bounds the quadratic comparison.
        text.chars().filter(|c| c.is_alphanumeric()).take(64).flat_map(char::to_lowercase).collect()
    };
    let wrong = plain(wrong);
    let scored = known.map(|name| {
        let candidate = plain(name);
        let score = strsim::normalized_damerau_levenshtein(&wrong, &candidate);
        let begins = wrong.len() >= 3 && candidate.starts_with(&wrong);
        (name, if begins { score.max(SIMILAR_ENOUGH) } else { score })
    });
    // Of equals the first: settings stand in the order of their importance.
    let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    (best.1 >= SIMILAR_ENOUGH).then_some(best.0)
}

#[cfg(test)]
mod tests;
