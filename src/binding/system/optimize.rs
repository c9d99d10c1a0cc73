//! `optimizeAgentContext`.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Either, External, Object, PromiseRaw, Uint8Array};
use napi_derive::napi;
use serde_json::json;

use super::Slot;
use crate::base::error::{Error, ErrorKind, Result};
use crate::binding::call::{Args, method, spawn};
use crate::binding::columns;
use crate::binding::filter::{FilterOutput, FilterParts, fate_bytes, limits, texts_json};
use crate::binding::jobs::Jobs;
use crate::binding::token_optimizer::{self, sent_json};
use crate::engine::{Engine, check_agent_id};
use crate::orchestrator::{Again, Optimization, OptimizeRequest, Outcome, Shared, Stage};
use crate::tokens::Mode;
use crate::tokens::delta::Delta;

/// What to send to an agent, for the facade to assemble.
#[napi(object, object_from_js = false)]
pub struct OptimizeOutput {
    /// One fate a value; absent when everything stays, and where nothing of the context is sent.
    pub fates: Option<Uint8Array>,
    /// JSON: `[value, [start, end] | line, …]` for each string that stays in part; empty like the fates.
    pub texts: String,
    /// JSON: type, hashes, tokens and, for a delta, the values by index and the removed keys. Empty when the token step failed: all
    /// that stays is sent.
    pub delta: String,
    /// What was left out, for `droppedOf`; absent when nobody filtered.
    pub outcome: Option<External<Arc<Outcome>>>,
    /// Everything about the filter, if it was asked for.
    pub filter: Option<FilterOutput>,
    /// JSON: stages, pressure, limits, reasons, if they were asked for.
    pub report: Option<String>,
    /// Whether a stage failed.
    pub has_failed: bool,
    /// Whether the agent has it, and is sent no more than that.
    pub is_unchanged: bool,
    /// Names what was read of the context, for `optimizeAgain`; absent where memory is short, and nothing is to be kept for that.
    pub name: Option<External<u128>>,
}

/// [`OptimizeOutput`] before it is a JavaScript value.
struct Parts {
    fates: Option<Vec<u8>>,
    texts: String,
    delta: String,
    outcome: Option<Arc<Outcome>>,
    filter: Option<FilterParts>,
    report: Option<String>,
    has_failed: bool,
    is_unchanged: bool,
    name: Option<u128>,
}

impl From<Parts> for OptimizeOutput {
    fn from(parts: Parts) -> Self {
        Self {
            fates: parts.fates.map(Uint8Array::new),
            texts: parts.texts,
            delta: parts.delta,
            outcome: parts.outcome.map(External::new),
            filter: parts.filter.map(FilterOutput::from),
            report: parts.report,
            has_failed: parts.has_failed,
            is_unchanged: parts.is_unchanged,
            name: parts.name.map(External::new),
        }
    }
}

impl Parts {
    /// Of a context that was looked at.
    fn of(context: &Shared, done: &Optimization, request: &OptimizeRequest) -> Self {
        let Optimization { outcome, tokens, report } = done;
        let (Some(outcome), Ok(document)) = (outcome, context.document()) else {
            return Self { has_failed: true, ..Self::nothing() };
        };
        let is_unchanged = tokens.as_ref().is_some_and(|done| done.delta == Delta::Unchanged);
        // A result that refers to the context of all is made of what is kept, whatever changed.
        let is_sent = !is_unchanged || request.is_booked_later || request.is_explained;
        let filter = &outcome.filter;
        let delta = tokens.as_ref().map(|tokens| sent_json(Some(document), tokens, request.is_booked_later));
        Self {
            fates: filter.fates.as_deref().filter(|_| is_sent).map(fate_bytes),
            texts: if is_sent { texts_json(&filter.texts) } else { String::new() },
            delta: delta.map_or_else(String::new, |delta| delta.to_string()),
            outcome: Some(Arc::clone(outcome)),
            filter: request.is_explained.then(|| {
                let mut parts = FilterOutput::parts(document, filter);
                parts.summary["adaptations"] = json!(report.reasons);
                parts
            }),
            report: request.is_explained.then(|| json!(report).to_string()),
            has_failed: !report.failed.is_empty(),
            is_unchanged,
            name: None,
        }
    }

    /// Of one that the agent has.
    fn again(done: &Optimization) -> Self {
        let delta = done.tokens.as_ref().map(|tokens| sent_json(None, tokens, false).to_string());
        Self {
            delta: delta.unwrap_or_default(),
            outcome: done.outcome.clone(),
            is_unchanged: true,
            ..Self::nothing()
        }
    }

