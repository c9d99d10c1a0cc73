//! The configuration of a running system: what is to change is worked out and checked here before anything does.
//!
//! Starts no thread and applies nothing: the engine asks, applies, and commits. One change at a time, under its lock.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::edit::{EMPTY, edited};
use super::layers::{Layers, Source, rules};
use super::paths::{at, leaves, merge, nested};
use super::place::{Candidates, Prepared, ReadFile, Sight, hash, read_bytes};
use super::text::{Format, parse};
use super::{Origin, Settings};
use crate::base::config::{Configure, Problems, Section};
use crate::base::error::{Error, ErrorKind, Problem, Result};
use crate::orchestrator::settings_file::Loaded;

/// A file must look the same for so long before it is read: editors and deployments write in steps.
const SETTLED_MS: u64 = 100;
/// A file that is broken or gone for so long is not about to be whole again.
const PATIENCE_MS: u64 = 1_000;

/// What a running system works by, and the file that it comes from.
#[derive(Debug)]
pub struct Live {
    layers: Layers,
    settings: Settings,
    file: Option<(PathBuf, u64)>,
    candidates: Candidates,
    /// How the file looked when it was last dealt with.
    settled: Option<Sight>,
    /// How it looks since when, where that is something else.
    pending: Option<(Option<Sight>, u64)>,
    /// The failure that was told last, with the content that it is of.
    told: Option<(Option<u64>, String)>,
}

/// A change that was checked and not made yet.
#[derive(Debug)]
pub struct Change {
    /// Who asked for it.
    pub source: Source,
    /// The settings after it.
    pub settings: Settings,
    /// What of it has no effect before the next start.
    pub warnings: Vec<Problem>,
    layers: Layers,
    file: Option<(PathBuf, u64)>,
    /// The file to write, over one with such a content.
    write: Option<(Prepared, Option<u64>)>,
}

/// What a look at the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it was.
    Same,
    /// Something is happening; look again soon.
    Unsettled,
    /// Another file, which stays as it is.
    Settled {
        /// Whether that is so for long enough to take a broken file for one.
        is_final: bool,
    },
}

impl Live {
    /// Of a system that was just loaded.
    pub fn new(loaded: &Loaded) -> Self {
        Self {
            layers: loaded.layers.clone(),
            settings: loaded.settings.clone(),
            file: loaded.file.as_ref().map(|file| (file.path.clone(), file.hash)),
            candidates: loaded.candidates.clone(),
            settled: loaded.sight.clone(),
            pending: None,
            told: None,
        }
    }

    /// What holds.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it is made of.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// The file in use.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// The file that is there now, else the one in use.
    pub fn sighted(&self) -> Option<PathBuf> {
        let sight = self.candidates.sight();
        sight.as_ref().map(Sight::path).or_else(|| self.file()).map(Path::to_owned)
    }

    /// An update of the settings in `partial`. With `save` they are to be written into the file, or into a new one.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID` with every problem; for `save` also `E_CONFIG_CHANGED` if the file is not any more what was
    /// read, `E_NOT_AVAILABLE` if it is YAML, `E_CONFIG_UNREADABLE`, `E_IO`.
    pub fn update(&self, partial: &Value, save: bool) -> Result<Change> {
        let mut problems = Problems::new(Origin::Code);
        let mut scratch = self.settings.clone();
        Section::read("", partial, &mut problems, |section| scratch.apply(section));
        if !problems.is_empty() {
            scratch.clone_from(&self.settings);
            scratch.apply_json(partial, Origin::Code)?;
        }
        let mut layers = self.layers.clone();
        layers.update(partial);
        let mut file = self.file.clone();
        let saved = if save { Some(self.text_with(partial)?) } else { None };
        if let Some(saved) = &saved {
            layers.set_file(Some((saved.path.clone(), saved.value.clone())));
            layers.settle(partial);
            file = Some((saved.path.clone(), hash(&saved.bytes)));
        }
        let mut change = self.change(layers, file, Source::Update)?;
        if let Some(saved) = saved {
            change.write = Some((Prepared::new(&saved.path, &saved.bytes)?, saved.over));
        }
        Ok(change)
    }

