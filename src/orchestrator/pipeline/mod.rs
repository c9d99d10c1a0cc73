//! The way of one context: filter, tokens, what the agent now holds.
//!
//! What came of a context before is found again ([`outcomes`]), an agent that has it is told so ([`again`]), the same context
//! at work for several agents is read once ([`shared`]). A stage that fails ends there ([`failures`]). [`told`] counts a call and tells of it,
//! [`explained`] is what callers are told who ask.

mod again;
mod explained;
mod failures;
mod outcomes;
mod shared;
#[cfg(test)]
mod tests;
mod told;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

pub use again::Again;
pub use explained::Report;
pub use failures::Stage;
pub use outcomes::Outcome;
pub use shared::Shared;

use super::token_service::TokenCall;
use super::{Components, Orchestrator};
use crate::base::cancel::Cancel;
use crate::base::columns::Borrowed;
use crate::base::document::Document;
use crate::base::error::Result;
use crate::base::held::registered;
use crate::base::json::View;
use crate::base::threads::AtWork;
use crate::base::units::{BYTES_PER_MB, round2};
use crate::context::paths::dropped_json;
use crate::context::{CallLimits, ContextFilter, FilterOutcome, FilterRequest, Reference};
use crate::tokens::known::Known;
use crate::tokens::{DeltaEncoding, Mode, Optimized};
use failures::Planned;
use outcomes::Outcomes;

/// One call of `optimizeAgentContext`.
#[derive(Debug, Clone, Default)]
pub struct OptimizeRequest {
    /// Whose context it is.
    pub agent_id: String,
    /// Limits of this call.
    pub limits: CallLimits,
    /// What happened lately counts twice.
    pub prioritize_recent: bool,
    /// How changes are said; `None`: as configured.
    pub encoding: Option<DeltaEncoding>,
    /// Whether it is sent whole.
    pub mode: Mode,
    /// Who reads it; `None`: as configured.
    pub model: Option<String>,
    /// Whether the caller books the message itself.
    pub is_booked_later: bool,
    /// Whether the caller wants to know how the result came about.
    pub is_explained: bool,
}

/// What became of a context.
#[derive(Debug)]
pub struct Optimization {
    /// What the filter kept; `None`: the original, because what was read of it could not be understood.
    pub outcome: Option<Arc<Outcome>>,
    /// What is new for the agent, with token counts; `None`: the token step failed, all that the filter kept is sent.
    pub tokens: Option<Optimized>,
    /// How it came about.
    pub report: Report,
}

/// What the pipeline of a system has besides its parts.
#[derive(Debug)]
pub(super) struct Pipeline {
    outcomes: Arc<Outcomes>,
    at_work: shared::AtWork,
    planned: Planned,
    /// Keeps whoever writes contexts from making two that are taken for the same.
    seed: u64,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            outcomes: registered(Outcomes::default()),
            at_work: shared::AtWork::default(),
            planned: Planned::default(),
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl Pipeline {
    /// Whether a test wants what comes next to fail.
    pub(super) fn is_to_fail(&self) -> bool {
        self.planned.take_any()
    }
}

/// What the filter stage gives.
struct Filtered {
    outcome: Arc<Outcome>,
    /// Under which it is remembered.
    question: u128,
    was_known: bool,
    reasons: Vec<String>,
}

impl Orchestrator {
    /// Names a context by what was read of it. O(bytes), some 10 GB/s.
    pub fn fingerprint(&self, columns: &Borrowed<'_>) -> u128 {
        columns.fingerprint(self.pipeline.seed)
    }

    /// A context to be optimized; it is copied unless it is at work already.
    pub fn context(&self, fingerprint: u128, columns: &Borrowed<'_>) -> Arc<Shared> {
        self.pipeline.at_work.context(fingerprint, || columns.to_columns())
    }

