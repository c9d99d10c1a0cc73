//! Less context for an agent, with what it needs still in it.
//!
//! [`elements`] cuts a context into what is decided about, [`score`] says how much each matters to the agent and its
//! task, [`budget`] and [`chosen`] choose under limits and pressure, [`specialization`] says what a kind of agent works on,
//! [`roster`] which kinds there are and of which an agent is. The caller's values are not here: the outcome says by index
//! what stays.

mod adaptations;
mod budget;
mod built_in;
mod chosen;
pub mod config;
mod elements;
pub mod paths;
mod roster;
mod score;
pub mod specialization;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

pub use config::ContextFilterConfig;
pub use roster::Change;
pub use specialization::AgentSpecialization;

use crate::base::clock::{Clock, SystemClock};
use crate::base::document::Document;
use crate::base::error::Result;
use crate::base::json::{self, Fate};
use crate::base::name::quoted;
use crate::base::units::mb_to_bytes;
use adaptations::{describe_arrays, describe_drops};
use budget::Budget;
use chosen::{Chosen, choose_within};
use roster::{Evidence, How, Roster};
use specialization::{Compiled, REQUIRED_BY_ALL};

/// Share of the elements that stays over each pressure, highest first (contract: 80 / 60 / 40 % over 70 / 80 / 90 %).
const PRESSURE_STEPS: [(f64, f64); 3] = [(0.9, 0.4), (0.8, 0.6), (0.7, 0.8)];

/// Least context that is ever recommended, in MB.
const MIN_RECOMMENDED_MB: f64 = 10.0;

/// Least factor that memory or load take off a recommended size.
const MIN_FACTOR: f64 = 0.3;

/// One call.
#[derive(Debug, Clone, Default)]
pub struct FilterRequest {
    /// The agent's name or an id that starts or ends with it, for example `frontend-specialist-2`.
    pub agent_id: String,
    /// MB of contexts that agents hold now.
    pub held_mb: f64,
    /// Load of the machine, 0–100.
    pub system_load: f64,
    /// The process's memory against its limit, 0–100.
    pub memory_percentage: f64,
    /// Most bytes of JSON, besides the configured caps.
    pub max_bytes: Option<u64>,
    /// What happened lately counts twice.
    pub prioritize_recent: bool,
}

/// What stays of a context.
#[derive(Debug)]
pub struct FilterOutcome {
    /// One fate a value; `None` when everything stays.
    pub fates: Option<Vec<Fate>>,
    /// Values of the kept elements, in order.
    pub kept: Vec<u32>,
    /// Their scores, 0–1.
    pub scores: Vec<f32>,
    /// Bytes of JSON before.
    pub original_bytes: u64,
    /// Bytes of JSON after.
    pub filtered_bytes: u64,
    /// What was done and why, for people.
    pub adaptations: Vec<String>,
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

    /// Everything stays, nothing is said about it: what a system without a filter does.
    pub fn unfiltered(document: &Document) -> Self {
        let bytes = json::sizes(document)[0];
        Self {
            fates: None,
            kept: Vec::new(),
            scores: Vec::new(),
            original_bytes: bytes,
            filtered_bytes: bytes,
            adaptations: Vec::new(),
        }
    }
}

/// The filter of one system: a configuration and the specializations it knows.
#[derive(Debug)]
pub struct ContextFilter {
    config: RwLock<ContextFilterConfig>,
    roster: Roster,
    calls: AtomicU64,
}

impl ContextFilter {
    /// A filter with the built-in specializations.
    pub fn new(config: ContextFilterConfig) -> Self {
        Self::of(config, Roster::new(None, Arc::new(SystemClock::new())))
    }

    /// A filter with the built-in specializations and those of `<cwd>/.claude/agents/*.md`, which are known from the
    /// first [`refresh_agents`](Self::refresh_agents) on.
    pub fn with_agents(config: ContextFilterConfig, cwd: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self::of(config, Roster::new(Some(cwd), clock))
    }

    fn of(config: ContextFilterConfig, roster: Roster) -> Self {
        Self { config: RwLock::new(config), roster, calls: AtomicU64::new(0) }
    }