    /// What the auto-tuner wants; `null` gives a setting back.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID`.
    pub fn tune(&self, found: &Value) -> Result<Change> {
        let mut layers = self.layers.clone();
        layers.tune(found);
        let settings = layers.merge().sound()?.settings;
        Ok(self.changed_to(layers, self.file.clone(), settings, Source::Tuning))
    }

    /// The file as it is now; `None` if it says what it said.
    ///
    /// # Errors
    /// `E_CONFIG_INVALID`, `E_CONFIG_MISSING`, `E_CONFIG_UNREADABLE`; then everything is as before.
    pub fn reload(&self) -> Result<Option<Change>> {
        let mut warnings = Vec::new();
        let found = self.candidates.read(&mut warnings)?;
        let file = found.as_ref().map(|ReadFile { path, hash, .. }| (path.clone(), *hash));
        if file == self.file {
            return Ok(None);
        }
        let mut layers = self.layers.clone();
        layers.set_file(found.map(|found| (found.path, found.value)));
        layers.end_tuning_of_changed(&self.layers);
        self.change(layers, file, Source::File).map(Some)
    }

    /// The same for one who was told by [`Live::look`] that there is another file. One that is gone is an error: whoever
    /// wants the built-in defaults says so.
    ///
    /// # Errors
    /// Those of [`Live::reload`].
    pub fn reload_found(&self) -> Result<Option<Change>> {
        match self.file() {
            Some(path) if self.candidates.sight().is_none() => {
                let message = format!("{} is gone; what it said stays in effect", path.display());
                Err(Error::new(ErrorKind::ConfigMissing, message))
            }
            _ => self.reload(),
        }
    }

    /// Looks at the file without reading it.
    pub fn look(&mut self, now_ms: u64) -> Look {
        let sight = self.candidates.sight();
        if sight == self.settled {
            self.pending = None;
            return Look::Same;
        }
        match &self.pending {
            Some((seen, since)) if *seen == sight => {
                let age = now_ms.saturating_sub(*since);
                // Another file than the one in use may only stand in for it while that is written anew.
                let is_stand_in =
                    self.file().is_some_and(|path| sight.as_ref().is_none_or(|sight| sight.path() != path))
                        && self.file().is_some_and(|path| Sight::of(path).is_none());
                let is_final = age >= PATIENCE_MS;
                if age < SETTLED_MS || (is_stand_in && !is_final) {
                    Look::Unsettled
                } else {
                    Look::Settled { is_final }
                }
            }
            _ => {
                self.pending = Some((sight, now_ms));
                Look::Unsettled
            }
        }
    }

    /// What [`Live::look`] saw last was dealt with.
    pub fn settle(&mut self) {
        if let Some((sight, _)) = self.pending.take() {
            self.settled = sight;
        }
    }

    /// Whether a failure to reload is to be told: once for each content.
    pub fn is_news(&mut self, error: &Error) -> bool {
        let content = self.candidates.sight().and_then(|sight| read_bytes(sight.path()).ok().flatten());
        let failure = (content.map(|bytes| hash(&bytes)), error.to_string());
        if self.told.as_ref() == Some(&failure) {
            return false;
        }
        self.told = Some(failure);
        true
    }

    /// Writes what is to be written, and holds to the change.
    ///
    /// # Errors
    /// `E_CONFIG_CHANGED`, `E_IO`; then nothing is changed here and in the file.
    pub fn commit(&mut self, change: Change) -> Result<()> {
        if let Some((prepared, over)) = change.write {
            let path = change.file.as_ref().map_or(Path::new(""), |(path, _)| path.as_path());
            if read_bytes(path)?.map(|bytes| hash(&bytes)) != over {
                return Err(changed(path));
            }
            prepared.commit()?;
            // Seen as another file, read, and found to be what was written, or not.
            self.settled = None;
        }
        self.layers = change.layers;
        self.settings = change.settings;
        self.file = change.file;
        self.told = None;
        Ok(())
    }

