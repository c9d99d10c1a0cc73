//! An agent's context that is as it was: what to send is known without the context itself.

use std::sync::Arc;
use std::time::Instant;

use super::super::{Components, Orchestrator};
use super::failures::Stage;
use super::outcomes::Outcome;
use super::{Optimization, OptimizeRequest, Report, question, token_call};
use crate::base::cancel::Cancel;
use crate::base::error::Result;
use crate::base::threads::AtWork;
use crate::context::ContextFilter;
use crate::tokens::Mode;

/// More left-out parts are not looked through on the JavaScript thread.
const MAX_PARTS_AT_ONCE: usize = 2048;

/// What to send for a context that was read before.
#[derive(Debug)]
pub enum Again {
    /// The agent has it, and nothing else that matters has changed.
    Sent(Box<Optimization>),
    /// To find out takes more than a few looks into tables: see [`Orchestrator::again_elsewhere`].
    Elsewhere,
    /// It is to be optimized.
    No,
}

impl Orchestrator {
    /// Whether it is worth remembering what a context was called; not where memory is short.
    pub fn is_worth_a_name(&self) -> bool {
        self.pipeline.outcomes.is_roomy()
    }

    /// What to send for the context that the agent was sent last, under the same circumstances: for the JavaScript thread, without
    /// a copy of the context.
    pub fn again(&self, fingerprint: u128, request: &OptimizeRequest) -> Again {
        let started = Instant::now();
        let is_simple = request.mode != Mode::Full && !request.is_explained && !request.is_booked_later;
        if !is_simple || self.pipeline.planned.is_any() {
            return Again::No;
        }
        let components = self.components();
        // Files are not read on this thread.
        if components.filter.as_deref().is_some_and(ContextFilter::is_look_due) {
            return Again::Elsewhere;
        }
        match self.outcome_again(fingerprint, request, &components) {
            Some(outcome) if outcome.filter.dropped.len() > MAX_PARTS_AT_ONCE => Again::Elsewhere,
            Some(outcome) => self
                .sent_again(outcome, request, &components, started)
                .map_or(Again::No, |done| Again::Sent(Box::new(done))),
            None => Again::No,
        }
    }

    /// The same for any other thread, after [`Again::Elsewhere`]. `None`: it is to be optimized; also after a defect, which shows
    /// there.
    ///
    /// # Errors
    /// `E_CANCELLED`: nothing changed, as if the call had not been made.
    pub fn again_elsewhere(
        &self,
        fingerprint: u128,
        request: &OptimizeRequest,
        cancel: &Cancel,
    ) -> Result<Option<Optimization>> {
        let _at_work = AtWork::enter();
        let started = Instant::now();
        let components = self.components();
        let looked = self.pipeline.planned.run(Stage::Filter, || self.look_at_agents(&components));
        cancel.check()?;
        let sent = looked.and_then(|()| {
            self.pipeline.planned.run(Stage::Tokens, || {
                let outcome = self.outcome_again(fingerprint, request, &components)?;
                self.sent_again(outcome, request, &components, started)
            })
        });
        Ok(sent.flatten())
    }

    fn outcome_again(
        &self,
        fingerprint: u128,
        request: &OptimizeRequest,
        components: &Components,
    ) -> Option<Arc<Outcome>> {
        let asked = self.filter_request(components, request);
        self.pipeline.outcomes.get(question(components.filter.as_deref(), fingerprint, &asked))
    }

    fn sent_again(
        &self,
        outcome: Arc<Outcome>,
        request: &OptimizeRequest,
        components: &Components,
        started: Instant,
    ) -> Option<Optimization> {
        let filter = components.filter.as_deref();
        if !filter.is_none_or(|filter| filter.remembers(&outcome.filter)) {
            return None;
        }
        let kept = outcome.kept.get()?;
        let tokens = self.tokens.unchanged_kept(&request.agent_id, &token_call(request), kept)?;
        if let Some(filter) = filter {
            filter.found_again();
        }
        let done = Optimization { outcome: Some(outcome), tokens: Some(tokens), report: Report::default() };
        self.finish(&request.agent_id, &done, started);
        Some(done)
    }
}
