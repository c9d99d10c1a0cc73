//! The context filter by itself: what `AgentContextFilter` of `js/` holds.

use std::fmt::Write;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Object, PromiseRaw, Uint8Array};
use napi_derive::napi;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::cache::whole;
use super::call::{Args, encode, guard, method, spawn};
use super::columns;
use super::jobs::{self, Jobs};
use crate::base::clock::SystemClock;
use crate::base::config::Configure;
use crate::base::document::Document;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::json::Fate;
use crate::base::units::round2;
use crate::context::paths::{Score, scores_json};
use crate::context::{
    AgentSpecialization, CallLimits, Change, ContextFilter, ContextFilterConfig, CutText, DroppedPart,
    FilterOutcome, FilterRequest, Piece, Reference, Stages, unknown_reference,
};
use crate::engine::check_agent_id;
use crate::orchestrator::counter;

/// What a filter kept, for the facade to assemble.
#[napi(object)]
pub struct FilterOutput {
    /// One fate a value; absent when everything stays.
    pub fates: Option<Uint8Array>,
    /// JSON: bytes, ratio, adaptations.
    pub summary: String,
    /// JSON: score by dotted path.
    pub scores: String,
    /// JSON: `[value, bytes, tokens, score, reason, reference, first line, last line]` for each part that was left out.
    pub dropped: String,
    /// JSON: `[value, [start, end] | line, …]` for each string that stays in part.
    pub texts: String,
    /// JSON: what changed among the files of agents.
    pub changes: String,
}

impl FilterOutput {
    /// From a finished filter; made on the thread that filtered.
    pub(super) fn parts(document: &Document, outcome: &FilterOutcome) -> FilterParts {
        FilterParts {
            fates: outcome.fates.as_deref().map(fate_bytes),
            summary: json!({
                "reductionRatio": outcome.reduction_ratio(),
                "originalBytes": outcome.original_bytes,
                "memoryUsage": outcome.filtered_bytes,
                "adaptations": outcome.adaptations,
                "stages": stages(outcome.stages),
            }),
            scores: text(scores_json(document, &outcome.kept, &outcome.scores)),
            dropped: dropped_json(&outcome.dropped),
            texts: texts_json(&outcome.texts),
            changes: String::new(),
        }
    }
}

/// [`FilterOutput`] before it is a JavaScript value.
pub(super) struct FilterParts {
    pub(super) fates: Option<Vec<u8>>,
    pub(super) summary: Value,
    pub(super) scores: String,
    dropped: String,
    texts: String,
    changes: String,
}

impl From<FilterParts> for FilterOutput {
    fn from(parts: FilterParts) -> Self {
        Self {
            fates: parts.fates.map(Uint8Array::new),
            summary: parts.summary.to_string(),
            scores: parts.scores,
            dropped: parts.dropped,
            texts: parts.texts,
            changes: parts.changes,
        }
    }
}

/// Opens a context filter.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_filter(env: &Env, config_json: String, cwd: String) -> napi::Result<Object<'_>> {
    let config = guard(|| ContextFilterConfig::default().updated("", &parse(&config_json)?))?;
    let clock = Arc::new(SystemClock::new());
    let filter = Arc::new(ContextFilter::with_agents(config, cwd.into(), clock, counter()));
    // An update is read, changed and written back: one at a time.
    let updating = Mutex::new(());
    let mut handle = Object::new(env)?;
    // What changed among the files of agents and was not told yet.
    let changes = Arc::new(Mutex::new(Vec::<Change>::new()));
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "filter", move |args| filter_call(&args, &shared, &changes))?;
    jobs::add(env, &mut handle)?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "refreshAgents", move |args| {
        let filter = Arc::clone(&shared);
        spawn(args.env(), move || Ok(filter.refresh_agents()), changes_json)
    })?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "resolve", move |args| {
        let reference: String = args.get(0)?;
        let found = Reference::parse(&reference).and_then(|reference| shared.resolve(reference));
        found.map(|json| json.to_string()).ok_or_else(|| unknown_reference(&reference))
    })?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "held", move |_| Ok(json!(shared.held()).to_string()))?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "addSpecialization", move |args| {
        let json: String = args.get(0)?;
        let specialization = AgentSpecialization::from_json(&parse(&json)?)?;
        shared.add_specialization(specialization)
    })?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "recommendedMb", move |args| {
        Ok(shared.recommended_mb(&args.get::<String>(0)?, args.get(1)?, args.get(2)?))
    })?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "specializations", move |_| Ok(shared.specializations()))?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "config", move |_| Ok(json!(shared.config()).to_string()))?;
    method(env, &mut handle, "updateConfig", move |args| {
        let _one_at_a_time = updating.lock();
        let partial = parse(&args.get::<String>(0)?)?;
        filter.set_config(filter.config().updated("", &partial)?);
        Ok(())
    })?;
    Ok(handle)
}