    /// Checks `layers`. What was tuned gives way where it contradicts them.
    fn change(&self, mut layers: Layers, file: Option<(PathBuf, u64)>, source: Source) -> Result<Change> {
        let merged = layers.merge();
        let merged = if merged.problems.is_empty() || !layers.is_tuned() {
            merged
        } else {
            layers.end_tuning();
            layers.merge()
        };
        let merged = merged.sound()?;
        let mut change = self.changed_to(layers, file, merged.settings, source);
        if source == Source::File {
            change.warnings.extend(merged.warnings);
        }
        Ok(change)
    }

    fn changed_to(
        &self,
        layers: Layers,
        file: Option<(PathBuf, u64)>,
        settings: Settings,
        source: Source,
    ) -> Change {
        let warnings = later(&self.settings, &settings);
        Change { source, settings, warnings, layers, file, write: None }
    }

    fn text_with(&self, partial: &Value) -> Result<Saved> {
        let new_file = || self.candidates.new_file().map(Path::to_owned);
        let path = self.file().map(Path::to_owned).or_else(new_file).ok_or_else(|| {
            Error::new(ErrorKind::NotAvailable, "there is no place for a configuration file")
        })?;
        if Format::of(&path) == Format::Yaml {
            let message = format!(
                "{} is YAML, which is not written, as its comments would be lost; change it by hand, or use a .json file, which keeps them",
                path.display()
            );
            return Err(Error::new(ErrorKind::NotAvailable, message));
        }
        let found = read_bytes(&path)?;
        let over = found.as_ref().map(|bytes| hash(bytes));
        if over != self.file.as_ref().map(|(_, hash)| *hash) {
            return Err(changed(&path));
        }
        let unusable = |what: String| {
            let message = format!("cannot save into {}: {what}", path.display());
            Error::new(ErrorKind::ConfigUnreadable, message)
        };
        let bytes =
            edited(found.as_deref().unwrap_or(EMPTY), &saved_part(partial), &rules()).map_err(unusable)?;
        let value = parse(&bytes, Format::Json).map_err(unusable)?;
        Ok(Saved { path, bytes, value, over })
    }
}

/// A file with new settings in it.
struct Saved {
    path: PathBuf,
    bytes: Vec<u8>,
    value: Value,
    over: Option<u64>,
}

/// What of `partial` has an effect in a file.
fn saved_part(partial: &Value) -> Value {
    let mut part = Value::Object(serde_json::Map::new());
    for leaf in leaves(&rules()).iter().filter(|leaf| leaf.keys != ["environment"]) {
        if let Some(value) = at(partial, &leaf.keys) {
            merge(&mut part, &nested(&leaf.keys, value.clone()), &rules());
        }
    }
    part
}

fn changed(path: &Path) -> Error {
    let message = format!(
        "{} was changed since it was read, and is left as it is; reload the configuration and try again",
        path.display()
    );
    Error::new(ErrorKind::ConfigChanged, message)
}

/// What a running system does not take over from `new`.
fn later(old: &Settings, new: &Settings) -> Vec<Problem> {
    let monitored = old.enable_production_monitoring && new.enable_production_monitoring;
    let rows = [
        (
            old.environment != new.environment && monitored,
            "environment",
            "the monitor keeps the environment that it was made with",
        ),
        (
            old.cache.namespace != new.cache.namespace,
            "cache.namespace",
            "takes effect when the system is started again",
        ),
        (
            old.cache.dir() != new.cache.dir() && monitored && new.monitoring.persist_metrics,
            "cache.cacheDir",
            "the monitor's history stays in the old directory until the system is started again",
        ),
    ];
    let rows = rows.into_iter().filter(|(is_later, _, _)| *is_later);
    rows.map(|(_, path, message)| Problem { path: path.to_owned(), message: message.to_owned() }).collect()
}

#[cfg(test)]
mod tests;
