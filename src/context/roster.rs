//! All specializations of a filter: the built-in ones, those of `.claude/agents/*.md`, and those added in code. Finds the
//! one for an agent, by its id or by what the agent seems to be.
//!
//! [`directory`] looks at the files, [`agent_file`] makes a specialization of one ([`front_matter`], [`patterns`]),
//! [`detect`] tells the kind of an unknown agent, [`words`] cuts texts. Owns no thread: the directory is looked at in
//! calls of others (`docs/decisions/0015-agents-are-looked-at.md`). Tells nobody of changes; it returns them.

mod agent_file;
mod detect;
mod directory;
mod front_matter;
mod patterns;
mod words;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::built_in;
use super::specialization::{AgentSpecialization, Compiled};
use crate::base::clock::Clock;
use crate::base::error::Result;
use detect::{Index, Kind};
use directory::{Directory, Problem, shown};

/// How old a look at the directory may be, in ms: a person who saves a file and starts an agent sees the change, and
/// calls one after the other pay for two looks a second.
const LOOK_EVERY_MS: u64 = 500;

/// How many times its own duration lies between two looks: on a slow file system they take a tenth of the time at most.
const LOOK_SHARE: u64 = 10;

/// How long a call waits for the first look of another one, so that agents that start together are filtered alike. Not
/// longer, because a file system that hangs must not hold up all threads.
const FIRST_LOOK_WAIT: Duration = Duration::from_secs(2);

/// What is known of an agent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evidence<'a> {
    /// Its name or id.
    pub(crate) agent_id: &'a str,
    /// What it is for; may be empty.
    pub(crate) description: &'a str,
    /// What it is asked to do; may be empty.
    pub(crate) task: &'a str,
    /// Paths of files that it works on; may be empty.
    pub(crate) paths: &'a [&'a str],
}

/// How a specialization was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    /// By the agent's id.
    Known,
    /// By what the agent seems to be.
    Detected {
        /// Name of the specialization.
        kind: String,
        /// A short sentence for people, at most 200 bytes.
        why: String,
    },
    /// None: what no agent needs is left out.
    Generic,
}

/// The specialization for an agent.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// What to filter by.
    pub(crate) agent: Arc<Compiled>,
    /// How it was found.
    pub(crate) how: How,
}

/// What changed among the files of agents, whatever else has the same name.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A file gives this specialization now, for the first time or in place of another one of that name.
    Added(AgentSpecialization),
    /// No file gives the specialization of this name any more.
    Removed(String),
    /// Something is wrong. What a file said when it was last sound still counts. Told once until the file changes.
    Problem {
        /// Name of the file, without directories; `.claude/agents` for the directory itself.
        file: String,
        /// What is wrong.
        message: String,
    },
}

/// The specializations. One object serves all threads; no lock is held while files are read, except the one that keeps
/// others from reading them too.
pub(crate) struct Roster {
    known: RwLock<Known>,
    look: Option<Mutex<Look>>,
    /// Whether there was a whole look.
    has_looked: AtomicBool,
    first_look_wait: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Known {
    slots: BTreeMap<String, Slot>,
    /// `None` after a change, until somebody needs it.
    index: Option<Arc<Index>>,
    /// Counts changes.
    version: u64,
}

/// All that have one name; the first that is there counts.
#[derive(Default)]
struct Slot {
    added: Option<Kind>,
    file: Option<Kind>,
    built_in: Option<Kind>,
}

impl Slot {
    fn best(&self) -> Option<&Kind> {
        self.added.as_ref().or(self.file.as_ref()).or(self.built_in.as_ref())
    }
}

/// The look at the directory.
struct Look {
    directory: Directory,
    /// Monotonic time before which there is no next one; `None` before the first.
    next_ms: Option<u64>,
    /// By name, the file that gives the specialization and what it gives.
    given: BTreeMap<String, (OsString, Arc<Compiled>)>,
    /// Files that give a name which another one gives, that one, and what they give: told.
    doubles: BTreeMap<OsString, (OsString, Arc<Compiled>)>,
}

impl Roster {
    /// A roster with the built-in specializations and, from the first [`refresh`](Self::refresh) on, those of
    /// `<cwd>/.claude/agents`. Without `cwd` no directory is looked at.
    pub(crate) fn new(cwd: Option<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let mut known = Known::default();
        for agent in built_in::built_in() {
            let slot = known.slots.entry(agent.spec.name.clone()).or_default();
            slot.built_in = Some(Kind::of(agent));
        }
        let look = cwd.map(|cwd| {
            Mutex::new(Look {
                directory: Directory::new(cwd.join(".claude").join("agents")),
                next_ms: None,
                given: BTreeMap::new(),
                doubles: BTreeMap::new(),
            })
        });
        let (has_looked, first_look_wait) = (AtomicBool::new(false), FIRST_LOOK_WAIT);
        Self { known: RwLock::new(known), look, has_looked, first_look_wait, clock }
    }

