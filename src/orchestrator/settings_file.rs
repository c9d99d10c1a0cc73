//! Finds the configuration file, merges all layers, and checks the whole at once.
//!
//! Later wins: built-in defaults, the file, what code passed, environment variables. One file is read, the first that is
//! there of: `configFile`, `OPTIMIZATION_CONFIG`, `config/optimization.<environment>.*`, and for production
//! `config/optimization.*`, each with the endings `json`, `jsonc`, `yaml`, `yml`. Does not watch files, which
//! [`super::settings::live`] does, and does not read the process's own environment: the caller passes it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::settings::Settings;
use super::settings::layers::{Layers, Merged, Source};
pub use super::settings::place::MAX_FILE_BYTES;
use super::settings::place::{Candidates, ReadFile, Sight};
pub use super::settings::variables::{CACHE_DIR, OPTIMIZATION_CONFIG};
use crate::base::config::{Configure, Section, Text};
use crate::base::error::{Error, Problem, Result};
use crate::base::redact::redacted;

/// Where the existing shared-context server listens unless told otherwise.
pub const DEFAULT_SHARED_CONTEXT_URL: &str = "http://localhost:3003";

/// What [`load`] works on. Not printable, because the variables hold secrets.
#[derive(Clone)]
pub struct SettingsRequest {
    /// What code passed: the `SystemConfig`, which may also hold any setting of `OptimizationConfig`.
    pub code: Value,
    /// The directory that relative paths are relative to.
    pub cwd: PathBuf,
    /// Environment variables by name; an empty or blank one counts as unset. Looked at here are
    /// [`CACHE_DIR`], [`OPTIMIZATION_CONFIG`], and those that begin with [`super::settings::variables::PREFIX`].
    pub env: BTreeMap<String, String>,
}

/// Options of the whole system that only code can give.
#[derive(Clone, PartialEq, Eq)]
pub struct SystemOptions {
    /// `projectId`: the project whose context is shared. Default none; not empty, at most 4096 characters.
    pub project_id: Option<String>,
    /// `enableSharedContext`: whether there is a shared-context client. Default false.
    pub enable_shared_context: bool,
    /// `sharedContextUrl`: an http or https address. Default `http://localhost:3003`. May hold credentials, so it is
    /// never printed.
    pub shared_context_url: String,
    /// `finalReport`: whether `shutdown()` writes a report. Default true.
    pub final_report: bool,
    /// `watchConfig`: whether changes of the configuration file are taken over while the system runs. Default true.
    pub watch_config: bool,
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            project_id: None,
            enable_shared_context: false,
            shared_context_url: DEFAULT_SHARED_CONTEXT_URL.to_owned(),
            final_report: true,
            watch_config: true,
        }
    }
}

impl fmt::Debug for SystemOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemOptions")
            .field("project_id", &self.project_id)
            .field("enable_shared_context", &self.enable_shared_context)
            .field("final_report", &self.final_report)
            .field("watch_config", &self.watch_config)
            .finish_non_exhaustive()
    }
}

impl Configure for SystemOptions {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.text("projectId", Text::Any, &mut self.project_id);
        section.flag("enableSharedContext", &mut self.enable_shared_context);
        let mut url = None;
        section.text("sharedContextUrl", Text::HttpAddress, &mut url);
        if let Some(url) = url {
            self.shared_context_url = url;
        }
        section.flag("finalReport", &mut self.final_report);
        section.flag("watchConfig", &mut self.watch_config);
    }
}

/// What [`load`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Options of the system.
    pub system: SystemOptions,
    /// The effective settings.
    pub settings: Settings,
    /// The file they come from, if there is one.
    pub source: Option<PathBuf>,
    /// What is not as it was asked for but does not prevent a start; to be logged and emitted.
    pub warnings: Vec<Problem>,
    /// What the settings are made of.
    pub layers: Layers,
    /// The file as it was read.
    pub file: Option<ReadFile>,
    /// Where the file may be.
    pub candidates: Candidates,
    /// How the file looked before it was read.
    pub sight: Option<Sight>,
}