    /// Looks at the files of agents, at most twice a second; what changed since the last look. To be called before
    /// [`filter`](Self::filter), and not on the JavaScript thread, because it reads files.
    pub fn refresh_agents(&self) -> Vec<Change> {
        self.roster.refresh()
    }

    /// Filters `document`. O(values + text); holds no lock while at work.
    pub fn filter(&self, document: &Document, request: &FilterRequest) -> FilterOutcome {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let config = self.config.read().clone();
        let evidence = Evidence { agent_id: &request.agent_id, ..Evidence::default() };
        let found = config.enable_specialization_filtering.then(|| self.roster.find(&evidence));
        let mut adaptations = Vec::new();
        match found.as_ref().map(|found| &found.how) {
            Some(How::Known) => {}
            Some(How::Detected { kind, why }) => {
                adaptations.push(format!("filtered as {}: {why}", quoted(kind)));
            }
            Some(How::Generic) => adaptations.push(format!(
                "generic filtering: there is no specialization for {}",
                quoted(&request.agent_id)
            )),
            None => adaptations.push("generic filtering: specialization filtering is off".to_owned()),
        }
        let known = found.as_ref().is_some_and(|found| found.how != How::Generic);
        let agent = found.map_or_else(built_in::generic, |found| found.agent);
        let sizes = json::sizes(document);
        let original_bytes = sizes[0];
        let required: Vec<&str> = REQUIRED_BY_ALL
            .into_iter()
            .chain(agent.spec.required_fields.iter().map(String::as_str))
            .collect();
        let elements = elements::elements(document, &sizes, &agent, &required);
        let scores = score::scores(document, &elements, &agent, known, request.prioritize_recent);
        let budget = Self::budget(&config, &agent, known, request, &mut adaptations);
        let chosen = choose_within(document, &sizes, &elements, &scores, budget);
        if chosen.over {
            adaptations.push(format!(
                "required fields alone are over the limit of {} bytes and stay",
                budget.max_bytes
            ));
        }
        let Chosen { kept, fates, bytes: filtered_bytes, .. } = chosen;
        describe_drops(&elements, &scores, &kept, budget, original_bytes, &mut adaptations);
        if let Some(fates) = &fates {
            describe_arrays(document, fates, &mut adaptations);
        }
        let stay = || (0..elements.len()).filter(|&at| kept[at]);
        FilterOutcome {
            fates,
            kept: stay().map(|at| index_u32(elements[at].value)).collect(),
            #[expect(clippy::cast_possible_truncation, reason = "a score needs no more than f32")]
            scores: stay().map(|at| scores[at] as f32).collect(),
            original_bytes,
            filtered_bytes,
            adaptations,
        }
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

    /// Calls of [`filter`](Self::filter) so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The configuration now.
    pub fn config(&self) -> ContextFilterConfig {
        self.config.read().clone()
    }

    /// Replaces the configuration (validated by its reader).
    pub fn set_config(&self, config: ContextFilterConfig) {
        *self.config.write() = config;
    }

    fn budget(
        config: &ContextFilterConfig,
        agent: &Compiled,
        known: bool,
        request: &FilterRequest,
        adaptations: &mut Vec<String>,
    ) -> Budget {
        let cap_mb = if known {
            agent.spec.max_context_size.min(config.max_context_per_agent_mb)
        } else {
            config.max_context_per_agent_mb
        };
        let cap = mb_to_bytes(cap_mb);
        let mut pressure = (request.held_mb / config.global_max_context_mb).max(request.system_load / 100.0);
        if config.memory_aware_filtering {
            pressure = pressure.max(request.memory_percentage / 100.0);
        }
        let mut share = 1.0;
        if config.adaptive_reduction
            && let Some((over, step)) = PRESSURE_STEPS.into_iter().find(|(over, _)| pressure > *over)
        {
            share = step;
            adaptations.push(format!(
                "pressure {:.0} % is over {:.0} %: at most {:.0} % of the elements stay",
                pressure * 100.0,
                over * 100.0,
                step * 100.0
            ));
        }
        Budget {
            threshold: config.context_importance_threshold,
            share,
            max_bytes: request.max_bytes.map_or(cap, |bytes| bytes.min(cap)),
        }
    }
}

fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("invariant: column ends are u32, so indices are")
}

#[cfg(test)]
mod tests;