    fn named(self, fingerprint: u128, engine: &Engine) -> Self {
        Self { name: engine.orchestrator().is_worth_a_name().then_some(fingerprint), ..self }
    }

    fn nothing() -> Self {
        Self {
            fates: None,
            texts: String::new(),
            delta: String::new(),
            outcome: None,
            filter: None,
            report: None,
            has_failed: false,
            is_unchanged: false,
            name: None,
        }
    }
}

/// Where the arguments of `optimize` are that `limits` does not read.
mod at {
    pub(super) const JOB: usize = 1;
    pub(super) const LIMITS: usize = 2;
    pub(super) const PRIORITIZE_RECENT: usize = 6;
    pub(super) const ENCODING: usize = 7;
    pub(super) const MODEL: usize = 8;
    pub(super) const MODE: usize = 9;
    pub(super) const IS_BOOKED_LATER: usize = 10;
    pub(super) const IS_EXPLAINED: usize = 11;
    /// Of `optimizeAgain` the name.
    pub(super) const COLUMNS: usize = 12;
}

fn request(args: &Args) -> Result<OptimizeRequest> {
    let agent_id: String = args.get(0)?;
    check_agent_id(&agent_id)?;
    Ok(OptimizeRequest {
        agent_id,
        limits: limits(args, at::LIMITS)?,
        prioritize_recent: args.get(at::PRIORITIZE_RECENT)?,
        encoding: token_optimizer::encoding(args, at::ENCODING)?,
        mode: mode(args.get::<Option<String>>(at::MODE)?.as_deref()),
        model: args.get(at::MODEL)?,
        is_booked_later: args.get(at::IS_BOOKED_LATER)?,
        is_explained: args.get(at::IS_EXPLAINED)?,
    })
}

/// A mode by name; absent: by itself. The facade checks the name.
fn mode(name: Option<&str>) -> Mode {
    match name {
        Some("full") => Mode::Full,
        Some("delta") => Mode::Delta,
        _ => Mode::Auto,
    }
}

pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(
        env,
        handle,
        "optimize",
        move |args| -> Result<Either<OptimizeOutput, PromiseRaw<'static, OptimizeOutput>>> {
            let request = request(&args)?;
            let engine = shared.engine()?;
            let columns = columns::borrowed(&args, at::COLUMNS)?;
            let fingerprint = engine.orchestrator().fingerprint(&columns);
            // Most calls bring what the agent has: not worth a copy of it and a way to another thread and back.
            if let Again::Sent(done) = engine.again(fingerprint, &request)? {
                return Ok(Either::A(Parts::again(&done).named(fingerprint, &engine).into()));
            }
            let context = engine.orchestrator().context(fingerprint, &columns);
            let job: u32 = args.get(at::JOB)?;
            let work = move || {
                let job = Jobs::begin(job);
                let done = engine.optimize(&context, &request, job.cancel())?;
                Ok(Parts::of(&context, &done, &request).named(fingerprint, &engine))
            };
            Ok(Either::B(spawn(args.env(), work, OptimizeOutput::from)?))
        },
    )?;
    let shared = Arc::clone(slot);
    // Nothing, or a promise of it: it is to be optimized.
    method(
        env,
        handle,
        "optimizeAgain",
        move |args| -> Result<Either<Option<OptimizeOutput>, PromiseRaw<'static, Option<OptimizeOutput>>>> {
            let request = request(&args)?;
            let engine = shared.engine()?;
            let name = **args.get::<&External<u128>>(at::COLUMNS)?;
            match engine.again(name, &request)? {
                Again::Sent(done) => {
                    return Ok(Either::A(Some(Parts::again(&done).named(name, &engine).into())));
                }
                Again::No => return Ok(Either::A(None)),
                Again::Elsewhere => {}
            }
            let job: u32 = args.get(at::JOB)?;
            let work = move || {
                let job = Jobs::begin(job);
                let done = engine.again_elsewhere(name, &request, job.cancel())?;
                Ok(done.map(|done| Parts::again(&done).named(name, &engine)))
            };
            Ok(Either::B(spawn(args.env(), work, |parts| parts.map(OptimizeOutput::from))?))
        },
    )?;
    method(env, handle, "droppedOf", move |args| {
        Ok(args.get::<&External<Arc<Outcome>>>(0)?.dropped.to_string())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "failNextStage", move |args| {
        let name: Option<String> = args.get(0)?;
        let unknown = || Error::new(ErrorKind::InvalidArgument, "there is no such stage");
        let stage = name.map(|name| Stage::from_name(&name).ok_or_else(unknown)).transpose()?;
        shared.engine()?.orchestrator().fail_next_stage(stage);
        Ok(())
    })
}