/// Finds, merges and checks the configuration. Reads at most one file of at most 1 MB; blocks while it does.
///
/// # Errors
/// - `E_CONFIG_INVALID` with every problem of code, file and variables together; those of a file name the file.
/// - `E_CONFIG_MISSING` if the file of `OPTIMIZATION_CONFIG` is not there.
/// - `E_CONFIG_UNREADABLE` with the path, and with line and column where the text is broken, if a file is there but
///   cannot be read, is no regular file, is over 1 MB, or is not UTF-8 JSON or YAML.
///
/// Where such a file error meets problems of code, it is reported as one of them.
pub fn load(request: &SettingsRequest) -> Result<Loaded> {
    loaded(look(request, candidates_of(request)))
}

/// The same without any file: defaults, code and variables.
///
/// # Errors
/// `E_CONFIG_INVALID`.
pub fn load_without_files(request: &SettingsRequest) -> Result<Loaded> {
    loaded(look(request, Candidates::none()))
}

fn loaded(looked: Looked) -> Result<Loaded> {
    let Looked { candidates, sight, file, layers, mut merged, mut warnings } = looked;
    let file = match file {
        Ok(file) => file,
        Err(error) if merged.problems.is_empty() => return Err(error),
        Err(error) => {
            merged.problems.push((Source::File, whole(error)));
            None
        }
    };
    let merged = merged.sound()?;
    warnings.extend(merged.warnings);
    Ok(Loaded {
        system: merged.system,
        settings: merged.settings,
        source: file.as_ref().map(|file| file.path.clone()),
        warnings,
        layers,
        file,
        candidates,
        sight,
    })
}

/// `checkConfiguration()`: what [`load`] would find, as `{ file, problems: [{ path, message, source }], warnings,
/// settings, explanation }`. The last two are `null` while there are problems, and have no secret in them.
pub fn check(request: &SettingsRequest) -> Value {
    let Looked { file, mut merged, mut warnings, candidates, layers, .. } =
        look(request, candidates_of(request));
    let mut path = candidates.sight().map(|sight| sight.path().to_owned());
    match file {
        Ok(file) => path = file.map(|file| file.path),
        Err(error) => merged.problems.push((Source::File, whole(error))),
    }
    warnings.append(&mut merged.warnings);
    let problems = merged.problems.iter().map(|(source, problem)| {
        json!({ "path": problem.path, "message": problem.message, "source": source.name() })
    });
    let is_sound = merged.problems.is_empty();
    json!({
        "file": path,
        "problems": problems.collect::<Value>(),
        "warnings": warnings,
        "settings": is_sound.then(|| redacted(&merged.settings.to_json())),
        "explanation": is_sound.then(|| layers.explain(&merged.settings)),
    })
}

/// What was found, sound or not.
struct Looked {
    candidates: Candidates,
    sight: Option<Sight>,
    file: Result<Option<ReadFile>>,
    layers: Layers,
    merged: Merged,
    warnings: Vec<Problem>,
}

fn candidates_of(request: &SettingsRequest) -> Candidates {
    let named = request.env.get(OPTIMIZATION_CONFIG).map(String::as_str);
    Candidates::of(&request.code, &request.cwd, named.filter(|text| !text.trim().is_empty()))
}

fn look(request: &SettingsRequest, candidates: Candidates) -> Looked {
    let mut warnings = Vec::new();
    // Before it is read: what comes in between is then seen as a change.
    let sight = candidates.sight();
    let file = candidates.read(&mut warnings);
    let read = file.as_ref().ok().and_then(Option::as_ref);
    let read = read.map(|file| (file.path.clone(), file.value.clone()));
    let layers = Layers::new(request.code.clone(), read, &request.env);
    let merged = layers.merge();
    Looked { candidates, sight, file, layers, merged, warnings }
}

/// An error with the file as a problem of the whole configuration.
fn whole(error: Error) -> Problem {
    Problem { path: "configuration".to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