    /// Adds a specialization, in place of any other of its name.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem.
    pub(crate) fn add(&self, specialization: AgentSpecialization) -> Result<()> {
        let agent = Arc::new(Compiled::new(specialization)?);
        let mut known = self.known.write();
        known.slots.entry(agent.spec.name.clone()).or_default().added = Some(Kind::of(&agent));
        known.changed();
        Ok(())
    }

    /// Names of all, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.known.read().slots.keys().cloned().collect()
    }

    /// The specialization for an agent: by its id, by what it seems to be, else the generic one. Does not look at files.
    pub(crate) fn find(&self, evidence: &Evidence<'_>) -> Found {
        if let Some(agent) = self.known.read().named(evidence.agent_id) {
            return Found { agent, how: How::Known };
        }
        match self.index().detect(evidence) {
            Some(detected) => {
                let kind = detected.agent.spec.name.clone();
                Found { agent: detected.agent, how: How::Detected { kind, why: detected.why } }
            }
            None => Found { agent: built_in::generic(), how: How::Generic },
        }
    }

    /// Counts changes of what is known.
    pub(crate) fn version(&self) -> u64 {
        self.known.read().version
    }

    /// Name of the specialization that an agent's id names.
    pub(crate) fn name_of(&self, agent_id: &str) -> Option<String> {
        self.known.read().named(agent_id).map(|agent| agent.spec.name.clone())
    }

    /// Whether [`refresh`](Self::refresh) would look at the directory, or somebody is at it.
    pub(crate) fn is_look_due(&self) -> bool {
        let Some(look) = &self.look else { return false };
        let now_ms = self.clock.now_ms();
        look.try_lock().is_none_or(|look| look.next_ms.is_none_or(|next_ms| now_ms >= next_ms))
    }

    /// Looks at the directory if the last look is old enough and nobody else is at it; what changed. Reads files: not
    /// for the JavaScript thread.
    pub(crate) fn refresh(&self) -> Vec<Change> {
        let Some(mut look) = self.look.as_ref().and_then(|look| self.turn(look)) else { return Vec::new() };
        let started_ms = self.clock.now_ms();
        if look.next_ms.is_some_and(|next_ms| started_ms < next_ms) {
            return Vec::new();
        }
        let mut changes: Vec<Change> = look
            .directory
            .look(Duration::from_millis(self.clock.wall_ms()))
            .into_iter()
            .map(Change::from)
            .collect();
        look.take_over(&self.known, &mut changes);
        let ended_ms = self.clock.now_ms();
        let pause_ms = LOOK_EVERY_MS.max(LOOK_SHARE.saturating_mul(ended_ms.saturating_sub(started_ms)));
        look.next_ms = Some(ended_ms.saturating_add(pause_ms));
        self.has_looked.store(true, Ordering::Release);
        drop(look);
        if !changes.is_empty() {
            // Here rather than in a call on the JavaScript thread.
            self.index();
        }
        changes
    }

