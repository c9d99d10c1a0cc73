//! Finds the configuration file, merges defaults, file, environment variables and code, and checks it all at once.
//!
//! Later wins: built-in defaults, the file, what code passed, `CACHE_DIR`. One file is read, the first that is there
//! of: `configFile`, `OPTIMIZATION_CONFIG`, `config/optimization.<environment>.json`, and for production
//! `config/optimization.json`. A file that is there but cannot be used is an error, never a reason to go on with
//! something else. Does not watch files and does not read the process's own environment: the caller passes it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::settings::{Environment, Origin, Settings};
use crate::base::config::{Choice, Configure, Problems, Section, Text};
use crate::base::error::{Error, ErrorKind, Problem, Result};

/// A configuration file larger than this is a mistake, such as a path to a cache or a log.
pub const MAX_FILE_BYTES: u64 = 1_048_576;
/// Where the existing shared-context server listens unless told otherwise.
pub const DEFAULT_SHARED_CONTEXT_URL: &str = "http://localhost:3003";
/// Environment variable that overrides `cache.cacheDir`, wherever that was given.
pub const CACHE_DIR: &str = "CACHE_DIR";
/// Environment variable that names a configuration file.
pub const OPTIMIZATION_CONFIG: &str = "OPTIMIZATION_CONFIG";

/// What [`load`] works on. Not printable, because the variables hold secrets.
#[derive(Clone)]
pub struct SettingsRequest {
    /// What code passed: the `SystemConfig`, which may also hold any setting of `OptimizationConfig`.
    pub code: Value,
    /// The directory that relative paths are relative to.
    pub cwd: PathBuf,
    /// Environment variables by name; an empty or blank one counts as unset. Only the two above are looked at here.
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
}

impl Default for SystemOptions {
    fn default() -> Self {
        Self {
            project_id: None,
            enable_shared_context: false,
            shared_context_url: DEFAULT_SHARED_CONTEXT_URL.to_owned(),
            final_report: true,
        }
    }
}

impl fmt::Debug for SystemOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemOptions")
            .field("project_id", &self.project_id)
            .field("enable_shared_context", &self.enable_shared_context)
            .field("final_report", &self.final_report)
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
}

/// Finds, merges and checks the configuration. Reads at most one file of at most 1 MB; blocks while it does.
///
/// # Errors
/// - `E_CONFIG_INVALID` with every problem of code, file and variables together; those of a file name the file.
/// - `E_CONFIG_MISSING` if the file of `OPTIMIZATION_CONFIG` is not there.
/// - `E_CONFIG_UNREADABLE` with the path, and with line and column where the text is broken, if a file is there but
///   cannot be read, is no regular file, is over 1 MB, or is not UTF-8 JSON.
///
/// Where such a file error meets problems of code, it is reported as one of them.
pub fn load(request: &SettingsRequest) -> Result<Loaded> {
    let variable =
        |name: &str| request.env.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
    let environment =
        request.code.get("environment").and_then(Value::as_str).and_then(Environment::from_name);
    let mut warnings = Vec::new();
    let found = find(request, environment, variable(OPTIMIZATION_CONFIG), &mut warnings);

    let mut problems = Problems::new(Origin::Code);
    // Without an environment the load fails below; any defaults serve to find the other problems.
    let mut settings = Settings::defaults(environment.unwrap_or(Environment::Development));
    let file = found.as_ref().ok().and_then(Option::as_ref);
    let file_origin = file.map_or(Origin::Code, |(path, _)| Origin::File(path));
    if let Some((path, value)) = file {
        problems.set_origin(file_origin);
        Section::read("", value, &mut problems, |section| settings.apply(section));
        // A file that names another would be a chain, with the question of who wins at every link.
        if settings.config_file.take().is_some() {
            let message = format!("is ignored inside a configuration file{}", Origin::File(path));
            warnings.push(Problem { path: "configFile".to_owned(), message });
        }
    }
    let contradictions_of_file = contradictions(&settings);

    let mut system = SystemOptions::default();
    problems.set_origin(Origin::Code);
    Section::read("", &request.code, &mut problems, |section| {
        system.apply(section);
        settings.apply(section);
        section.require("environment");
    });
    if let Some(dir) = variable(CACHE_DIR) {
        problems.set_origin(Origin::Variable(CACHE_DIR));
        let value = json!({ "cacheDir": dir });
        Section::read("cache", &value, &mut problems, |section| settings.cache.apply(section));
    }
    if contradictions(&settings) == contradictions_of_file {
        problems.set_origin(file_origin);
    }
    settings.check("", &mut problems);

    let source = match found {
        Ok(file) => file.map(|(path, _)| path),
        Err(error) if problems.is_empty() => return Err(error),
        Err(error) => {
            problems.set_origin(Origin::Code);
            problems.add("", error);
            None
        }
    };
    problems.into_result()?;
    Ok(Loaded { system, settings, source, warnings })
}

