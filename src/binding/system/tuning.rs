//! What `tune()` and `tuningHistory` of a system ask.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;
use serde_json::json;

use super::Slot;
use crate::binding::call::{method, spawn};

/// Adds the methods to the handle of a system.
pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(env, handle, "tune", move |args| {
        let engine = shared.engine()?;
        spawn(args.env(), move || engine.tune().map(|told| told.to_string()), |json| json)
    })?;
    let shared = Arc::clone(slot);
    method(env, handle, "tuningHistory", move |_| Ok(json!(shared.engine()?.tuning_history()).to_string()))
}