/// One filtering: agent, MB held, load, job, limits, whether what is recent counts more, columns.
pub(super) fn filter_call(
    args: &Args<'_>,
    filter: &Arc<ContextFilter>,
    untold: &Arc<Mutex<Vec<Change>>>,
) -> Result<PromiseRaw<'static, FilterOutput>> {
    let agent_id: String = args.get(0)?;
    check_agent_id(&agent_id)?;
    let request = FilterRequest {
        agent_id,
        held_mb: args.get(1)?,
        system_load: args.get(2)?,
        limits: limits(args, 4)?,
        prioritize_recent: args.get(8)?,
        ..FilterRequest::default()
    };
    let (job, columns, filter) = (args.get(3)?, columns::read(args, 9)?, Arc::clone(filter));
    let untold = Arc::clone(untold);
    let work = move || {
        let job = Jobs::begin(job);
        let found = filter.refresh_agents();
        untold.lock().extend(found);
        let document = Document::from_columns(columns)?;
        let outcome = filter.filter(&document, &request, job.cancel())?;
        let mut parts = FilterOutput::parts(&document, &outcome);
        // A call that fails leaves them to the next one.
        parts.changes = changes_json(std::mem::take(&mut untold.lock()));
        Ok(parts)
    };
    spawn(args.env(), work, FilterOutput::from)
}

/// Limits of a call from argument `first` on: bytes, tokens, target, whole texts.
pub(super) fn limits(args: &Args, first: usize) -> Result<CallLimits> {
    Ok(CallLimits {
        max_bytes: args.get::<Option<f64>>(first)?.map(whole),
        max_tokens: args.get::<Option<f64>>(first + 1)?.map(whole),
        target_reduction: args.get(first + 2)?,
        whole_texts: args.get(first + 3)?,
    })
}

/// Rows by hand: there may be one for every value of a context.
fn dropped_json(parts: &[DroppedPart]) -> String {
    let mut out = String::with_capacity(2 + parts.len() * 64);
    out.push('[');
    for (at, part) in parts.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let DroppedPart { value, bytes, tokens, score, reason, reference, lines } = part;
        write!(
            out,
            "{comma}[{value},{bytes},{tokens},{},\"{}\",\"{reference}\"",
            Score(*score),
            reason.name()
        )
        .expect("invariant: writing to a String cannot fail");
        if let Some((first, last)) = lines {
            write!(out, ",{first},{last}").expect("invariant: writing to a String cannot fail");
        }
        out.push(']');
    }
    out.push(']');
    out
}

/// As the stages of `optimizeAgentContext` are shown.
fn stages(stages: Stages) -> Value {
    let row = |name: &str, ms: f64| json!({ "name": name, "ms": round2(ms) });
    json!([row("analyse", stages.analyse_ms), row("count", stages.count_ms), row("filter", stages.total_ms)])
}

fn text_row(text: &CutText) -> Value {
    let pieces = text.pieces.iter().map(|piece| match piece {
        Piece::Kept(start, end) => json!([start, end]),
        Piece::Marker(line) => json!(line),
    });
    std::iter::once(json!(text.value)).chain(pieces).collect()
}

/// Events of `js/agent-context-filter.js`: `[name, data]`.
fn changes_json(changes: Vec<Change>) -> String {
    let events = changes.into_iter().map(|change| match change {
        Change::Added(spec) => json!(["specializationAdded", spec]),
        Change::Removed(name) => json!(["specializationRemoved", { "name": name }]),
        Change::Problem { file, message } => json!(["warning", { "path": file, "message": message }]),
    });
    Value::Array(events.collect()).to_string()
}

/// JSON that the facade wrote.
pub(super) fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, "not JSON").with_source(error))
}

/// Reads JSON that the facade wrote, for exports that are not made by `method`.
pub(super) fn parse_or_throw(json: &str) -> napi::Result<Value> {
    parse(json).map_err(|error| encode(&error))
}

pub(super) fn fate_bytes(fates: &[Fate]) -> Vec<u8> {
    fates.iter().map(|&fate| fate as u8).collect()
}

pub(super) fn texts_json(texts: &[CutText]) -> String {
    json!(texts.iter().map(text_row).collect::<Vec<_>>()).to_string()
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("invariant: JSON is written from UTF-8")
}
