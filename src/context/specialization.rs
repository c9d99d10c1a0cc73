//! What one kind of agent works on, checked and compiled. The built-in kinds are rows of `built_in.rs`; callers may add
//! their own. Reading `.claude/agents` is not here.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Serialize;
use serde_json::Value;

use crate::base::config::{Number, Origin, Problems, Section, Text};
use crate::base::error::{Error, ErrorKind, Problem, Result};

/// Highest category priority.
pub const MAX_PRIORITY: f64 = 10.0;

/// What a priority may be.
const PRIORITY: Number = Number::real(0.0, MAX_PRIORITY, "");

/// Most entries of one field of a specialization.
pub const MAX_ENTRIES: usize = 1000;

/// Fields that every agent keeps, whatever the pressure.
pub const REQUIRED_BY_ALL: [&str; 2] = ["currentTask", "projectStructure"];

/// What one kind of agent works on.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpecialization {
    /// The agent's name.
    pub name: String,
    /// Words of its field; found in paths and texts, in any case.
    pub keywords: Vec<String>,
    /// Globs of the files it works on, for example `**/*.tsx`.
    pub file_patterns: Vec<String>,
    /// Priority by category, 0–10; a category is a word of a path.
    pub context_priorities: BTreeMap<String, f64>,
    /// Most MB of context for it.
    pub max_context_size: f64,
    /// Top-level fields always kept, besides those of all agents.
    pub required_fields: Vec<String>,
    /// Top-level fields worth more than the rest.
    pub optional_fields: Vec<String>,
    /// Globs of what is always left out, for example `node_modules/**`.
    pub exclude_patterns: Vec<String>,
}

impl AgentSpecialization {
    /// Reads a specialization as JavaScript passes it. `name` and `maxContextSize` must be there.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem: missing, unknown, of the wrong type or out of range.
    pub fn from_json(value: &Value) -> Result<Self> {
        let mut problems = Problems::new(Origin::Code);
        let mut found = Self::default();
        let mut name = None;
        Section::read("", value, &mut problems, |section| {
            section.text("name", Text::Any, &mut name);
            section.texts("keywords", &mut found.keywords);
            section.texts("filePatterns", &mut found.file_patterns);
            section.numbers("contextPriorities", PRIORITY, &mut found.context_priorities);
            section.number("maxContextSize", Number::MEGABYTES, &mut found.max_context_size);
            section.texts("requiredFields", &mut found.required_fields);
            section.texts("optionalFields", &mut found.optional_fields);
            section.texts("excludePatterns", &mut found.exclude_patterns);
            section.require("name");
            section.require("maxContextSize");
        });
        found.name = name.unwrap_or_default();
        let problems = problems.into_vec();
        if problems.is_empty() {
            Ok(found)
        } else {
            Err(Error::refused(ErrorKind::InvalidArgument, "specialization", problems))
        }
    }
}

impl AgentSpecialization {
    /// Fields with more than [`MAX_ENTRIES`].
    fn too_many_entries(&self) -> Vec<Problem> {
        let fields = [
            ("keywords", self.keywords.len()),
            ("filePatterns", self.file_patterns.len()),
            ("contextPriorities", self.context_priorities.len()),
            ("requiredFields", self.required_fields.len()),
            ("optionalFields", self.optional_fields.len()),
            ("excludePatterns", self.exclude_patterns.len()),
        ];
        let too_many = fields.into_iter().filter(|(_, entries)| *entries > MAX_ENTRIES);
        let problem = |(field, entries): (&str, usize)| Problem {
            path: field.into(),
            message: format!("must have at most {MAX_ENTRIES} entries, got {entries}"),
        };
        too_many.map(problem).collect()
    }
}

/// A specialization with its globs compiled. globset's automata take time linear in
/// a path, which `elements.rs` keeps short: no pattern can hang a filter.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) spec: AgentSpecialization,
    pub(crate) files: GlobSet,
    pub(crate) excludes: GlobSet,
}

