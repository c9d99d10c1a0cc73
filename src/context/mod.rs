//! Less context for an agent, with what it needs still in it.
//!
//! In the order of a call ([`pipeline`]): [`roster`] knows the kinds of agents and of which an agent is
//! ([`specialization`], [`built_in`]); [`elements`] cuts a context into what is decided about, [`units`] into what is
//! analysed and remembered ([`analysis`]); [`task`] reads what the agent is asked to do; [`rank`], [`evidence`] and
//! [`neighbours`] say how well everything fits it, [`score`] how much it matters to this agent; [`select`] chooses under
//! limits and pressure; [`outcome`] says what stays, [`references`] gives back what did not. The caller's values are not
//! here: the outcome says by index what stays.

mod adaptations;
mod analysis;
mod built_in;
mod circumstances;
pub mod config;
mod elements;
mod evidence;
mod neighbours;
mod outcome;
pub mod paths;
mod pipeline;
mod rank;
mod recent;
mod references;
mod roster;
mod score;
mod select;
pub mod specialization;
mod task;
#[cfg(test)]
mod test_support;
mod units;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use serde::Serialize;

pub use adaptations::Reason;
pub use circumstances::Pressure;
pub use config::ContextFilterConfig;
pub use outcome::{CutText, DroppedPart, Piece};
pub use references::Reference;
pub use roster::Change;
pub use specialization::AgentSpecialization;

use crate::base::clock::{Clock, SystemClock};
use crate::base::document::Document;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::held::registered;
use crate::base::json::{Cuts, Fate, View};
use crate::base::units::mb_to_bytes;
use analysis::store::Store;
use references::References;
use roster::{Evidence, How, Roster};

/// Least context that is ever recommended, in MB.
const MIN_RECOMMENDED_MB: f64 = 10.0;

/// Least factor that memory or load take off a recommended size.
const MIN_FACTOR: f64 = 0.3;

/// Counts the tokens of a text. The filter does not know how.
pub trait CountTokens: Send + Sync {
    /// Tokens of `text`.
    fn count(&self, text: &str) -> u64;
}

impl<F: Fn(&str) -> u64 + Send + Sync> CountTokens for F {
    fn count(&self, text: &str) -> u64 {
        self(text)
    }
}

/// One call.
#[derive(Debug, Clone, Default)]
pub struct FilterRequest {
    /// The agent's name or an id that starts or ends with it, for example `frontend-specialist-2`.
    pub agent_id: String,
    /// MB of contexts that agents hold now.
    pub held_mb: f64,
    /// Of these what other agents hold; `None` if that is not known. Together with this context it stays within
    /// `globalMaxContext`.
    pub others_mb: Option<f64>,
    /// Load of the machine, 0–100.
    pub system_load: f64,
    /// The process's memory against its limit, 0–100.
    pub memory_percentage: f64,
    /// Limits of this call.
    pub limits: CallLimits,
    /// What happened lately counts twice.
    pub prioritize_recent: bool,
}

/// Limits of one call, besides the configured caps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CallLimits {
    /// Most bytes of JSON.
    pub max_bytes: Option<u64>,
    /// Most tokens of JSON.
    pub max_tokens: Option<u64>,
    /// Share of the tokens to leave out, 0–1; `None` leaves 30 to 50 % out.
    pub target_reduction: Option<f64>,
    /// Texts stay whole or go whole.
    pub whole_texts: bool,
}

/// What stays of a context.
#[derive(Debug)]
pub struct FilterOutcome {
    /// One fate a value; `None` when everything stays.
    pub fates: Option<Vec<Fate>>,
    /// What is left of strings that stay in part.
    pub cuts: Cuts,
    /// The same in pieces of the originals.
    pub texts: Vec<CutText>,
    /// Values of the kept elements, in order.
    pub kept: Vec<u32>,
    /// Their scores, 0–1.
    pub scores: Vec<f32>,
    /// What was left out.
    pub dropped: Vec<DroppedPart>,
    /// Bytes of JSON before.
    pub original_bytes: u64,
    /// Bytes of JSON after.
    pub filtered_bytes: u64,
    /// What was done and why, for people.
    pub adaptations: Vec<String>,
    /// Which of these are about limits and pressure of the moment; see [`ContextFilter::said_now`].
    pub said_of_limits: Range<usize>,
    /// Most MB that the agent may have: its own cap or that of all agents.
    pub cap_mb: f64,
    /// Most bytes that the call allowed.
    pub max_bytes: u64,
    /// How long it took.
    pub stages: Stages,
}

/// How long the parts of a call took, in ms of wall time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stages {
    /// Analysis of text that was new.
    pub analyse_ms: f64,
    /// Token counts of text that was new.
    pub count_ms: f64,
    /// Everything: these two and what every call costs.
    pub total_ms: f64,
}

impl FilterOutcome {
    /// Share of the bytes that went, 0–1.
    pub fn reduction_ratio(&self) -> f64 {
        if self.original_bytes == 0 {
            0.0
        } else {
            1.0 - self.filtered_bytes as f64 / self.original_bytes as f64
        }
    }

    /// What stays of `document`.
    pub fn view<'a>(&'a self, document: &'a Document) -> View<'a> {
        View { document, fates: self.fates.as_deref(), cuts: Some(&self.cuts) }
    }

    /// Everything stays, nothing is said about it: what a system without a filter does.
    pub fn unfiltered(document: &Document) -> Self {
        let bytes = document.sizes()[0];
        Self {
            fates: None,
            cuts: Cuts::new(),
            texts: Vec::new(),
            kept: Vec::new(),
            scores: Vec::new(),
            dropped: Vec::new(),
            original_bytes: bytes,
            filtered_bytes: bytes,
            adaptations: Vec::new(),
            said_of_limits: 0..0,
            cap_mb: f64::INFINITY,
            max_bytes: u64::MAX,
            stages: Stages::default(),
        }
    }
}