    /// The look, unless somebody else is at it. The first one is waited for.
    fn turn<'a>(&self, look: &'a Mutex<Look>) -> Option<MutexGuard<'a, Look>> {
        look.try_lock().or_else(|| {
            let is_first = !self.has_looked.load(Ordering::Acquire);
            if is_first { look.try_lock_for(self.first_look_wait) } else { None }
        })
    }

    /// The index of what is known now.
    fn index(&self) -> Arc<Index> {
        let (kinds, version) = {
            let known = self.known.read();
            if let Some(index) = &known.index {
                return Arc::clone(index);
            }
            (known.slots.values().filter_map(Slot::best).cloned().collect(), known.version)
        };
        let index = Arc::new(Index::new(kinds));
        let mut known = self.known.write();
        if known.version == version {
            known.index = Some(Arc::clone(&index));
        }
        index
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl Known {
    fn changed(&mut self) {
        self.index = None;
        self.version += 1;
    }

    /// The one called `agent_id`, else the one whose name the id starts or ends with beside a separator
    /// (`frontend-specialist-2`, `team1:backend-specialist`). The longest name wins.
    fn named(&self, agent_id: &str) -> Option<Arc<Compiled>> {
        if let Some(exact) = self.slots.get(agent_id).and_then(Slot::best) {
            return Some(Arc::clone(&exact.agent));
        }
        let is_separator = |next: Option<char>| next.is_some_and(|c| !c.is_alphanumeric());
        let (_, slot) = self
            .slots
            .iter()
            .filter(|(name, _)| {
                agent_id.strip_prefix(name.as_str()).is_some_and(|rest| is_separator(rest.chars().next()))
                    || agent_id
                        .strip_suffix(name.as_str())
                        .is_some_and(|rest| is_separator(rest.chars().next_back()))
            })
            .max_by_key(|(name, _)| (name.len(), *name))?;
        slot.best().map(|kind| Arc::clone(&kind.agent))
    }
}

impl Look {
    /// Makes known what the files give now; of two that give the same name the first file by name counts.
    fn take_over(&mut self, known: &RwLock<Known>, changes: &mut Vec<Change>) {
        let mut given: BTreeMap<String, (OsString, Arc<Compiled>)> = BTreeMap::new();
        let mut doubles = BTreeMap::new();
        let mut new = Vec::new();
        for (file, kind) in self.directory.kinds() {
            let name = &kind.agent.spec.name;
            if let Some((first, _)) = given.get(name) {
                let is_told = self
                    .doubles
                    .get(file)
                    .is_some_and(|(told, agent)| told == first && Arc::ptr_eq(agent, &kind.agent));
                if !is_told {
                    let message = format!("gives {name:?} as {} does, which counts", shown(first));
                    changes.push(Change::Problem { file: shown(file), message });
                }
                doubles.insert(file.to_owned(), (first.clone(), Arc::clone(&kind.agent)));
                continue;
            }
            let is_same = self.given.get(name).is_some_and(|(_, agent)| Arc::ptr_eq(agent, &kind.agent));
            if !is_same {
                new.push(kind.clone());
            }
            given.insert(name.clone(), (file.to_owned(), Arc::clone(&kind.agent)));
        }
        let gone: Vec<String> =
            self.given.keys().filter(|name| !given.contains_key(*name)).cloned().collect();
        self.given = given;
        self.doubles = doubles;
        if new.is_empty() && gone.is_empty() {
            return;
        }
        let mut known = known.write();
        for name in &gone {
            if let Some(slot) = known.slots.get_mut(name) {
                slot.file = None;
            }
        }
        known.slots.retain(|_, slot| slot.best().is_some());
        for kind in &new {
            known.slots.entry(kind.agent.spec.name.clone()).or_default().file = Some(kind.clone());
        }
        known.changed();
        drop(known);
        changes.extend(gone.into_iter().map(Change::Removed));
        changes.extend(new.into_iter().map(|kind| Change::Added(kind.agent.spec.clone())));
    }
}

impl From<Problem> for Change {
    fn from(problem: Problem) -> Self {
        Self::Problem { file: problem.file, message: problem.message }
    }
}

#[cfg(test)]
mod tests;
