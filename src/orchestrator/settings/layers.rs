//! The layers that a configuration is made of, and what holds in the end.
//!
//! Later wins: built-in defaults, the file, what code passed, environment variables, updates at run time, what the
//! auto-tuner found. Each layer is kept as it came, so that one can be replaced by itself and every value knows where it
//! is from. Reads no file and no environment.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::paths::{at, leaves, merge, remove};
use super::variables::{self, Variable, name_of};
use super::{Environment, Origin, Settings};
use crate::base::config::{Choice, Configure, Problems, Rule, Section};
use crate::base::error::{Error, Problem, Result};
use crate::base::redact::redacted;
use crate::orchestrator::settings_file::SystemOptions;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Built in.
    Default,
    /// The configuration file.
    File,
    /// What the program passed.
    Code,
    /// An environment variable.
    Variable,
    /// `updateConfiguration`.
    Update,
    /// The auto-tuner.
    Tuning,
}

impl Source {
    /// Its name in JavaScript.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Code => "code",
            Self::Variable => "variable",
            Self::Update => "update",
            Self::Tuning => "tuning",
        }
    }
}

/// Settings that the auto-tuner changes as one.
const TUNED_TOGETHER: [&[&[&str]]; 1] = [&[&["cache", "l1MaxSize"], &["cache", "l1MaxSizeMB"]]];

/// A configuration in layers. Not printable, because code may hold addresses with credentials.
#[derive(Clone, PartialEq)]
pub struct Layers {
    environment: Environment,
    file: Option<(PathBuf, Value)>,
    code: Value,
    variables: Vec<Variable>,
    /// What is wrong with variables by themselves.
    odd_variables: Vec<Problem>,
    update: Value,
    tuning: Value,
}

/// What layers come to.
#[derive(Debug)]
pub struct Merged {
    /// Options that only code can give.
    pub system: SystemOptions,
    /// The effective settings, in which what is wrong is left out.
    pub settings: Settings,
    /// Everything that is wrong, with where it comes from.
    pub problems: Vec<(Source, Problem)>,
    /// What has no effect and does not prevent a start.
    pub warnings: Vec<Problem>,
}

impl Merged {
    /// The effective settings, if nothing is wrong.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem.
    pub fn sound(self) -> Result<Self> {
        if self.problems.is_empty() {
            return Ok(self);
        }
        Err(Error::config(self.problems.into_iter().map(|(_, problem)| problem).collect()))
    }
}

impl Layers {
    /// What `code` passed over `file`, under the environment variables `env`.
    pub fn new(
        code: Value,
        file: Option<(PathBuf, Value)>,
        env: &std::collections::BTreeMap<String, String>,
    ) -> Self {
        let environment = code.get("environment").and_then(Value::as_str).and_then(Environment::from_name);
        // Without an environment there is a problem with code; any defaults serve to find the others.
        let environment = environment.unwrap_or(Environment::Development);
        let (variables, odd_variables) = variables::read(env, &rules());
        let empty = || Value::Object(Map::new());
        Self { environment, file, code, variables, odd_variables, update: empty(), tuning: empty() }
    }

    /// The built-in values. The namespace of the cache is the project's, unless it is told otherwise.
    pub fn defaults(&self) -> Settings {
        let mut defaults = Settings::defaults(self.environment);
        let project = self.code.get("projectId").and_then(Value::as_str);
        defaults.cache.namespace = project.map(str::to_owned);
        defaults
    }

    /// The file that is in use.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Puts another file, or none, in place of the one in use.
    pub fn set_file(&mut self, file: Option<(PathBuf, Value)>) {
        self.file = file;
    }

    /// Adds an update. It ends the tuning of the settings it names.
    pub fn update(&mut self, change: &Value) {
        merge(&mut self.update, change, &rules());
        for leaf in leaves(&rules()) {
            if at(change, &leaf.keys).is_some() {
                self.give_back(&leaf.keys);
            }
        }
    }

