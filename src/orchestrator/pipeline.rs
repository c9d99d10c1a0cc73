//! The way of one context: filter, tokens, what the agent now holds. A panic in a stage ends there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;

use super::token_service::TokenCall;
use super::{Components, Orchestrator};
use crate::base::cancel::Cancel;
use crate::base::document::Document;
use crate::base::error::Error;
use crate::base::json::View;
use crate::base::units::{BYTES_PER_MB, round2};
use crate::context::{CallLimits, Change, FilterOutcome, FilterRequest, Reference};
use crate::telemetry::event::EventKind;
use crate::tokens::{DeltaEncoding, Optimized};

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
    /// Who reads it; `None`: as configured.
    pub model: Option<String>,
    /// Whether the caller books the message itself.
    pub is_booked_later: bool,
}

/// What became of a context.
#[derive(Debug)]
pub struct Optimization {
    /// What the filter kept.
    pub filtered: FilterOutcome,
    /// What is new for the agent, with token counts.
    pub tokens: Optimized,
    /// Time of the filter, ms.
    pub filter_ms: f64,
    /// Time of hashing, comparing and counting, ms.
    pub tokens_ms: f64,
}

/// Why a context was not optimized.
#[derive(Debug)]
pub enum Unfinished {
    /// A stage failed, by its name: a defect.
    Failed(&'static str),
    /// The caller called it off.
    Cancelled(Error),
}

impl Orchestrator {
    /// Filters a context, says what is new in it for the agent, and registers what the agent now holds.
    ///
    /// # Errors
    /// [`Unfinished::Failed`]: the caller gives the original context back. It is counted, and `optimizationError` is
    /// emitted. [`Unfinished::Cancelled`]: nothing changed, as if the call had not been made.
    pub fn optimize(
        &self,
        document: &Document,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization, Unfinished> {
        let started = Instant::now();
        let result = self.stages(document, request, cancel);
        if let Err(Unfinished::Cancelled(_)) = result {
            return result;
        }
        let agent_id = &request.agent_id;
        self.counters.latency.record(started.elapsed());
        self.counters.operations.fetch_add(1, Ordering::Relaxed);
        self.counters.last_wall_ms.store(self.clock.0.wall_ms(), Ordering::Relaxed);
        match &result {
            Ok(done) => self.record(agent_id, done),
            Err(Unfinished::Cancelled(_)) => {}
            Err(Unfinished::Failed(stage)) => {
                tracing::error!(stage, "a stage failed; the original context is given back");
                self.events.emit(EventKind::OptimizationError, || {
                    json!({ "agentId": agent_id, "error": format!("the {stage} stage failed; please report this") })
                });
            }
        }
        self.events.emit(EventKind::AgentContextOptimized, || {
            json!({ "agentId": agent_id, "optimizationTime": elapsed_ms(started), "success": result.is_ok() })
        });
        result
    }

    fn stages(
        &self,
        document: &Document,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Optimization, Unfinished> {
        let components = self.components();
        let started = Instant::now();
        let filtered = self.stage(&self.counters.filter_failures, || match &components.filter {
            Some(filter) => {
                self.refresh_agents();
                self.tell_changes(std::mem::take(&mut self.untold.lock()));
                filter.filter(document, &self.filter_request(&components, request), cancel)
            }
            None => Ok(FilterOutcome::unfiltered(document)),
        });
        let filtered = filtered.ok_or(Unfinished::Failed("filter"))?.map_err(Unfinished::Cancelled)?;
        // From here on the agent's state changes.
        cancel.check().map_err(Unfinished::Cancelled)?;
        let filter_ms = elapsed_ms(started);
        let started = Instant::now();
        let tokens = self.stage(&self.counters.token_failures, || {
            let call = TokenCall {
                encoding: request.encoding,
                model: request.model.clone(),
                operation: Some("optimizeAgentContext".to_owned()),
                max_tokens: request.limits.max_tokens,
                is_booked_later: request.is_booked_later,
                ..TokenCall::default()
            };
            self.tokens.optimize(&request.agent_id, View::whole(document), filtered.view(document), &call)
        });
        Ok(Optimization {
            tokens: tokens.ok_or(Unfinished::Failed("token"))?,
            filtered,
            filter_ms,
            tokens_ms: elapsed_ms(started),
        })
    }

    /// JSON of a part that was left out, as long as it is remembered. Counted: who fetches much was given too little.
    pub fn resolve(&self, reference: Reference) -> Option<std::sync::Arc<str>> {
        let found = self.components().filter?.resolve(reference)?;
        self.counters.tally.fetched(reference);
        Some(found)
    }

    /// Looks at the files of agents. What changed is told by the next call that filters, when there can be listeners.
    pub fn refresh_agents(&self) {
        if let Some(filter) = self.components().filter {
            let changes = filter.refresh_agents();
            self.untold.lock().extend(changes);
        }
    }

    /// Emits what changed among the files of agents.
    fn tell_changes(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Added(spec) => self.events.emit(EventKind::SpecializationAdded, || spec),
                Change::Removed(name) => {
                    self.events.emit(EventKind::SpecializationRemoved, || json!({ "name": name }));
                }
                Change::Problem { file, message } => {
                    tracing::warn!("a file of an agent is not sound; see the warning event");
                    self.events.emit(EventKind::Warning, || json!({ "path": file, "message": message }));
                }
            }
        }
    }

    /// Runs a stage; a panic in it is counted and ends here.
    fn stage<T>(&self, failures: &AtomicU64, work: impl FnOnce() -> T) -> Option<T> {
        let fail = self.fail_next_stage.swap(false, Ordering::Relaxed);
        // Stages share only data behind locks that do not poison and counters: after a panic both are as usable as
        // before, at worst one agent's base is missing, and then its next context is sent in full.
        let result = catch_unwind(AssertUnwindSafe(|| {
            assert!(!fail, "failure asked for by a test");
            work()
        }));
        result.map_err(|_| failures.fetch_add(1, Ordering::Relaxed)).ok()
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

    fn record(&self, agent_id: &str, done: &Optimization) {
        let filtered = &done.filtered;
        self.counters.filtered_contexts.fetch_add(u64::from(filtered.fates.is_some()), Ordering::Relaxed);
        self.counters.original_bytes.fetch_add(filtered.original_bytes, Ordering::Relaxed);
        self.counters.filtered_bytes.fetch_add(filtered.filtered_bytes, Ordering::Relaxed);
        self.counters.tally.filtered(filtered);
        self.events.emit(EventKind::ContextOptimized, || {
            json!({
                "agentId": agent_id,
                "reductionRatio": filtered.reduction_ratio(),
                "memoryUsage": filtered.filtered_bytes,
            })
        });
        let Some(memory) = self.components().memory else { return };
        memory.register_agent(agent_id, filtered.filtered_bytes, 0);
    }
}

fn elapsed_ms(since: Instant) -> f64 {
    round2(since.elapsed().as_secs_f64() * 1000.0)
}
