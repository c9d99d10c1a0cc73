//! The context filter by itself: what `AgentContextFilter` of `js/` holds.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi_derive::napi;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::call::{encode, guard, method, spawn};
use super::columns;
use crate::base::config::Configure;
use crate::base::document::Document;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::json::Fate;
use crate::context::paths::scores_json;
use crate::context::{AgentSpecialization, ContextFilter, ContextFilterConfig, FilterOutcome, FilterRequest};
use crate::engine::check_agent_id;

/// What a filter kept, for the facade to assemble.
#[napi(object)]
pub struct FilterOutput {
    /// One fate a value; absent when everything stays.
    pub fates: Option<Uint8Array>,
    /// JSON: bytes, ratio, adaptations.
    pub summary: String,
    /// JSON: score by dotted path.
    pub scores: String,
}

impl FilterOutput {
    /// From a finished filter; made on the thread that filtered.
    pub(super) fn parts(document: &Document, outcome: &FilterOutcome) -> FilterParts {
        FilterParts {
            fates: outcome.fates.as_ref().map(|fates| fates.iter().map(|&fate| fate_byte(fate)).collect()),
            summary: json!({
                "reductionRatio": outcome.reduction_ratio(),
                "originalBytes": outcome.original_bytes,
                "memoryUsage": outcome.filtered_bytes,
                "adaptations": outcome.adaptations,
            }),
            scores: text(scores_json(document, &outcome.kept, &outcome.scores)),
        }
    }
}

/// [`FilterOutput`] before it is a JavaScript value.
pub(super) struct FilterParts {
    pub(super) fates: Option<Vec<u8>>,
    pub(super) summary: Value,
    pub(super) scores: String,
}

impl From<FilterParts> for FilterOutput {
    fn from(parts: FilterParts) -> Self {
        Self {
            fates: parts.fates.map(Uint8Array::new),
            summary: parts.summary.to_string(),
            scores: parts.scores,
        }
    }
}

/// Opens a context filter.
///
/// # Errors
/// `E_CONFIG_INVALID` with every problem.
#[napi(catch_unwind)]
pub fn open_filter(env: &Env, config_json: String) -> napi::Result<Object<'_>> {
    let config = guard(|| ContextFilterConfig::default().updated("", &parse(&config_json)?))?;
    let filter = Arc::new(ContextFilter::new(config));
    // An update is read, changed and written back: one at a time.
    let updating = Mutex::new(());
    let mut handle = Object::new(env)?;
    let shared = Arc::clone(&filter);
    method(env, &mut handle, "filter", move |args| {
        let agent_id: String = args.get(0)?;
        check_agent_id(&agent_id)?;
        let request = FilterRequest {
            agent_id,
            held_mb: args.get(1)?,
            system_load: args.get(2)?,
            ..FilterRequest::default()
        };
        let (columns, filter) = (columns::read(&args, 3)?, Arc::clone(&shared));
        let work = move || {
            let document = Document::from_columns(columns)?;
            let outcome = filter.filter(&document, &request);
            Ok(FilterOutput::parts(&document, &outcome))
        };
        spawn(args.env(), work, FilterOutput::from)
    })?;
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

/// JSON that the facade wrote.
pub(super) fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, "not JSON").with_source(error))
}

/// Reads JSON that the facade wrote, for exports that are not made by `method`.
pub(super) fn parse_or_throw(json: &str) -> napi::Result<Value> {
    parse(json).map_err(|error| encode(&error))
}

fn fate_byte(fate: Fate) -> u8 {
    fate as u8
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("invariant: JSON is written from UTF-8")
}