    /// Takes the settings of `change`, which the file now has, out of the updates, so that the file counts when it is
    /// edited again. Those that code or a variable gives stay: the file does not come through there.
    pub fn settle(&mut self, change: &Value) {
        for leaf in leaves(&rules()) {
            let is_covered = at(&self.code, &leaf.keys).is_some()
                || self.variables.iter().any(|variable| at(&variable.value, &leaf.keys).is_some());
            if at(change, &leaf.keys).is_some() && !is_covered {
                remove(&mut self.update, &leaf.keys);
            }
        }
    }

    /// Sets what the auto-tuner found; `null` gives the setting back to the other layers.
    pub fn tune(&mut self, change: &Value) {
        merge(&mut self.tuning, change, &rules());
        for leaf in leaves(&rules()) {
            if at(change, &leaf.keys).is_some_and(Value::is_null) {
                self.give_back(&leaf.keys);
            }
        }
    }

    /// Ends the tuning of a setting, and of what is tuned with it: half of a pair would be nobody's choice.
    fn give_back(&mut self, keys: &[&str]) {
        let mates =
            TUNED_TOGETHER.iter().filter(|group| group.contains(&keys)).flat_map(|group| group.iter());
        for keys in mates.copied().chain([keys]) {
            remove(&mut self.tuning, keys);
        }
    }

    /// Whether the auto-tuner set anything.
    pub fn is_tuned(&self) -> bool {
        self.tuning.as_object().is_some_and(|tuning| !tuning.is_empty())
    }

    /// Gives all tuned settings back to the other layers.
    pub fn end_tuning(&mut self) {
        self.tuning = Value::Object(Map::new());
    }

    /// What is configured: everything but what the auto-tuner found.
    pub fn configured(&self) -> Settings {
        let mut layers = self.clone();
        layers.end_tuning();
        layers.merge().settings
    }

    /// Ends the tuning of settings that have another value than in `before` without it.
    pub fn end_tuning_of_changed(&mut self, before: &Self) {
        if !self.is_tuned() {
            return;
        }
        let (old, new) = (before.configured().to_json(), self.configured().to_json());
        for leaf in leaves(&rules()) {
            if at(&old, &leaf.keys) != at(&new, &leaf.keys) {
                self.give_back(&leaf.keys);
            }
        }
    }

    /// Applies all layers in order and checks the whole.
    pub fn merge(&self) -> Merged {
        let (mut system, mut settings) = (SystemOptions::default(), self.defaults());
        let mut warnings = Vec::new();
        let mut book = Book::new();
        book.end_layer(Source::Default, Origin::Code, &settings);
        if let Some((path, value)) = &self.file {
            let origin = Origin::File(path);
            book.problems.set_origin(origin);
            Section::read("", value, &mut book.problems, |section| settings.apply(section));
            // A file that names another would be a chain, with the question of who wins at every link.
            if settings.config_file.take().is_some() {
                let message = format!("is ignored inside a configuration file{origin}");
                warnings.push(Problem { path: "configFile".to_owned(), message });
            }
            book.end_layer(Source::File, origin, &settings);
        }
        book.problems.set_origin(Origin::Code);
        Section::read("", &self.code, &mut book.problems, |section| {
            system.apply(section);
            settings.apply(section);
            section.require("environment");
        });
        book.end_layer(Source::Code, Origin::Code, &settings);
        for Variable { name, value } in &self.variables {
            let origin = Origin::Variable(name);
            book.problems.set_origin(origin);
            Section::read("", value, &mut book.problems, |section| settings.apply(section));
            book.end_layer(Source::Variable, origin, &settings);
        }
        book.problems.set_origin(Origin::Code);
        for Problem { path, message } in &self.odd_variables {
            book.problems.add(path, message);
        }
        book.end_layer(Source::Variable, Origin::Code, &settings);
        for (source, value) in [(Source::Update, &self.update), (Source::Tuning, &self.tuning)] {
            Section::read("", value, &mut book.problems, |section| settings.apply(section));
            book.end_layer(source, Origin::Code, &settings);
        }
        Merged { system, problems: book.close(&settings), settings, warnings }
    }