    /// Filters a context, says what is new in it for the agent, and registers what the agent now holds.
    ///
    /// A stage that fails is counted, told by `optimizationError`, and named in the report. The filter's failure leaves the
    /// context as it is; the token step's makes the agent's next context one in full.
    ///
    /// # Errors
    /// `E_CANCELLED`: nothing changed, as if the call had not been made.
    pub fn optimize(
        &self,
        context: &Shared,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization> {
        let _at_work = AtWork::enter();
        let started = Instant::now();
        let document = self.pipeline.planned.run(Stage::Read, || context.document());
        let done = if let Some(Ok(document)) = document {
            self.stages(context, document, request, cancel)?
        } else {
            self.counters.filter_failures.fetch_add(1, Ordering::Relaxed);
            self.tokens.optimizer().states().reset(&request.agent_id);
            let report = Report { failed: vec![Stage::Read], ..Report::default() };
            Optimization { outcome: None, tokens: None, report }
        };
        self.finish(&request.agent_id, &done, started);
        Ok(done)
    }

    fn stages(
        &self,
        context: &Shared,
        document: &Document,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization> {
        let components = self.components();
        let asked = self.filter_request(&components, request);
        let mut failed = Vec::new();
        let started = Instant::now();
        let filtered = self.pipeline.planned.run(Stage::Filter, || {
            self.look_at_agents(&components);
            self.filtered(context, document, components.filter.as_deref(), &asked, cancel)
        });
        let filtered = filtered.transpose()?.unwrap_or_else(|| {
            self.counters.filter_failures.fetch_add(1, Ordering::Relaxed);
            failed.push(Stage::Filter);
            let outcome = Arc::new(unfiltered(document));
            Filtered {
                outcome,
                question: question(None, context.fingerprint(), &asked),
                was_known: false,
                reasons: Vec::new(),
            }
        });
        // From here on the agent's state changes.
        cancel.check()?;
        let (outcome, filter_ms) = (&filtered.outcome, elapsed_ms(started));
        let started = Instant::now();
        let tokens = self.pipeline.planned.run(Stage::Tokens, || {
            let known = Known { whole: Arc::clone(context.whole()), kept: Arc::clone(&outcome.kept) };
            let (original, kept) = (View::whole(document), outcome.filter.view(document));
            self.tokens.optimize(&request.agent_id, original, kept, &token_call(request), &known)
        });
        if tokens.is_none() {
            self.counters.token_failures.fetch_add(1, Ordering::Relaxed);
            failed.push(Stage::Tokens);
            // The agent is sent a context that nobody noted: the next one must not be a delta to an older one.
            self.tokens.optimizer().states().reset(&request.agent_id);
        } else if !filtered.was_known {
            // Once more: with hashes and counts it takes more.
            self.pipeline.outcomes.keep(filtered.question, outcome);
        }
        let tokens_ms = elapsed_ms(started);
        let mut report = Report { failed, ..Report::default() };
        if request.is_explained {
            explained::explain(
                &mut report,
                &components,
                &asked,
                &filtered,
                tokens.as_ref(),
                [filter_ms, tokens_ms],
            );
        }
        Ok(Optimization { outcome: Some(filtered.outcome), tokens, report })
    }

    /// What the filter keeps, found again or found out by one of those who ask at once.
    fn filtered(
        &self,
        context: &Shared,
        document: &Document,
        filter: Option<&ContextFilter>,
        asked: &FilterRequest,
        cancel: &Cancel,
    ) -> Result<Filtered> {
        let question = question(filter, context.fingerprint(), asked);
        let known = |outcome: Arc<Outcome>| {
            let reasons = filter.map_or_else(Vec::new, |filter| {
                filter.found_again();
                filter.said_now(&outcome.filter, asked)
            });
            Filtered { outcome, question, was_known: true, reasons }
        };
        let is_complete = |outcome: &Outcome| filter.is_none_or(|filter| filter.remembers(&outcome.filter));
        let found = context.found(question);
        let mut found = found.lock();
        let remembered = found.upgrade().or_else(|| self.pipeline.outcomes.get(question));
        if let Some(outcome) = remembered.filter(|outcome| is_complete(outcome)) {
            return Ok(known(outcome));
        }
        let outcome = Arc::new(match filter {
            Some(filter) => {
                let outcome = filter.filter(document, asked, cancel)?;
                let dropped = dropped_json(document, &outcome.dropped).into_boxed_str();
                Outcome { filter: outcome, dropped, kept: Arc::default() }
            }
            None => unfiltered(document),
        });
        *found = Arc::downgrade(&outcome);
        self.pipeline.outcomes.keep(question, &outcome);
        let reasons = outcome.filter.adaptations.clone();
        Ok(Filtered { outcome, question, was_known: false, reasons })
    }

    /// Reads files of agents that changed, if there is a filter that goes by them.
    fn look_at_agents(&self, components: &Components) {
        if components.filter.is_some() {
            self.refresh_agents();
            self.tell_changes(std::mem::take(&mut self.untold.lock()));
        }
    }

    /// Makes a stage of the next call that runs it panic; of the filter and the token step the one that comes first, without a
    /// name. For tests of what a defect does to callers.
    pub fn fail_next_stage(&self, stage: Option<Stage>) {
        self.pipeline.planned.plan(stage);
    }

    /// Forgets what came of contexts.
    pub(super) fn forget_outcomes(&self) {
        self.pipeline.outcomes.clear();
    }

    /// JSON of a part that was left out, as long as it is remembered. Counted: who fetches much was given too little.
    pub fn resolve(&self, reference: Reference) -> Option<Arc<str>> {
        let found = self.components().filter?.resolve(reference)?;
        self.counters.tally.fetched(reference);
        Some(found)
    }

    fn filter_request(&self, components: &Components, request: &OptimizeRequest) -> FilterRequest {
        let memory = components.memory.as_ref();
        FilterRequest {
            agent_id: request.agent_id.clone(),
            held_mb: memory.map_or(0.0, |memory| memory.held_bytes() as f64 / BYTES_PER_MB),
            others_mb: memory.map(|memory| {
                let own = memory.agent(&request.agent_id).map_or(0, |agent| agent.total_memory);
                memory.held_bytes().saturating_sub(own) as f64 / BYTES_PER_MB
            }),
            system_load: self.host_cpu.percentage().unwrap_or(0.0),
            memory_percentage: memory.and_then(|memory| memory.percentage()).unwrap_or(0.0),
            limits: request.limits,
            prioritize_recent: request.prioritize_recent,
        }
    }
}

fn token_call(request: &OptimizeRequest) -> TokenCall {
    TokenCall {
        encoding: request.encoding,
        mode: request.mode,
        model: request.model.clone(),
        operation: Some("optimizeAgentContext".to_owned()),
        max_tokens: request.limits.max_tokens,
        is_booked_later: request.is_booked_later,
        ..TokenCall::default()
    }
}

/// Under what an outcome is remembered.
fn question(filter: Option<&ContextFilter>, fingerprint: u128, asked: &FilterRequest) -> u128 {
    // Without a filter nothing but the context matters.
    filter.map_or(!fingerprint, |filter| filter.question(fingerprint, asked))
}

fn unfiltered(document: &Document) -> Outcome {
    Outcome {
        filter: FilterOutcome::unfiltered(document),
        dropped: "[]".into(),
        kept: Arc::new(OnceLock::new()),
    }
}

fn elapsed_ms(since: Instant) -> f64 {
    round2(since.elapsed().as_secs_f64() * 1000.0)
}