/// Problems between settings, with nothing known of other problems.
fn contradictions(settings: &Settings) -> Vec<Problem> {
    let mut problems = Problems::new(Origin::Code);
    settings.check("", &mut problems);
    problems.into_vec()
}

/// The first file that is there, with its content.
fn find(
    request: &SettingsRequest,
    environment: Option<Environment>,
    config_variable: Option<&str>,
    warnings: &mut Vec<Problem>,
) -> Result<Option<(PathBuf, Value)>> {
    // One that is no sound text is reported when code is checked.
    let config_file =
        request.code.get("configFile").and_then(Value::as_str).filter(|text| Text::Any.accepts(text));
    if let Some(name) = config_file {
        let path = request.cwd.join(name);
        if let Some(value) = read(&path)? {
            return Ok(Some((path, value)));
        }
        let message = format!("{} is not there; looking further", path.display());
        warnings.push(Problem { path: "configFile".to_owned(), message });
    }
    if let Some(name) = config_variable {
        let path = request.cwd.join(name);
        return match read(&path)? {
            Some(value) => Ok(Some((path, value))),
            None => Err(Error::new(
                ErrorKind::ConfigMissing,
                format!(
                    "{OPTIMIZATION_CONFIG} names {}, which is not there; correct or unset it",
                    path.display()
                ),
            )),
        };
    }
    let Some(environment) = environment else { return Ok(None) };
    let own = format!("optimization.{}.json", environment.name());
    let general = (environment == Environment::Production).then(|| "optimization.json".to_owned());
    for name in [Some(own), general].into_iter().flatten() {
        let path = request.cwd.join("config").join(name);
        if let Some(value) = read(&path)? {
            return Ok(Some((path, value)));
        }
    }
    Ok(None)
}

/// The content of the file at `path`; `None` if nothing is there.
fn read(path: &Path) -> Result<Option<Value>> {
    let unreadable = |what: &str| {
        Error::new(
            ErrorKind::ConfigUnreadable,
            format!("cannot read the configuration file {}: {what}", path.display()),
        )
    };
    match fs::metadata(path) {
        // Opening a pipe would wait for a writer.
        Ok(metadata) if !metadata.is_file() => return Err(unreadable("it is not a regular file")),
        Ok(_) => {}
        Err(error) if is_absent(&error) => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(unreadable("it is a symbolic link to a file that is not there"));
            }
            return Ok(None);
        }
        Err(error) => return Err(unreadable(&error.to_string())),
    }
    let mut bytes = Vec::new();
    // The limit holds for what is read, not for what the metadata said.
    let reading = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    reading.map_err(|error| unreadable(&error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(unreadable("it is larger than 1 MB, the most a configuration file may have"));
    }
    parse(&bytes).map(Some).map_err(|what| unreadable(&what))
}

/// Nothing there, be it the file or a directory on the way to it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// JSON in UTF-8, with or without a byte order mark; else what is wrong and where.
fn parse(bytes: &[u8]) -> std::result::Result<Value, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        format!("not UTF-8 at line {line} column {column}; save it as UTF-8")
    })?;
    // serde_json's message ends in "at line 3 column 7" and quotes nothing of the file.
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

#[cfg(test)]
mod tests;