impl Compiled {
    /// Checks `spec` and compiles its globs.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem: empty name, priority outside 0–10, size not positive, broken glob.
    pub(crate) fn new(spec: AgentSpecialization) -> Result<Self> {
        let mut problems = spec.too_many_entries();
        let what = format!("specialization {:?}", spec.name);
        if !problems.is_empty() {
            // Not compiled first: thousands of globs take a second.
            return Err(Error::refused(ErrorKind::InvalidArgument, &what, problems));
        }
        let mut refuse = |path: String, message: String| problems.push(Problem { path, message });
        if spec.name.trim().is_empty() {
            refuse("name".into(), "must not be empty".into());
        }
        if spec.keywords.iter().chain(spec.context_priorities.keys()).any(|word| word.trim().is_empty()) {
            refuse("keywords".into(), "keywords and categories must not be empty".into());
        }
        for (category, priority) in &spec.context_priorities {
            if !(0.0..=MAX_PRIORITY).contains(priority) {
                refuse(
                    format!("contextPriorities.{category}"),
                    format!("must be from 0 to 10, got {priority}"),
                );
            }
        }
        if !(spec.max_context_size > 0.0 && spec.max_context_size.is_finite()) {
            refuse(
                "maxContextSize".into(),
                format!("must be a positive number of MB, got {}", spec.max_context_size),
            );
        }
        let mut compile = |path: &str, patterns: &[String]| {
            let mut set = GlobSetBuilder::new();
            for pattern in patterns {
                match Glob::new(pattern) {
                    Ok(glob) => drop(set.add(glob)),
                    Err(error) => refuse(path.into(), error.to_string()),
                }
            }
            set.build()
                .map_err(|error| refuse(path.into(), error.to_string()))
                .unwrap_or_else(|()| GlobSet::empty())
        };
        let files = compile("filePatterns", &spec.file_patterns);
        let excludes = compile("excludePatterns", &spec.exclude_patterns);
        if !problems.is_empty() {
            return Err(Error::refused(ErrorKind::InvalidArgument, &what, problems));
        }
        Ok(Self { spec, files, excludes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::built_in::built_in;
    use super::*;

    fn valid() -> AgentSpecialization {
        built_in()[0].spec.clone()
    }

    #[test]
    fn every_wrong_field_of_a_specialization_is_named() {
        let value = serde_json::json!({
            "name": "x", "maxContextSize": "big", "keywords": ["a", 1], "filePatterns": "**", "requiredField": [],
            "contextPriorities": { "ui": { "$invalid": "NaN" }, "api": 11 },
        });
        let error = AgentSpecialization::from_json(&value).expect_err("must fail");
        let mut paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
        paths.sort_unstable();
        let expected = [
            "contextPriorities.api",
            "contextPriorities.ui",
            "filePatterns",
            "keywords.1",
            "maxContextSize",
            "requiredField",
        ];
        assert_eq!(paths, expected);
        assert!(error.to_string().contains("NaN"));
    }

    #[test]
    fn fields_are_bounded() {
        let mut spec = valid();
        spec.keywords = (0..=MAX_ENTRIES).map(|at| format!("word{at}")).collect();
        let message = Compiled::new(spec).expect_err("must fail").to_string();
        assert!(message.contains("at most 1000 entries, got 1001"), "{message}");
    }

    #[test]
    fn broken_specialization_is_refused_with_every_problem() {
        let mut spec = valid();
        spec.name = " ".into();
        spec.keywords.push(String::new());
        spec.context_priorities.insert("x".into(), f64::NAN);
        spec.max_context_size = -1.0;
        spec.file_patterns.push("a{".into());
        let message = Compiled::new(spec).expect_err("must fail").to_string();
        for part in ["name", "keywords", "contextPriorities.x", "maxContextSize", "filePatterns"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