    /// `explainConfig()`: of each setting its value, its default and where the value comes from. There is no secret in it.
    pub fn explain(&self, settings: &Settings) -> Value {
        let (shown, defaults) = (redacted(&settings.to_json()), redacted(&self.defaults().to_json()));
        let path = self.file().map(|path| path.to_string_lossy());
        let mut layers = vec![(Source::Default, None, None)];
        layers.extend(self.file.as_ref().map(|(_, value)| (Source::File, path.as_deref(), Some(value))));
        layers.push((Source::Code, None, Some(&self.code)));
        let variables = self.variables.iter();
        layers.extend(variables.map(|each| (Source::Variable, Some(each.name.as_str()), Some(&each.value))));
        layers.push((Source::Update, None, Some(&self.update)));
        layers.push((Source::Tuning, None, Some(&self.tuning)));
        layers.retain(|(_, _, value)| {
            value.is_none_or(|value| value.as_object().is_some_and(|all| !all.is_empty()))
        });
        let mut found = Map::new();
        for leaf in leaves(&rules()) {
            let gives = |(_, _, value): &&(Source, Option<&str>, Option<&Value>)| {
                // The environment is what code says, whatever the file does.
                value.is_none_or(|value| at(value, &leaf.keys).is_some())
            };
            let is_environment = leaf.keys == ["environment"];
            let from =
                layers.iter().rev().filter(|layer| !is_environment || layer.0 != Source::File).find(gives);
            let (source, name, _) = from.copied().unwrap_or((Source::Default, None, None));
            let mut entry = json!({
                "value": at(&shown, &leaf.keys),
                "source": source.name(),
                "default": at(&defaults, &leaf.keys),
            });
            if let Some(name) = name {
                entry["name"] = name.into();
            }
            if !is_environment {
                entry["variable"] = name_of(&leaf.keys).into();
            }
            found.insert(leaf.path(), entry);
        }
        let named = layers.iter().map(|(source, name, _)| match name {
            Some(name) => json!({ "source": source.name(), "name": name }),
            None => json!({ "source": source.name() }),
        });
        json!({ "file": path, "layers": named.collect::<Value>(), "settings": found })
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("environment", &self.environment)
            .field("file", &self.file())
            .finish_non_exhaustive()
    }
}

/// Of all settings; they are the same in every environment.
pub fn rules() -> Vec<Rule> {
    Settings::defaults(Environment::Development).rules()
}

/// Problems by layer.
struct Book<'a> {
    problems: Problems,
    /// Until which problem the layers go, and what contradicts itself after each of them.
    layers: Vec<(Source, Origin<'a>, usize, Vec<Problem>)>,
}

impl<'a> Book<'a> {
    fn new() -> Self {
        Self { problems: Problems::new(Origin::Code), layers: Vec::new() }
    }

    fn end_layer(&mut self, source: Source, origin: Origin<'a>, settings: &Settings) {
        let found = contradictions(&Problems::new(Origin::Code), settings);
        self.layers.push((source, origin, self.problems.found().len(), found));
    }

    /// All problems. One between two settings belongs to the layer that made it.
    fn close(mut self, settings: &Settings) -> Vec<(Source, Problem)> {
        let mut sources = Vec::new();
        for (source, _, until, _) in &self.layers {
            sources.resize(*until, *source);
        }
        let last = contradictions(&self.problems, settings);
        for Problem { path, message } in last {
            let since = self.layers.iter().rev().take_while(|(_, _, _, found)| {
                found.iter().any(|each| each.path == path && each.message == message)
            });
            let maker = since.last().map_or((Source::Code, Origin::Code), |layer| (layer.0, layer.1));
            self.problems.set_origin(maker.1);
            self.problems.add(&path, message);
            sources.resize(self.problems.found().len(), maker.0);
        }
        let rest = sources.last().copied().unwrap_or(Source::Code);
        let problems = self.problems.into_vec().into_iter().enumerate();
        problems.map(|(index, problem)| (sources.get(index).copied().unwrap_or(rest), problem)).collect()
    }
}

/// Problems between settings, but for those with settings that `known` already names.
fn contradictions(known: &Problems, settings: &Settings) -> Vec<Problem> {
    let mut problems = known.clone();
    let before = problems.found().len();
    problems.set_origin(Origin::Code);
    settings.check("", &mut problems);
    problems.found()[before..].to_vec()
}

#[cfg(test)]
mod tests;