/// Filters made so far.
static NEXT_FILTER: AtomicU64 = AtomicU64::new(0);

/// What a filter holds between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// `cachedContexts`: runs of elements and texts whose analysis is remembered.
    #[serde(rename = "cachedContexts")]
    pub analyses: usize,
    /// Bytes of these.
    pub analysis_bytes: usize,
    /// Parts that were left out and can be given back.
    pub references: usize,
    /// Bytes of these.
    pub reference_bytes: usize,
}

/// The filter of one system: a configuration, the specializations it knows, and what it remembers of contexts.
pub struct ContextFilter {
    config: RwLock<ContextFilterConfig>,
    /// Counts changes of the configuration, from a number of its own on: what one filter found is not what another one finds.
    generation: AtomicU64,
    roster: Roster,
    store: Arc<Store>,
    references: Arc<References>,
    tokens: Arc<dyn CountTokens>,
    calls: AtomicU64,
    /// Parts that were fetched again.
    resolved: AtomicU64,
}

impl std::fmt::Debug for ContextFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextFilter").field("config", &self.config).finish_non_exhaustive()
    }
}

impl ContextFilter {
    /// A filter with the built-in specializations.
    pub fn new(config: ContextFilterConfig, tokens: Arc<dyn CountTokens>) -> Self {
        Self::of(config, Roster::new(None, Arc::new(SystemClock::new())), tokens)
    }

    /// A filter with the built-in specializations and those of `<cwd>/.claude/agents/*.md`, which are known from the
    /// first [`refresh_agents`](Self::refresh_agents) on.
    pub fn with_agents(
        config: ContextFilterConfig,
        cwd: PathBuf,
        clock: Arc<dyn Clock>,
        tokens: Arc<dyn CountTokens>,
    ) -> Self {
        Self::of(config, Roster::new(Some(cwd), clock), tokens)
    }

    fn of(config: ContextFilterConfig, roster: Roster, tokens: Arc<dyn CountTokens>) -> Self {
        Self {
            store: registered(Store::new(store_bytes(config.analysis_cache_mb))),
            references: registered(References::new(store_bytes(config.reference_store_mb))),
            config: RwLock::new(config),
            generation: AtomicU64::new(NEXT_FILTER.fetch_add(1, Ordering::Relaxed) << 32),
            roster,
            tokens,
            calls: AtomicU64::new(0),
            resolved: AtomicU64::new(0),
        }
    }

    /// Looks at the files of agents, at most twice a second; what changed since the last look. To be called before
    /// [`filter`](Self::filter), and not on the JavaScript thread, because it reads files.
    pub fn refresh_agents(&self) -> Vec<Change> {
        self.roster.refresh()
    }

    /// Adds or replaces a specialization.
    ///
    /// # Errors
    /// `E_INVALID_ARGUMENT` with every problem.
    pub fn add_specialization(&self, specialization: AgentSpecialization) -> Result<()> {
        self.roster.add(specialization)
    }

    /// Names of the specializations, sorted.
    pub fn specializations(&self) -> Vec<String> {
        self.roster.names()
    }

    /// MB recommended for an agent: its cap × max(0.3, 1 − memory / `globalMaxContext`) × max(0.3, 1 − load / 100),
    /// rounded down, at least 10.
    pub fn recommended_mb(&self, agent_id: &str, system_load: f64, held_mb: f64) -> f64 {
        let config = self.config.read();
        let found = self.roster.find(&Evidence { agent_id, ..Evidence::default() });
        let cap = match found.how {
            How::Generic => config.max_context_per_agent_mb,
            How::Known | How::Detected { .. } => found.agent.spec.max_context_size,
        };
        let memory = (1.0 - held_mb / config.global_max_context_mb).max(MIN_FACTOR);
        let load = (1.0 - system_load / 100.0).max(MIN_FACTOR);
        (cap * memory * load).floor().max(MIN_RECOMMENDED_MB)
    }

    /// JSON of a part that was left out, as long as it is remembered.
    pub fn resolve(&self, reference: Reference) -> Option<Arc<str>> {
        let found = self.references.get(reference);
        self.resolved.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// Parts that were left out and fetched again so far.
    pub fn resolved(&self) -> u64 {
        self.resolved.load(Ordering::Relaxed)
    }

    /// Calls of [`filter`](Self::filter) so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// What is held between calls.
    pub fn held(&self) -> Held {
        let (analyses, analysis_bytes) = self.store.held();
        let (references, reference_bytes) = self.references.held();
        Held { analyses, analysis_bytes, references, reference_bytes }
    }

    /// The configuration now.
    pub fn config(&self) -> ContextFilterConfig {
        self.config.read().clone()
    }

    /// Replaces the configuration (validated by its reader).
    pub fn set_config(&self, config: ContextFilterConfig) {
        self.store.set_max_bytes(store_bytes(config.analysis_cache_mb));
        self.references.set_max_bytes(store_bytes(config.reference_store_mb));
        *self.config.write() = config;
        // After it: what was found under the old one must not be taken for what the new one gives.
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// The bound of a store as its setting has it.
fn store_bytes(mb: f64) -> usize {
    usize::try_from(mb_to_bytes(mb)).unwrap_or(usize::MAX)
}

/// What is said of a reference that is not known.
pub fn unknown_reference(reference: &str) -> Error {
    let shown: String = reference.chars().take(40).collect();
    Error::new(
        ErrorKind::ReferenceUnknown,
        format!(
            "there is no part with the reference {shown:?}: it was never given out here, or not used for long"
        ),
    )
}

#[cfg(test)]
mod tests;
