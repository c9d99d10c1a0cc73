//! Settings of a running system.

use std::collections::HashMap;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use serde_json::json;

use super::Slot;
use crate::binding::call::{guard, method, spawn};
use crate::binding::filter::{parse, parse_or_throw};
use crate::orchestrator::settings_file::{SettingsRequest, check};

/// Adds them to the handle of a system.
pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(env, handle, "updateConfiguration", move |args| {
        let (engine, partial) = (shared.engine()?, parse(&args.get::<String>(0)?)?);
        let save = args.get::<bool>(1)?;
        spawn(args.env(), move || engine.update_configuration(&partial, save), |()| ())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "reloadConfiguration", move |args| {
        let engine = shared.engine()?;
        let work = move || engine.reload_configuration();
        spawn(args.env(), work, |done| json!({ "changed": done.is_changed, "file": done.file }).to_string())
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "watchConfiguration", move |args| {
        let engine = shared.engine()?;
        spawn(args.env(), move || engine.watch_configuration(), |is_unsettled| is_unsettled)
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "watchesConfiguration", move |_| Ok(shared.engine()?.watches_configuration()))?;
    let shared = Arc::clone(slot);
    method(env, handle, "explainConfiguration", move |_| {
        Ok(shared.engine()?.explain_configuration().to_string())
    })
}

/// Checks a configuration without a system. Gives JSON.
///
/// # Errors
/// Only if `code_json` is no JSON: problems of the configuration are in the answer.
#[napi(catch_unwind)]
pub fn check_configuration(
    code_json: String,
    cwd: String,
    variables: HashMap<String, String>,
) -> napi::Result<String> {
    let code = parse_or_throw(&code_json)?;
    let request = SettingsRequest { code, cwd: cwd.into(), env: variables.into_iter().collect() };
    guard(|| Ok(check(&request).to_string()))
}
