//! Settings of a running system.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Object;

use super::Slot;
use crate::binding::call::{method, spawn};
use crate::binding::filter::parse;

/// Adds them to the handle of a system.
pub(super) fn add(env: &Env, handle: &mut Object, slot: &Arc<Slot>) -> napi::Result<()> {
    let shared = Arc::clone(slot);
    method(env, handle, "updateConfiguration", move |args| {
        let (engine, partial) = (shared.engine()?, parse(&args.get::<String>(0)?)?);
        spawn(args.env(), move || engine.update_configuration(&partial), |()| ())
    })
}
