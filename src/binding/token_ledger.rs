//! What was saved and what providers reported, and counts that learn from it.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;
use serde_json::json;

use super::cache::whole;
use super::call::method;
use super::token_optimizer::Source;
use crate::base::error::Error;
use crate::engine::check_agent_id;
use crate::orchestrator::token_service::DEFAULT_OPERATION;
use crate::tokens::ledger::{Entry, Usage};

/// Adds the functions to a handle.
pub(super) fn add(env: &Env, handle: &mut Object, source: &Source) -> napi::Result<()> {
    let shared = Arc::clone(source);
    method(env, handle, "trackUsage", move |args| {
        let (agent, operation) = (args.get::<String>(0)?, args.get::<String>(2)?);
        check_agent_id(&agent)?;
        let (model, predicted) = (args.get::<Option<String>>(3)?, args.get::<Option<f64>>(4)?);
        let figure = |at: usize| Ok::<_, Error>(args.get::<Option<f64>>(at)?.map_or(0, whole));
        let usage = Usage {
            agent: &agent,
            operation: &operation,
            model: model.as_deref(),
            prompt: whole(args.get::<f64>(1)?),
            cached_read: figure(5)?,
            cache_write: figure(6)?,
            output: figure(7)?,
        };
        shared()?.tokens().track_usage(&usage, predicted.map(whole));
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "tokenReport", move |_| Ok(json!(shared()?.tokens().ledger().report()).to_string()))?;
    let shared = Arc::clone(source);
    method(env, handle, "calibration", move |args| {
        Ok(json!(shared()?.tokens().calibrations().calibration(&args.get::<String>(0)?)).to_string())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "calibrated", move |args| {
        let (model, count) = (args.get::<String>(0)?, whole(args.get::<f64>(1)?));
        Ok(shared()?.tokens().calibrations().text(&model, count) as f64)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "predict", move |args| {
        let (model, agent) = (args.get::<String>(0)?, args.get::<Option<String>>(1)?);
        let count = whole(args.get::<f64>(2)?);
        Ok(shared()?.tokens().calibrations().predict(&model, agent.as_deref(), count) as f64)
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "chargeFetch", move |args| {
        let (agent, operation) = (args.get::<String>(0)?, args.get::<String>(1)?);
        check_agent_id(&agent)?;
        let model = args.get::<Option<String>>(2)?;
        shared()?.tokens().ledger().charge_fetch(
            &agent,
            &operation,
            model.as_deref(),
            whole(args.get::<f64>(3)?),
        );
        Ok(())
    })?;
    let shared = Arc::clone(source);
    method(env, handle, "book", move |args| {
        let (agent, operation) = (args.get::<String>(0)?, args.get::<Option<String>>(1)?);
        let model = args.get::<Option<String>>(2)?;
        check_agent_id(&agent)?;
        let figure = |at: usize| Ok::<_, Error>(whole(args.get::<f64>(at)?));
        shared()?.tokens().book(&Entry {
            agent: &agent,
            operation: operation.as_deref().unwrap_or(DEFAULT_OPERATION),
            model: model.as_deref(),
            original: figure(3)?,
            sent: figure(4)?,
            held: figure(5)?,
            fetched: figure(6)?,
            baseline_cached: figure(7)?,
            sent_cached: 0,
            carried: figure(8)?,
            limit: args.get::<Option<f64>>(9)?.map(whole),
        });
        Ok(())
    })
}
